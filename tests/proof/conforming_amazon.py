"""Cases of `minimart conform amazon` played in this process, against mock Amazons with a fault or without one.

Rules: a mock is a process of its own, since a fault is planted in its classes, with a kit and a world of its own, so
many can go on at the same time; it orders something all the time, so nobody has to be asked for an order.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from proof.conform.cases import NobodyThereError
from proof.conform.of_amazon.asking import Ordered
from proof.conform.of_amazon.kit import Kit
from proof.conform.of_amazon.orders import ByHand
from proof.conform.of_amazon.ups import Ups
from proof.conform.of_amazon.world import World
from proof.conform.patience import Patience
from proof.processes import free_address

TICK = 0.2
ORDERS = 600
HOST = "127.0.0.1"
_ORDER_SECONDS = _COMING_SECONDS = 60.0


class AtTheConsole:
    """A mock's own console: its orders count from 1, and go where the script says."""

    by_itself = True

    def __init__(self, console: asyncio.StreamWriter) -> None:
        self._console = console

    async def redirect(self, order: Ordered, to: tuple[int, int]) -> None:
        await self._type(f"redirect {number_of(order.to)} to {to[0]},{to[1]}")

    async def cancel(self, order: Ordered) -> None:
        await self._type(f"cancel {number_of(order.to)}")

    async def check_account(self, name: str) -> None:
        await self._type(f"account {name}")

    async def _type(self, words: str) -> None:
        self._console.write(f"{words}\n".encode())
        await self._console.drain()


def number_of(at: tuple[int, int]) -> int:
    return at[1] * 40 + at[0] + 1


@asynccontextmanager
async def mocked(folder: Path, name: str, patience: Patience, fault: str = "") -> AsyncIterator[Kit]:
    """A mock Amazon, with all that is needed to check it."""
    script, log = folder / "orders.txt", folder / f"{name}.log"
    script.write_text("".join(f"{at * 0.5} order to {at % 40},{at // 40}\n" for at in range(ORDERS)))
    ups, world = Ups(int(time.time() * 1000)), World(TICK)
    amazon, port = free_address(), await world.open(HOST, 0)
    await world.make()
    host, _, at = amazon.rpartition(":")
    ups.address = host, int(at)
    what = ("tests.proof.faulty_amazon", fault) if fault else ("minimart", "mock")
    options = ("--listen", amazon, "--world", f"{HOST}:{port}", "--tick", str(TICK), "--script", str(script))
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *what, "amazon", *options, "--console"),
            stdin=asyncio.subprocess.PIPE,
            stdout=written,
            stderr=written,
        )
    assert process.stdin is not None
    placing, asking = ByHand(lambda _: None, _ORDER_SECONDS), AtTheConsole(process.stdin)
    kit = Kit(ups, world, placing, asking, patience, _ORDER_SECONDS, None)
    try:
        await _connected(kit)
        yield kit
        assert process.returncode is None, log.read_text()[-3000:]
    finally:
        await ups.close()
        await world.close()
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _connected(kit: Kit) -> None:
    until = kit.now + _COMING_SECONDS
    while True:
        try:
            await kit.connected(until - kit.now)
            return
        except NobodyThereError:
            if kit.now > until:
                raise
