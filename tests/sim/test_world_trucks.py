"""The world's trucks: which command is allowed in which state, legs, interruptions, redirects, and what stays true."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.world.model import Quirks, Rules, texts
from sim.world.model.state import PackageStatus, TruckStatus
from tests.sim.virtual_world import Peer, VirtualWorld, ask, buy, deliver, load, loaded_truck, pack, pickup

FAR = 1_000_000


def idle(world: VirtualWorld) -> tuple[Peer, Peer]:
    return world.pair(simspeed=600)


def traveling(world: VirtualWorld) -> tuple[Peer, Peer]:
    shop, fleet = world.pair(simspeed=600)
    world.model.worlds[1].warehouses[3] = (FAR, 0)
    pickup(fleet, warehouse=3)
    return shop, fleet


def at_warehouse(world: VirtualWorld) -> tuple[Peer, Peer]:
    return loaded_truck(world, 100)


def loading(world: VirtualWorld) -> tuple[Peer, Peer]:
    shop, fleet = loaded_truck(world, 100, simspeed=600)
    shop.say(simspeed=60)
    pack(shop, 200)
    world.wait(48)
    load(shop, 200)
    return shop, fleet


def delivering(world: VirtualWorld) -> tuple[Peer, Peer]:
    shop, fleet = loaded_truck(world, 100)
    deliver(fleet, (100, FAR, 0))
    return shop, fleet


STATES: dict[TruckStatus, Callable[[VirtualWorld], tuple[Peer, Peer]]] = {
    TruckStatus.IDLE: idle,
    TruckStatus.TRAVELING: traveling,
    TruckStatus.ARRIVE_WAREHOUSE: at_warehouse,
    TruckStatus.LOADING: loading,
    TruckStatus.DELIVERING: delivering,
}
TABLE: dict[tuple[TruckStatus, str], tuple[str | None, TruckStatus]] = {
    (TruckStatus.IDLE, "pickup"): (None, TruckStatus.TRAVELING),
    (TruckStatus.IDLE, "deliver"): (texts.E5_NOT_ON_TRUCK, TruckStatus.IDLE),
    (TruckStatus.IDLE, "deliver nothing"): (texts.E6_PROBLEM, TruckStatus.IDLE),
    (TruckStatus.TRAVELING, "pickup"): (texts.E4_NOT_FOUND, TruckStatus.TRAVELING),
    (TruckStatus.TRAVELING, "deliver"): (texts.E4_NOT_FOUND, TruckStatus.TRAVELING),
    (TruckStatus.TRAVELING, "deliver nothing"): (texts.E4_NOT_FOUND, TruckStatus.TRAVELING),
    (TruckStatus.ARRIVE_WAREHOUSE, "pickup"): (None, TruckStatus.TRAVELING),
    (TruckStatus.ARRIVE_WAREHOUSE, "deliver"): (None, TruckStatus.DELIVERING),
    (TruckStatus.ARRIVE_WAREHOUSE, "deliver nothing"): (texts.E6_PROBLEM, TruckStatus.ARRIVE_WAREHOUSE),
    (TruckStatus.LOADING, "pickup"): (texts.E4_NOT_FOUND, TruckStatus.LOADING),
    (TruckStatus.LOADING, "deliver"): (texts.E4_NOT_FOUND, TruckStatus.LOADING),
    (TruckStatus.LOADING, "deliver nothing"): (texts.E4_NOT_FOUND, TruckStatus.LOADING),
    (TruckStatus.DELIVERING, "pickup"): (None, TruckStatus.TRAVELING),
    (TruckStatus.DELIVERING, "deliver"): (None, TruckStatus.DELIVERING),
    (TruckStatus.DELIVERING, "deliver nothing"): (None, TruckStatus.DELIVERING),
}


@pytest.mark.parametrize(("state", "command"), TABLE, ids=lambda value: str(value))
def test_every_command_in_every_state_of_a_truck(state: TruckStatus, command: str) -> None:
    world = VirtualWorld()
    _, fleet = STATES[state](world)
    truck = world.model.worlds[1].trucks[1]
    assert truck.status is state
    if command == "pickup":
        seqnum = pickup(fleet, warehouse=2)
    else:
        seqnum = deliver(fleet, *([(100, FAR, 7)] if command == "deliver" else []))
    error, after = TABLE[state, command]
    assert truck.status is after
    world.wait(6)
    assert fleet.errors().get(seqnum) == error


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {
        (state, command) for state in TruckStatus for command in ("pickup", "deliver", "deliver nothing")
    }


def test_unknown_things() -> None:
    world = VirtualWorld()
    _, fleet = world.pair()
    seqnums = [pickup(fleet, warehouse=9), pickup(fleet, truck=9), deliver(fleet, (1, 1, 1), truck=9), ask(fleet, 9)]
    world.wait(6)
    expected = (texts.E1_UNKNOWN_ID, texts.E4_NOT_FOUND, texts.E4_NOT_FOUND, texts.E1_UNKNOWN_ID)
    assert fleet.errors() == dict(zip(seqnums, expected, strict=True))


def test_one_wrong_package_rolls_back_the_whole_delivery() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100)
    wrong = deliver(fleet, (100, 5, 5), (555, 1, 1))
    world.wait(6)
    assert fleet.errors() == {wrong: texts.E5_NOT_ON_TRUCK}
    assert world.model.worlds[1].packages[100].status is PackageStatus.LOADED


def test_only_the_package_under_way_is_delivering() -> None:
    world = VirtualWorld()
    shop, fleet = loaded_truck(world, 100, 101)
    deliver(fleet, (101, FAR, 0), (100, FAR, 0))
    ask(shop, 100)
    ask(shop, 101)
    world.wait(6)
    assert [(status.packageid, status.status) for status in shop.all("packagestatus")] == [
        (100, "LOADED"),
        (101, "DELIVERING"),
    ]


def test_deliveries_come_in_the_order_of_the_list_and_one_end() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100, 101, 102)
    deliver(fleet, (102, 20, 10), (100, 20, 20), (101, 0, 0))
    world.wait(40)
    assert [made.packageid for made in fleet.all("delivered")] == [102, 100, 101]
    end = fleet.last("completions")
    assert (end.status, end.x, end.y) == ("IDLE", 0, 0)


def test_the_first_leg_takes_no_time_for_dy() -> None:
    for quirk, soon in ((True, True), (False, False)):
        world = VirtualWorld(quirks=Quirks(first_leg_ignores_dy=quirk))
        _, fleet = loaded_truck(world, 100, simspeed=600)
        deliver(fleet, (100, 10, 60_000))
        world.wait(12)
        assert bool(fleet.all("delivered")) is soon


def test_an_interrupted_package_goes_first_next_time() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100, 101)
    deliver(fleet, (100, FAR, 0))
    world.wait(3)
    pickup(fleet, warehouse=1)
    assert world.model.worlds[1].packages[100].status is PackageStatus.LOADED
    world.model.worlds[1].trucks[1].drops[0].x = 40
    world.wait(20)
    deliver(fleet, (101, 50, 10))
    world.wait(30)
    assert [made.packageid for made in fleet.all("delivered")] == [100, 101]


def test_an_empty_delivery_resumes_what_was_interrupted() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100)
    deliver(fleet, (100, 40_000, 10))
    pickup(fleet, warehouse=1)
    world.wait(12)
    deliver(fleet)
    world.wait(90)
    assert [made.packageid for made in fleet.all("delivered")] == [100]


def test_a_delivered_package_is_not_driven_again() -> None:
    world = VirtualWorld()
    shop, fleet = loaded_truck(world, 100)
    deliver(fleet, (100, 11, 10))
    world.wait(12)
    pickup(fleet)
    world.wait(12)
    again = [deliver(fleet, (100, 1, 1)), load(shop, 100)]
    world.wait(6)
    assert fleet.errors()[again[0]] == texts.E5_NOT_ON_TRUCK
    assert shop.errors()[again[1]] == texts.E4_NOT_FOUND


def test_a_package_left_on_an_idle_truck_is_delivered_later() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100, 101)
    deliver(fleet, (100, 11, 10))
    world.wait(12)
    assert world.model.worlds[1].trucks[1].status is TruckStatus.IDLE
    deliver(fleet, (101, 12, 10))
    world.wait(12)
    assert world.model.book.packages[1, 101].delivered_to == [(12, 10)]


def test_redirects_and_new_addresses_count() -> None:
    world = VirtualWorld()
    _, fleet = loaded_truck(world, 100, 101)
    deliver(fleet, (100, 6000, 10), (101, 6000, 20))
    world.wait(2)
    deliver(fleet, (100, 20, 10), (101, 30, 10))
    world.wait(60)
    book = world.model.book
    assert (book.packages[1, 100].delivered_to, book.packages[1, 101].delivered_to) == ([(20, 10)], [(30, 10)])


def test_standing_on_a_warehouse_is_not_being_there() -> None:
    world = VirtualWorld()
    shop, fleet = loaded_truck(world, 100)
    pack(shop, 200)
    deliver(fleet, (100, 10, 10))
    world.wait(12)
    refused = load(shop, 200)
    world.wait(6)
    assert shop.errors()[refused] == texts.E4_NOT_FOUND


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "pack", "load", "pickup", "deliver", "ask", "wait", "drop shop", "drop ups"]),
        st.integers(0, 4),
        st.integers(1, 2),
        st.integers(1, 2),
    ),
    max_size=60,
)


@given(actions=ACTIONS, seed=st.integers(0, 2**32), flakiness=st.sampled_from([0, 40]))
@settings(max_examples=150, deadline=None)
def test_whatever_clients_do_goods_are_conserved_and_nothing_happens_twice(
    actions: list[tuple[str, int, int, int]], seed: int, flakiness: int
) -> None:
    world = VirtualWorld(Rules(flakiness=flakiness, transient_errors=0.05, default_simspeed=600), seed=seed)
    peers = dict(zip(("shop", "ups"), world.pair(trucks=2), strict=True))
    numbers = Random(seed)
    for action, ship, truck, warehouse in actions:
        _act(world, peers, action, ship, truck, warehouse, numbers)
        _hold(world)
    world.wait(60)
    _hold(world)


def _act(
    world: VirtualWorld, peers: dict[str, Peer], action: str, ship: int, truck: int, warehouse: int, numbers: Random
) -> None:
    shop, fleet = peers["shop"], peers["ups"]
    if action == "buy":
        buy(shop, ship, warehouse)
    elif action == "pack":
        pack(shop, ship, warehouse, count=ship)
    elif action == "load":
        load(shop, ship, truck, warehouse)
    elif action == "pickup":
        pickup(fleet, truck, warehouse)
    elif action == "deliver":
        deliver(fleet, *[(ship + i, numbers.randint(-9000, 9000), 5) for i in range(warehouse - 1, 2)], truck=truck)
    elif action == "ask":
        ask(shop, ship)
        ask(fleet, truck)
    elif action == "wait":
        world.wait(ship * 3.3)
    else:
        name = action.removeprefix("drop ")
        old = peers[name]
        old.leave()
        peers[name] = fresh = world.peer(old.side)
        fresh.connect(worldid=1)
        fresh._numbers = old._numbers


def _hold(world: VirtualWorld) -> None:
    """What is true after every step."""
    state, book = world.model.worlds[1], world.model.book
    for (_, warehouse, product), bought in book.bought.items():
        taken = book.taken[1, warehouse, product]
        stock = state.stock[warehouse, product]
        assert stock >= 0
        assert bought == taken + stock
    for package in state.packages.values():
        record = book.packages[1, package.id]
        reached = [len(record.packed), len(record.loaded), len(record.delivered)]
        expected = {
            PackageStatus.PACKING: [0, 0, 0],
            PackageStatus.PACKED: [1, 0, 0],
            PackageStatus.LOADING: [1, 0, 0],
            PackageStatus.LOADED: [1, 1, 0],
            PackageStatus.DELIVERING: [1, 1, 0],
            PackageStatus.DELIVERED: [1, 1, 1],
        }
        assert reached == expected[package.status]
    for truck in state.trucks.values():
        loading_now = [p for p in state.packages.values() if p.truck is truck and p.status is PackageStatus.LOADING]
        under_way = [p for p in state.packages.values() if p.truck is truck and p.status is PackageStatus.DELIVERING]
        assert len(loading_now) == (truck.status is TruckStatus.LOADING)
        assert len(under_way) == (truck.status is TruckStatus.DELIVERING)
        assert not truck.queue or truck.status is TruckStatus.LOADING
        assert all(package.status is PackageStatus.PACKED for package in truck.queue)


@given(bodies=st.lists(st.binary(max_size=40), max_size=20), ports=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_model(bodies: list[bytes], ports: int) -> None:
    world = VirtualWorld()
    shop, fleet = world.pair()
    for i, body in enumerate(bodies):
        peer = (shop, fleet)[(i + ports) % 2]
        if ports > 1:
            peer = world.peer(peer.side)
        world.model.receive(peer.number, body, world.now)
    world.wait(7)
    assert world.model.worlds[1] is not None


def test_numbers_at_the_ends_of_their_types_are_carried() -> None:
    world = VirtualWorld()
    shop, fleet = world.pair()
    low, high = -(2**63), 2**63 - 1
    for number in (low, high, 0):
        shop.say(buy=[amazon.APurchaseMore(whnum=1, seqnum=number)])
        shop.say(topack=[amazon.APack(whnum=1, shipid=number, seqnum=number // 2 + 3)])
        fleet.say(queries=[ups.UQuery(truckid=1, seqnum=number)])
    world.wait(12)
    assert shop.all("acks")[:2] == [low, low // 2 + 3]
    assert [element.shipid for element in shop.all("ready")] == [low, high, 0]
    assert fleet.all("acks") == [low, high, 0]
