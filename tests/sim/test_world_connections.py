"""The world's connections, numbers, re-sends and losses, one rule after the other."""

import pytest

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.world.model import Rules, Side, texts
from tests.sim.virtual_world import VirtualWorld, ask, buy, things


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
