"""What staff can do about a parcel that needs attention: have it tried again, sent anew, or ended."""

import pytest

from db.orders.interventions import InterventionKind
from db.orders.requests import Decision
from mesh.errors import AlreadyExists, FailedPrecondition, NotFound
from orders_svc.domain.amendments import CANCEL, REDIRECT
from orders_svc.domain.explain import Status
from orders_svc.domain.lifecycle import Goods, State, Truck
from orders_svc.service.amending import Wish
from orders_svc.service.intervening import Intervened, Order
from orders_svc.service.reports import Result
from tests.orders_svc.service.test_failures import E1, E3, fail, later
from tests.orders_svc.stage import BACKORDER, SHOPPER, Stage

STAFF = 1
RETRY, REDRIVE, GIVE_UP = InterventionKind.RETRY, InterventionKind.REDRIVE, InterventionKind.CANCEL


def intervene(shop: Stage, kind: InterventionKind, shipment_id: int, request_id: str = "operated-1") -> Intervened:
    return shop.app.intervene(Order(kind, STAFF, request_id, shipment_id, "looked at"))


def refused(shop: Stage, kind: InterventionKind, shipment_id: int, request_id: str = "operated-2") -> str:
    with pytest.raises(FailedPrecondition) as refusal:
        intervene(shop, kind, shipment_id, request_id)
    return refusal.value.reason


def refuse_trucks(shop: Stage) -> None:
    """UPS says no until a person must look."""
    for _ in range(shop.patience.max_failures):
        later(shop, 25)
        (request,) = shop.questions("request_truck")
        shop.ups_says(shop.no(request, "no trucks"))


@pytest.fixture
def stuck(shop: Stage) -> int:
    """A parcel whose packing failed too often."""
    shipment_id = shop.parcel(shop.place((1, 2))).row.id
    fail(shop, "pack", E3, shop.patience.max_failures)
    assert shop.order(1).row.status == Status.NEEDS_ATTENTION
    return shipment_id


@pytest.fixture
def without_a_truck(shop: Stage) -> int:
    """A parcel that is packed and for which UPS refused a truck too often."""
    shipment_id = shop.parcel(shop.place((1, 2))).row.id
    shop.ack(shop.dispatch("world"))
    shop.world_says(shop.packed(shipment_id))
    refuse_trucks(shop)
    assert shop.order(1).row.status == Status.NEEDS_ATTENTION
    return shipment_id


def test_a_parcel_that_is_tried_again_is_looked_for_and_then_packed(shop: Stage, stuck: int) -> None:
    intervene(shop, RETRY, stuck)
    parcel = shop.parcel(1)
    assert (parcel.row.attempts, parcel.row.attention_reason) == (0, None)
    assert shop.order(1).row.status == Status.PACKING
    (query,) = [command for command in shop.dispatch() if command.WhichOneof("body") == "query_package"]
    shop.world_says(shop.no(query, E1))
    later(shop, 1)
    assert [pack.shipment_id for pack in shop.sent("pack")] == [stuck]
    shop.drive(stuck)
    assert shop.order(1).row.status == Status.DELIVERED


def test_a_truck_is_asked_for_again(shop: Stage, without_a_truck: int) -> None:
    intervene(shop, RETRY, without_a_truck)
    assert [request.shipment_id for request in shop.sent("request_truck")] == [without_a_truck]
    shop.ups_says(shop.truck(without_a_truck))
    assert shop.order(1).row.status == Status.LOADING


def test_what_was_tried_again_can_need_attention_again_and_be_tried_again(shop: Stage, without_a_truck: int) -> None:
    for number in range(2):
        intervene(shop, RETRY, without_a_truck, f"operated-again-{number}")
        refuse_trucks(shop)
        assert "12 times" in str(shop.parcel(1).row.attention_reason)


@pytest.mark.parametrize("kind", InterventionKind)
def test_the_same_request_does_it_once_and_says_so(shop: Stage, stuck: int, kind: InterventionKind) -> None:
    first = intervene(shop, kind, stuck)
    assert not first.replayed
    before = shop.rows("select count(*) from shipment_steps")
    again = intervene(shop, kind, stuck)
    assert (again.new_shipment_id, again.replayed) == (first.new_shipment_id, True)
    assert shop.rows("select count(*) from shipment_steps") == before
    with pytest.raises(AlreadyExists):
        shop.app.intervene(Order(kind, STAFF, "operated-1", stuck, "another note"))
    assert shop.rows("select user_id, kind, note from interventions") == [(STAFF, kind, "looked at")]


@pytest.mark.parametrize("kind", InterventionKind)
def test_nobody_meddles_with_what_goes_on_by_itself_or_has_ended(shop: Stage, kind: InterventionKind) -> None:
    shipment_id = shop.parcel(shop.place((1, 2))).row.id
    assert refused(shop, kind, shipment_id) == "NO_ATTENTION_NEEDED"
    shop.drive(shipment_id)
    assert refused(shop, kind, shipment_id) == "SHIPMENT_ENDED"
    with pytest.raises(NotFound):
        intervene(shop, kind, shipment_id + 1)


def test_a_parcel_that_is_sent_anew_is_bought_and_packed_anew_and_the_old_one_counts_no_more(
    shop: Stage, stuck: int
) -> None:
    warehouse = shop.parcel(1).row.warehouse_id
    before = shop.stock(1, warehouse)
    new_id = intervene(shop, REDRIVE, stuck).new_shipment_id
    assert new_id is not None
    # The world may have packed what it said no to: two units are lost, and bought again.
    after = shop.stock(1, warehouse)
    assert (after["reserved"], after["ordered"]) == (before["reserved"] - 2, before["ordered"] + 2)
    assert shop.app.serve_waiting() is False
    sent = shop.dispatch()
    assert [c.buy.things[0].count for c in sent if c.WhichOneof("body") == "buy"] == [2]
    assert [c.pack.shipment_id for c in sent if c.WhichOneof("body") == "pack"] == [new_id]
    # Whatever comes of the old one.
    assert shop.world_says(shop.packed(stuck)) == [Result.IGNORED]
    shop.drive(new_id)
    (parcel,) = shop.order(1).parcels
    assert (parcel.row.id, parcel.row.attempt) == (new_id, 2)
    assert shop.order(1).row.status == Status.DELIVERED


