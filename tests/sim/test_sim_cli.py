"""The stand-ins as processes: options, ports, signals, the book, and orders over real sockets."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from partners.world import world_amazon_pb2 as amazon
from sim.cli import DIED
from sim.dialler import Dialler
from sim.links import Link
from sim.reference import ReferenceShop, spread_orders
from tests.sim.peers import RawClient, a_connect, buy, framed, load_below_sixty

DEADLINE = 100.0
ADDRESS = re.compile(rb"listening side=(\w+) address=127\.0\.0\.1:(\d+)")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sim", *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@asynccontextmanager
async def world_process(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, int]]]:
    arguments = ["-m", "sim", "world", "--amazon-port", "0", "--ups-port", "0", *options]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(DEADLINE):
            yield process, await ports_of(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ports_of(process: asyncio.subprocess.Process) -> dict[str, int]:
    assert process.stderr is not None
    found: dict[str, int] = {}
    while len(found) < 2:
        line = await process.stderr.readline()
        assert line, "the world ended before it listened"
        if (match := ADDRESS.search(line)) is not None:
            found[match[1].decode()] = int(match[2])
    return found


async def file_with(path: Path, text: str) -> str:
    """The file's content as soon as it holds `text`."""
    async with asyncio.timeout(DEADLINE):
        while True:
            content = await asyncio.to_thread(lambda: path.read_text() if path.exists() else "")
            if text in content:
                return content


@pytest.mark.parametrize(
    "arguments",
    [
        ("world", "--flakiness", "100"),
        ("world", "--flakiness", "many"),
        ("world", "--amazon-port", "70000"),
        ("world", "--tick", "0"),
        ("world", "--transient-errors", "2"),
        ("world", "--book", "/no/such/folder/book.json"),
        ("world", "--no-such-option"),
        ("ups", "--world", "nowhere"),
        ("ups", "--trucks", "0"),
        ("ups", "--simspeed", "59"),
        ("ups", "--features", "redirect,levitation"),
        ("ups", "--garbage", "xyz"),
        ("moon",),
    ],
)
def test_a_wrong_option_is_one_clear_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("sim: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("world", "--ups-port", "0", "--amazon-port", port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_world_and_the_book_is_written(name: signal.Signals, tmp_path: Path) -> None:
    async def scenario() -> None:
        book = tmp_path / "book.json"
        async with world_process("--book", str(book)) as (process, ports), RawClient(ports["amazon"]) as client:
            await client.send(a_connect(None, (1, 3, 4)))
            await client.read(amazon.AConnected)
            await client.send(framed(amazon.ACommands(buy=[buy(1, count=5)])))
            await client.read(amazon.AResponses)
            process.send_signal(signal.SIGUSR1)
            written = json.loads(await file_with(book, '"bought"'))
            assert written["bought"] == [{"world": 1, "warehouse": 1, "product": 1, "count": 5}]
            book.unlink()
            process.send_signal(name)
            assert await process.wait() == 0
            assert json.loads(book.read_text()) == written

    asyncio.run(scenario())


def test_ups_stops_also_when_nobody_is_there() -> None:
    async def scenario() -> None:
        arguments = ["-m", "sim", "ups", "--world", "127.0.0.1:1", "--amazon", "127.0.0.1:1"]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
        async with asyncio.timeout(DEADLINE):
            assert process.stderr is not None
            while b"cannot_connect link=world" not in await process.stderr.readline():
                assert process.returncode is None
            process.terminate()
            await process.communicate()
        assert process.returncode == 0

    asyncio.run(scenario())


def test_a_deadly_simspeed_ends_the_process_as_it_ends_the_real_one() -> None:
    async def scenario() -> None:
        async with world_process() as (process, ports), RawClient(ports["amazon"]) as client:
            await load_below_sixty(client, ports["ups"])
            assert await process.wait() == DIED

    asyncio.run(scenario())


@pytest.mark.parametrize("flakiness", [0, 60])
def test_a_hundred_orders_through_real_processes(flakiness: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        book = tmp_path / "book.json"
        places = {1: (3, 4), 2: (30, 40)}
        orders = spread_orders(100, places, Random(1))
        shop = ReferenceShop(orders, places, 0.2, eager=flakiness > 0)
        dialler: Dialler | None = None
        ups: asyncio.subprocess.Process | None = None
        async with world_process("--flakiness", str(flakiness), "--book", str(book)) as (world, ports):
            try:
                dialler = Dialler(shop, {Link.WORLD: ("127.0.0.1", ports["amazon"])})
                port = await dialler.hear(Link.UPS, "127.0.0.1", 0)
                dialler.start()
                arguments = ["--world", f"127.0.0.1:{ports['ups']}", "--amazon", f"127.0.0.1:{port}"]
                ups = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "sim", "ups", *arguments, stderr=asyncio.subprocess.DEVNULL
                )
                async with asyncio.timeout(DEADLINE):
                    await dialler.until(lambda: shop.done_at is not None)
            finally:
                if dialler is not None:
                    await dialler.close()
                if ups is not None:
                    ups.terminate()
                    await ups.wait()
            world.terminate()
            await world.wait()
        packages = json.loads(book.read_text())["packages"]
        assert len(packages) == 100
        assert all((p["packed"], p["loaded"], p["delivered"]) == (1, 1, 1) for p in packages)

    asyncio.run(scenario())


def test_the_minimum_is_printed() -> None:
    done = run("minimum", "--orders", "20", "--real-time")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["exactly_once"]
    assert 17 <= found["seconds"] <= 22
