"""The fault proxy on real sockets: each fault does what it says, to whole frames and in one direction only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from proof.chaos.faults import FAIR, Fault, Weather
from proof.chaos.proxy import FaultProxy
from proof.processes import free_address
from wire.framing import Framer, encode_frame

DEADLINE = 60.0
FRAMES = [bytes([number]) * (1 + 37 * number) for number in range(1, 20)]


class Far:
    """The target: keeps what each connection said, and can answer."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.said: list[bytearray] = []
        self.ends: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        said = bytearray()
        self.said.append(said)
        try:
            while data := await reader.read(65536):
                said += data
            self.ends.append("end")
        except ConnectionResetError:
            self.ends.append("reset")

    @property
    def frames(self) -> list[bytes]:
        framer = Framer()
        return [frame for said in self.said for frame in framer.receive(bytes(said))]


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[FaultProxy, Far, int]]:
    far = Far()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    proxy = FaultProxy("test", server.sockets[0].getsockname()[1], 1)
    port = int(free_address().rpartition(":")[2])
    await proxy.open(port)
    proxy.calm()
    try:
        async with asyncio.timeout(DEADLINE):
            yield proxy, far, port
    finally:
        await proxy.close()
        server.close()
        for writer in far.writers:
            writer.transport.abort()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


async def say(writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
    for frame in frames:
        writer.write(encode_frame(frame))
    await writer.drain()


def test_fair_weather_passes_everything_on_in_order_and_the_end_too() -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await say(writer, FRAMES)
            await until(lambda: far.frames == FRAMES)
            far.writers[0].write(encode_frame(b"back"))
            assert await reader.readexactly(5) == encode_frame(b"back")
            writer.write_eof()
            await until(lambda: far.ends == ["end"])
            far.writers[0].close()
            assert await reader.read() == b""
            assert (proxy.connections, proxy.frames, sum(proxy.hits.values())) == (1, len(FRAMES) + 1, 0)
            writer.close()

    play(scenario)


def test_loss_takes_whole_frames_and_silence_all_of_them() -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            proxy.spoil("in", Weather(60.0, loss=0.5))
            await say(writer, FRAMES * 5)
            await until(lambda: proxy.frames == 5 * len(FRAMES))
            lost = proxy.hits["in loss"]
            assert 0 < lost < 5 * len(FRAMES)
            await until(lambda: len(far.frames) == 5 * len(FRAMES) - lost)
            assert set(far.frames) <= set(FRAMES)
            proxy.spoil("in", Weather(60.0, loss=1.0))
            await say(writer, FRAMES)
            await until(lambda: proxy.hits["in silence"] == len(FRAMES))
            proxy.spoil("in", FAIR)
            await say(writer, [b"heard"])
            await until(lambda: far.frames[-1] == b"heard")
            assert proxy.hits["out loss"] == 0
            writer.close()

    play(scenario)


@pytest.mark.parametrize("weather", [Weather(60.0, delay=0.05), Weather(60.0, drip=100)])
def test_late_and_slow_frames_come_whole_and_in_order(weather: Weather) -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            proxy.spoil("in", weather)
            began = asyncio.get_running_loop().time()
            await say(writer, FRAMES)
            await until(lambda: far.frames == FRAMES)
            assert asyncio.get_running_loop().time() - began >= 0.05
            assert sum(proxy.hits.values()) == len(FRAMES)
            writer.close()

    play(scenario)


@pytest.mark.parametrize("blow", [Fault.CUT, Fault.RESET])
def test_a_blow_ends_one_connection_and_the_next_one_lives(blow: Fault) -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await say(writer, [b"first"])
            await until(lambda: far.frames == [b"first"])
            proxy.spoil("in", Weather(60.0, blow=blow))
            await say(writer, [b"x" * 1000])
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                assert blow is Fault.RESET
            await until(lambda: len(far.ends) == 1)
            assert far.ends == ["reset" if blow is Fault.RESET else "end"]
            rest = len(far.said[0]) - len(encode_frame(b"first"))
            assert 0 < rest < 1002 if blow is Fault.CUT else rest == 0
            assert proxy.hits[f"in {blow}"] == 1
            writer.close()

            _, again = await asyncio.open_connection("127.0.0.1", port)
            await say(again, [b"second"])
            await until(lambda: bytes(far.said[-1]) == encode_frame(b"second"))
            again.close()

    play(scenario)


def test_a_half_close_ends_one_direction_only() -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await say(writer, [b"first"])
            await until(lambda: far.frames == [b"first"])
            proxy.spoil("in", Weather(60.0, blow=Fault.HALF_CLOSE))
            await say(writer, [b"never", b"heard"])
            await until(lambda: far.ends == ["end"])
            assert far.frames == [b"first"]
            far.writers[0].write(encode_frame(b"still"))
            assert await reader.readexactly(6) == encode_frame(b"still")
            writer.close()

    play(scenario)


def test_a_target_that_changes_makes_everybody_dial_again() -> None:
    async def scenario() -> None:
        async with proxied() as (proxy, far, port):
            other = Far()
            server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await say(writer, [b"first"])
            await until(lambda: far.frames == [b"first"])
            proxy.lead_to(server.sockets[0].getsockname()[1])
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            writer.close()
            _, again = await asyncio.open_connection("127.0.0.1", port)
            await say(again, [b"second"])
            await until(lambda: other.frames == [b"second"])
            again.close()
            server.close()
            other.writers[0].transport.abort()

    play(scenario)


def test_a_target_that_is_away_closes_the_dialler() -> None:
    async def scenario() -> None:
        proxy = FaultProxy("test", int(free_address().rpartition(":")[2]), 1)
        port = int(free_address().rpartition(":")[2])
        await proxy.open(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(DEADLINE):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        await proxy.close()

    play(scenario)
