"""What only UPS can say: asked, answered, and told truthfully whatever happens in between."""

from typing import Any

import pytest

from db.orders.interventions import InterventionKind
from db.orders.requests import Decision
from mesh.errors import FailedPrecondition
from orders_svc.domain.amendments import CANCEL, REDIRECT, Course
from orders_svc.domain.explain import Status
from orders_svc.domain.lifecycle import Asked, Goods, Truck
from orders_svc.service.amending import Decided, Wish
from orders_svc.service.intervening import Order
from orders_svc.service.reports import Result
from shop.bridge.v1.bridge_pb2 import Command
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import SHOPPER, TICK, Stage

THERE = (-7, 9)


@pytest.fixture
def featured(shop: Stage) -> Stage:
    """A shop whose UPS can be asked to take parcels elsewhere, and to give them up."""
    shop.announce(7, REDIRECT, CANCEL)
    return shop


def move(stage: Stage, order_id: int, request_id: str = "move-00001", to: tuple[int, int] = THERE) -> Decided:
    (decided,) = stage.app.amend(Wish(SHOPPER, request_id, order_id, *to))
    return decided


def cancel(stage: Stage, order_id: int, request_id: str = "cancel-0001") -> Decided:
    (decided,) = stage.app.amend(Wish(SHOPPER, request_id, order_id))
    return decided


def placed(stage: Stage, until: str = "") -> tuple[int, int]:
    """An order whose commands have left, and its parcel; `until`: how far it is."""
    order_id = stage.place((1, 2), at=(3, 4))
    shipment_id = stage.parcel(order_id).row.id
    stage.ack(stage.dispatch())
    if until:
        stage.drive(shipment_id, until)
    return order_id, shipment_id


def asked(stage: Stage, until: str = "") -> tuple[int, int, Command]:
    """The same, and UPS is asked to take it there."""
    order_id, shipment_id = placed(stage, until)
    assert move(stage, order_id).decision is Decision.ASKED
    (question,) = stage.questions()
    stage.ack([question])
    return order_id, shipment_id, question


def where(stage: Stage, order_id: int) -> tuple[int, int]:
    row = stage.parcel(order_id).row
    return row.x, row.y


# Another address.


@pytest.mark.parametrize("until", ["", "packed", "truck", "loaded"])
def test_a_yes_changes_the_address_however_far_the_parcel_is_and_it_is_delivered_there(
    featured: Stage, until: str
) -> None:
    order_id, shipment_id, question = asked(featured, until)
    assert (question.redirect.x, question.redirect.y) == THERE
    assert where(featured, order_id) == (3, 4), "nothing is changed before UPS has said yes"
    featured.clock.time += 5
    assert featured.ups_says(featured.redirected(question, True)) == [Result.APPLIED]
    assert where(featured, order_id) == THERE
    assert move(featured, order_id) == Decided(
        shipment_id, Decision.DONE, None, "UPS takes it to the new address", parcel_no=1
    )
    if not until:
        featured.drive(shipment_id, "loaded")
    elif until == "packed":
        featured.ups_says(featured.truck(shipment_id))
    if until in ("packed", "truck"):
        featured.world_says(featured.loaded(shipment_id))
    assert featured.ups_says(featured.delivered(shipment_id)) == [Result.APPLIED]


def test_a_no_says_since_when_it_is_too_late(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "loaded")
    started = pb.DeliveryStarted(shipment_id=shipment_id, truck_id=3)
    featured.ups_says(featured.event(delivery_started=started))
    left_at = featured.clock.time
    featured.clock.time += 30
    assert featured.ups_says(featured.redirected(question, False, "under way")) == [Result.APPLIED]
    told = move(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "UPS says: under way; it had left")
    assert told.left_at == pytest.approx(left_at)
    assert where(featured, order_id) == (3, 4)
    assert "The truck has left with it" in [step.what for step in featured.parcel(order_id).steps]


def test_without_the_feature_it_is_too_late_once_the_truck_was_asked_for(shop: Stage) -> None:
    order_id, _ = placed(shop, "loaded")
    told = move(shop, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "the truck had been asked for")
    assert shop.questions() == []


