"""What happens to each element of a command: lost, known already, done, or refused; and in which order.

Rules: inside an ACommands buy, topack, load, queries, acks, simspeed, disconnect; inside a UCommands pickups,
deliveries, queries, acks, simspeed, disconnect; within a list in order. An element is lost with the world's flakiness,
without a trace. Else it is acked, done at most once by (seqnum, world, side), and what goes wrong is told as an error.
acks, simspeed and disconnect are never lost and never acked. What the elements do is elsewhere (`packages`, `trucks`).
"""

import random
from collections.abc import Callable, Iterable
from typing import TypeVar

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.messages import parse
from sim.world.model import texts
from sim.world.model.book import Book
from sim.world.model.connections import Connection, Connections
from sim.world.model.packages import Packages
from sim.world.model.quirks import Quirks
from sim.world.model.refusal import Refused
from sim.world.model.rules import Rules
from sim.world.model.state import Side, World
from sim.world.model.telling import Telling
from sim.world.model.trucks import Trucks

_SHARE_OF_UPDATE_ERRORS = 0.05
"""Of the transient errors, the part with PostgreSQL's own text (1 of 22 in the real one)."""

ElementT = TypeVar(
    "ElementT",
    amazon.APurchaseMore,
    amazon.APack,
    amazon.APutOnTruck,
    amazon.AQuery,
    ups.UGoPickup,
    ups.UGoDeliver,
    ups.UQuery,
)


class Commands:
    """Carries out what connected clients send."""

    def __init__(
        self,
        rules: Rules,
        quirks: Quirks,
        rng: random.Random,
        connections: Connections,
        telling: Telling,
        packages: Packages,
        trucks: Trucks,
        book: Book,
    ) -> None:
        self._rules = rules
        self._quirks = quirks
        self._rng = rng
        self._connections = connections
        self._telling = telling
        self._packages = packages
        self._trucks = trucks
        self._book = book

    def carry_out(self, connection: Connection, body: bytes) -> None:
        """Do what an ACommands or UCommands says; one that cannot be read ends the connection."""
        command = parse(amazon.ACommands if connection.side is Side.AMAZON else ups.UCommands, body)
        if command is None:
            self._book.events["malformed"] += 1
            self._connections.leave(connection)
            return
        assert isinstance(command, amazon.ACommands | ups.UCommands)
        if isinstance(command, amazon.ACommands):
            self._amazon(connection, command)
        else:
            self._ups(connection, command)
        for seqnum in command.acks:
            self._telling.ack(seqnum)
        if command.HasField("simspeed"):
            self._set_speed(connection, command.simspeed)
        if command.disconnect:
            self._connections.leave(connection)

    def _amazon(self, connection: Connection, command: amazon.ACommands) -> None:
        world, speed, now = _world(connection), self._speed(connection), self._connections.now
        packages = self._packages
        self._each(connection, "buy", command.buy, lambda buy: packages.buy(world, buy))
        self._each(connection, "topack", command.topack, lambda pack: packages.pack(world, pack, speed, now))
        self._each(connection, "load", command.load, lambda load: packages.load(world, load, speed, now))
        self._each(connection, "query", command.queries, lambda query: packages.query(world, query))

    def _ups(self, connection: Connection, command: ups.UCommands) -> None:
        world, speed, now = _world(connection), self._speed(connection), self._connections.now
        trucks = self._trucks
        self._each(connection, "pickup", command.pickups, lambda pickup: trucks.pickup(world, pickup, speed, now))
        self._each(connection, "deliver", command.deliveries, lambda drops: trucks.deliver(world, drops, speed, now))
        self._each(connection, "truck query", command.queries, lambda query: trucks.query(world, query))

    def _each(
        self, connection: Connection, kind: str, elements: Iterable[ElementT], do: Callable[[ElementT], None]
    ) -> None:
        for element in elements:
            if self._rules.flakiness and self._rng.randrange(100) < self._rules.flakiness:
                outcome = "dropped"
            else:
                outcome = self._one(connection, kind, element, do)
            self._book.elements[kind, outcome] += 1

    def _one(self, connection: Connection, kind: str, element: ElementT, do: Callable[[ElementT], None]) -> str:
        world, port = _world(connection), connection.port
        port.acks[element.seqnum] = None
        self._connections.wake_senders(world, connection.side)
        content = b"" if self._quirks.reused_seqnums_are_acked else kind.encode() + element.SerializeToString()
        if port.seen.get(element.seqnum) == content:
            return "duplicates"
        port.seen[element.seqnum] = content
        try:
            self._maybe_collide()
            do(element)
        except Refused as refusal:
            self._telling.skip()
            self._book.errors[refusal.text.partition("\n")[0]] += 1
            self._tell_error(world, connection.side, refusal.text, element.seqnum)
            return "failed"
        return "executed"

    def _maybe_collide(self) -> None:
        """Fail now and then as the real program does when its own threads write the same row."""
        chance = self._rules.transient_errors
        if chance and self._rng.random() < chance:
            update = self._rng.random() < _SHARE_OF_UPDATE_ERRORS
            raise Refused(texts.E7_UPDATE if update else texts.E6_ERROR)

    def _tell_error(self, world: World, side: Side, text: str, origin: int) -> None:
        kind = amazon.AErr if side is Side.AMAZON else ups.UErr
        self._telling.tell(world, side, "error", lambda seqnum, _: kind(err=text, originseqnum=origin, seqnum=seqnum))

    def _speed(self, connection: Connection) -> int:
        return connection.simspeed if self._quirks.simspeed_per_connection else _world(connection).simspeed

    def _set_speed(self, connection: Connection, simspeed: int) -> None:
        connection.simspeed = simspeed
        _world(connection).simspeed = simspeed


def _world(connection: Connection) -> World:
    assert connection.world is not None
    return connection.world
