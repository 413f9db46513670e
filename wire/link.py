"""Sockets: the only file that opens one. Dial, listen, and a `Connection` that takes and gives whole frames.

Rules: one reader and one writer for each connection; the write queue is bounded, and a peer that takes nothing for
`write_seconds` is closed; a dead peer is noticed though nothing is said (keepalive, TCP_USER_TIMEOUT); bad bytes end
their own connection only and are counted with their head. Every wait has a deadline from `Limits`. What the frames
mean, and when to send what, is deliberately elsewhere.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from wire.errors import BadFrames, PeerDoesNotRead, PeerSilent, ProtocolError, WriteQueueFull
from wire.framing import DEFAULT_MAX_FRAME, Framer, encode_frames

_log = logging.getLogger(__name__)

_READ_BYTES = 65_536
# What the kernel holds for a peer. With more of it a peer that reads slowly would seem to take nothing for long.
_KERNEL_BYTES = 131_072


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long: bytes and seconds."""

    max_frame: int = DEFAULT_MAX_FRAME
    queue_bytes: int = 16 * 1024 * 1024
    write_seconds: float = 10.0
    dial_seconds: float = 5.0
    # A peer that is gone without a word is noticed after about four times this.
    keepalive_seconds: float = 5.0
    max_connections: int = 512


@dataclass(slots=True)
class Counters:
    """What went over the connections that share it."""

    bytes_received: int = 0
    bytes_sent: int = 0
    frames_received: int = 0
    frames_sent: int = 0
    connections: int = 0
    bad_frames: int = 0
    # The first bytes of the newest bad frame, in hex.
    bad_head: str = ""


@dataclass(slots=True)
class _Queue:
    parts: deque[bytes] = field(default_factory=deque)
    size: int = 0
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)


