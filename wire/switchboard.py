"""The connections of a pure core, by number: carries out its actions on sockets and tells it what came.

Rules: one reader a connection, which stops reading while the core has no room; frames and ends reach the core in the
order in which they happened; nothing is told of a connection after its end; what finds no room on its way out is
dropped, since closing for it would close every connection that has more to say than a queue holds. Which connection
says what, and when, is the core's business.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wire.errors import BadFrames, ProtocolError, WriteQueueFull
from wire.link import Connection, Counters, Limits, dial

# A core can find room without saying anything to its connections; this is how late that may be noticed.
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection of this number to the peer."""

    number: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bodies, each as a frame."""

    number: int
    bodies: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """Close it; the core has forgotten it. `bad_head`: because of this bad message, which is to be counted."""

    number: int
    reason: str
    bad_head: bytes | None = None


Action = Open | Send | Close


class Receiver(Protocol):
    """The side of a core that faces the sockets."""

    def opened(self, number: int, now: float) -> None:
        """The connection is there."""
        ...

    def received(self, number: int, bodies: list[bytes], now: float) -> None:
        """These bodies came, oldest first."""
        ...

    def ended(self, number: int, reason: str, now: float) -> None:
        """The connection is gone, or could not be opened."""
        ...

    def reading(self, number: int) -> bool:
        """Whether there is room for what comes."""
        ...


Feed = Callable[..., object]


class Switchboard:
    """The sockets of one core. `feed` calls a method of the core with the time, as the core's runner does it."""

    def __init__(self, receiver: Receiver, limits: Limits, address: tuple[str, int] | None = None) -> None:
        self.counters = Counters()
        self.limits = limits
        self._receiver = receiver
        self._address = address
        self._feed: Feed | None = None
        self._connections: dict[int, Connection] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._next_accepted = 0
        self._room = asyncio.Event()

    def connect(self, feed: Feed) -> None:
        """Say how the core is fed; before the first action."""
        self._feed = feed

    def perform(self, action: Action) -> None:
        """Carry out one action of the core, without waiting."""
        self._room.set()
        number = action.number
        if isinstance(action, Open):
            self._tasks[number] = asyncio.get_running_loop().create_task(self._dial(number))
            return
        connection = self._connections.get(number)
        if isinstance(action, Close):
            if action.bad_head is not None and connection is not None:
                connection.count_bad(action.bad_head)
            self._drop(number)
        elif connection is not None:
            self._send(connection, action.bodies)

    def _send(self, connection: Connection, bodies: tuple[bytes, ...]) -> None:
        """Queue what there is room for. The rest is as if it had been lost, and its session says it again; a peer
        that takes nothing at all is closed by the connection's writer.
        """
        for body in bodies:
            # A smaller one behind it may fit: acks go in frames of their own where they do not fit with the rest.
            with contextlib.suppress(WriteQueueFull):
                connection.send(body)

    async def serve(self, connection: Connection) -> None:
        """Run an accepted connection until its end."""
        self._next_accepted += 1
        number = self._next_accepted
        task = asyncio.current_task()
        assert task is not None
        self._tasks[number] = task
        await self._converse(number, connection)

    async def _dial(self, number: int) -> None:
        assert self._address is not None, "this switchboard only accepts"
        host, port = self._address
        try:
            connection = await dial(host, port, self.limits, self.counters)
        except OSError as error:
            self._end(number, f"cannot reach {host}:{port}: {error.strerror or error or type(error).__name__}")
            return
        async with connection:
            await self._converse(number, connection)

    async def _converse(self, number: int, connection: Connection) -> None:
        self._connections[number] = connection
        reason = "the peer closed the connection"
        try:
            self._tell(self._receiver.opened, number)
            while frames := await self._receive(number, connection):
                self._tell(self._receiver.received, number, frames)
        except BadFrames as error:
            reason = f"bad bytes: {error}"
        except (ProtocolError, OSError) as error:
            reason = f"the connection broke: {error or type(error).__name__}"
        finally:
            self._connections.pop(number, None)
        self._end(number, reason)

    async def _receive(self, number: int, connection: Connection) -> list[bytes]:
        while not self._receiver.reading(number):
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._room.wait()
        return await connection.receive()

    def _tell(self, take: Callable[..., None], *inputs: object) -> None:
        assert self._feed is not None
        self._feed(take, *inputs)

    def _end(self, number: int, reason: str) -> None:
        if self._tasks.pop(number, None) is not None:
            self._tell(self._receiver.ended, number, reason)

    def _drop(self, number: int) -> None:
        """Close without telling: the core knows. What is queued is still written, for at most a second."""
        connection = self._connections.pop(number, None)
        task = self._tasks.pop(number, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        elif connection is not None:
            connection.abort(ConnectionAbortedError())

    async def close(self) -> None:
        """Close all connections."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
