"""A shop of ordinary business against the stand-ins in virtual time, whose parcels' stages are written down.

Rules: nothing but a seed and a simulation speed decides a run; a few trucks, two to eight warehouses, a town of 100 to
2,000 across, parcels of one to three kinds of things, one in seven waits for its goods first; each warehouse begins a
parcel about every six times the time that one takes alone, so that trucks are shared now and then. The stages are noted
as orders_svc would, when it hears of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from orders_svc.domain.eta import Parcel, Stage
from partners.ups import ups_pb2 as contract
from partners.world import world_amazon_pb2 as amazon
from sim.messages import parse
from sim.reference import Order, ReferenceShop
from sim.ups.model import Settings, UpsModel
from sim.virtual import VirtualRoom
from sim.world.model import Rules, WorldModel

TICK = 6.0
POLL = 5.0
PARCELS = 60
TOWNS = (50, 200, 1000)
WAITS_FOR_GOODS = 0.15
KINDS = (1, 1, 1, 2, 3)
# How many times as long as a parcel takes alone, until its warehouse begins the next.
ORDINARY = 6.0
LIMIT_SECONDS = 1e6
FIRST_AT = 20.0
FIRST_SHIP = 1000
KINDS_APART = 10


@dataclass(slots=True, eq=False)
class TimedOrder(Order):
    """An order that is placed at `at`, with how it went."""

    at: float = 0.0
    kinds: int = 1
    in_stock: bool = True
    stages: list[tuple[float, Stage]] = field(default_factory=list)

    @property
    def things(self) -> list[amazon.AProduct]:
        """One of each kind."""
        first = self.product * KINDS_APART
        return [amazon.AProduct(id=first + kind, description="thing", count=1) for kind in range(self.kinds)]


class TimedShop(ReferenceShop):
    """The shop that never thinks, with orders that come one after the other."""

    def __init__(self, orders: Sequence[TimedOrder], warehouses: Mapping[int, tuple[int, int]]) -> None:
        super().__init__(orders, warehouses, TICK)
        self.timed = {order.ship: order for order in orders}
        self._coming: list[TimedOrder] = []
        self._awaiting: dict[int, TimedOrder] = {}

    def next_timer(self) -> float | None:
        """The next order, too."""
        timer = super().next_timer()
        if not self._coming:
            return timer
        return self._coming[-1].at if timer is None else min(timer, self._coming[-1].at)

    def advance(self, now: float) -> None:
        """Place what is due."""
        self._now = max(self._now, now)
        while self._coming and self._coming[-1].at <= now:
            self._begin(self._coming.pop())
        super().advance(now)

    def _place(self, order: Order) -> None:
        self._coming.append(self.timed[order.ship])
        self._coming.sort(key=lambda one: -one.at)

    def _begin(self, order: TimedOrder) -> None:
        self._buy(order)
        if order.in_stock:
            self._reserved(order)
        else:
            order.stages.append((self._now, Stage.AWAITING_STOCK))
            self._awaiting[order.product] = order

    def _reserved(self, order: TimedOrder) -> None:
        order.stages.append((self._now, Stage.PACKING))
        self._pack(order)
        x, y = self._warehouses[order.warehouse]
        number = self._to_ups.number()
        request = contract.AUPickupRequest(
            seqNum=number,
            shipId=order.ship,
            warehouseId=order.warehouse,
            x=x,
            y=y,
            destinationX=order.x,
            destinationY=order.y,
            items="things",
        )
        self._to_ups.add(number, request)

    def _buy(self, order: Order) -> None:
        self._say(order, amazon.APurchaseMore(whnum=order.warehouse, things=self.timed[order.ship].things))

    def _pack(self, order: Order) -> None:
        things = self.timed[order.ship].things
        self._say(order, amazon.APack(whnum=order.warehouse, things=things, shipid=order.ship))

    def _hear_world(self, body: bytes) -> None:
        responses = parse(amazon.AResponses, body)
        for arrived in responses.arrived if responses is not None else ():
            for thing in arrived.things:
                order = self._awaiting.pop(thing.id // KINDS_APART, None)
                if order is not None:
                    self._reserved(order)
        super()._hear_world(body)

    def _packed(self, order: Order) -> None:
        timed = self.timed[order.ship]
        if timed.truck is None and timed.stages[-1][1] is Stage.PACKING:
            timed.stages.append((self._now, Stage.AWAITING_TRUCK))
        super()._packed(order)

    def _load(self, order: Order) -> None:
        before = order.loading
        super()._load(order)
        if order.loading and not before:
            self.timed[order.ship].stages.append((self._now, Stage.LOADING))

    def _go(self, order: Order) -> None:
        if not order.loaded:
            self.timed[order.ship].stages.append((self._now, Stage.ON_THE_WAY))
        super()._go(order)


def deliveries(seed: int, simspeed: int, *, ordinary: float = ORDINARY, parcels: int = PARCELS) -> list[Parcel]:
    """Everything that was delivered in one run, in no order. TimeoutError: not all of it was."""
    rng = Random(f"eta {seed} {simspeed}")
    town = rng.choice(TOWNS)
    places = {id_: (rng.randint(-town, town), rng.randint(-town, town)) for id_ in range(1, rng.randint(2, 8) + 1)}
    slow = simspeed // 60
    alone = (60.0 if slow == 1 else 6.0) + 30.0 / slow + 2 * TICK + town / simspeed
    at, orders = FIRST_AT, []
    for number in range(parcels):
        at += rng.expovariate(len(places) / (alone * ordinary))
        orders.append(
            TimedOrder(
                ship=FIRST_SHIP + number,
                warehouse=rng.randint(1, len(places)),
                product=1 + number,
                x=rng.randint(-town, town),
                y=rng.randint(-town, town),
                at=at,
                kinds=rng.choice(KINDS),
                in_stock=rng.random() > WAITS_FOR_GOODS,
            )
        )
    rules = Rules(
        tick=TICK,
        poll=POLL,
        package_phase=rng.uniform(0.0, POLL),
        truck_phase=rng.uniform(0.0, POLL),
        default_simspeed=simspeed,
    )
    world = WorldModel(rules, Random(seed + 1))
    ups = UpsModel(Settings(trucks=rng.randint(3, 12), tick=TICK), Random(seed + 2))
    shop = TimedShop(orders, places)
    room = VirtualRoom(world, ups, shop)
    room.start()
    if not room.run(lambda: shop.done_at is not None, LIMIT_SECONDS):
        raise TimeoutError(f"not everything was delivered with seed {seed} at {simspeed}")
    return [_parcel(order, places[order.warehouse]) for order in orders]


def _parcel(order: TimedOrder, warehouse: tuple[int, int]) -> Parcel:
    return Parcel(
        id=order.ship,
        warehouse_id=order.warehouse,
        dx=order.x - warehouse[0],
        dy=order.y - warehouse[1],
        kinds=order.kinds,
        truck_id=order.truck,
        stages=tuple(order.stages),
        delivered_at=order.delivered_at,
    )
