"""The UPS stand-in with the extension: what it promises about an address is what the world does."""

import pytest

from partners.ups import ups_pb2 as contract
from sim.links import Link
from sim.ups.model import FEATURES, Faults, Settings
from tests.sim.virtual_ups import Delivery
from ups_bridge import contract as ours

SLOW = 60
"""A simspeed at which a package is on the road for a while."""


def answers(delivery: Delivery) -> dict[int, str | None]:
    """The answers to redirects by their number: None is yes, else why not."""
    told = delivery.shop.all("redirectAnswers")
    assert len({answer.originSeqNum for answer in told}) == len(told), "one answer each"
    return {answer.originSeqNum: None if answer.accepted else answer.reason for answer in told}


def cancels(delivery: Delivery) -> dict[int, str | None]:
    told = delivery.shop.all("cancelAnswers")
    return {answer.originSeqNum: None if answer.accepted else answer.reason for answer in told}


def on_the_road(ship: int = 1, simspeed: int = SLOW, **options: int) -> Delivery:
    """A delivery whose package is under way to a far address, with minutes to go."""
    delivery = Delivery(trucks=2, features=FEATURES, simspeed=simspeed, **options)
    ship_at_warehouse(delivery, ship)
    delivery.wait(11)
    delivery.load(ship)
    delivery.wait(12)
    delivery.ask_deliver(ship)
    delivery.until(lambda: delivery.shop.all("deliveryStarted"))
    return delivery


def ship_at_warehouse(delivery: Delivery, ship: int) -> None:
    delivery.packed(ship)
    delivery.ask_pickup(ship)
    delivery.until(lambda: ship in {load.shipId for load in delivery.shop.all("loadRequests")})


def where(delivery: Delivery, ship: int = 1) -> list[tuple[int, int]]:
    assert delivery.ups.world_id is not None
    return delivery.world.book.packages[delivery.ups.world_id, ship].delivered_to


def test_a_base_stand_in_names_nothing_and_says_nothing_of_the_extension() -> None:
    delivery = Delivery(trucks=1)
    delivery.shop.hello = contract.AUHello(features=FEATURES)
    delivery.all_the_way(1)
    assert not delivery.shop.starts[0].features
    assert not delivery.shop.starts[0].HasField("contract")
    assert not any(
        command.redirectAnswers or command.deliveryStarted or command.truckPositions
        for command in delivery.shop.commands
    )


def test_nothing_of_the_extension_is_said_to_a_shop_without_a_hello() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    delivery.shop.hello = None
    delivery.room.cut(delivery.ups, Link.SHOP)
    delivery.wait(2)
    delivery.all_the_way(1)
    assert not any(command.deliveryStarted or command.truckPositions for command in delivery.shop.commands)


def test_it_names_its_features_and_its_contract_is_ours_written_apart() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    assert tuple(delivery.shop.starts[0].features) == FEATURES
    assert delivery.shop.starts[0].contract == ours.ours()
    with pytest.raises(ValueError, match="there is no feature levitation"):
        Settings(features=("levitation",))


def test_before_the_truck_has_left_another_address_is_written_down_and_the_package_goes_there() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    delivery.ask_pickup(1)
    number = delivery.redirect(1, 44, -7)
    delivery.until(lambda: number in answers(delivery))
    assert answers(delivery) == {number: None}
    delivery.ask_pickup(1)
    delivery.all_the_way(1)
    assert where(delivery) == [(44, -7)], "asking for the truck again changes no address"


def test_a_package_on_the_road_is_turned_round_by_the_world_and_only_then_promised() -> None:
    delivery = on_the_road(ship=5000)
    number = delivery.redirect(5000, 40, 40)
    assert answers(delivery) == {}
    delivery.until(lambda: number in answers(delivery))
    assert answers(delivery) == {number: None}
    delivery.until(lambda: delivery.shop.all("delivered"), 1000)
    assert where(delivery, 5000) == [(40, 40)]


def test_a_package_that_arrives_before_the_world_hears_is_refused_as_delivered() -> None:
    delivery = on_the_road(ship=1, simspeed=10_000)
    number = delivery.redirect(1, 40, 40)
    delivery.until(lambda: number in answers(delivery))
    delivery.until(lambda: delivery.shop.all("delivered"))
    assert answers(delivery) == {number: "delivered"}
    assert where(delivery) == [(1, -1)]
    again = delivery.redirect(1, 1, -1)
    delivery.wait(1)
    assert answers(delivery)[again] is None, "it is there already"


