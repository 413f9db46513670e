"""The world's times, goods, packing and loading, one rule after the other."""

from itertools import pairwise

import pytest

from partners.world import world_amazon_pb2 as amazon
from sim.world.model import Quirks, Rules, Side, texts
from sim.world.model.movement import drive_seconds, load_seconds, pack_seconds, position
from tests.sim.virtual_world import VirtualWorld, buy, load, pack, pickup, things


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
