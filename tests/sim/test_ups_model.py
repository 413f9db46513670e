"""The UPS stand-in: jobs, trucks, numbers, losses, and the ways in which it can be told to misbehave."""

from random import Random

import pytest

from partners.ups import ups_pb2 as contract
from partners.world import world_ups_pb2 as world_ups
from sim.links import Link, Send
from sim.ups.model import Faults, Settings, UpsModel
from sim.ups.model.fleet import NOT_ASKED_TO_LOAD, UNKNOWN_SHIP
from sim.ups.model.jobs import JobState, Order, OrderKind, TruckState
from sim.world.model import Rules, Side, WorldModel, texts
from tests.sim.virtual_ups import TICK, Delivery


def ships(elements: list[object]) -> list[int]:
    return [element.shipId for element in elements]  # type: ignore[attr-defined]


def test_one_package_all_the_way() -> None:
    delivery = Delivery()
    delivery.all_the_way(7)
    record = delivery.world.book.packages[1, 7]
    assert (len(record.loaded), record.delivered_to) == (1, [(7, -7)])
    assert ships(delivery.shop.all("delivered")) == [7]


def test_packages_of_one_warehouse_share_trucks_and_each_goes_to_its_address() -> None:
    delivery = Delivery(trucks=2)
    delivery.all_the_way(*range(1, 30))
    book = delivery.world.book
    assert all(book.packages[1, ship].delivered_to == [(ship, -ship)] for ship in range(1, 30))


def test_jobs_wait_for_a_truck_when_there_is_none() -> None:
    delivery = Delivery(trucks=1)
    delivery.ask_pickup(1, warehouse=1)
    delivery.ask_pickup(2, warehouse=2)
    delivery.packed(1)
    delivery.wait(5)
    assert ships(delivery.shop.all("loadRequests")) == [1]
    delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1, 2])


def test_the_announcement_is_the_first_message_of_every_connection_and_stops_when_acked() -> None:
    delivery = Delivery()
    delivery.wait(10)
    assert len(delivery.shop.starts) == 1
    for _ in range(3):
        delivery.room.cut(delivery.ups, Link.SHOP)
        delivery.wait(3)
    assert delivery.shop.openings == 4
    for first in delivery.shop.firsts:
        assert contract.UAstart.FromString(first).worldid == 1
    assert len({start.seqnum for start in delivery.shop.starts}) == 1


def test_what_the_shop_does_not_ack_comes_again_under_the_same_number() -> None:
    delivery = Delivery()
    delivery.shop.acking = False
    delivery.ask_pickup(1)
    delivery.wait(10)
    sent = [load for command in delivery.shop.commands for load in command.loadRequests]
    assert len(sent) > 3
    assert len({load.seqNum for load in sent}) == 1


def test_a_repeated_number_is_acked_again_and_not_handled_again() -> None:
    delivery = Delivery()
    first = delivery.ask_pickup(1)
    delivery.wait(4)
    delivery.ask_pickup(1, number=first)
    delivery.wait(4)
    assert delivery.shop.acks() == [first, first]
    assert len(delivery.shop.all("loadRequests")) == 1


def test_a_new_request_for_a_known_package_is_the_same_job() -> None:
    delivery = Delivery()
    delivery.ask_pickup(1)
    delivery.wait(4)
    delivery.ask_pickup(1)
    delivery.wait(1)
    assert ships(delivery.shop.all("loadRequests")) == [1, 1]
    delivery.packed(1)
    delivery.wait(2)
    delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1)
    delivery.ask_deliver(1)
    delivery.wait(6)
    delivery.ask_deliver(1)
    delivery.ask_pickup(1)
    delivery.wait(1)
    assert ships(delivery.shop.all("delivered")) == [1, 1, 1]
    assert len(delivery.world.book.packages[1, 1].delivered) == 1


def test_unknown_and_untimely_deliveries_are_refused() -> None:
    delivery = Delivery(trucks=1)
    unknown = delivery.ask_deliver(99)
    delivery.ask_pickup(1)
    early = delivery.ask_deliver(1)
    delivery.wait(1)
    assert {error.originSeqNum: error.err for error in delivery.shop.all("error")} == {
        unknown: UNKNOWN_SHIP,
        early: NOT_ASKED_TO_LOAD,
    }


