"""Connections: how a world is made or joined, who holds a side, how a connection ends, and its regular sends.

Rules: a side of a world is held by one connection and is free again as soon as that one said good-bye; a connection's
sender wakes every tick from its connect on and takes everything pending of its side, also the last time, after which
nobody may be there to read it; anything wrong before `connected!` is answered once and closed. What the commands mean
is elsewhere (`commands`).
"""

from dataclasses import dataclass, field

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.messages import parse
from sim.world.model import texts
from sim.world.model.book import Book
from sim.world.model.clockwork import Clockwork, Grid, Kind, Timer
from sim.world.model.quirks import Quirks
from sim.world.model.rules import Rules
from sim.world.model.state import Side, SideState, Truck, World


@dataclass(frozen=True, slots=True)
class Send:
    """A message for a connection: `body` without its length, sent at `at`."""

    at: float
    connection: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The world closed a connection at `at`; what was sent before still goes out."""

    at: float
    connection: int


Output = Send | Close


@dataclass(slots=True, eq=False)
class Connection:
    """One TCP connection; `world` is None until it was connected."""

    number: int
    side: Side
    world: World | None = None
    sends: Grid = field(default_factory=lambda: Grid(0.0, 1.0))
    simspeed: int = 0
    closing: bool = False

    @property
    def port(self) -> SideState:
        """The side of the world this connection belongs to."""
        assert self.world is not None
        return self.world.sides[self.side]

    @property
    def timer(self) -> Timer:
        """The timer of this connection's sender."""
        return Timer(Kind.SEND, self.number)