def test_a_loaded_parcel_that_is_lost_is_sent_anew_to_the_address_that_was_asked_for(shop: Stage) -> None:
    shop.announce(7, REDIRECT, CANCEL)
    order_id = shop.place((1, 2))
    shipment_id = shop.parcel(order_id).row.id
    shop.ack(shop.dispatch())
    shop.drive(shipment_id, "loaded")
    (decided,) = shop.app.amend(Wish(SHOPPER, "move-00001", order_id, 70, 80))
    assert decided.decision is Decision.ASKED
    shop.dispatch()
    shop.execute("update shipments set attention_reason = 'it is lost' where id = :id", id=shipment_id)
    shop.execute("update orders set status = 7 where id = :id", id=order_id)
    new_id = intervene(shop, REDRIVE, shipment_id).new_shipment_id
    row = shop.parcel(order_id).row
    assert (row.id, row.x, row.y) == (new_id, 70, 80)
    assert shop.rows("select decision from order_request_decisions") == [("done",)]
    # UPS need not look for the old one.
    assert [job.shipment_id for job in shop.sent("cancel_job")] == [shipment_id]
    assert shop.ups_says(shop.delivered(shipment_id)) == [Result.IGNORED]


def test_a_parcel_that_was_never_to_be_packed_is_cancelled_and_its_goods_stay(shop: Stage) -> None:
    order_id = shop.place((1, 2))
    parcel = shop.parcel(order_id)
    available = shop.stock(1, parcel.row.warehouse_id)["available"]
    refuse_trucks(shop)
    intervene(shop, GIVE_UP, parcel.row.id)
    assert shop.order(order_id).row.status == Status.CANCELLED
    assert shop.stock(1, parcel.row.warehouse_id)["available"] == available + 2
    assert shop.sent("pack") == []


def test_a_parcel_that_may_be_packed_is_cancelled_and_its_goods_are_lost(shop: Stage, stuck: int) -> None:
    warehouse = shop.parcel(1).row.warehouse_id
    before = shop.stock(1, warehouse)
    intervene(shop, GIVE_UP, stuck)
    assert shop.parcel(1).state == State(Goods.CANCELLED, Truck.REQUESTED)
    assert shop.stock(1, warehouse) == {**before, "reserved": before["reserved"] - 2}
    later(shop, 25)
    assert shop.dispatch() == []
    assert shop.world_says(shop.packed(stuck)) == [Result.IGNORED]


def test_who_waits_for_goods_that_cannot_be_bought_can_only_be_cancelled(shop: Stage) -> None:
    order_id = shop.place((BACKORDER, 3))
    (buy,) = [command for command in shop.dispatch("world") if command.WhichOneof("body") == "buy"]
    shop.world_says(shop.no(buy, E1))
    shipment_id = shop.parcel(order_id).row.id
    assert refused(shop, RETRY, shipment_id) == refused(shop, REDRIVE, shipment_id) == "GOODS_AWAITED"
    intervene(shop, GIVE_UP, shipment_id)
    assert shop.order(order_id).row.status == Status.CANCELLED


@pytest.mark.parametrize("kind", [REDRIVE, GIVE_UP])
def test_a_late_yes_to_another_address_says_nothing_of_a_parcel_that_was_given_up(
    shop: Stage, kind: InterventionKind
) -> None:
    shop.announce(7, REDIRECT, CANCEL)
    order_id = shop.place((1, 2), at=(3, 4))
    shipment_id = shop.parcel(order_id).row.id
    shop.ack(shop.dispatch())
    shop.drive(shipment_id, "loaded")
    shop.app.amend(Wish(SHOPPER, "move-00001", order_id, 70, 80))
    (question,) = shop.questions()
    shop.ups_says(shop.redirected(question, False, "we would rather not"))
    shop.execute("update shipments set attention_reason = 'it is lost' where id = :id", id=shipment_id)
    shop.execute("update orders set status = 7 where id = :id", id=order_id)
    intervene(shop, kind, shipment_id)
    assert shop.ups_says(shop.redirected(question, True)) == [Result.IGNORED]
    assert shop.rows("select decision from order_request_decisions") == [("too_late",)]
    assert (shop.parcel(order_id).row.x, shop.parcel(order_id).row.y) == (3, 4)


def test_what_its_shopper_wants_cancelled_is_not_sent_anew_but_ended(shop: Stage) -> None:
    shop.announce(7, REDIRECT, CANCEL)
    order_id = shop.place((1, 2))
    shipment_id = shop.parcel(order_id).row.id
    shop.ack(shop.dispatch())
    (decided,) = shop.app.amend(Wish(SHOPPER, "cancel-0001", order_id))
    assert decided.decision is Decision.ASKED
    shop.execute("update shipments set attention_reason = 'no answer' where id = :id", id=shipment_id)
    shop.execute("update orders set status = 7 where id = :id", id=order_id)
    assert refused(shop, REDRIVE, shipment_id) == "CHANGE_PENDING"
    intervene(shop, GIVE_UP, shipment_id)
    assert shop.rows("select decision from order_request_decisions") == [("done",)]
    assert shop.order(order_id).row.status == Status.CANCELLED