def test_a_warehouse_that_the_world_does_not_have_is_an_error_and_frees_the_truck() -> None:
    delivery = Delivery(trucks=1)
    wrong = delivery.ask_pickup(1, warehouse=9)
    delivery.wait(4)
    (error,) = delivery.shop.all("error")
    assert (error.originSeqNum, error.err) == (wrong, texts.E1_UNKNOWN_ID)
    delivery.all_the_way(2)


def test_a_go_for_a_package_that_is_not_loaded_is_refused_and_the_rest_is_delivered() -> None:
    delivery = Delivery(trucks=1)
    for ship in (1, 2):
        delivery.packed(ship)
    delivery.ask_pickup(1, 2)
    delivery.wait(4)
    delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1, 2)
    delivery.wait(12)
    assert ships(delivery.shop.all("delivered")) == [1]
    assert [error.err for error in delivery.shop.all("error")] == [texts.E5_NOT_ON_TRUCK]
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")).count(2) == 2)
    delivery.load(2)
    delivery.wait(2)
    delivery.ask_deliver(2)
    delivery.until(lambda: ships(delivery.shop.all("delivered")) == [1, 2])


def test_a_truck_does_not_wait_for_ever_for_the_rest_of_its_packages() -> None:
    delivery = Delivery(trucks=1)
    delivery.packed(1)
    delivery.ask_pickup(1, 2)
    delivery.wait(4)
    delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1)
    delivery.until(lambda: ships(delivery.shop.all("delivered")) == [1])
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1, 2, 2])


@pytest.mark.parametrize("after", [0.2, 1.2, 2.2, 3.3, 4.5, 5.1, 6.3])
@pytest.mark.parametrize("flakiness", [0, 60])
def test_a_lost_world_connection_loses_no_delivery(after: float, flakiness: int) -> None:
    delivery = Delivery(flakiness=flakiness)
    for _ in range(40):
        delivery.packed(1)
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.wait(after)
    delivery.room.cut(delivery.ups, Link.WORLD)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])
    delivery.wait(2)
    for _ in range(10):
        delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1)
    delivery.wait(after)
    delivery.room.cut(delivery.ups, Link.WORLD)
    delivery.until(lambda: ships(delivery.shop.all("delivered")) == [1])
    assert len(delivery.world.book.packages[1, 1].delivered) == 1


def test_a_notice_that_never_comes_is_made_up_for_by_asking() -> None:
    delivery = Delivery(trucks=1)
    delivery.ask_pickup(1)
    arrived = delivery.world.worlds[1].trucks[1]
    delivery.until(lambda: arrived.status == "ARRIVE WAREHOUSE")
    # Either side can ack any number: the notice is gone for good.
    delivery.command(acks=range(1000))
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1], ticks=10)


def test_a_notice_of_an_earlier_trip_is_not_believed() -> None:
    delivery = Delivery(trucks=1)
    delivery.all_the_way(5)
    delivery.wait(3)
    delivery.ask_pickup(1)
    delivery.ups.fleet.arrived(1, seqnum=1)
    delivery.ups.advance(delivery.room.now)
    delivery.room.settle()
    assert ships(delivery.shop.all("loadRequests")) == [5]
    delivery.wait(4)
    assert ships(delivery.shop.all("loadRequests")) == [5, 1]


def test_a_late_notice_does_not_free_a_truck_that_is_to_be_sent_out_again() -> None:
    delivery = Delivery(trucks=1, simspeed=100)
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])
    delivery.wait(10)
    delivery.load(1)
    # The world refuses, as the truck is still being loaded: the order is given again a tick later.
    delivery.ask_deliver(1)
    truck = delivery.ups.fleet.trucks[1]
    delivery.until(lambda: not truck.orders, ticks=3)

    delivery.ups.fleet.arrived(1, seqnum=10**9)
    assert truck.state is TruckState.OUT
    delivery.ask_pickup(2, warehouse=2)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1, 2])
    assert ships(delivery.shop.all("delivered")) == [1]


