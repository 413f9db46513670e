"""The world's rules, one by one: connections, numbers, flakiness, times, goods, loading."""

from itertools import pairwise

import pytest

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.world.model import Quirks, Rules, Side, texts
from sim.world.model.movement import drive_seconds, load_seconds, pack_seconds, position
from tests.sim.virtual_world import VirtualWorld, ask, buy, load, pack, pickup, things


def test_worlds_come_from_one_serial_and_a_failed_one_uses_up_its_number() -> None:
    world = VirtualWorld()
    assert world.peer(Side.AMAZON).connect().worldid == 1
    twice = [amazon.AInitWarehouse(id=1, x=0, y=0)] * 2
    refused = world.peer(Side.AMAZON).connect(initwh=twice)
    assert (refused.worldid, refused.result) == (0, texts.ALREADY_EXISTS)
    assert world.peer(Side.UPS).connect().worldid == 3


def test_a_refused_join_leaves_the_world_as_it_was() -> None:
    world = VirtualWorld()
    first = world.peer(Side.UPS)
    first.connect(trucks=[ups.UInitTruck(id=1, x=0, y=0)])
    first.leave()
    second = world.peer(Side.UPS)
    trucks = [ups.UInitTruck(id=2, x=0, y=0), ups.UInitTruck(id=1, x=0, y=0)]
    assert second.connect(worldid=1, trucks=trucks).result == texts.ALREADY_EXISTS
    assert set(world.model.worlds[1].trucks) == {1}
    third = world.peer(Side.UPS)
    assert third.connect(worldid=1, trucks=[ups.UInitTruck(id=2, x=0, y=0)]).result == texts.CONNECTED


def test_warehouses_of_a_second_connect_are_added() -> None:
    world = VirtualWorld()
    first = world.peer(Side.AMAZON)
    first.connect(initwh=[amazon.AInitWarehouse(id=1, x=0, y=0)])
    first.leave()
    world.peer(Side.AMAZON).connect(worldid=1, initwh=[amazon.AInitWarehouse(id=-2, x=-(2**31), y=2**31 - 1)])
    assert world.model.worlds[1].warehouses == {1: (0, 0), -2: (-(2**31), 2**31 - 1)}


def test_disconnect_is_done_last_and_false_is_ignored() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    shop.say(disconnect=False)
    world.wait(13)
    assert shop.closed is None
    shop.say(disconnect=True, buy=[amazon.APurchaseMore(whnum=1, things=things(), seqnum=1)])
    world.wait(6)
    _, last = shop.heard[-1]
    assert (list(last.acks), len(last.arrived), last.finished) == ([1], 1, True)
    assert shop.closed is not None


def test_what_comes_after_disconnect_is_lost() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    shop.say(disconnect=True)
    buy(shop)
    world.wait(6)
    assert not shop.all("acks")


def test_a_connection_that_was_refused_is_dead() -> None:
    world = VirtualWorld()
    peer = world.peer(Side.AMAZON)
    peer.connect(worldid=99)
    assert peer.closed == 0.0
    assert peer.connect() is None


def test_results_pending_at_a_loss_come_back_after_five_minutes_and_acks_never() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    world.wait(1)
    buy(shop)
    shop.leave()
    world.wait(10)
    again = world.peer(Side.AMAZON)
    again.connect(worldid=1)
    world.wait(290)
    assert not again.heard[1:]
    world.wait(20)
    assert len(again.all("arrived")) == 1
    assert not again.all("acks")


def test_the_old_connection_takes_what_was_said_on_the_new_one() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    world.wait(7)
    shop.leave()
    again = world.peer(Side.AMAZON)
    assert again.connect(worldid=1).result == texts.CONNECTED
    buy(again)
    world.wait(30)
    assert (len(shop.all("arrived")), len(again.all("arrived"))) == (1, 0)


def test_a_silent_connection_lives_for_ever() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    world.wait(100_000)
    assert shop.closed is None
    assert world.model.next_timer() is None


def test_a_repeat_is_acked_again_and_not_done_again_whatever_it_carries() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    shop.say(buy=[amazon.APurchaseMore(whnum=1, things=things(5), seqnum=7)])
    world.wait(6)
    shop.say(topack=[amazon.APack(whnum=1, things=things(), shipid=1, seqnum=7)])
    shop.say(buy=[amazon.APurchaseMore(whnum=1, things=things(5), seqnum=7)])
    world.wait(6)
    assert shop.all("acks") == [7, 7]
    assert world.model.worlds[1].stock == {(1, 1): 5}
    assert not world.model.worlds[1].packages


