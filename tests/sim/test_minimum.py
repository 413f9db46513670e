"""Orders go all the way between the stand-ins, in virtual time and with a shop that never thinks."""

from random import Random

import pytest

from sim.reference import ReferenceShop, spread_orders
from sim.ups.model import Settings, UpsModel
from sim.virtual import VirtualRoom, minimum
from sim.world.model import Rules, WorldModel

REAL = Rules(default_simspeed=10_000)
TRUCKS = Settings(trucks=20, tick=6.0)


@pytest.mark.parametrize("flakiness", [0, 40, 60, 90])
def test_a_hundred_orders_are_delivered_once_each(flakiness: int) -> None:
    result = minimum(100, Rules(default_simspeed=10_000, flakiness=flakiness), TRUCKS)
    assert result.exactly_once


@pytest.mark.parametrize("orders", [1, 20, 100, 500])
def test_without_loss_it_takes_the_three_to_four_ticks_that_the_real_world_takes(orders: int) -> None:
    result = minimum(orders, REAL, TRUCKS)
    assert 17 <= result.seconds <= 22
    assert result.world_elements_per_order == 3


def test_with_loss_it_takes_what_was_measured_with_many_copies_per_tick() -> None:
    result = minimum(100, Rules(default_simspeed=10_000, flakiness=40), TRUCKS)
    assert 20 <= result.seconds <= 30


def room(seed: int, flakiness: int, transient: float = 0.0) -> tuple[VirtualRoom, ReferenceShop]:
    places = {1: (3, 4), 2: (30, 40)}
    rules = Rules(default_simspeed=10_000, flakiness=flakiness, transient_errors=transient)
    shop = ReferenceShop(spread_orders(30, places, Random(seed)), places, rules.tick, eager=flakiness > 0)
    return VirtualRoom(WorldModel(rules, Random(seed)), UpsModel(TRUCKS, Random(seed)), shop), shop


def test_the_same_seed_gives_the_same_bytes() -> None:
    traces = []
    for _ in range(2):
        virtual, shop = room(seed=5, flakiness=40, transient=0.05)
        virtual.start()
        assert virtual.run(lambda shop=shop: shop.done_at is not None, 2000.0)
        traces.append(virtual.trace)
    assert traces[0] == traces[1]


@pytest.mark.parametrize("seed", range(10))
def test_transient_errors_are_survived_by_everybody(seed: int) -> None:
    virtual, shop = room(seed, flakiness=20, transient=0.2)
    virtual.start()
    assert virtual.run(lambda: shop.done_at is not None, 5000.0), f"seed {seed}: {virtual.ups.as_json()}"
    assert virtual.world.book.delivered_once(1) == set(shop.orders), f"seed {seed}"
