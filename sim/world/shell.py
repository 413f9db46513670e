"""The world on two TCP ports: carries bytes and time to the model, and its answers back.

Rules: no rule of the world is here; time is the event loop's; a frame that never ends is waited for, as the real
program does, and kept no larger than what came; the book is written whole or not at all. How a process is started and
stopped is elsewhere (`sim.cli`).
"""

import asyncio
import json
import logging
from pathlib import Path

from sim.world.model import Close, Side, WorldModel
from wire.errors import BadFrames, EndInsideFrame, ProtocolError
from wire.link import Connection, Limits, Listener, listen

_log = logging.getLogger(__name__)

# Like the real program: no frame is too large to wait for, and a silent peer keeps its place for hours.
_LIMITS = Limits(max_frame=2**31 - 1, queue_bytes=256 * 1024 * 1024, write_seconds=600.0, keepalive_seconds=30_000.0)


class WorldShell:
    """Serves one model. `died` is set when the model died."""

    def __init__(self, model: WorldModel, book_file: Path | None = None) -> None:
        self.model = model
        self.died = asyncio.Event()
        self._book_file = book_file
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, Connection] = {}
        self._over: dict[int, asyncio.Event] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._listeners: dict[Side, Listener] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, side: Side, host: str, port: int) -> int:
        """Open `side`'s port (0: any free one) and give it. Raises `OSError`."""
        self._listeners[side] = await listen(host, port, lambda connection: self._serve(side, connection), _LIMITS)
        return self._listeners[side].port

    async def close(self) -> None:
        """Cut everything."""
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners.values():
            await listener.close()
        if self._closing:
            await asyncio.wait(self._closing, timeout=0.5)

    def write_book(self) -> None:
        """Write the model's book to the file, whole or not at all; without a file do nothing."""
        if self._book_file is None:
            return
        fresh = self._book_file.with_name(self._book_file.name + ".new")
        fresh.write_text(json.dumps(self.model.book.as_json(), indent=1) + "\n")
        fresh.replace(self._book_file)

    async def _serve(self, side: Side, connection: Connection) -> None:
        number = self.model.accept(side, self._loop.time())
        self._connections[number] = connection
        over = self._over[number] = asyncio.Event()
        _log.info("connected side=%s connection=%d peer=%s", side, number, connection.peer)
        try:
            await self._read(number, connection)
            self._flush()
            await over.wait()
        finally:
            self.model.peer_closed(number, self._loop.time())
            self._forget(number)
            self._flush()

    async def _read(self, number: int, connection: Connection) -> None:
        """Hand the model what comes, until the end of it."""
        try:
            while bodies := await connection.receive():
                for body in bodies:
                    self.model.receive(number, body, self._loop.time())
                self._flush()
        except EndInsideFrame:
            self.model.peer_closed(number, self._loop.time())
        except BadFrames:
            self.model.bad_bytes(number, self._loop.time())
        except (ProtocolError, OSError):
            # Nothing can be said to this one any more; the model's last response goes nowhere.
            self.model.peer_closed(number, self._loop.time())
        else:
            self.model.peer_closed(number, self._loop.time())

    def _flush(self) -> None:
        """Carry out what the model wants, and wake it when it has more."""
        for output in self.model.outputs():
            connection = self._connections.get(output.connection)
            if connection is None:
                continue
            if isinstance(output, Close):
                self._hang_up(output.connection, connection)
                continue
            try:
                connection.send(output.body)
            except ProtocolError as error:
                connection.abort(error)
        if self.model.died is not None:
            if not self.died.is_set():
                _log.error("died reason=%r", self.model.died)
            self.died.set()
        if self._timer is not None:
            self._timer.cancel()
        due = self.model.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self.model.advance(self._loop.time())
        self._flush()

    def _hang_up(self, number: int, connection: Connection) -> None:
        _log.info("closed connection=%d peer=%s", number, connection.peer)
        task = self._loop.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._forget(number)

    def _forget(self, number: int) -> None:
        self._connections.pop(number, None)
        over = self._over.pop(number, None)
        if over is not None:
            over.set()