def test_a_late_refusal_of_what_was_delivered_since_sends_no_truck_out() -> None:
    delivery = Delivery(trucks=1)
    delivery.all_the_way(1, 2)
    fleet = delivery.ups.fleet
    truck, jobs = fleet.trucks[1], (fleet.jobs[1], fleet.jobs[2])
    delivery.packed(3)
    delivery.ask_pickup(3)
    order = Order(OrderKind.DELIVER, 99, truck, jobs, 0)
    fleet.refused(order, "package you have specified is not currently in the truck", delivery.room.now)
    assert truck.state is TruckState.GOING
    assert {job.state for job in jobs} == {JobState.DELIVERED}


def test_after_a_guess_the_late_notice_is_checked_by_a_question() -> None:
    delivery = Delivery(trucks=1)
    truck = delivery.ups.fleet.trucks[1]
    truck.guessed = True
    delivery.ask_pickup(1)
    asked = delivery.world.book.elements_received("truck query")
    delivery.ups.fleet.arrived(1, seqnum=10**9)
    delivery.ups.advance(delivery.room.now)
    delivery.room.settle()
    assert not delivery.shop.all("loadRequests")
    delivery.wait(4)
    assert delivery.world.book.elements_received("truck query") > asked
    assert ships(delivery.shop.all("loadRequests")) == [1]


def test_after_a_reconnect_to_the_shop_everything_unacked_goes_out_at_once() -> None:
    delivery = Delivery()
    delivery.shop.acking = False
    delivery.ask_pickup(1)
    delivery.wait(4)
    now = delivery.room.now
    delivery.ups.lost(Link.SHOP, now)
    delivery.ups.opened(Link.SHOP, now)
    start, again = [output.body for output in delivery.ups.outputs() if isinstance(output, Send)]
    assert contract.UAstart.FromString(start).worldid == 1
    assert ships(contract.UACommand.FromString(again).loadRequests) == [1]


def test_it_waits_longer_than_a_tick_before_it_dials_the_world_again() -> None:
    delivery = Delivery()
    cut_at = delivery.room.now
    delivery.room.cut(delivery.ups, Link.WORLD)
    delivery.until(lambda: delivery.world.book.events["connected"] == 3)
    assert delivery.room.now - cut_at > TICK


def test_a_world_that_forgot_everything_is_replaced_and_announced() -> None:
    delivery = Delivery()
    delivery.all_the_way(1)
    delivery.room.replace_world(WorldModel(Rules(default_simspeed=10_000, first_world=50), Random(2)))
    delivery.until(lambda: [start.worldid for start in delivery.shop.starts] == [1, 50])
    assert delivery.shop.starts[0].seqnum != delivery.shop.starts[1].seqnum
    delivery.open_goods()
    delivery.all_the_way(2)


def test_a_new_world_under_the_old_number_is_noticed_by_its_trucks() -> None:
    delivery = Delivery(trucks=1)
    delivery.ask_pickup(1)
    fresh = WorldModel(Rules(default_simspeed=10_000), Random(2))
    delivery.room.replace_world(fresh)
    stranger = fresh.accept(Side.UPS, delivery.room.now)
    fresh.receive(stranger, world_ups.UConnect(isAmazon=False).SerializeToString(), delivery.room.now)
    fresh.peer_closed(stranger, delivery.room.now)
    assert list(fresh.worlds) == [1]
    delivery.until(lambda: [start.worldid for start in delivery.shop.starts][-1] == 2)


def test_the_shop_away_for_an_hour_loses_nothing() -> None:
    delivery = Delivery()
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.room.reachable["shop"] = False
    delivery.room.cut(delivery.ups, Link.SHOP)
    delivery.wait(600)
    assert not delivery.shop.all("loadRequests")
    delivery.room.reachable["shop"] = True
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])


def test_the_world_away_at_first_is_waited_for() -> None:
    delivery = Delivery()
    delivery.room.reachable["ups's world"] = False
    delivery.room.cut(delivery.ups, Link.WORLD)
    delivery.ask_pickup(1)
    delivery.wait(600)
    delivery.room.reachable["ups's world"] = True
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])


def test_a_restart_with_memory_goes_on_where_it_was() -> None:
    delivery = Delivery()
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.ups.restart(delivery.room.now, memory=True)
    delivery.room.settle()
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])