def test_the_features_are_those_of_the_last_announcement_in_our_world(featured: Stage) -> None:
    first, _ = placed(featured)
    featured.announce(9, REDIRECT)
    assert move(featured, first).decision is Decision.TOO_LATE, "what it speaks in another world is of no use here"
    featured.announce(7)
    assert move(featured, first, "move-00002").decision is Decision.TOO_LATE
    featured.announce(7, REDIRECT)
    assert move(featured, first, "move-00003").decision is Decision.ASKED


def test_nobody_says_go_while_the_address_is_asked_for(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "truck")
    featured.world_says(featured.loaded(shipment_id))
    parcel = featured.parcel(order_id)
    assert featured.sent("deliver") == []
    assert (parcel.state.goods, parcel.state.truck) == (Goods.LOADED, Truck.AT_WAREHOUSE)
    assert parcel.waiting is not None
    assert parcel.waiting.who == "UPS's answer: whether it can take it elsewhere"
    featured.ups_says(featured.redirected(question, False, "no"))
    assert [body.shipment_id for body in featured.sent("deliver")] == [shipment_id]


def test_one_change_at_a_time_is_asked_and_a_refusal_leaves_nothing_behind(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    for again in (lambda: move(featured, order_id, "move-00002", (1, 1)), lambda: cancel(featured, order_id)):
        with pytest.raises(FailedPrecondition) as refused:
            again()
        assert refused.value.reason == "CHANGE_PENDING"
    assert move(featured, order_id).decision is Decision.ASKED
    featured.ups_says(featured.redirected(question, True))
    assert move(featured, order_id, "move-00002", (1, 1)).decision is Decision.ASKED


def test_an_answer_counts_once_and_for_the_command_that_it_names(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured)
    other = Command(command_id=question.command_id + 99, redirect=question.redirect)
    assert featured.ups_says(featured.redirected(other, True)) == [Result.IGNORED]
    answer = featured.redirected(question, True)
    assert featured.ups_says(answer, answer) == [Result.APPLIED, Result.DUPLICATE]
    assert featured.ups_says(featured.redirected(question, False, "late")) == [Result.IGNORED]
    assert where(featured, order_id) == THERE
    assert featured.parcel(order_id).row.asked == Asked.NOTHING
    assert shipment_id == featured.parcel(order_id).row.id


def test_without_an_answer_it_is_asked_again_and_in_the_end_the_parcel_goes_on(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "truck")
    featured.world_says(featured.loaded(shipment_id))
    questions = [question]
    for asks in range(1, featured.patience.max_asks):
        featured.clock.time += featured.patience.ask_wait(asks) + 0.1
        while featured.app.ask_overdue():
            pass
        (again,) = featured.questions()
        featured.ack([again])
        questions.append(again)
    assert len({one.command_id for one in questions}) == featured.patience.max_asks
    assert move(featured, order_id).decision is Decision.ASKED
    featured.clock.time += featured.patience.ask_wait(featured.patience.max_asks) + 0.1
    featured.app.ask_overdue()
    told = move(featured, order_id)
    assert told.decision is Decision.TOO_LATE
    assert told.reason == "UPS has not answered; it had left"
    assert [body.shipment_id for body in featured.sent("deliver")] == [shipment_id]
    assert featured.ups_says(featured.redirected(questions[0], True)) == [Result.APPLIED], "late, and true"
    assert featured.ups_says(featured.redirected(questions[-1], True)) == [Result.IGNORED], "it goes there already"
    assert where(featured, order_id) == THERE
    assert move(featured, order_id).decision is Decision.DONE


@pytest.mark.parametrize("agreed", [False, True])
def test_of_two_addresses_the_later_one_that_ups_agreed_to_counts_in_whatever_order_it_says_so(
    featured: Stage, agreed: bool
) -> None:
    order_id, _, first = asked(featured)
    featured.announce(7)
    featured.announce(7, REDIRECT)
    assert move(featured, order_id, "move-00002", (1, 1)).decision is Decision.ASKED
    (second,) = featured.questions()
    featured.ups_says(featured.redirected(second, agreed, "" if agreed else "no"))
    late = featured.ups_says(featured.redirected(first, True))
    assert late == [Result.IGNORED if agreed else Result.APPLIED]
    assert where(featured, order_id) == ((1, 1) if agreed else THERE)


def test_after_a_late_yes_the_truck_that_is_asked_for_again_brings_it_to_the_new_address(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "packed")
    # In vain, more often than the question is repeated.
    for _ in range(40):
        featured.clock.time += 50 * TICK
        featured.app.ask_overdue()
        featured.ack(featured.dispatch("ups"))
    assert move(featured, order_id).decision is Decision.TOO_LATE
    featured.clock.time += 500 * TICK
    featured.app.ask_overdue()
    assert featured.rows("select 1 from outbox where kind = 'request_truck' and closed_at is null")
    featured.ups_says(featured.redirected(question, True))
    assert where(featured, order_id) == THERE
    requests = featured.sent("request_truck")
    assert [(one.shipment_id, one.destination_x, one.destination_y) for one in requests] == [(shipment_id, *THERE)]


def test_while_ups_is_away_the_question_waits_and_is_not_counted(featured: Stage) -> None:
    order_id, _, _ = asked(featured)
    featured.lapse("ups")
    featured.clock.time += 10_000 * TICK
    featured.app.ask_overdue()
    assert move(featured, order_id).decision is Decision.ASKED
    assert featured.parcel(order_id).row.asks == 1
    assert featured.parcel(order_id).row.ask_at > featured.clock.time


def test_of_two_copies_of_a_question_only_the_last_no_counts(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    featured.clock.time += featured.patience.ask_wait(1) + 0.1
    featured.app.ask_overdue()
    (again,) = featured.questions()
    assert featured.ups_says(featured.redirected(question, False, "busy")) == [Result.IGNORED]
    assert move(featured, order_id).decision is Decision.ASKED
    assert featured.ups_says(featured.redirected(again, True)) == [Result.APPLIED]
    assert where(featured, order_id) == THERE


def test_a_ups_that_forgot_is_told_of_the_parcel_and_asked_again(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured)
    featured.ups_says(featured.redirected(question, False, "unknown shipId"))
    assert move(featured, order_id).decision is Decision.ASKED
    featured.clock.time += 1
    told, again = featured.dispatch("ups")
    assert told.request_truck.shipment_id == again.redirect.shipment_id == shipment_id
    assert (told.request_truck.destination_x, told.request_truck.destination_y) == (3, 4)
    assert told.command_id < again.command_id
    featured.ups_says(featured.redirected(again, True))
    assert where(featured, order_id) == THERE


def test_a_ups_that_forgot_a_parcel_on_the_road_can_promise_nothing(featured: Stage) -> None:
    order_id, _, question = asked(featured, "loaded")
    featured.ups_says(featured.redirected(question, False, "unknown shipId"))
    told = move(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "UPS says: unknown shipId; it had left")


def on_the_road(stage: Stage) -> tuple[int, int, Command]:
    """An order and its parcel, and the word to go, which UPS has got."""
    order_id, shipment_id = placed(stage, "truck")
    stage.world_says(stage.loaded(shipment_id))
    (deliver,) = stage.questions("deliver")
    return order_id, shipment_id, deliver


def lost(stage: Stage, *, asking: bool) -> tuple[int, int]:
    """An order on the road of which UPS refuses to know; `asking`: it is being asked for another address."""
    order_id, shipment_id, deliver = on_the_road(stage)
    if asking:
        assert move(stage, order_id).decision is Decision.ASKED
    stage.clock.time += 5
    stage.ups_says(stage.no(deliver, "unknown shipId"))
    return order_id, shipment_id


def test_a_ups_that_was_told_anew_of_a_parcel_on_the_road_is_not_asked_where_it_goes(featured: Stage) -> None:
    left_at = featured.clock.time
    order_id, _ = lost(featured, asking=False)
    told = move(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "UPS can promise nothing more; it had left")
    assert told.left_at == pytest.approx(left_at)
    assert featured.questions() == []
    assert featured.parcel(order_id).courses[Asked.ADDRESS] is Course.TOO_LATE


def test_nor_is_it_after_staff_had_the_parcel_tried_again(featured: Stage) -> None:
    order_id, shipment_id = lost(featured, asking=False)
    for _ in range(featured.patience.max_failures - 1):
        featured.clock.time += 25 * TICK
        featured.ups_says(featured.truck(shipment_id, 4))
        featured.clock.time += 25 * TICK
        (deliver,) = featured.questions("deliver")
        featured.ups_says(featured.no(deliver, "unknown shipId"))
    assert featured.parcel(order_id).row.attention_reason
    featured.app.intervene(Order(InterventionKind.RETRY, SHOPPER, "operated-1", shipment_id))
    assert featured.parcel(order_id).row.attempts == 0
    assert move(featured, order_id).decision is Decision.TOO_LATE
    assert featured.parcel(order_id).courses[Asked.ADDRESS] is Course.TOO_LATE


def test_a_yes_beside_the_refused_word_to_go_is_told_as_one(featured: Stage) -> None:
    order_id, _, deliver = on_the_road(featured)
    assert move(featured, order_id).decision is Decision.ASKED
    (question,) = featured.questions()
    refused = featured.no(deliver, "no truck was at the warehouse for this shipId")
    featured.ups_says(refused, featured.redirected(question, True))
    told = move(featured, order_id)
    assert (told.decision, told.reason) == (Decision.DONE, "UPS takes it to the new address after all")
    assert where(featured, order_id) == THERE


def test_a_yes_beside_a_no_to_the_same_question_is_told_as_one(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    featured.ups_says(featured.redirected(question, False, "busy"), featured.redirected(question, True))
    assert move(featured, order_id).decision is Decision.DONE
    assert where(featured, order_id) == THERE


def test_a_refused_word_to_go_ends_the_question_about_the_address(featured: Stage) -> None:
    order_id, _ = lost(featured, asking=True)
    told = move(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "UPS says: unknown shipId; it had left")
    featured.clock.time += 60
    assert {command.WhichOneof("body") for command in featured.dispatch()} == {"query_package", "request_truck"}
    assert where(featured, order_id) == (3, 4)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_delivery_before_the_answer_decides_nothing(featured: Stage, accepted: bool) -> None:
    order_id, shipment_id, question = asked(featured, "loaded")
    featured.ups_says(featured.delivered(shipment_id))
    assert move(featured, order_id).decision is Decision.ASKED
    assert featured.order(order_id).row.status == Status.DELIVERED
    delivered_at = featured.clock.time
    featured.clock.time += 9
    featured.ups_says(featured.redirected(question, accepted, "" if accepted else "delivered"))
    told = move(featured, order_id)
    assert told.decision is (Decision.DONE if accepted else Decision.TOO_LATE)
    assert where(featured, order_id) == (THERE if accepted else (3, 4))
    if not accepted:
        assert (told.left_at, told.reason) == (pytest.approx(delivered_at), "UPS says: delivered; it was delivered")


def test_a_ups_that_comes_back_without_the_feature_has_said_no(featured: Stage) -> None:
    order_id, shipment_id, _ = asked(featured, "truck")
    featured.world_says(featured.loaded(shipment_id))
    version = featured.order(order_id).row.version
    featured.announce(7, CANCEL)
    told = move(featured, order_id)
    assert told.decision is Decision.TOO_LATE
    assert told.reason == "UPS came back without being able to say; it had left"
    assert featured.order(order_id).row.version > version
    assert [body.shipment_id for body in featured.sent("deliver")] == [shipment_id]
    assert featured.rows("select 1 from outbox where kind = 'redirect' and closed_at is null") == []


def test_what_was_to_be_asked_again_is_not_when_the_same_report_ends_the_question(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    back = featured.event(world_announced=pb.WorldAnnounced(world_id=7, features=[CANCEL]))
    featured.ups_says(featured.redirected(question, False, "unknown shipId"), back)
    assert move(featured, order_id).decision is Decision.TOO_LATE
    featured.clock.time += 60
    # That it forgot the parcel is told all the same.
    assert [command.WhichOneof("body") for command in featured.dispatch("ups")] == ["request_truck"]


def test_after_a_yes_in_the_same_report_nothing_is_told_anew(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    featured.ups_says(featured.redirected(question, False, "unknown shipId"), featured.redirected(question, True))
    assert move(featured, order_id).decision is Decision.DONE
    assert where(featured, order_id) == THERE
    featured.clock.time += 60
    assert featured.dispatch("ups") == []


def test_an_error_about_the_question_is_a_no(featured: Stage) -> None:
    order_id, _, question = asked(featured)
    assert featured.ups_says(featured.no(question, "what is a redirect?")) == [Result.APPLIED]
    told = move(featured, order_id)
    assert told.decision is Decision.TOO_LATE
    assert told.reason == "UPS says: what is a redirect?; it goes to the address of before"


def test_in_another_world_the_parcel_begins_anew_with_the_address_that_was_asked_for(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "loaded")
    featured.move_to(9, REDIRECT)
    assert move(featured, order_id).decision is Decision.DONE
    featured.stocked()
    (request,) = featured.sent("request_truck")
    assert (request.destination_x, request.destination_y) == THERE
    assert featured.ups_says(featured.redirected(question, False, "late")) == [Result.IGNORED]
    assert where(featured, order_id) == THERE
    assert featured.parcel(order_id).row.id != shipment_id


def test_a_delivered_parcel_whose_world_is_left_without_an_answer_was_too_late_unless_it_comes(featured: Stage) -> None:
    order_id, shipment_id, question = asked(featured, "loaded")
    featured.ups_says(featured.delivered(shipment_id))
    featured.move_to(9, REDIRECT)
    told = move(featured, order_id)
    assert told.decision is Decision.TOO_LATE
    assert told.reason == "UPS left that world without an answer; it was delivered"
    assert told.left_at is not None
    assert featured.ups_says(featured.redirected(question, True)) == [Result.APPLIED], "late, and true"
    assert where(featured, order_id) == THERE
    assert move(featured, order_id).decision is Decision.DONE


@pytest.mark.parametrize("late", [False, True], ids=["in time", "when nobody waited for it any more"])
def test_after_a_yes_the_old_address_is_nowhere_to_be_said_again(featured: Stage, late: bool) -> None:
    order_id = featured.place((1, 1), at=(3, 4))
    featured.dispatch()
    move(featured, order_id)
    (question,) = featured.questions()
    if late:
        featured.announce(7)
        featured.announce(7, REDIRECT)
        assert move(featured, order_id).decision is Decision.TOO_LATE
    featured.ups_says(featured.redirected(question, True))
    featured.attach("ups", nonce="boot-2")
    featured.app.renew("ups", featured.epochs["ups"], True, "open")
    assert featured.dispatch("ups") == [], "the request was never acknowledged, and still it is known"


# A late cancellation.


def cancelling(stage: Stage, until: str = "") -> tuple[int, int, Command]:
    order_id, shipment_id = placed(stage, until)
    assert cancel(stage, order_id).decision is Decision.ASKED
    (question,) = stage.questions("cancel_job")
    return order_id, shipment_id, question


def scrapped(stage: Stage) -> list[Any]:
    return stage.rows("select sum(scrapped) as scrapped, sum(packed) as packed, sum(reserved) as held from stock")[0]


@pytest.mark.parametrize("until", ["", "packed"])
def test_a_parcel_that_ups_gives_up_is_cancelled_and_what_is_packed_is_lost(featured: Stage, until: str) -> None:
    before = scrapped(featured)
    order_id, shipment_id, question = cancelling(featured, until)
    assert featured.ups_says(featured.given_up(question, True)) == [Result.APPLIED]
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.DONE, "UPS gave it up; what was packed is lost")
    assert featured.order(order_id).row.status == Status.CANCELLED
    assert tuple(scrapped(featured)) == (before.scrapped + 2, before.packed, before.held)
    late = [featured.packed(shipment_id)] if not until else [featured.status(shipment_id, "PACKED")]
    assert featured.world_says(*late) == [Result.IGNORED]
    assert featured.ups_says(featured.truck(shipment_id)) == [Result.IGNORED]


def test_nobody_loads_while_ups_is_asked_to_give_it_up_and_after_a_no_it_goes_on(featured: Stage) -> None:
    order_id, shipment_id, question = cancelling(featured, "packed")
    featured.ups_says(featured.truck(shipment_id))
    assert featured.sent("load") == []
    waiting = featured.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "UPS's answer: whether it gives the parcel up"
    featured.ups_says(featured.given_up(question, False, "no"))
    assert [body.shipment_id for body in featured.sent("load")] == [shipment_id]
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "UPS says: no; it goes on")


@pytest.mark.parametrize(("until", "reason"), [("truck", "it was being loaded"), ("loaded", "it was loaded")])
def test_what_is_loaded_is_not_given_up(featured: Stage, until: str, reason: str) -> None:
    order_id, _ = placed(featured, until)
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, reason)
    assert told.left_at is not None


def test_without_the_feature_packing_that_left_is_too_late(featured: Stage) -> None:
    featured.announce(7, REDIRECT)
    order_id, _ = placed(featured)
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "packing had been asked for")


def test_a_cancellation_that_we_decide_is_told_to_a_ups_that_has_sent_a_truck(featured: Stage) -> None:
    first, second = featured.place((1, 1)), featured.place((1, 1))
    featured.bridges["ups"].limit = 1
    featured.dispatch("ups")
    featured.bridges["ups"].limit = 100
    assert cancel(featured, first).decision is Decision.DONE
    (told,) = featured.questions("cancel_job")
    assert told.cancel_job.shipment_id == featured.parcel(first).row.id
    assert featured.ups_says(featured.given_up(told, True)) == [Result.IGNORED]
    assert featured.order(first).row.status == Status.CANCELLED
    assert second


def test_in_another_world_a_parcel_that_was_to_be_given_up_does_not_begin_anew(featured: Stage) -> None:
    order_id, _, _ = cancelling(featured, "packed")
    featured.move_to(9)
    assert cancel(featured, order_id).decision is Decision.DONE
    assert featured.order(order_id).row.status == Status.CANCELLED
    featured.stocked()
    assert featured.sent("pack") == []


@pytest.mark.parametrize("moved", [False, True], ids=["nothing is asked", "another address is asked for"])
def test_a_parcel_that_ups_gave_up_is_cancelled_though_nobody_waited_for_the_answer_any_more(
    featured: Stage, moved: bool
) -> None:
    before = scrapped(featured)
    order_id, shipment_id, question = cancelling(featured, "packed")
    featured.announce(7)
    assert cancel(featured, order_id).decision is Decision.TOO_LATE
    featured.announce(7, REDIRECT, CANCEL)
    if moved:
        assert move(featured, order_id).decision is Decision.ASKED
    assert featured.ups_says(featured.given_up(question, True)) == [Result.APPLIED], "late, and true"
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.DONE, "UPS gave it up after all; what was packed is lost")
    assert not moved or move(featured, order_id).decision is Decision.TOO_LATE
    assert featured.order(order_id).row.status == Status.CANCELLED
    assert tuple(scrapped(featured)) == (before.scrapped + 2, before.packed, before.held)
    assert featured.rows("select 1 from outbox where link = 'ups' and closed_at is null") == []
    assert featured.ups_says(featured.truck(shipment_id)) == [Result.IGNORED]


def test_a_delivery_ends_the_question_whether_it_is_given_up(featured: Stage) -> None:
    order_id, shipment_id, question = cancelling(featured)
    featured.world_says(featured.packed(shipment_id), featured.status(shipment_id, "DELIVERED"))
    told = cancel(featured, order_id)
    assert (told.decision, told.reason) == (Decision.TOO_LATE, "it was delivered")
    assert featured.ups_says(featured.given_up(question, True)) == [Result.IGNORED]
