"""Failed commands, silences, and when a person must look."""

import itertools

import pytest

from orders_svc.domain.explain import Status
from orders_svc.domain.lifecycle import Goods, State, Truck
from orders_svc.service.reports import Result
from shop.bridge.v1.bridge_pb2 import Command
from tests.orders_svc.stage import BACKORDER, TICK, Stage

E1 = "error: warehouse id/product_id/package id/truck id in certain world and warehouse(if product_id) does not exist"
E2 = "error: the id you want to create already exists"
E3 = "error: not enough number of product in stock - product count can not be less than 0"
E4 = (
    "cannot find truck or package you specified\n"
    "Possible reasons: do not exist, not in proper status or not in the same warehouse!"
)
E6 = "serialization error"
E7 = "ERROR:  could not serialize access due to concurrent update\n"


def only(shop: Stage, kind: str) -> Command:
    (command,) = [c for c in shop.dispatch() if c.WhichOneof("body") == kind]
    return command


def later(shop: Stage, ticks: float) -> None:
    shop.clock.time += ticks * TICK


@pytest.fixture
def shipment(shop: Stage) -> int:
    return shop.parcel(shop.place((1, 2))).row.id


@pytest.mark.parametrize("text", [E1, E3, E6, E7])
def test_a_pack_that_may_work_later_is_sent_again_under_a_new_number(shop: Stage, shipment: int, text: str) -> None:
    pack = only(shop, "pack")
    assert shop.world_says(shop.no(pack, text)) == [Result.APPLIED]
    # A pause first.
    assert shop.dispatch() == []
    later(shop, 1)
    again = only(shop, "pack")
    assert again.pack == pack.pack
    assert again.command_id > pack.command_id
    assert shop.parcel(1).row.attempts == 1
    assert shop.world_says(shop.packed(shipment)) == [Result.APPLIED]
    assert shop.parcel(1).row.attempts == 0


def test_a_pack_that_exists_already_is_looked_at(shop: Stage, shipment: int) -> None:
    shop.world_says(shop.no(only(shop, "pack"), E2))
    later(shop, 1)
    query = only(shop, "query_package")
    assert query.query_package.shipment_id == shipment
    assert shop.world_says(shop.status(shipment, "PACKED")) == [Result.APPLIED]
    assert shop.parcel(1).state == State(Goods.PACKED, Truck.REQUESTED)