def test_sides_and_worlds_have_numbers_of_their_own() -> None:
    world = VirtualWorld()
    shop, fleet = world.pair()
    other = world.peer(Side.AMAZON)
    other.connect(initwh=[amazon.AInitWarehouse(id=1, x=0, y=0)])
    buy(shop)
    buy(other)
    ask(fleet, 1)
    world.wait(6)
    assert (len(shop.all("arrived")), len(other.all("arrived")), len(fleet.all("truckstatus"))) == (1, 1, 1)
    seqnums = [
        peer.all(field)[0].seqnum for peer, field in ((shop, "arrived"), (other, "arrived"), (fleet, "truckstatus"))
    ]
    assert len(set(seqnums)) == 3


def test_the_worlds_numbers_rise_with_gaps() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    buy(shop)
    buy(shop, warehouse=9)
    buy(shop)
    world.wait(6)
    first, second = [arrived.seqnum for arrived in shop.all("arrived")]
    assert first < shop.last("error").seqnum < second
    assert second - first > 2


def test_each_connection_has_ticks_of_its_own_from_its_connect_on() -> None:
    world = VirtualWorld()
    world.pair()
    world.wait(2.5)
    late = world.peer(Side.AMAZON)
    late.connect(initwh=[amazon.AInitWarehouse(id=1, x=0, y=0)])
    world.wait(1)
    buy(late)
    world.wait(20)
    assert [at for at, message in late.heard if message.DESCRIPTOR.name == "AResponses"] == [8.5]


def test_any_side_of_any_world_can_ack_anything() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    stranger = world.peer(Side.UPS)
    stranger.connect()
    buy(shop)
    world.wait(6)
    stranger.say(acks=[shop.last("arrived").seqnum, 12345])
    world.wait(400)
    assert len(shop.all("arrived")) == 1


def test_what_nobody_acks_comes_every_five_minutes_under_the_same_number() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    buy(shop)
    world.wait(3 * 306)
    seqnums = {arrived.seqnum for arrived in shop.all("arrived")}
    assert (len(shop.all("arrived")), len(seqnums)) == (4, 1)


def test_commands_of_one_message_are_done_in_the_worlds_order() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    shop.say(
        queries=[amazon.AQuery(packageid=9, seqnum=3)],
        topack=[amazon.APack(whnum=1, things=things(2), shipid=9, seqnum=2)],
        buy=[amazon.APurchaseMore(whnum=1, things=things(2), seqnum=1)],
    )
    world.wait(6)
    assert not shop.errors()
    assert shop.last("packagestatus").status == "PACKING"


@pytest.mark.parametrize("flakiness", [0, 40, 60, 99])
def test_flakiness_loses_that_share_of_elements_without_a_trace(flakiness: int) -> None:
    world = VirtualWorld(Rules(flakiness=flakiness))
    shop, _ = world.pair()
    shop.say(queries=[amazon.AQuery(packageid=1, seqnum=n) for n in range(30_000)])
    world.wait(6)
    survived = len(shop.all("error"))
    assert survived == len(shop.all("acks"))
    assert abs(survived / 30_000 - (1 - flakiness / 100)) < 0.005
    assert world.model.book.elements["query", "dropped"] == 30_000 - survived
    assert survived > 0


def test_acks_simspeed_and_disconnect_are_never_lost() -> None:
    world = VirtualWorld(Rules(flakiness=99))
    shop, _ = world.pair()
    shop.say(simspeed=777)
    assert world.model.worlds[1].simspeed == 777
    shop.say(disconnect=True)
    world.wait(6)
    assert shop.closed is not None


@pytest.mark.parametrize(
    ("entries", "simspeed", "seconds"),
    [(1, 100, 30.0), (1, 119, 30.0), (2, 60, 60.0), (1, 1000, 30 / 16), (0, 100, 0.0), (1, 59, 3_000_000.0)],
)
def test_pack_time(entries: int, simspeed: int, seconds: float) -> None:
    assert pack_seconds(entries, simspeed) == pytest.approx(seconds)


