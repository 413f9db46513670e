"""The mock Amazon on real sockets: UPS's port, which may close and open again, and the line to the world.

Rules: no rule of the protocol is here; UPS's connections count from 1 and are told apart by that; what is said on a
connection that was closed is not heard any more; time is the event loop's.
"""

import asyncio
from collections.abc import Callable

from sim.amazon.model import WORLD, AmazonModel, Close, Dial, Listen, Output, Send
from wire.errors import BadFrames, EndInsideFrame, ProtocolError
from wire.link import Connection, Limits, Listener, dial, listen

MAX_FRAME = 4 * 1024 * 1024
_UPS = Limits(max_frame=MAX_FRAME)
_WORLD = Limits(max_frame=64 * 1024 * 1024, queue_bytes=64 * 1024 * 1024, dial_seconds=2.0)

Address = tuple[str, int]


class AmazonShell:
    """Runs one model; `world` is where the world takes Amazon; `note` hears of sockets that cannot be had."""

    def __init__(self, model: AmazonModel, world: Address, note: Callable[[str], None]) -> None:
        self._model = model
        self._world = world
        self._note = note
        self._at: Address = ("", 0)
        self._loop = asyncio.get_running_loop()
        self._lines: dict[int, Connection] = {}
        self._count = 0
        self._listener: Listener | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        self._failure = ""
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, host: str, port: int) -> int:
        """Open UPS's port (0: any free one), begin, and give the port. Raises `OSError`."""
        self._listener = await listen(host, port, self._serve_ups, _UPS)
        self._at = host, self._listener.port
        self._model.start(self._loop.time())
        self._flush()
        return self._at[1]

    def order(self, words: str) -> None:
        """Do a step now, in the words of a script without the time. Raises ScriptError."""
        self._model.order(words, self._loop.time())
        self._flush()

    async def until_done(self) -> None:
        """Wait until every order has ended."""
        while not self._model.done:
            self._moved.clear()
            await self._moved.wait()

    async def close(self) -> None:
        """Say what is to be said, and end everything."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*(connection.close() for connection in self._lines.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            await self._listener.close()

    async def _serve_ups(self, connection: Connection) -> None:
        self._count += 1
        await self._serve(self._count, connection)

    async def _dial(self) -> None:
        host, port = self._world
        try:
            connection = await dial(host, port, _WORLD)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            if reason != self._failure:
                self._failure = reason
                self._note(f"the world at {host}:{port} cannot be reached: {reason}")
            self._model.lost(WORLD, self._loop.time())
            self._flush()
            return
        self._failure = ""
        async with connection:
            await self._serve(WORLD, connection)

    async def _serve(self, line: int, connection: Connection) -> None:
        self._lines[line] = connection
        self._model.opened(line, self._loop.time())
        self._flush()
        bad = ""
        try:
            while bodies := await connection.receive():
                for body in bodies:
                    if self._lines.get(line) is connection:
                        self._model.received(line, body, self._loop.time())
                        self._flush()
        except EndInsideFrame:
            bad = "it ended inside a frame"
        except BadFrames as error:
            bad = str(error)
        except (ProtocolError, OSError):
            pass
        if self._lines.get(line) is connection:
            del self._lines[line]
            if bad and line != WORLD:
                self._model.bad_bytes(line, bad, self._loop.time())
            else:
                self._model.lost(line, self._loop.time())
            self._flush()

    async def _deafen(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            for line in [line for line in self._lines if line != WORLD]:
                del self._lines[line]
            await listener.close()

    async def _hear(self) -> None:
        while self._listener is None and not self._closed:
            try:
                self._listener = await listen(*self._at, self._serve_ups, _UPS)
            except OSError as error:
                self._note(f"cannot listen again: {error.strerror}")
                await asyncio.sleep(0.2)

    def _flush(self) -> None:
        """Carry out what the model wants, and wake it when it has more."""
        if self._closed:
            return
        self._moved.set()
        for output in self._model.outputs():
            self._carry_out(output)
        if self._timer is not None:
            self._timer.cancel()
        due = self._model.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._ring)

    def _carry_out(self, output: Output) -> None:
        if isinstance(output, Dial):
            self._dialling = self._loop.create_task(self._dial())
            self._spawn(self._dialling)
        elif isinstance(output, Listen):
            self._spawn(self._loop.create_task(self._hear() if output.on else self._deafen()))
        elif isinstance(output, Close):
            connection = self._lines.pop(output.line, None)
            if connection is None and output.line == WORLD and self._dialling is not None:
                self._dialling.cancel()
            elif connection is not None and output.hard:
                connection.reset()
            elif connection is not None:
                self._spawn(self._loop.create_task(connection.close()))
        elif (connection := self._lines.get(output.line)) is not None:
            try:
                if isinstance(output, Send):
                    connection.send(output.body)
                else:
                    connection.send_bytes(output.data)
            except ProtocolError as error:
                connection.abort(error)

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ring(self) -> None:
        self._model.advance(self._loop.time())
        self._flush()
