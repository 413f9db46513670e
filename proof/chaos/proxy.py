"""A TCP proxy that spoils what goes through it: loses whole frames, delays, drips, cuts, resets, half-closes.

Rules: it knows varint frames and nothing of what is in them; each direction has its own weather; frames that are not
lost keep their order; what it holds is bounded, and a full direction is not read; every fault that hit is counted. Its
only addresses are loopback ones. What weather comes when is elsewhere (`proof.chaos.faults`).
"""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from proof.chaos.faults import DRIP_SECONDS, FAIR, Fault, Sky, Weather
from wire.errors import BadFrames
from wire.framing import Framer, encode_frame

HOST = "127.0.0.1"
DIAL_SECONDS = 2.0
MAX_FRAME = 2**31 - 1
QUEUED_FRAMES = 1000
READ_BYTES = 65_536
DIRECTIONS = ("in", "out")
"""Towards the target (what the dialler says), and back."""

_END: tuple[float, bytes] = (0.0, b"")


@dataclass(slots=True, eq=False)
class _Pipe:
    """One connection through the proxy: the dialler's side and the target's."""

    dialler: asyncio.StreamWriter
    target: asyncio.StreamWriter

    def reset(self) -> None:
        for writer in (self.dialler, self.target):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                # Closing without lingering is what makes the kernel say RST and not FIN.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@dataclass(slots=True)
class _Direction:
    """One direction of the link: its sky, and the weather now."""

    sky: Sky
    rng: Random
    weather: Weather = FAIR
    changes_at: float = 0.0
    hits: Counter[Fault] = field(default_factory=Counter)

    def now(self, time: float) -> Weather:
        """The weather at `time`, which never goes back."""
        while time >= self.changes_at:
            self.weather = self.sky.next()
            self.changes_at = max(time, self.changes_at) + self.weather.seconds
        return self.weather

    def blow(self) -> Fault | None:
        """Take the blow out of the weather, if there is one."""
        found = self.weather.blow
        if found is not None:
            self.weather = Weather(self.weather.seconds)
            self.hits[found] += 1
        return found


class FaultProxy:
    """Listens on a port of its own and passes on to `target`, a port of this machine, which may change at any time."""

    def __init__(self, name: str, target: int, seed: int) -> None:
        self.name = name
        self.connections = 0
        self.frames = 0
        self._target = target
        self._directions = {
            way: _Direction(Sky(Random(f"{seed}:{name}:{way}")), Random(f"{seed}:{name}:{way}:frames"))
            for way in DIRECTIONS
        }
        self._pipes: set[_Pipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def hits(self) -> dict[str, int]:
        """How often each fault hit, by "direction fault"."""
        return {f"{way} {fault}": self._directions[way].hits[fault] for way in DIRECTIONS for fault in Fault}

    async def open(self, port: int) -> None:
        """Listen. Raises `OSError`."""
        self._server = await asyncio.start_server(self._accept, HOST, port)

    def spoil(self, way: str, weather: Weather) -> None:
        """Set one direction's weather by hand, for as long as it lasts."""
        direction = self._directions[way]
        direction.weather = weather
        direction.changes_at = asyncio.get_running_loop().time() + weather.seconds

    def calm(self) -> None:
        """Let nothing more happen. Connections that are broken already stay as they are."""
        for direction in self._directions.values():
            direction.sky.calm()
            direction.changes_at = 0.0

    def lead_to(self, port: int) -> None:
        """Pass on to another port from now on; whoever is connected must dial again."""
        if port != self._target:
            self._target = port
            for pipe in self._pipes:
                pipe.reset()

    async def close(self) -> None:
        """Close the port and everything that goes through it."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to the end of both directions."""
        port = self._target
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                back, target = await asyncio.open_connection(HOST, port)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        pipe = _Pipe(writer, target)
        self._pipes.add(pipe)
        try:
            if port != self._target:
                return
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on("in", reader, target, pipe))
                both.create_task(self._pass_on("out", back, writer, pipe))
        finally:
            self._pipes.discard(pipe)
            writer.transport.abort()
            target.transport.abort()

    async def _pass_on(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pipe: _Pipe) -> None:
        """One direction of one connection, until its end; the end is passed on as well."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_FRAMES)
        reading = asyncio.create_task(self._read(way, reader, queue))
        try:
            while (item := await queue.get()) is not _END:
                due, frame = item
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not await self._write(way, frame, writer, pipe):
                    return
            writer.write_eof()
            await writer.drain()
        except OSError:
            pipe.reset()
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, way: str, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Cut what comes into frames and say when each is due, until the end or bytes that are none."""
        framer, direction, loop = Framer(MAX_FRAME), self._directions[way], asyncio.get_running_loop()
        with contextlib.suppress(OSError, BadFrames):
            while data := await reader.read(READ_BYTES):
                for body in framer.receive(data):
                    self.frames += 1
                    weather = direction.now(loop.time())
                    if weather.loss and direction.rng.random() < weather.loss:
                        direction.hits[Fault.SILENCE if weather.loss == 1.0 else Fault.LOSS] += 1
                        continue
                    if weather.delay:
                        direction.hits[Fault.DELAY] += 1
                    await queue.put((loop.time() + weather.delay, encode_frame(body, MAX_FRAME)))
        await queue.put(_END)

    async def _write(self, way: str, frame: bytes, writer: asyncio.StreamWriter, pipe: _Pipe) -> bool:
        """Pass one frame on; False: nothing more goes this way."""
        direction = self._directions[way]
        weather = direction.now(asyncio.get_running_loop().time())
        blow = direction.blow()
        if blow is Fault.RESET:
            pipe.reset()
            return False
        if blow is Fault.HALF_CLOSE:
            writer.write_eof()
            return False
        if blow is Fault.CUT:
            writer.write(frame[: direction.rng.randrange(1, len(frame)) if len(frame) > 1 else 0])
            await writer.drain()
            pipe.dialler.close()
            pipe.target.close()
            return False
        if weather.drip:
            direction.hits[Fault.DRIP] += 1
        position = 0
        while position < len(frame):
            step = weather.drip or len(frame)
            writer.write(frame[position : position + step])
            await writer.drain()
            position += step
            if weather.drip and position < len(frame):
                await asyncio.sleep(DRIP_SECONDS)
                weather = direction.now(asyncio.get_running_loop().time())
        return True
