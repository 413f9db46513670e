"""A model with links on real sockets: dials and hears what it wants, and carries bytes and time to it.

Rules: one live connection for each link, a new one replaces the old; what is said on a connection that was replaced or
hung up is not heard any more; time is the event loop's. What a model does is elsewhere (`sim.ups`, `sim.reference`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from sim.links import Dial, HangUp, Link, LinkedModel, Send
from wire.errors import BadFrames, EndInsideFrame, ProtocolError
from wire.link import Connection, Limits, Listener, dial, listen

_log = logging.getLogger(__name__)

_LIMITS = Limits(max_frame=64 * 1024 * 1024, queue_bytes=64 * 1024 * 1024, dial_seconds=2.0)

Address = tuple[str, int]


class Dialler:
    """Runs one model; `addresses` says where each link that it dials leads."""

    def __init__(self, model: LinkedModel, addresses: Mapping[Link, Address]) -> None:
        self._model = model
        self._addresses = addresses
        self._loop = asyncio.get_running_loop()
        self._live: dict[Link, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        self._failures: dict[Link, str] = {}
        """Why a link could not be made, so that the same reason is logged once."""
        self._closed = False

    async def hear(self, link: Link, host: str, port: int) -> int:
        """Open a port (0: any free one) on which others make this link; give it. Raises `OSError`."""
        listener = await listen(host, port, lambda connection: self._serve(link, connection), _LIMITS)
        self._listeners.append(listener)
        return listener.port

    def start(self) -> None:
        """Let the model begin."""
        self._model.start(self._loop.time())
        self._flush()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`, which is asked after everything that the model did."""
        while not holds():
            self._moved.clear()
            await self._moved.wait()

    async def close(self) -> None:
        """Cut everything."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            await listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _dial(self, link: Link) -> None:
        host, port = self._addresses[link]
        try:
            connection = await dial(host, port, _LIMITS)
        except OSError as error:
            if str(error) != self._failures.get(link):
                self._failures[link] = str(error)
                _log.info("cannot_connect link=%s address=%s:%d reason=%r", link, host, port, str(error))
            self._model.lost(link, self._loop.time())
            self._flush()
            return
        async with connection:
            await self._serve(link, connection)

    async def _serve(self, link: Link, connection: Connection) -> None:
        before = self._live.pop(link, None)
        if before is not None:
            before.abort()
            self._model.lost(link, self._loop.time())
        self._live[link] = connection
        self._failures.pop(link, None)
        _log.info("connected link=%s peer=%s", link, connection.peer)
        self._model.opened(link, self._loop.time())
        self._flush()
        bad = await self._read(link, connection)
        if self._live.get(link) is connection:
            del self._live[link]
            _log.info("connection_ended link=%s peer=%s", link, connection.peer)
            (self._model.bad_bytes if bad else self._model.lost)(link, self._loop.time())
            self._flush()

    async def _read(self, link: Link, connection: Connection) -> bool:
        """Hand the model what comes, until the end of it; give whether that was bad bytes."""
        try:
            while bodies := await connection.receive():
                for body in bodies:
                    if self._live.get(link) is connection:
                        self._model.received(link, body, self._loop.time())
                        self._flush()
        except EndInsideFrame:
            return False
        except BadFrames:
            return True
        except (ProtocolError, OSError):
            return False
        return False

    def _flush(self) -> None:
        """Carry out what the model wants, and wake it when it has more."""
        if self._closed:
            return
        self._moved.set()
        for output in self._model.outputs():
            connection = self._live.get(output.link)
            if isinstance(output, Dial):
                self._spawn(self._loop.create_task(self._dial(output.link)))
            elif connection is None:
                continue
            elif isinstance(output, HangUp):
                del self._live[output.link]
                self._spawn(self._loop.create_task(connection.close()))
            elif isinstance(output, Send):
                self._send(connection, output.body)
            else:
                connection.send_bytes(output.data)
        if self._timer is not None:
            self._timer.cancel()
        due = self._model.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._ring)

    def _send(self, connection: Connection, body: bytes) -> None:
        try:
            connection.send(body)
        except ProtocolError as error:
            connection.abort(error)

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ring(self) -> None:
        self._model.advance(self._loop.time())
        self._flush()