@pytest.mark.parametrize(("simspeed", "seconds"), [(60, 60.0), (119, 60.0), (120, 0.0), (10_000, 0.0)])
def test_load_time(simspeed: int, seconds: float) -> None:
    assert load_seconds(simspeed) == seconds


@pytest.mark.parametrize(
    ("way", "simspeed", "seconds"),
    [(1993, 100, 19.8), (63, 100, 0.6), (7, 100, 0.0), (490, 50, 9.6), (0, 100, 0.0), (1, 0, 3_000_000.0)],
)
def test_drive_time(way: int, simspeed: int, seconds: float) -> None:
    assert drive_seconds(way, simspeed) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("fraction", "place"), [(0.0, (0, 0)), (0.25, (-5, 0)), (0.5, (-10, 0)), (0.75, (-10, 5)), (1.5, (-10, 20))]
)
def test_a_truck_drives_x_first_and_beyond_when_overdue(fraction: float, place: tuple[int, int]) -> None:
    assert position((0, 0), (-10, 10), fraction) == place


def test_buying() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    unknown = buy(shop, warehouse=9)
    negative = buy(shop, count=-1)
    long = buy(shop, product=3, description="x" * 51)
    fits = buy(shop, product=4, description="x" * 50)
    buy(shop, description="first", product=5)
    buy(shop, description="y" * 60, product=5)
    huge = [buy(shop, count=2**31 - 1, product=6), buy(shop, count=1, product=6)]
    world.wait(6)
    assert shop.errors() == {
        unknown: texts.E1_UNKNOWN_ID,
        negative: texts.E3_OUT_OF_STOCK,
        long: texts.E7_TOO_LONG,
        huge[1]: texts.E7_OUT_OF_RANGE,
    }
    assert fits not in shop.errors()
    assert [a.things[0].description for a in shop.all("arrived") if a.things[0].id == 5] == ["first", "first"]


def test_packing_takes_from_stock_at_once_and_a_refusal_takes_nothing() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    buy(shop, 5)
    pack(shop, 1, count=2, entries=2)
    refused = [pack(shop, 2, count=2), pack(shop, 1), pack(shop, 3, product=9), pack(shop, 4, warehouse=2)]
    world.wait(6)
    assert world.model.worlds[1].stock[1, 1] == 1
    assert shop.errors() == dict(
        zip(refused, (texts.E3_OUT_OF_STOCK, texts.E2_ID_EXISTS, texts.E1_UNKNOWN_ID, texts.E1_UNKNOWN_ID), strict=True)
    )


def test_below_speed_sixty_packing_never_ends_and_packing_nothing_fails() -> None:
    world = VirtualWorld()
    shop, _ = world.pair()
    buy(shop)
    shop.say(simspeed=59)
    pack(shop, 1)
    nothing = shop.seqnum()
    shop.say(topack=[amazon.APack(whnum=1, shipid=2, seqnum=nothing)])
    world.wait(10_000)
    assert not shop.all("ready")
    assert shop.errors() == {nothing: texts.E7_NAN}


def test_a_truck_loads_one_package_at_a_time() -> None:
    world = VirtualWorld()
    shop, fleet = world.pair()
    buy(shop)
    for ship in (1, 2, 3):
        pack(shop, ship)
    pickup(fleet)
    world.wait(48)
    for ship in (1, 2, 3):
        load(shop, ship)
    world.wait(3 * 60 + 20)
    times = [at for at, message in shop.heard for _ in getattr(message, "loaded", ())]
    assert [element.shipid for element in shop.all("loaded")] == [1, 2, 3]
    assert all(later - earlier >= 54 for earlier, later in pairwise(times))
    assert [done.status for done in fleet.all("completions")] == ["ARRIVE WAREHOUSE"]


def test_a_queued_package_moves_to_another_truck_that_is_named() -> None:
    world = VirtualWorld()
    shop, fleet = world.pair(trucks=2)
    buy(shop)
    pack(shop, 1)
    pack(shop, 2)
    pickup(fleet, truck=1)
    pickup(fleet, truck=2)
    world.wait(48)
    load(shop, 1, truck=1)
    load(shop, 2, truck=1)
    load(shop, 2, truck=2)
    world.wait(72)
    assert sorted(element.shipid for element in shop.all("loaded")) == [1, 2]
    assert [world.model.book.packages[1, ship].trucks for ship in (1, 2)] == [[1], [2]]
    assert not shop.errors()


