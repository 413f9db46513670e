"""How much longer a hundred orders take than with a shop that never thinks, in virtual time, at the real world's ticks.

Ours: the simulation's room without a fault, so the real use cases, bridges and stand-ins (proof.simulation). The
yardstick: the same stand-ins with the same rules and a shop without a thought (sim.virtual). The goods are there first.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from orders_svc.outbox.dispatch import LOOK_SECONDS
from proof.figures import Figure
from proof.simulation import database as seeds
from proof.simulation.checks import Checks
from proof.simulation.database import BEGINNING, PLENTY
from proof.simulation.environment import Environment
from proof.simulation.faults import Profile
from proof.simulation.room import Room, database
from proof.simulation.setups import Setup, patience_of
from proof.simulation.shoppers import Shoppers
from proof.simulation.wishes import Wish
from shop.inventory.v1 import inventory_pb2
from shop.orders.v1 import orders_pb2
from sim.ups.model import Settings
from sim.virtual import Minimum, minimum
from sim.world.model import Rules

ORDERS = 100
LOSS = (0, 40, 60)
SEEDS = 15
TICK = 6.0
WAREHOUSES = 3
# When the goods are bought, and when the orders come: by then everything has arrived.
RESTOCK_AT, ORDER_AT = 60.0, 600.0
LONGEST = 6000.0
# A truck of the stand-in needs no time for its way: what is measured is who waits for whom.
SIMSPEED = 10_000
LIMITS = {0: 1.15, 40: 1.5, 60: 1.5}
ELEMENTS_LIMIT = 3.1


@dataclass(frozen=True, slots=True)
class Pace:
    """From the first call to the last delivery, in virtual seconds; and what was sent to the world for each order."""

    seconds: float
    elements: float


class Crowd(Shoppers):
    """The seller buys enough; then everybody orders one thing at the same moment, and nobody changes their mind."""

    def __init__(self, env: Environment, checks: Checks) -> None:
        super().__init__(env, checks)
        self.wishes = [self._supply(warehouse) for warehouse in range(1, WAREHOUSES + 1)]
        self.wishes += [self._want(number) for number in range(ORDERS)]

    def _supply(self, warehouse: int) -> Wish:
        request = inventory_pb2.RestockRequest(
            request_id=f"supply-{warehouse:06}", offer_id=PLENTY, warehouse_id=warehouse, quantity=ORDERS
        )
        return Wish(seeds.SELLER, "Restock", request, RESTOCK_AT)

    def _want(self, number: int) -> Wish:
        request = orders_pb2.PlaceOrderRequest(request_id=f"one-of-{number:06}")
        request.items.add(offer_id=PLENTY, quantity=1)
        request.destination.x, request.destination.y = self.rng.randint(0, 100), self.rng.randint(0, 100)
        return Wish(seeds.SHOPPERS[0], "PlaceOrder", request, ORDER_AT)

    def _think_again(self, wish: Wish, order_id: int) -> None:
        pass


def measure() -> Iterator[Figure]:
    """For each loss the mean of some seeds; what is sent to the world where nothing is lost."""
    for loss in LOSS:
        ours = [ours_once(loss, seed) for seed in range(SEEDS)]
        least = [minimum_once(loss, seed) for seed in range(SEEDS)]
        yield Figure(
            f"{ORDERS} orders to DELIVERED, {TICK:g} s ticks, {loss} % lost",
            statistics.mean(pace.seconds for pace in ours),
            "virtual s",
            "shop that never thinks",
            statistics.mean(one.seconds for one in least),
            f"limit {LIMITS[loss]:g}",
            at_most=LIMITS[loss],
        )
        if not loss:
            sent = statistics.mean(pace.elements for pace in ours)
            yield Figure("world elements an order, nothing lost", sent, "", "limit", ELEMENTS_LIMIT, at_most=1.0)


def ours_once(loss: int, seed: int) -> Pace:
    """One run of the real parts. AssertionError: something broke, or was not delivered."""
    rules, profile = _rules(loss), Profile("pace", (0, 0), (0, 0), LONGEST, 0.0, 0.0, {})
    setup = Setup(
        warehouses=WAREHOUSES,
        lease_seconds=20.0,
        look_seconds=LOOK_SECONDS,
        keep_seconds=1e6,
        group_seconds=0.002,
        patience=patience_of(TICK, quick=False),
        rules=rules,
        ups=Settings(tick=TICK),
        orders=0,
        span=1.0,
    )
    room = Room(database(), seed, profile, (), setup, shoppers=Crowd)
    sent_before: list[int] = []
    began = BEGINNING + ORDER_AT
    room.env.scheduler.at(began - 1.0, None, lambda: sent_before.append(_sent(room)))
    result = room.run()
    assert result.good, result.violations
    assert result.orders == {"delivered": ORDERS}, result.orders
    last = float(room.env.db.one("select max(ended_at) from shipments"))
    return Pace(last - began, (_sent(room) - sent_before[0]) / ORDERS)


def minimum_once(loss: int, seed: int) -> Minimum:
    """The same of a shop that never thinks."""
    return minimum(ORDERS, _rules(loss), Settings(tick=TICK), seed=seed, warehouses=WAREHOUSES)


def _rules(loss: int) -> Rules:
    return Rules(tick=TICK, default_simspeed=SIMSPEED, flakiness=loss)


def _sent(room: Room) -> int:
    return room.bridges["world"].core.status(room.env.scheduler.time).elements_sent