class Connections:
    """All connections and worlds of one program."""

    def __init__(self, rules: Rules, quirks: Quirks, clockwork: Clockwork, book: Book) -> None:
        self._rules = rules
        self._quirks = quirks
        self._clockwork = clockwork
        self._book = book
        self._next_connection = 1
        self._next_world = rules.first_world
        self._connections: dict[int, Connection] = {}
        self.worlds: dict[int, World] = {}
        self.output: list[Output] = []
        self.now = 0.0

    def accept(self, side: Side) -> Connection:
        """Note a new TCP connection on `side`'s port."""
        connection = Connection(self._next_connection, side)
        self._next_connection += 1
        self._connections[connection.number] = connection
        return connection

    def get(self, number: int) -> Connection | None:
        """The connection with this number, or None when it is gone."""
        return self._connections.get(number)

    def handshake(self, connection: Connection, body: bytes) -> None:
        """Handle the first message of a connection: AConnect or UConnect."""
        side = connection.side
        hello = parse(amazon.AConnect if side is Side.AMAZON else ups.UConnect, body)
        if hello is None:
            self.refuse_garbage(connection)
            return
        assert isinstance(hello, amazon.AConnect | ups.UConnect)
        if hello.isAmazon is not (side is Side.AMAZON):
            self._book.events["wrong port"] += 1
            self._close(connection)
            return
        asked = hello.worldid if hello.HasField("worldid") else None
        world = self._world_for(asked, side)
        if world is None:
            assert asked is not None
            self._refuse(connection, asked, texts.not_available(asked))
        elif not self._furnish(world, hello):
            # A new world is rolled back, its id is used up.
            self._refuse(connection, asked or 0, texts.ALREADY_EXISTS)
        else:
            self._connect(connection, world)

    def refuse_garbage(self, connection: Connection) -> None:
        """Answer bytes that are no AConnect or UConnect; the real answer lacks its required worldid."""
        self._book.events["malformed"] += 1
        reply = amazon.AConnected if connection.side is Side.AMAZON else ups.UConnected
        self._send(connection, reply(result=texts.MALFORMED).SerializePartialToString())
        self._close(connection)

    def leave(self, connection: Connection) -> None:
        """End a connection: its side is free at once, its sender wakes once more."""
        if connection.closing:
            return
        if connection.world is None:
            self._close(connection)
            return
        connection.closing = True
        if self._quirks.slot_freed_at_once:
            connection.port.occupant = None
        self._clockwork.set(connection.timer, connection.sends.after(self.now))

    def wake_senders(self, world: World, side: Side) -> None:
        """Have the senders of this side wake at their next tick: there is something to send."""
        for number in world.sides[side].senders:
            connection = self._connections[number]
            self._clockwork.set(connection.timer, connection.sends.after(self.now))

    def send(self, number: int) -> None:
        """A sender's wake-up: everything pending goes out in one response; a closing connection ends with it."""
        connection = self._connections[number]
        port = connection.port
        response = amazon.AResponses() if connection.side is Side.AMAZON else ups.UResponses()
        if connection.closing:
            response.finished = True
        if not connection.closing or self._quirks.swallows_results:
            fresh = self._quirks.resends_with_fresh_status
            for pending in port.outbox.take(self.now, self._rules.resend_after):
                self._book.events["resent" if pending.copies else "sent"] += 1
                getattr(response, pending.field).append(pending.content(self.now, fresh))
            response.acks.extend(port.acks)
            port.acks.clear()
        if response.ByteSize():
            self._send(connection, response.SerializeToString())
        if connection.closing:
            if port.occupant == number:
                port.occupant = None
            del port.senders[number]
            self._close(connection)
        due = port.outbox.next_due(self.now)
        if due is not None:
            for other in port.senders:
                still = self._connections[other]
                self._clockwork.set(still.timer, max(still.sends.at_or_after(due), still.sends.after(self.now)))

    def _world_for(self, asked: int | None, side: Side) -> World | None:
        if asked is None:
            world = World(self._next_world, self._rules.default_simspeed)
            self._next_world += 1
            return world
        known = self.worlds.get(asked)
        return known if known is not None and known.sides[side].occupant is None else None

    def _furnish(self, world: World, hello: amazon.AConnect | ups.UConnect) -> bool:
        """Put warehouses or trucks in; give False, and change nothing, when an id is not new."""
        if isinstance(hello, amazon.AConnect):
            warehouses = {new.id: (new.x, new.y) for new in hello.initwh}
            if len(warehouses) < len(hello.initwh) or not world.warehouses.keys().isdisjoint(warehouses):
                return False
            world.warehouses.update(warehouses)
            return True
        trucks = {new.id: Truck(world, new.id, new.x, new.y) for new in hello.trucks}
        if len(trucks) < len(hello.trucks) or not world.trucks.keys().isdisjoint(trucks):
            return False
        world.trucks.update(trucks)
        return True

    def _connect(self, connection: Connection, world: World) -> None:
        if world.id not in self.worlds:
            self.worlds[world.id] = world
            self._book.worlds.append(world.id)
            self._book.tell("world", world.id)
        self._book.events["connected"] += 1
        connection.world = world
        connection.simspeed = world.simspeed
        connection.sends = Grid(self.now, self._rules.tick)
        port = connection.port
        port.occupant = connection.number
        port.senders[connection.number] = None
        reply = amazon.AConnected if connection.side is Side.AMAZON else ups.UConnected
        self._send(connection, reply(worldid=world.id, result=texts.CONNECTED).SerializeToString())
        self._clockwork.set(connection.timer, self.now)

    def _refuse(self, connection: Connection, world_id: int, text: str) -> None:
        self._book.events["refused"] += 1
        reply = amazon.AConnected if connection.side is Side.AMAZON else ups.UConnected
        self._send(connection, reply(worldid=world_id, result=text).SerializeToString())
        self._close(connection)

    def _send(self, connection: Connection, body: bytes) -> None:
        self.output.append(Send(self.now, connection.number, body))

    def _close(self, connection: Connection) -> None:
        self._book.events["closed"] += 1
        del self._connections[connection.number]
        self._clockwork.clear(connection.timer)
        self.output.append(Close(self.now, connection.number))