def test_a_package_that_the_world_does_not_know_is_packed_again(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    later(shop, 20)
    assert not shop.app.ask_overdue()
    query = only(shop, "query_package")
    assert shop.world_says(shop.no(query, E1)) == [Result.APPLIED]
    later(shop, 1)
    assert only(shop, "pack").pack.shipment_id == shipment


def test_a_load_that_was_refused_asks_the_world_and_for_the_truck_again(shop: Stage, shipment: int) -> None:
    shop.drive(shipment, until="packed")
    shop.ups_says(shop.truck(shipment))
    load = only(shop, "load")
    shop.ack([load])
    assert shop.world_says(shop.no(load, E4)) == [Result.APPLIED]
    assert shop.parcel(1).state == State(Goods.PACKED, Truck.REQUESTED)
    later(shop, 1)
    # The request is not doubled while the first one is not acknowledged.
    assert {c.WhichOneof("body") for c in shop.dispatch()} == {"query_package"}
    shop.ups_says(shop.truck(shipment, 9))
    assert only(shop, "load").load.truck_id == 9


def test_a_load_that_failed_for_now_is_sent_again(shop: Stage, shipment: int) -> None:
    shop.drive(shipment, until="packed")
    shop.ups_says(shop.truck(shipment))
    load = only(shop, "load")
    shop.world_says(shop.no(load, E6))
    later(shop, 1)
    assert only(shop, "load").load == load.load


def test_a_refused_truck_is_asked_for_again(shop: Stage, shipment: int) -> None:
    request = only(shop, "request_truck")
    assert shop.ups_says(shop.no(request, "no trucks today")) == [Result.APPLIED]
    later(shop, 1)
    assert only(shop, "request_truck").request_truck == request.request_truck


def test_a_deliver_that_ups_does_not_know_starts_its_job_again(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    for event in (shop.packed(shipment), shop.loaded(shipment)):
        shop.world_says(event)
    deliver = only(shop, "deliver")
    assert shop.ups_says(shop.no(deliver, "unknown package")) == [Result.APPLIED]
    later(shop, 1)
    assert {c.WhichOneof("body") for c in shop.dispatch()} == {"query_package", "request_truck"}
    shop.ups_says(shop.truck(shipment, 4))
    assert only(shop, "deliver").deliver.shipment_id == shipment


def test_a_ups_that_brings_a_truck_after_each_failure_does_not_set_the_pace(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment), shop.loaded(shipment))
    for _ in range(8):
        later(shop, 25)
        deliver = only(shop, "deliver")
        shop.ack([deliver])
        shop.ups_says(shop.no(deliver, "package you have specified is not currently in the truck you provided!"))
        shop.ups_says(shop.truck(shipment, 4))
    later(shop, 10)
    shop.ups_says(shop.truck(shipment, 5))
    assert shop.sent("deliver") == []
    later(shop, 11)
    assert len(shop.sent("deliver")) == 1


@pytest.mark.parametrize(("text", "ticks"), [(E6, 1), (E1, 25)])
def test_a_failed_buy_is_made_again_and_once(shop: Stage, text: str, ticks: float) -> None:
    shop.place((BACKORDER, 3))
    buy = only(shop, "buy")
    assert shop.world_says(shop.no(buy, text)) == [Result.APPLIED]
    later(shop, ticks)
    again = only(shop, "buy")
    assert again.buy == buy.buy
    # The same failure under another number: it has had its consequence.
    assert shop.world_says(shop.no(buy, text)) == [Result.IGNORED]
    later(shop, ticks)
    assert shop.dispatch() == []
    shop.world_says(shop.arrived(buy.buy.warehouse_id, (BACKORDER, 3)))
    assert shop.stock(BACKORDER, buy.buy.warehouse_id)["ordered"] == 0


@pytest.mark.parametrize("text", [E6, E1])
def test_a_buy_that_failed_in_a_world_that_was_left_is_not_made_again(shop: Stage, text: str) -> None:
    waiting = shop.place((BACKORDER, 3))
    buy = only(shop, "buy")
    shop.ack([buy])
    shop.move_to(8)
    shop.ack(shop.dispatch("world"))
    # The world told the answer to a connection that is no more, and tells it on the next after minutes.
    assert shop.world_says(shop.no(buy, text)) == [Result.IGNORED]
    later(shop, 30)
    shop.dispatch("world")
    assert not shop.rows(
        "select id from outbox where world_epoch = :epoch and closed_at is null", epoch=buy.world_epoch
    )
    assert shop.parcel(waiting).row.attention_reason is None


def test_who_waits_for_a_buy_that_can_never_succeed_is_told_until_the_goods_come(shop: Stage) -> None:
    waiting, other = shop.place((BACKORDER, 3)), shop.place((1, 1))
    (buy,) = [command for command in shop.dispatch("world") if command.WhichOneof("body") == "buy"]
    shop.world_says(shop.no(buy, E6))
    later(shop, 1)
    again = only(shop, "buy")
    assert shop.order(waiting).row.status == Status.AWAITING_STOCK
    shop.world_says(shop.no(again, E1))
    assert shop.order(waiting).row.status == Status.NEEDS_ATTENTION
    assert "cannot be bought" in str(shop.parcel(waiting).row.attention_reason)
    assert shop.order(other).row.status == Status.PACKING
    shop.world_says(shop.arrived(buy.buy.warehouse_id, (BACKORDER, 3)))
    assert shop.app.serve_waiting() is False
    assert shop.order(waiting).row.status == Status.PACKING
    assert shop.parcel(waiting).row.attention_reason is None


def test_one_failure_told_twice_counts_once(shop: Stage, shipment: int) -> None:
    pack = only(shop, "pack")
    assert shop.world_says(shop.no(pack, E6), shop.no(pack, E6)) == [Result.APPLIED, Result.IGNORED]
    assert shop.parcel(1).row.attempts == 1


@pytest.mark.parametrize("text", ["", "\0", "nul \0 inside", "x" * 100_000, "two\nlines", "\U0001f69a" * 400])
def test_any_words_of_a_peer_can_be_recorded(shop: Stage, shipment: int, text: str) -> None:
    assert shop.ups_says(shop.no(only(shop, "request_truck"), text)) == [Result.APPLIED]
    ((failure,),) = shop.rows("select failure from outbox where outcome = 'failed'")
    assert "\0" not in failure
    assert len(failure) <= 1000
    assert all(len(step.what) < 500 for step in shop.parcel(1).steps)


def fail(shop: Stage, kind: str, text: str, times: int) -> None:
    for _ in range(times):
        later(shop, 25)
        shop.world_says(shop.no(only(shop, kind), text))


def test_after_many_failures_a_person_must_look_and_is_told_why(shop: Stage, shipment: int) -> None:
    fail(shop, "pack", E3, shop.patience.max_failures)
    order = shop.order(1)
    assert order.row.status == Status.NEEDS_ATTENTION
    reason = order.parcels[0].row.attention_reason
    assert reason == f"Tried 12 times without success. Last: Packing failed ({E3})"
    later(shop, 1000)
    shop.app.renew("world", shop.epochs["world"], True, "open")
    assert not shop.app.ask_overdue()
    assert [c for c in shop.dispatch() if c.WhichOneof("body") == "pack"] == []


def test_what_moves_again_by_itself_needs_no_attention_any_more(shop: Stage, shipment: int) -> None:
    shop.dispatch("ups")
    shop.ups_says(shop.truck(shipment))
    fail(shop, "pack", E3, shop.patience.max_failures)
    assert shop.order(1).row.status == Status.NEEDS_ATTENTION
    # It was packed after all, and the truck has been there all the time: it must be loaded.
    assert shop.world_says(shop.packed(shipment)) == [Result.APPLIED]
    assert len(shop.sent("load")) == 1
    assert shop.order(1).row.status == Status.LOADING
    assert shop.parcel(1).row.attempts == 0


def test_a_silence_is_asked_about_at_growing_intervals_then_a_person_is_told(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    asked = []
    for _ in range(400):
        later(shop, 5)
        shop.app.ask_overdue()
        for command in shop.dispatch("world"):
            asked.append(shop.clock.time)
            shop.report("world", shop.status(shipment, "PACKING"), acked=[command.command_id])
    pauses = [round(after - before) for before, after in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 300
    order = shop.order(1)
    assert order.row.status == Status.NEEDS_ATTENTION
    assert order.parcels[0].row.attention_reason.startswith("Asked 10 times without progress")
    # It is still asked about, and goes on as soon as there is something new.
    assert shop.world_says(shop.packed(shipment)) == [Result.APPLIED]
    assert shop.order(1).row.status == Status.AWAITING_TRUCK


def test_a_question_that_is_still_on_its_way_is_not_doubled(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    later(shop, 16)
    shop.app.ask_overdue()
    query = only(shop, "query_package")
    later(shop, 31)
    shop.app.ask_overdue()
    assert shop.dispatch() == []
    shop.ack([query])
    later(shop, 61)
    shop.app.ask_overdue()
    assert only(shop, "query_package").command_id > query.command_id


def test_nobody_is_asked_while_the_link_is_down_and_nothing_is_counted(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment))
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS to connect")
    for _ in range(50):
        later(shop, 60)
        shop.app.ask_overdue()
    assert shop.dispatch() == []
    parcel = shop.parcel(1)
    assert parcel.row.check_at > shop.clock.now()
    assert (parcel.row.checks, parcel.row.attention_reason) == (0, None)
    assert parcel.waiting is not None
    assert parcel.waiting.who == "UPS, which cannot be reached at the moment"
    assert "safe" in parcel.waiting.next
    shop.app.renew("ups", shop.epochs["ups"], True, "open")
    later(shop, 60)
    shop.app.ask_overdue()
    assert only(shop, "request_truck").request_truck.shipment_id == shipment


def on_the_road(shop: Stage, shipment: int) -> None:
    """UPS has heard that it may go."""
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment), shop.loaded(shipment))
    shop.ack([only(shop, "deliver")])


def test_a_parcel_on_the_road_needs_nobodys_attention_however_long_ups_is_away(shop: Stage, shipment: int) -> None:
    on_the_road(shop, shipment)
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS to connect")
    asked = 0
    for _ in range(600):
        later(shop, 20)
        shop.app.ask_overdue()
        for query in shop.dispatch("world"):
            asked += 1
            shop.report("world", shop.status(shipment, "LOADED"), acked=[query.command_id])
    row = shop.parcel(1).row
    assert (row.attempts, row.attention_reason) == (0, None)
    assert shop.order(1).row.status == Status.OUT_FOR_DELIVERY
    # Its delivery would be heard of; and that costs few questions.
    assert 30 <= asked <= 12_000 / shop.patience.longest + 5
    shop.app.renew("ups", shop.epochs["ups"], True, "open")
    assert [told.shipment_id for told in shop.sent("deliver")] == [shipment]


def test_a_ups_that_never_sets_out_is_told_again_and_a_person_in_the_end(shop: Stage, shipment: int) -> None:
    on_the_road(shop, shipment)
    told = 0
    for _ in range(120):
        later(shop, 20)
        shop.app.ask_overdue()
        for command in shop.dispatch():
            told += command.WhichOneof("body") == "deliver"
            shop.ack([command])
            if command.WhichOneof("body") == "query_package":
                shop.world_says(shop.status(shipment, "LOADED"))
    row = shop.parcel(1).row
    assert row.attempts == 0
    assert told == row.checks >= shop.patience.max_checks
    assert str(row.attention_reason).startswith(f"Asked {row.checks} times without progress")


def test_while_one_peer_is_away_the_other_is_asked(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    for _ in range(3):
        shop.place((1, 1))
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment))
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS to connect")
    later(shop, 60)
    assert shop.app.ask_overdue() is False
    assert len(shop.sent("query_package")) == 3
    shop.app.renew("world", shop.epochs["world"], False, "connecting")
    shop.app.renew("ups", shop.epochs["ups"], True, "open")
    later(shop, 60)
    shop.app.ask_overdue()
    assert [request.shipment_id for request in shop.sent("request_truck")] == [shipment]