def test_a_restart_without_memory_begins_at_one_again_and_is_helped_by_asking_again() -> None:
    delivery = Delivery()
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.wait(4)
    delivery.ups.restart(delivery.room.now, memory=False)
    delivery.room.settle()
    delivery.wait(4)
    assert delivery.ups.as_json()["jobs"] == []
    assert [start.worldid for start in delivery.shop.starts] == [1, 1]
    before = len(delivery.shop.commands)
    delivery.ask_pickup(1)
    delivery.wait(6)
    again = [load for command in delivery.shop.commands[before:] for load in command.loadRequests]
    assert {load.shipId for load in again} == {1}
    assert min(load.seqNum for load in again) <= 2
    delivery.load(1)
    delivery.wait(2)
    delivery.ask_deliver(1)
    delivery.until(lambda: 1 in ships(delivery.shop.all("delivered")))


def test_a_restart_in_a_new_world_announces_it() -> None:
    delivery = Delivery()
    delivery.ups.restart(delivery.room.now, memory=False, keep_world=False)
    delivery.room.settle()
    delivery.until(lambda: [start.worldid for start in delivery.shop.starts] == [1, 2])


def test_a_truck_that_waits_in_vain_goes_elsewhere_and_comes_back_when_it_is_asked_for_again() -> None:
    delivery = Delivery(trucks=1)
    delivery.ask_pickup(1)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])
    delivery.wait(70)
    delivery.all_the_way(2, warehouse=2)
    told = len(delivery.shop.all("loadRequests"))
    delivery.wait(70)
    assert len(delivery.shop.all("loadRequests")) == told, "nobody asked again"
    delivery.all_the_way(1)


def test_silence() -> None:
    faults = Faults()
    delivery = Delivery(faults=faults)
    faults.silent = True
    heard = len(delivery.shop.commands)
    delivery.ask_pickup(1)
    delivery.wait(50)
    assert len(delivery.shop.commands) == heard
    faults.silent = False
    delivery.ups.advance(delivery.room.now)
    delivery.until(lambda: ships(delivery.shop.all("loadRequests")) == [1])


def test_everything_twice() -> None:
    delivery = Delivery(faults=Faults(duplicate=True))
    assert len(delivery.shop.starts) == 2
    delivery.all_the_way(1)
    loads = [load.seqNum for command in delivery.shop.commands for load in command.loadRequests]
    assert len(loads) == 2 * len(set(loads))


def test_a_wrong_world_is_announced() -> None:
    delivery = Delivery(faults=Faults(announce=4711))
    assert [start.worldid for start in delivery.shop.starts] == [4711]


def test_garbage_comes_first_on_each_connection() -> None:
    delivery = Delivery(faults=Faults(garbage=b"\xff\xff\xff\xff\x07"))
    delivery.wait(5)
    assert delivery.shop.bad > 2
    assert delivery.shop.openings == delivery.shop.bad


def test_garbage_from_the_shop_closes_that_connection_only() -> None:
    delivery = Delivery()
    delivery.ask_pickup(1)
    delivery.ups.received(Link.SHOP, b"\xff\xff\xff", delivery.room.now)
    delivery.room.settle()
    delivery.wait(4)
    assert delivery.shop.openings == 2
    assert ships(delivery.shop.all("loadRequests")) == [1]
    assert delivery.world.book.events["connected"] == 2


def test_joining_a_world_that_has_the_trucks_already() -> None:
    delivery = Delivery(trucks=2)
    delivery.room.cut(delivery.ups, Link.WORLD)
    second = UpsModel(Settings(trucks=3, tick=TICK, join=1), Random(9))
    delivery.ups.fleet.trucks.clear()
    delivery.room.ups = delivery.ups = second
    second.start(delivery.room.now)
    delivery.room.settle()
    delivery.until(lambda: second.as_json()["world_link"] == "up")
    delivery.wait(3)
    assert sorted(second.fleet.trucks) == [1, 2]
    delivery.all_the_way(5)


def test_simspeed_is_told_to_the_world_only_when_asked_for() -> None:
    assert Delivery().world.worlds[1].simspeed == 10_000
    ups = UpsModel(Settings(trucks=1, tick=TICK, simspeed=777), Random(1))
    delivery = Delivery()
    delivery.room.ups = delivery.ups = ups
    ups.start(delivery.room.now)
    delivery.room.settle()
    assert delivery.world.worlds[2].simspeed == 777


@pytest.mark.parametrize("wrong", [{"trucks": 0}, {"tick": 0}, {"simspeed": 59}, {"capacity": 0}])
def test_wrong_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
