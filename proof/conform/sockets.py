"""TCP as the kit needs it: bytes as they come and go, frames or not; a port, a dial, a cut.

Rules: nothing is framed or understood here; a partner that takes nothing is cut when too much waits for it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

_READ_BYTES = 65_536
_MOST_WAITING = 64 * 1024 * 1024
# A connection that was made just before its port closed takes the event loop so many rounds to be served.
_ACCEPT_ROUNDS = 4


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        host, port, *_ = writer.get_extra_info("peername") or ("?", 0)
        self.name = f"{host}:{port}"
        # Small frames go out at once, and as they were cut.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def read(self) -> bytes:
        """What came; no bytes at the clean end. Raises OSError."""
        return await self._reader.read(_READ_BYTES)

    def write(self, data: bytes) -> None:
        """Sends bytes; on a connection that ended it does nothing."""
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > _MOST_WAITING:
            self.abort()

    def end(self) -> None:
        """Sends the end of the stream, behind what was written."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    def abort(self) -> None:
        """Cuts the connection."""
        self._writer.transport.abort()


Serve = Callable[[Peer], Awaitable[None]]


class Port:
    """An open port and the connections that were made through it."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # A mistake of ours in `serve`; who waits for the partner has to look.
        self.failure: BaseException | None = None

    async def open(self, host: str, port: int) -> int:
        """Listens; gives the port, also when 0 (any) was asked for. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_served(Peer(reader, writer), self._serve))
        self._tasks.add(task)
        task.add_done_callback(self._over)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def close(self) -> None:
        """Cuts every connection and stops listening."""
        if self._server is None:
            return
        self._server.close()
        for _ in range(_ACCEPT_ROUNDS):
            await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Aborted sockets are closed in the loop's next round.
        await asyncio.sleep(0)
        self._server = None


async def dial(host: str, port: int, serve: Serve, seconds: float = 5.0) -> None:
    """Makes one connection and serves it to its end. Raises OSError if it cannot be made."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(host, port)
    peer = Peer(reader, writer)
    try:
        await _served(peer, serve)
    finally:
        peer.abort()


async def _served(peer: Peer, serve: Serve) -> None:
    with suppress(OSError):
        await serve(peer)
    peer.abort()