def test_a_ups_in_another_world_is_not_asked_and_is_what_is_waited_for(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment))
    announced_at = shop.clock.now()
    shop.announce(4242)
    for _ in range(50):
        later(shop, 60)
        shop.app.ask_overdue()
    assert shop.dispatch() == []
    parcel = shop.parcel(1)
    assert (parcel.row.checks, parcel.row.attention_reason) == (0, None)
    assert parcel.waiting is not None
    assert parcel.waiting.who == "UPS, which is in world 4242, while we are in 7"
    assert parcel.waiting.since == announced_at
    shop.announce(7)
    later(shop, 60)
    shop.app.ask_overdue()
    assert only(shop, "request_truck").request_truck.shipment_id == shipment


def test_a_ups_that_has_not_said_where_it_is_is_not_asked(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shipment))
    shop.execute("update links set announced_world_id = null, announced_at = null where name = 'ups'")
    later(shop, 60)
    shop.app.ask_overdue()
    parcel = shop.parcel(1)
    assert parcel.row.checks == 0
    assert parcel.waiting is not None
    assert parcel.waiting.who == "UPS, which has not said in which world it is, while we are in 7"


def test_a_delivery_that_nobody_told_us_of_is_found_out(shop: Stage, shipment: int) -> None:
    shop.ack(shop.dispatch())
    shop.drive(shipment, until="loaded")
    later(shop, 60)
    shop.app.ask_overdue()
    assert only(shop, "query_package").query_package.shipment_id == shipment
    assert shop.world_says(shop.status(shipment, "delivered")) == [Result.APPLIED]
    assert shop.order(1).row.status == Status.DELIVERED


def test_a_load_that_never_begins_is_told_as_that(shop: Stage, shipment: int) -> None:
    shop.drive(shipment, until="packed")
    shop.ups_says(shop.truck(shipment))
    for _ in range(shop.patience.max_failures):
        later(shop, 300)
        shop.app.ask_overdue()
        shop.ack(shop.dispatch())
        shop.world_says(shop.status(shipment, "PACKED"))
    reason = shop.parcel(1).row.attention_reason
    assert reason == "Tried 12 times without success. Last: The warehouse says that it is packed, and does not load it"


def test_a_load_that_never_began_is_sent_again(shop: Stage, shipment: int) -> None:
    shop.drive(shipment, until="packed")
    shop.ups_says(shop.truck(shipment))
    shop.ack([only(shop, "load")])
    later(shop, 16)
    shop.app.ask_overdue()
    shop.ack([only(shop, "query_package")])
    shop.world_says(shop.status(shipment, "PACKED"))
    later(shop, 1)
    assert only(shop, "load").load.shipment_id == shipment