def test_load_refusals_do_not_say_which_of_the_reasons_it_was() -> None:
    world = VirtualWorld()
    shop, _ = world.pair(simspeed=600)
    buy(shop)
    pack(shop, 1)
    seqnums = [load(shop, 1), load(shop, 9), load(shop, 1, truck=9), load(shop, 1, warehouse=9)]
    world.wait(6)
    assert shop.errors() == dict.fromkeys(seqnums, texts.E4_NOT_FOUND)


@pytest.mark.parametrize("who", ["amazon asks for a load", "a load ends"])
def test_a_load_below_speed_sixty_kills_the_program(who: str) -> None:
    world = VirtualWorld()
    shop, fleet = world.pair(simspeed=600)
    buy(shop)
    pack(shop, 1)
    pickup(fleet)
    world.wait(12)
    (shop if who == "amazon asks for a load" else fleet).say(simspeed=59)
    load(shop, 1)
    world.wait(12)
    assert world.model.died is not None
    assert world.model.next_timer() is None


def test_a_world_told_to_survive_low_speeds_does() -> None:
    world = VirtualWorld(Rules(dies_below_60=False))
    shop, fleet = world.pair(simspeed=600)
    buy(shop)
    pack(shop, 1)
    pickup(fleet)
    world.wait(12)
    shop.say(simspeed=59)
    load(shop, 1)
    world.wait(1000)
    assert world.model.died is None
    assert not shop.all("loaded")


def test_each_connection_works_with_its_own_speed_and_the_next_one_starts_with_the_last_written() -> None:
    world = VirtualWorld()
    shop, fleet = world.pair()
    fleet.say(simspeed=6000)
    buy(shop)
    pack(shop, 1)
    world.wait(24)
    assert not shop.all("ready")
    shop.leave()
    world.wait(8)
    again = world.peer(Side.AMAZON)
    again.connect(worldid=1)
    again.say(topack=[amazon.APack(whnum=1, things=things(), shipid=2, seqnum=50)])
    world.wait(12)
    assert 2 in [element.shipid for element in again.all("ready")]


def test_transient_errors_use_up_the_number_and_change_nothing() -> None:
    world = VirtualWorld(Rules(transient_errors=1.0))
    shop, _ = world.pair()
    for _ in range(200):
        buy(shop)
    world.wait(6)
    assert set(shop.errors().values()) == {texts.E6_ERROR, texts.E7_UPDATE}
    assert len(shop.all("acks")) == 200
    assert not world.model.worlds[1].stock


def test_a_lost_load_is_acked_never_starts_and_a_second_one_frees_it() -> None:
    world = VirtualWorld(Rules(lost_loads=1.0))
    shop, fleet = world.pair()
    buy(shop)
    pack(shop, 1)
    pack(shop, 2)
    pickup(fleet)
    world.wait(48)
    load(shop, 1)
    lost = load(shop, 2)
    world.wait(200)
    assert lost in shop.all("acks")
    assert [element.shipid for element in shop.all("loaded")] == [1]
    load(shop, 2)
    world.wait(72)
    assert [element.shipid for element in shop.all("loaded")] == [1, 2]
    assert world.model.book.lost_loads == [(1, 2)]


@pytest.mark.parametrize("wrong", [{"flakiness": 100}, {"flakiness": -1}, {"tick": 0}, {"transient_errors": 1.5}])
def test_wrong_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)


def test_a_thousand_idle_packages_cost_nothing() -> None:
    world = VirtualWorld(Rules(default_simspeed=10_000))
    shop, _ = world.pair()
    buy(shop, 5000)
    for ship in range(1000):
        pack(shop, ship)
    world.wait(12)
    shop.say(acks=[element.seqnum for field in ("ready", "arrived") for element in shop.all(field)])
    assert len(shop.all("ready")) == 1000
    world.wait(400)
    assert len(shop.all("ready")) == 1000
    assert world.model.next_timer() is None


def test_all_quirks_are_on_unless_told_otherwise() -> None:
    assert all(getattr(Quirks(), name) for name in Quirks.__slots__)