def test_the_order_of_numbers_decides_and_what_is_unknown_is_refused() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    delivery.ask_pickup(1)
    delivery.redirect(1, 7, 7, number=50)
    delivery.redirect(1, 8, 8, number=40)
    delivery.redirect(99, 8, 8, number=60)
    delivery.wait(1)
    assert answers(delivery) == {50: None, 40: "superseded", 60: "unknown shipId"}
    delivery.all_the_way(1)
    assert where(delivery) == [(7, 7)]


def test_a_second_redirect_waits_for_the_first_and_the_last_one_counts() -> None:
    delivery = on_the_road(ship=5000)
    first, second = delivery.redirect(5000, 3000, 40), delivery.redirect(5000, 2000, 30)
    delivery.until(lambda: len(answers(delivery)) == 2)
    assert answers(delivery) == {first: None, second: None}
    delivery.until(lambda: delivery.shop.all("delivered"), 1000)
    assert where(delivery, 5000) == [(2000, 30)]


@pytest.mark.parametrize("seed", range(8))
def test_where_the_world_loses_orders_and_connections_the_promise_is_still_kept(seed: int) -> None:
    delivery = on_the_road(ship=700, flakiness=50, seed=seed)
    number = delivery.redirect(700, 40, 40)
    delivery.wait(seed / 4)
    delivery.room.cut(delivery.ups, Link.WORLD)
    delivery.until(lambda: number in answers(delivery), 400)
    delivery.until(lambda: delivery.shop.all("delivered"), 1000)
    reached = (40, 40) if answers(delivery)[number] is None else (700, -700)
    assert where(delivery, 700) == [reached], f"seed {seed}"


@pytest.mark.parametrize("tenth", range(120, 145))
def test_while_its_truck_is_being_loaded_a_package_goes_where_the_last_promise_says(tenth: int) -> None:
    delivery = Delivery(trucks=1, features=FEATURES, simspeed=100)
    delivery.packed(1)
    delivery.packed(2)
    delivery.ask_pickup(1, 2)
    delivery.until(lambda: len(delivery.shop.all("loadRequests")) == 2)
    delivery.wait(12)
    delivery.load(1)
    delivery.wait(12)
    delivery.load(2)
    delivery.cancel(2)
    delivery.ask_deliver(1)
    delivery.wait((tenth - 50) / 10)
    number = delivery.redirect(1, 40, 40)
    delivery.until(lambda: number in answers(delivery) and delivery.shop.all("delivered"), 1000)
    assert where(delivery) == [(40, 40) if answers(delivery)[number] is None else (1, -1)]


def test_a_truck_that_is_still_being_loaded_elsewhere_is_not_said_to_be_there() -> None:
    delivery = Delivery(trucks=1, features=FEATURES, simspeed=100)
    delivery.packed(1)
    delivery.packed(2, warehouse=2)
    delivery.ask_pickup(1)
    delivery.until(lambda: delivery.shop.all("loadRequests"))
    delivery.wait(12)
    delivery.load(1)
    delivery.cancel(1)
    delivery.ask_pickup(2, warehouse=2)
    delivery.until(lambda: 2 in {load.shipId for load in delivery.shop.all("loadRequests")})
    delivery.load(2, warehouse=2)
    delivery.wait(12)
    delivery.ask_deliver(2)
    delivery.until(lambda: delivery.shop.all("delivered"), 100)
    assert where(delivery, 2) == [(2, -2)]


def test_an_answer_waits_for_the_hello_of_the_next_connection() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    delivery.shop.acking = False
    delivery.ask_pickup(1)
    number = delivery.redirect(1, 7, 7)
    heard = len(delivery.shop.commands)
    hello, delivery.shop.hello = delivery.shop.hello, None
    delivery.room.cut(delivery.ups, Link.SHOP)
    delivery.wait(5)
    assert not any(command.redirectAnswers for command in delivery.shop.commands[heard + 1 :])
    delivery.shop.acking = True
    delivery.shop.hello = hello
    delivery.room.cut(delivery.ups, Link.SHOP)
    delivery.wait(5)
    assert answers(delivery) == {number: None}