class Connection:
    """One live TCP connection that carries frames; made by `dial` and `listen`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits, counters: Counters
    ) -> None:
        self.limits = limits
        self.counters = counters
        self.peer = _name(writer.get_extra_info("peername"))
        counters.connections += 1
        self._reader = reader
        self._writer = writer
        self._framer = Framer(limits.max_frame)
        self._failure: Exception | None = None
        self._closing = False
        self._queue = _Queue()
        self._queue.emptied.set()
        _set_options(writer.get_extra_info("socket"), limits)
        writer.transport.set_write_buffer_limits(high=_READ_BYTES)
        self._writing = asyncio.create_task(self._write_queue())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        return not self._closing

    @property
    def queued_bytes(self) -> int:
        """How much waits to be taken by the peer, without what the kernel holds."""
        return self._queue.size + self._writer.transport.get_write_buffer_size()

    async def receive(self, seconds: float | None = None) -> list[bytes]:
        """Wait for the next bodies, at least one; an empty list is the peer's clean end.

        Raises `PeerSilent` when no whole frame comes within `seconds`, `BadFrames` (counted), `PeerDoesNotRead`, or
        `OSError`. Frames in front of bad bytes are given first. Not reading is how to push back on the peer.
        """
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                while True:
                    frames = await self._read_some()
                    if frames is not None:
                        return frames
        except TimeoutError:
            if seconds is None or not deadline.expired():
                raise  # the kernel's own: keepalive found nobody
            raise PeerSilent(seconds) from None

    async def _read_some(self) -> list[bytes] | None:
        if self._failure is not None:
            raise self._failure
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise self._failure or error from None
        if self._failure is not None:
            raise self._failure
        try:
            if not data:
                self._framer.end()
                return []
            self.counters.bytes_received += len(data)
            frames = self._framer.receive(data)
        except BadFrames as error:
            self.count_bad(error.head)
            self._failure = error
            frames = list(error.frames)
            if not frames:
                raise
        self.counters.frames_received += len(frames)
        return frames or None

    def count_bad(self, head: bytes) -> None:
        """Count a frame that was none, or whose body was not the message it should be."""
        self.counters.bad_frames += 1
        self.counters.bad_head = head.hex(" ")
        _log.warning("bad_frame", extra={"peer": self.peer, "head": head.hex(" ")})

    def send(self, *bodies: bytes) -> None:
        """Queue `bodies` as frames, in order, for the one writer.

        Raises `WriteQueueFull` (then nothing of it is queued) and `FrameTooLong`. On a closed connection it does
        nothing: the reader hears of the end.
        """
        if self._closing:
            return
        data = encode_frames(bodies, self.limits.max_frame)
        if self.queued_bytes + len(data) > self.limits.queue_bytes:
            raise WriteQueueFull(self.queued_bytes, self.limits.queue_bytes)
        self._queue.parts.append(data)
        self._queue.size += len(data)
        self._queue.emptied.clear()
        self._queue.filled.set()
        self.counters.frames_sent += len(bodies)

    def send_bytes(self, data: bytes) -> None:
        """Queue raw bytes as they are: for a peer that is to be tested with bytes that are no frames."""
        if not self._closing:
            self._queue.parts.append(data)
            self._queue.size += len(data)
            self._queue.emptied.clear()
            self._queue.filled.set()

    async def drain(self) -> None:
        """Wait until the queue has been handed to the kernel, or the connection is closed."""
        await self._queue.emptied.wait()

    async def _write_queue(self) -> None:
        queue = self._queue
        try:
            while True:
                await queue.filled.wait()
                data = b"".join(queue.parts)
                queue.parts.clear()
                queue.size = 0
                queue.filled.clear()
                self._writer.write(data)
                await self._drained()
                self.counters.bytes_sent += len(data)
                if not queue.parts:
                    queue.emptied.set()
        except (OSError, PeerDoesNotRead) as error:
            self.abort(error)
        finally:
            queue.emptied.set()

    async def _drained(self) -> None:
        """Wait until the kernel took what was written. Raises `PeerDoesNotRead` once it takes nothing any more."""
        left = self._writer.transport.get_write_buffer_size
        while True:
            before = left()
            deadline = asyncio.timeout(self.limits.write_seconds)
            try:
                async with deadline:
                    await self._writer.drain()
                    return
            except TimeoutError:
                if not deadline.expired():
                    raise  # the kernel's own
                if left() >= before:
                    raise PeerDoesNotRead(self.limits.write_seconds) from None

    def abort(self, reason: Exception | None = None) -> None:
        """End at once and throw away what is queued; `receive` raises `reason` if one is given."""
        if self._failure is None:
            self._failure = reason
        self._closing = True
        self._queue.emptied.set()
        self._writer.transport.abort()

    def reset(self) -> None:
        """End at once, and let the peer see a TCP reset in place of a clean end."""
        sock = self._writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    async def close(self) -> None:
        """Write what is queued (as long as the peer takes it, at most a second), then close. May be called again."""
        try:
            if not self._closing:
                self._closing = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, self.limits.write_seconds)):
                        await self._queue.emptied.wait()
            self._writing.cancel()
            await asyncio.wait([self._writing])
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._writer.wait_closed()
        finally:
            # Whoever closes may be cancelled meanwhile; after a whole close this does nothing.
            self._writer.transport.abort()


Serve = Callable[[Connection], Awaitable[None]]


async def dial(host: str, port: int, limits: Limits | None = None, counters: Counters | None = None) -> Connection:
    """Open a connection. Raises `OSError` (`TimeoutError` after `dial_seconds`)."""
    limits = limits or Limits()
    async with asyncio.timeout(limits.dial_seconds):
        reader, writer = await asyncio.open_connection(host, port)
    return Connection(reader, writer, limits, counters or Counters())


class Listener:
    """An open port; made by `listen`."""

    def __init__(self, serve: Serve, limits: Limits, counters: Counters) -> None:
        self.counters = counters
        self._serve = serve
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def port(self) -> int:
        """The port that was opened, also when 0 (any) was asked for."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the listener is closed")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, host: str, port: int) -> None:
        """Open the port. Raises `OSError`, for example when it is in use."""
        self._server = await asyncio.start_server(self._accept, host, port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed or len(self._tasks) >= self._limits.max_connections:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve_one(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step closes nothing itself.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with Connection(reader, writer, self._limits, self.counters) as connection:
            try:
                await self._serve(connection)
            except (ProtocolError, OSError) as error:
                _log.info(
                    "connection_ended", extra={"peer": connection.peer, "reason": str(error) or type(error).__name__}
                )

    async def close(self) -> None:
        """Close the port and every connection that came through it."""
        if self._server is None:
            return
        self._closed = True
        for sock in self._server.sockets:
            asyncio.get_running_loop().remove_reader(sock)
        await asyncio.sleep(0)  # what was accepted just now becomes a connection, which a closed server would leak
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round
        self._server = None


async def listen(
    host: str, port: int, serve: Serve, limits: Limits | None = None, counters: Counters | None = None
) -> Listener:
    """Open a port (0: any free one) and run `serve` for each connection; when it returns the connection is closed.

    Raises `OSError`. Above `max_connections` a new one is closed at once.
    """
    listener = Listener(serve, limits or Limits(), counters or Counters())
    await listener.open(host, port)
    return listener


def _set_options(sock: socket.socket | None, limits: Limits) -> None:
    """Send small frames at once, and notice a peer that is gone: it would hold our place in its world for ever."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    seconds = max(1, round(limits.keepalive_seconds))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
    for name, value in (
        ("TCP_KEEPIDLE", seconds),
        ("TCP_KEEPINTVL", seconds),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 4000 * seconds),
    ):
        option = getattr(socket, name, None)  # not every system has each of them
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _name(address: object) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
