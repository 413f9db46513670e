"""A shop that never thinks: the yardstick for how fast orders can be fulfilled against the stand-ins at all.

It buys and packs every order in one frame, asks UPS for every truck at once, loads when the package is packed and the
truck is there, says go when it is loaded, and keeps everything in memory. Where the world loses commands it re-sends
ten times a tick (`eager`). It has no stock, no database, no shopper; what a real shop adds to its time is the shop's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from google.protobuf.message import Message

from partners.ups import ups_pb2 as contract
from partners.world import world_amazon_pb2 as amazon
from sim.links import Dial, HangUp, Link, Output, Send
from sim.messages import parse
from sim.numbers import Incoming, Outgoing

WorldElement = amazon.APurchaseMore | amazon.APack | amazon.APutOnTruck | amazon.AQuery
UpsElement = contract.AUPickupRequest | contract.AUDeliverRequest
_FIELDS: dict[type[Message], str] = {
    amazon.APurchaseMore: "buy",
    amazon.APack: "topack",
    amazon.APutOnTruck: "load",
    amazon.AQuery: "queries",
    contract.AUPickupRequest: "pickupRequests",
    contract.AUDeliverRequest: "deliverRequests",
}


@dataclass(slots=True, eq=False)
class Order:
    """One package to be delivered to x and y, and how far it is."""

    ship: int
    warehouse: int
    product: int
    x: int
    y: int
    packed: bool = False
    loading: bool = False
    loaded: bool = False
    truck: int | None = None
    delivered_at: float | None = None

    @property
    def thing(self) -> amazon.AProduct:
        """What is in the package: one of its product."""
        return amazon.AProduct(id=self.product, description=f"thing {self.product}", count=1)


def spread_orders(count: int, warehouses: Mapping[int, tuple[int, int]], rng: Random) -> list[Order]:
    """Give `count` orders spread over the warehouses, to addresses within 0..100."""
    ids = sorted(warehouses)
    return [
        Order(1000 + i, ids[i % len(ids)], 1 + i % 7, rng.randint(0, 100), rng.randint(0, 100)) for i in range(count)
    ]


class ReferenceShop:
    """The shop's side of both links, without a thought: dials `Link.WORLD`, is dialled on `Link.UPS`.

    `orders` are all placed as soon as the world is joined. `done_at` is when the last was delivered, or None;
    `sent` counts the elements that went out by their kind, repeats included.
    """

    def __init__(
        self, orders: Sequence[Order], warehouses: Mapping[int, tuple[int, int]], tick: float, *, eager: bool = False
    ) -> None:
        self.orders = {order.ship: order for order in orders}
        self.sent: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.began_at: float | None = None
        self.done_at: float | None = None
        self._open = len(self.orders)
        self._warehouses = warehouses
        self._tick = tick
        self._world_id: int | None = None
        self._connected = False
        self._ups_up = False
        self._dial_at: float | None = None
        self._to_world: Outgoing[WorldElement] = Outgoing(1, tick / 10 if eager else tick * 1.25)
        self._to_ups: Outgoing[UpsElement] = Outgoing(1, tick)
        self._from_world = Incoming()
        self._from_ups = Incoming()
        self._acks: dict[Link, list[int]] = {Link.WORLD: [], Link.UPS: []}
        self._causes: dict[int, Order] = {}
        self._kinds: dict[int, type[WorldElement]] = {}
        self._output: list[Output] = []
        self._now = 0.0

    def start(self, now: float) -> None:
        """Wait for UPS to announce a world."""
        self._now = now

    def opened(self, link: Link, now: float) -> None:
        """A connection is there."""
        self._now = now
        if link is Link.UPS:
            self._ups_up = True
            self._to_ups.start_over()
        else:
            hello = amazon.AConnect(worldid=self._world_id, isAmazon=True)
            for id_, (x, y) in self._warehouses.items() if self.began_at is None else ():
                hello.initwh.add(id=id_, x=x, y=y)
            self._send(Link.WORLD, hello)
        self._flush()

    def received(self, link: Link, body: bytes, now: float) -> None:
        """A message came."""
        self._now = now
        if link is Link.UPS:
            self._hear_ups(body)
        elif self._connected:
            self._hear_world(body)
        else:
            self._connect(body)
        self._flush()

    def bad_bytes(self, link: Link, now: float) -> None:
        """Close what speaks garbage."""
        self._output.append(HangUp(now, link))
        self.lost(link, now)

    def lost(self, link: Link, now: float) -> None:
        """A connection ended: the world is dialled again after more than a tick, UPS comes by itself."""
        self._now = now
        if link is Link.UPS:
            self._ups_up = False
        else:
            self._connected = False
            self._dial_at = now + 1.5 * self._tick

    def next_timer(self) -> float | None:
        """When there is something to send again or to dial."""
        moments = [self._dial_at]
        if self._connected:
            moments.append(self._to_world.next_due(self._now))
        if self._ups_up:
            moments.append(self._to_ups.next_due(self._now))
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, now: float) -> None:
        """Send and dial what is due."""
        self._now = max(self._now, now)
        if self._dial_at is not None and self._dial_at <= now:
            self._dial_at = None
            self._output.append(Dial(now, Link.WORLD))
        self._flush()

    def outputs(self) -> list[Output]:
        """Take what is to be done, in order."""
        output, self._output = self._output, []
        return output

    def _hear_ups(self, body: bytes) -> None:
        start = parse(contract.UAstart, body)
        if start is not None:
            self._acks[Link.UPS].append(start.seqnum)
            if self._world_id is None:
                self._world_id = start.worldid
                self._output.append(Dial(self._now, Link.WORLD))
            return
        command = parse(contract.UACommand, body)
        if command is None:
            self.bad_bytes(Link.UPS, self._now)
            return
        for number in command.acks:
            self._to_ups.acked(number)
        for load in command.loadRequests:
            order = self.orders.get(load.shipId)
            if self._is_new(Link.UPS, load.seqNum) and order is not None:
                order.truck = load.truckId
                self._load(order)
        for delivered in command.delivered:
            order = self.orders.get(delivered.shipId)
            if self._is_new(Link.UPS, delivered.seqNum) and order is not None and order.delivered_at is None:
                order.delivered_at = self._now
                self._open -= 1
                if not self._open:
                    self.done_at = self._now
        for error in command.error:
            if self._is_new(Link.UPS, error.seqNum):
                self.errors[error.err] += 1

    def _connect(self, body: bytes) -> None:
        answer = parse(amazon.AConnected, body)
        if answer is None or answer.result != "connected!":
            self._output.append(HangUp(self._now, Link.WORLD))
            self.lost(Link.WORLD, self._now)
            return
        self._connected = True
        self._to_world.start_over()
        if self.began_at is None:
            self.began_at = self._now
            for order in self.orders.values():
                self._place(order)
        else:
            for order in self.orders.values():
                if order.delivered_at is None:
                    self._say(order, amazon.AQuery(packageid=order.ship))

    def _place(self, order: Order) -> None:
        self._buy(order)
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
            items=order.thing.description,
        )
        self._to_ups.add(number, request)

    def _buy(self, order: Order) -> None:
        self._say(order, amazon.APurchaseMore(whnum=order.warehouse, things=[order.thing]))

    def _pack(self, order: Order) -> None:
        self._say(order, amazon.APack(whnum=order.warehouse, things=[order.thing], shipid=order.ship))

    def _load(self, order: Order) -> None:
        if order.packed and order.truck is not None and not order.loading:
            order.loading = True
            self._say(order, amazon.APutOnTruck(whnum=order.warehouse, truckid=order.truck, shipid=order.ship))

    def _go(self, order: Order) -> None:
        if not order.loaded:
            order.loaded = True
            number = self._to_ups.number()
            self._to_ups.add(number, contract.AUDeliverRequest(seqNum=number, shipId=order.ship))

    def _hear_world(self, body: bytes) -> None:
        responses = parse(amazon.AResponses, body)
        if responses is None:
            self.bad_bytes(Link.WORLD, self._now)
            return
        for number in responses.acks:
            self._to_world.acked(number)
        for arrived in responses.arrived:
            self._is_new(Link.WORLD, arrived.seqnum)
        for error in responses.error:
            if self._is_new(Link.WORLD, error.seqnum):
                self._failed(error)
        for ready in responses.ready:
            if self._is_new(Link.WORLD, ready.seqnum):
                self._packed(self.orders[ready.shipid])
        for loaded in responses.loaded:
            if self._is_new(Link.WORLD, loaded.seqnum):
                self._go(self.orders[loaded.shipid])
        for status in responses.packagestatus:
            if self._is_new(Link.WORLD, status.seqnum) and status.status == "PACKED":
                self._packed(self.orders[status.packageid])
            elif status.status == "LOADED":
                self._go(self.orders[status.packageid])

    def _packed(self, order: Order) -> None:
        order.packed = True
        self._load(order)

    def _failed(self, error: amazon.AErr) -> None:
        """Do what failed once more, under a new number."""
        self.errors[error.err.partition("\n")[0]] += 1
        order, kind = self._causes[error.originseqnum], self._kinds[error.originseqnum]
        if kind is amazon.APack:
            self._pack(order)
        elif kind is amazon.APutOnTruck and not order.loaded:
            order.loading = False
            self._load(order)
        elif kind is amazon.APurchaseMore:
            self._buy(order)

    def _say(self, order: Order, element: WorldElement) -> None:
        number = self._to_world.number()
        element.seqnum = number
        self._causes[number], self._kinds[number] = order, type(element)
        self._to_world.add(number, element)

    def _is_new(self, link: Link, number: int) -> bool:
        self._acks[link].append(number)
        return (self._from_world if link is Link.WORLD else self._from_ups).is_new(number)

    def _flush(self) -> None:
        if self._connected:
            commands = amazon.ACommands(acks=self._acks[Link.WORLD])
            self._acks[Link.WORLD].clear()
            self._fill(commands, self._to_world.take(self._now))
            if commands.ByteSize():
                self._send(Link.WORLD, commands)
        if self._ups_up:
            command = contract.AUCommand(acks=self._acks[Link.UPS])
            self._acks[Link.UPS].clear()
            self._fill(command, self._to_ups.take(self._now))
            if command.ByteSize():
                self._send(Link.UPS, command)

    def _fill(self, command: Message, elements: Sequence[Message]) -> None:
        for element in elements:
            name = _FIELDS[type(element)]
            self.sent[name] += 1
            getattr(command, name).append(element)

    def _send(self, link: Link, message: Message) -> None:
        self._output.append(Send(self._now, link, message.SerializeToString()))
