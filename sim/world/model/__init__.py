"""The world simulator as a pure model: bytes in, bytes out, time as an argument, chance from one generator.

A caller tells it what happened on its connections (`accept`, `receive`, `bad_bytes`, `peer_closed`, each with `now` in
seconds, never going back), calls `advance(now)` at `next_timer()`, and takes from `outputs()` what to send and close.
Everything due before `now` happens first, at its own moment. The rooms: `connections` (who is connected, the regular
sends), `commands` (an element's fate), `packages` and `trucks` (the rules), `telling` and `outbox` (numbers and
re-sends), `clockwork` (time), `book` (what took effect). Sockets are deliberately elsewhere (`sim.world.shell`).
"""

import random

from sim.world.model.book import Book
from sim.world.model.clockwork import Clockwork, Grid, Kind, PollingThread, Timer
from sim.world.model.commands import Commands
from sim.world.model.connections import Close, Connections, Output, Send
from sim.world.model.packages import Packages
from sim.world.model.quirks import Quirks
from sim.world.model.refusal import WorldDied
from sim.world.model.rules import Rules
from sim.world.model.state import Side, World
from sim.world.model.telling import Telling
from sim.world.model.trucks import Trucks

__all__ = ["Book", "Close", "Output", "Quirks", "Rules", "Send", "Side", "WorldModel"]


class WorldModel:
    """One world simulator program with all its worlds.

    `book` says what took effect. `died` is why the program would have ended, or None; a dead model does nothing more.
    """

    def __init__(self, rules: Rules, rng: random.Random, quirks: Quirks | None = None) -> None:
        quirks = quirks or Quirks()
        self.rules = rules
        self.book = Book()
        self._clockwork = Clockwork()
        self._connections = Connections(rules, quirks, self._clockwork, self.book)
        telling = Telling(rules.first_seqnum, self._connections.wake_senders)
        packages = Packages(rules, rng, telling, self.book)
        trucks = Trucks(quirks, telling, self.book)
        self._packages = PollingThread(Grid(rules.package_phase, rules.poll), packages.finish)
        self._trucks = PollingThread(Grid(rules.truck_phase, rules.poll), trucks.finish)
        packages.thread = self._packages
        trucks.thread = self._trucks
        self._commands = Commands(rules, quirks, rng, self._connections, telling, packages, trucks, self.book)

    @property
    def died(self) -> str | None:
        """Why the program would have ended, or None while it lives."""
        return self.book.died

    @property
    def now(self) -> float:
        """The latest moment the model was told of or acted at."""
        return self._connections.now

    @property
    def worlds(self) -> dict[int, World]:
        """All worlds by id, for tests and checkers to read."""
        return self._connections.worlds

    def accept(self, side: Side, now: float) -> int:
        """Note a TCP connection on `side`'s port; give its number."""
        self.advance(now)
        return self._connections.accept(side).number

    def receive(self, connection: int, body: bytes, now: float) -> None:
        """Handle one message (without its length) of a connection; a closed one's messages are lost."""
        self.advance(now)
        known = self._connections.get(connection)
        if known is None or known.closing or self.died is not None:
            return
        try:
            if known.world is None:
                self._connections.handshake(known, body)
                self._run_due(now)
            else:
                self._commands.carry_out(known, body)
        except WorldDied as death:
            self._die(death)
        self._set_polls()

    def bad_bytes(self, connection: int, now: float) -> None:
        """Handle bytes that are no message: a refusal before the handshake, the end of the connection after it."""
        self.advance(now)
        known = self._connections.get(connection)
        if known is None or known.closing:
            return
        if known.world is None:
            self._connections.refuse_garbage(known)
        else:
            self._connections.leave(known)

    def peer_closed(self, connection: int, now: float) -> None:
        """Handle the end of what the client sends (EOF, half-close or reset)."""
        self.advance(now)
        known = self._connections.get(connection)
        if known is not None:
            self._connections.leave(known)

    def next_timer(self) -> float | None:
        """When `advance` has something to do, or None."""
        return None if self.died is not None else self._clockwork.next()

    def advance(self, now: float) -> None:
        """Do everything that is due until `now`, each at its own moment."""
        self._run_due(now)
        self._connections.now = max(self._connections.now, now)

    def outputs(self) -> list[Output]:
        """Take what is to be sent and closed, in order."""
        output, self._connections.output = self._connections.output, []
        return output

    def _run_due(self, now: float) -> None:
        while self.died is None and (due := self._clockwork.pop(now)) is not None:
            moment, timer = due
            self._connections.now = max(self._connections.now, moment)
            try:
                self._ring(timer)
            except WorldDied as death:
                self._die(death)
            self._set_polls()

    def _ring(self, timer: Timer) -> None:
        if timer.kind is Kind.PACKAGES:
            self._packages.poll(self._connections.now)
        elif timer.kind is Kind.TRUCKS:
            self._trucks.poll(self._connections.now)
        else:
            self._connections.send(timer.owner)

    def _set_polls(self) -> None:
        for kind, thread in ((Kind.PACKAGES, self._packages), (Kind.TRUCKS, self._trucks)):
            at = thread.next_poll(self._connections.now)
            if at is not None:
                self._clockwork.set(Timer(kind, 0), at)

    def _die(self, death: WorldDied) -> None:
        self.book.died = death.reason