# Cancel.


def test_a_job_is_given_up_until_go_was_said_and_the_truck_is_free() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    ship_at_warehouse(delivery, 1)
    number = delivery.cancel(1)
    unknown = delivery.cancel(77)
    delivery.wait(1)
    assert cancels(delivery) == {number: None, unknown: None}
    delivery.ask_pickup(1)
    delivery.ask_pickup(77)
    delivery.ask_deliver(1)
    refused = delivery.redirect(1, 2, 2)
    delivery.wait(3)
    assert answers(delivery) == {refused: "cancelled"}
    assert [load.shipId for load in delivery.shop.all("loadRequests")] == [1]
    assert delivery.shop.all("error") == []
    delivery.all_the_way(2)


def test_after_go_a_cancel_is_refused_and_after_the_delivery_too() -> None:
    delivery = on_the_road(ship=5000)
    under_way = delivery.cancel(5000)
    delivery.until(lambda: delivery.shop.all("delivered"), 1000)
    delivered = delivery.cancel(5000)
    delivery.wait(1)
    assert cancels(delivery) == {under_way: "under way", delivered: "delivered"}


def test_a_waiting_and_a_coming_job_are_given_up_and_the_others_go_on() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    delivery.ask_pickup(1, 2)
    delivery.ask_pickup(3, warehouse=2)
    for ship in (1, 3):
        delivery.cancel(ship)
    delivery.all_the_way(2)
    delivery.wait(20)
    assert {load.shipId for load in delivery.shop.all("loadRequests")} == {2}


# Notices.


def test_the_start_of_a_delivery_and_the_way_are_told() -> None:
    delivery = on_the_road(ship=5000)
    (started,) = delivery.shop.all("deliveryStarted")
    assert started.shipId == 5000
    delivery.until(lambda: delivery.shop.all("delivered"), 1000)
    way = [one for command in delivery.shop.commands for one in command.truckPositions if 5000 in one.shipIds]
    assert len(way) > 10
    assert {one.truckId for one in way} == {started.truckId}
    assert [one.x for one in way] == sorted(one.x for one in way), "x first, then y"


def test_accounts_are_known_but_for_the_strangers() -> None:
    delivery = Delivery(trucks=1, features=FEATURES)
    checks = [contract.AUAccountCheck(seqNum=900 + at, upsName=name) for at, name in enumerate(("ann", "nobody"))]
    delivery.shop.say(delivery.room.now, accountChecks=checks)
    delivery.room.settle()
    told = {answer.originSeqNum: (answer.upsName, answer.known) for answer in delivery.shop.all("accountAnswers")}
    assert told == {900: ("ann", True), 901: ("nobody", False)}


# Moods.


def test_an_unwilling_one_refuses_changes_and_keeps_what_it_has_promised() -> None:
    faults = Faults()
    delivery = Delivery(trucks=1, features=FEATURES, faults=faults)
    delivery.ask_pickup(1)
    delivery.ask_pickup(2)
    promised, given_up = delivery.redirect(1, 44, -7), delivery.cancel(2)
    delivery.wait(1)
    faults.unwilling = True
    other, again = delivery.redirect(1, 5, 5), delivery.redirect(1, 44, -7)
    gone, kept = delivery.cancel(2), delivery.cancel(1)
    delivery.wait(1)
    assert answers(delivery) == {promised: None, other: "we would rather not", again: None}
    assert cancels(delivery) == {given_up: None, gone: None, kept: "we would rather not"}
    delivery.all_the_way(1)
    assert where(delivery) == [(44, -7)]


def test_an_undecided_one_tells_later_what_it_has_decided() -> None:
    faults = Faults(undecided=True)
    delivery = Delivery(trucks=1, features=FEATURES, faults=faults)
    delivery.ask_pickup(1)
    moved, given_up = delivery.redirect(1, 44, -7), delivery.cancel(2)
    delivery.wait(20)
    assert (answers(delivery), cancels(delivery)) == ({}, {})
    faults.undecided = False
    delivery.ups.advance(delivery.room.now)
    delivery.wait(1)
    assert (answers(delivery), cancels(delivery)) == ({moved: None}, {given_up: None})
