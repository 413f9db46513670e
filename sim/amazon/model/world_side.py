"""The mock Amazon towards the world: joining, buying, packing, loading, asking; each command until it is acked.

Rules: a world is joined only when the world says so, and one that refuses leaves us where we were; of each world each
number is new once; what failed is told with what it was about. What follows from it is elsewhere (`AmazonModel`).
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol

from google.protobuf.message import Message

from partners.world import world_amazon_pb2 as pb
from sim.messages import parse
from sim.numbers import Incoming, Outgoing

CONNECTED = "connected!"
PRODUCT = 1
PLENTY = 1_000_000
_FIELDS: dict[type[Message], str] = {
    pb.APurchaseMore: "buy",
    pb.APack: "topack",
    pb.APutOnTruck: "load",
    pb.AQuery: "queries",
}

Element = pb.APurchaseMore | pb.APack | pb.APutOnTruck | pb.AQuery


class State(Enum):
    """How the line is."""

    DOWN = auto()
    DIALLING = auto()
    JOINING = auto()
    JOINED = auto()


class Ears(Protocol):
    """Who hears what the world says."""

    def joined(self, world_id: int, *, fresh: bool) -> None:
        """We are in this world; `fresh`: for the first time."""

    def refused(self, world_id: int, reason: str) -> None:
        """The world does not let us in."""

    def packed(self, ship: int) -> None:
        """A package is packed."""

    def loaded(self, ship: int) -> None:
        """A package is on its truck."""

    def is_now(self, ship: int, status: str) -> None:
        """The answer to a question."""

    def failed(self, what: str, ship: int, text: str) -> None:
        """A command (`pack`, `load`, `query`) could not be done."""


class WorldSide:
    """The line to the world. `world_id` is the world that we are in, or try."""

    def __init__(
        self, tick: float, warehouses: Mapping[int, tuple[int, int]], ears: Ears, first_number: int = 1
    ) -> None:
        self.state = State.DOWN
        self.world_id: int | None = None
        self.redial_at: float | None = None
        self._tick = tick
        self._warehouses = warehouses
        self._ears = ears
        self._known: set[int] = set()
        # Worlds that refused us with our warehouses: they may have them from a life before.
        self._bare: set[int] = set()
        self._before: int | None = None
        self._start_over(first_number)

    def _start_over(self, first_number: int) -> None:
        self._outgoing: Outgoing[Element] = Outgoing(first_number, self._tick * 1.25)
        self._incoming = Incoming()
        self._acks: list[int] = []
        self._about: dict[int, tuple[str, int]] = {}

    def join(self, world_id: int, now: float) -> None:
        """Leave what we are in, and try this world."""
        if self.state is State.JOINED:
            self._before = self.world_id
        # A world keeps the place of one that left for a tick.
        wait = 1.5 * self._tick if world_id == self._before else 0.0
        self.world_id, self.state, self.redial_at = world_id, State.DOWN, now + wait

    def hello(self) -> pb.AConnect:
        """The first message on the line."""
        assert self.world_id is not None
        self.state = State.JOINING
        hello = pb.AConnect(worldid=self.world_id, isAmazon=True)
        bare = self.world_id in self._known or self.world_id in self._bare
        for id_, (x, y) in {} if bare else self._warehouses.items():
            hello.initwh.add(id=id_, x=x, y=y)
        return hello

    def lost(self, now: float) -> None:
        """The line is gone: the world keeps our place for a tick."""
        self.state, self.redial_at = State.DOWN, now + 1.5 * self._tick

    def receive(self, body: bytes) -> bool:
        """Handle a message; False: the line is of no use."""
        if self.state is State.JOINING:
            return self._answered(body)
        said = parse(pb.AResponses, body)
        if said is None:
            return False
        for number in said.acks:
            self._outgoing.acked(number)
        for arrived in said.arrived:
            self._is_new(arrived.seqnum)
        for ready in said.ready:
            if self._is_new(ready.seqnum):
                self._ears.packed(ready.shipid)
        for loaded in said.loaded:
            if self._is_new(loaded.seqnum):
                self._ears.loaded(loaded.shipid)
        for status in said.packagestatus:
            if self._is_new(status.seqnum):
                self._ears.is_now(status.packageid, status.status)
        for error in said.error:
            if self._is_new(error.seqnum) and error.originseqnum in self._about:
                what, ship = self._about[error.originseqnum]
                self._ears.failed(what, ship, " ".join(error.err.split()))
        return True

    def _answered(self, body: bytes) -> bool:
        answer = parse(pb.AConnected, body)
        tried = self.world_id
        assert tried is not None
        if answer is None or answer.result != CONNECTED:
            reason = "it said what is no answer" if answer is None else " ".join(answer.result.split())
            if tried not in self._known and tried not in self._bare:
                self._bare.add(tried)
                return False
            self._bare.discard(tried)
            if self._before is not None:
                self.world_id = self._before
            self._ears.refused(tried, reason)
            return False
        fresh = tried not in self._known
        if self._before != tried or fresh:
            # A world remembers numbers: none is used twice, whichever world it was for.
            self._start_over(self._outgoing.number())
        self._before = tried
        self._known.add(tried)
        self.state = State.JOINED
        self._outgoing.start_over()
        if fresh:
            for id_ in self._warehouses:
                self._add(pb.APurchaseMore(whnum=id_, things=[_things(PLENTY)]), "buy", 0)
        self._ears.joined(tried, fresh=fresh)
        return True

    def pack(self, ship: int, warehouse: int) -> None:
        """Ask for a package."""
        self._add(pb.APack(whnum=warehouse, things=[_things(1)], shipid=ship), "pack", ship)

    def load(self, ship: int, warehouse: int, truck: int) -> None:
        """Ask to load a package on a truck."""
        self._add(pb.APutOnTruck(whnum=warehouse, truckid=truck, shipid=ship), "load", ship)

    def query(self, ship: int) -> None:
        """Ask where a package is."""
        self._add(pb.AQuery(packageid=ship), "query", ship)

    def commands(self, now: float) -> pb.ACommands | None:
        """Everything that is due, with the acks, or None."""
        if self.state is not State.JOINED:
            return None
        commands = pb.ACommands(acks=self._acks)
        self._acks.clear()
        for element in self._outgoing.take(now):
            getattr(commands, _FIELDS[type(element)]).append(element)
        return commands if commands.ByteSize() else None

    def next_due(self, now: float) -> float | None:
        """When there is something to send or to dial."""
        if self.state is State.JOINED:
            return now if self._acks else self._outgoing.next_due(now)
        return self.redial_at if self.state is State.DOWN else None

    def _add(self, element: Element, what: str, ship: int) -> None:
        number = self._outgoing.number()
        element.seqnum = number
        self._about[number] = (what, ship)
        self._outgoing.add(number, element)

    def _is_new(self, number: int) -> bool:
        self._acks.append(number)
        return self._incoming.is_new(number)


def _things(count: int) -> pb.AProduct:
    return pb.AProduct(id=PRODUCT, description="a thing", count=count)
