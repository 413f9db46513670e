"""Connections over real loopback sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wire.errors import (
    BadFrames,
    EndInsideFrame,
    FrameTooLarge,
    FrameTooLong,
    PeerDoesNotRead,
    PeerSilent,
    WriteQueueFull,
)
from wire.link import Connection, Limits, Listener, dial, listen

DEADLINE = 60.0


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE):
            await scenario()

    asyncio.run(bounded())


@contextlib.asynccontextmanager
async def pair(limits: Limits | None = None) -> AsyncIterator[tuple[Connection, Connection, Listener]]:
    """Two ends of one connection: the one that dialled, the one that was accepted."""
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    done = asyncio.Event()

    async def serve(connection: Connection) -> None:
        accepted.put_nowait(connection)
        await done.wait()

    listener = await listen("127.0.0.1", 0, serve, limits)
    try:
        async with await dial("127.0.0.1", listener.port, limits) as client:
            yield client, await accepted.get(), listener
            done.set()
    finally:
        await listener.close()


async def collect(connection: Connection, count: int) -> list[bytes]:
    frames: list[bytes] = []
    while len(frames) < count:
        came = await connection.receive()
        assert came, f"the end came after {len(frames)} of {count} frames"
        frames += came
    return frames


def test_a_reset_is_no_clean_end() -> None:
    async def scenario() -> None:
        async with pair() as (client, server, _):
            server.reset()
            with pytest.raises(ConnectionResetError):
                await client.receive()

    run(scenario)


def test_frames_cross_both_ways_in_order_and_are_counted() -> None:
    async def scenario() -> None:
        async with pair() as (client, server, _):
            bodies = [bytes([n % 256]) * (n % 300) for n in range(2000)]
            client.send(*bodies[:1000])
            client.send(*bodies[1000:])
            server.send(b"", b"back")
            assert await collect(server, 2000) == bodies
            assert await collect(client, 2) == [b"", b"back"]
            await client.drain()
            assert client.counters.frames_sent == server.counters.frames_received == 2000
            assert client.counters.bytes_sent == server.counters.bytes_received > 200_000

    run(scenario)


def test_a_clean_end_is_an_empty_list_and_what_was_queued_arrives_first() -> None:
    async def scenario() -> None:
        async with pair() as (client, server, _):
            client.send(b"x" * 100_000, b"last")
            await client.close()
            assert await collect(server, 2) == [b"x" * 100_000, b"last"]
            assert await server.receive() == []
            assert not client.open

    run(scenario)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"\xff\xff\xff\xff\x07", FrameTooLarge), (b"\x80" * 6, BadFrames), (b"\x05ab", EndInsideFrame)],
)
def test_bad_bytes_end_their_connection_only_and_are_counted_with_their_head(
    data: bytes, error: type[BadFrames]
) -> None:
    async def scenario() -> None:
        async with pair() as (client, server, listener):
            client.send_bytes(b"\x02ok" + data)
            await client.close()
            assert await server.receive() == [b"ok"]
            with pytest.raises(error):
                await server.receive()
            with pytest.raises(error):
                await server.receive()
            assert listener.counters.bad_frames == 1
            assert listener.counters.bad_head in (data.hex(" "), b"ab".hex(" "))
            async with await dial("127.0.0.1", listener.port) as other:
                assert other.open

    run(scenario)


def test_a_peer_that_never_reads_is_closed_after_the_deadline() -> None:
    async def scenario() -> None:
        async with pair(Limits(write_seconds=0.2)) as (client, _, _listener):
            client.send(*[bytes(1_000_000)] * 12)
            with pytest.raises(PeerDoesNotRead):
                await client.receive()
            assert not client.open
            client.send(b"nobody hears this")

    run(scenario)


def test_a_peer_that_reads_slowly_gets_everything_however_long_it_takes() -> None:
    """Several pieces in each deadline, as the kernel may let one wait: it takes some deadlines, and each takes some."""
    whole, piece, deadline = 4_000_000, 160_000, 1.2

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        read = 0

        def look(sock: socket.socket) -> None:
            nonlocal read
            taken = 0
            with contextlib.suppress(BlockingIOError):
                while taken < piece and (data := sock.recv(piece - taken)):
                    taken += len(data)
            read += taken
            if read < whole:
                loop.call_later(deadline / 6, look, sock)
            else:
                over.set()

        async def serve(connection: Connection) -> None:
            connection.send(bytes(whole))
            with contextlib.suppress(PeerDoesNotRead):
                await connection.receive()
            over.set()

        listener = await listen("127.0.0.1", 0, serve, Limits(write_seconds=deadline))
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            sock.connect(("127.0.0.1", listener.port))
            sock.setblocking(False)
            look(sock)
            await over.wait()
        await listener.close()
        assert read >= whole

    run(scenario)


@pytest.mark.parametrize("turns", range(6))
def test_a_connection_that_comes_while_the_port_is_closed_is_closed_too(turns: int) -> None:
    """The loop tells of a connection some turns after the kernel accepted it; closing may come at any of them."""

    async def scenario() -> None:
        serving = 0

        async def serve(connection: Connection) -> None:
            nonlocal serving
            serving += 1
            try:
                await connection.receive()
            finally:
                serving -= 1

        listener = await listen("127.0.0.1", 0, serve)
        with socket.create_connection(("127.0.0.1", listener.port), timeout=DEADLINE) as sock:
            for _ in range(turns):
                await asyncio.sleep(0)
            await listener.close()
            for _ in range(20):
                await asyncio.sleep(0)
            assert serving == 0
            sock.setblocking(False)
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""

    run(scenario)


def test_the_write_queue_is_bounded() -> None:
    async def scenario() -> None:
        async with pair(Limits(queue_bytes=1000)) as (client, server, _):
            client.send(b"x" * 900)
            with pytest.raises(WriteQueueFull):
                client.send(b"y" * 200)
            await client.drain()
            client.send(b"z" * 900)
            assert await collect(server, 2) == [b"x" * 900, b"z" * 900]

    run(scenario)


def test_a_frame_above_our_own_cap_is_not_sent() -> None:
    async def scenario() -> None:
        async with pair(Limits(max_frame=10)) as (client, _, _listener):
            with pytest.raises(FrameTooLong):
                client.send(b"x" * 11)

    run(scenario)


def test_a_peer_that_says_nothing_is_noticed_at_the_deadline_and_the_connection_still_works() -> None:
    async def scenario() -> None:
        async with pair() as (client, server, _):
            client.send_bytes(b"\x03a")
            with pytest.raises(PeerSilent):
                await server.receive(0.05)
            client.send_bytes(b"bc")
            assert await server.receive(5) == [b"abc"]

    run(scenario)


def test_small_frames_go_at_once_and_dead_peers_are_probed() -> None:
    async def scenario() -> None:
        async with pair(Limits(keepalive_seconds=3)) as (client, server, _):
            for end in (client, server):
                sock = end._writer.get_extra_info("socket")
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 3
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 12_000

    run(scenario)


def test_above_the_cap_of_connections_a_new_one_is_closed_and_the_old_ones_live() -> None:
    async def scenario() -> None:
        async with pair(Limits(max_connections=1)) as (client, server, listener):
            async with await dial("127.0.0.1", listener.port) as extra:
                with contextlib.suppress(OSError):
                    assert await extra.receive(5) == []
            client.send(b"still here")
            assert await server.receive() == [b"still here"]

    run(scenario)


def test_a_port_in_use_and_a_port_without_listener_are_os_errors() -> None:
    async def scenario() -> None:
        async with pair() as (_, server, listener):
            assert server.open
            port = listener.port
            with pytest.raises(OSError, match="in use"):
                await listen("127.0.0.1", port, lambda _: asyncio.sleep(0))
        with pytest.raises(OSError, match=r"refused|failed"):
            await dial("127.0.0.1", port)

    run(scenario)
