"""`minimart mock amazon`: options, the live view, and how it ends.

Rules: a wrong option, an unreadable script and a port that cannot be had are one line and exit code 2; with --exit, 0
when every order was delivered or given up, 1 when not in time; SIGINT and SIGTERM stop it. Lines have colours on a
terminal and are plain elsewhere.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import randbelow
from typing import Any

import click

from sim.amazon import script
from sim.amazon.model import AmazonModel, Faults, Settings, Sign
from sim.amazon.script import ScriptError, Step
from sim.amazon.shell import AmazonShell
from sim.cli import PLACE, QUICK_SIMSPEED, QUICK_TICK
from sim.options import FiniteRange
from sim.ups.model.extension import FEATURES
from sim.world.model import Rules, Side, WorldModel
from sim.world.shell import WorldShell

REAL_TICK = 6.0
ORDERS = 3
_HOST = "127.0.0.1"
_NUMBERS = 1_000_000_000_000_000
_COLOURS = {Sign.SENT: "cyan", Sign.CAME: "green", Sign.NOTE: "yellow"}
_WHO = {Sign.SENT: "Amazon -> UPS", Sign.CAME: "Amazon <- UPS", Sign.NOTE: "            --"}
_PURPOSE = "on purpose"

_PERCENT = click.IntRange(0, 95)
_SECONDS = FiniteRange(0, 3600)


class FeatureNames(click.ParamType[tuple[str, ...]]):
    """`all`, `none`, or names with commas between them."""

    name = "NAMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Give the names."""
        if isinstance(value, tuple):
            return value
        if value in ("all", "none"):
            return FEATURES if value == "all" else ()
        names = tuple(name.strip() for name in str(value).split(","))
        odd = [name for name in names if name not in FEATURES]
        if odd:
            self.fail(f"nothing is called {odd[0]!r}; there are {', '.join(FEATURES)}, all and none", param, ctx)
        return names


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was told; see the options."""

    listen: tuple[str | None, int]
    world: tuple[str | None, int] | None
    world_ups: tuple[str | None, int]
    script: Path | None
    orders: int | None
    every: float
    features: tuple[str, ...]
    tick: float | None
    flakiness: int
    loss: int
    duplicate: int
    delay: float
    cut: float
    reset: float
    restart: float
    down: float
    seed: int
    console: bool
    exit: bool
    timeout: float | None

    def steps(self) -> Sequence[Step]:
        """What happens when. Raises UsageError."""
        if self.script is None:
            return script.spread(ORDERS if self.orders is None else self.orders, self.every, Random(self.seed))
        if self.orders is not None:
            raise click.UsageError("--script says what is ordered: it does not go with --orders")
        try:
            return script.parse(self.script.read_text(encoding="utf-8"))
        except OSError as error:
            raise click.UsageError(f"--script {self.script} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise click.UsageError(f"--script {self.script} cannot be read: it is not text") from error
        except ScriptError as error:
            raise click.UsageError(f"--script {self.script}, {error}") from error

    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return Faults(
            loss=self.loss / 100,
            duplicate=self.duplicate / 100,
            delay=self.delay,
            cut_every=self.cut,
            reset_every=self.reset,
            restart_every=self.restart,
            down=self.down,
        )


@click.group()
def mock() -> None:
    """Stand in for a whole partner, for a team that works alone."""


@mock.command()
@click.option("--listen", type=PLACE, default="127.0.0.1:7101", show_default=True, help="Where UPS finds Amazon.")
@click.option("--world", type=PLACE, help="A real world's port for Amazon, in place of the stand-in.")
@click.option(
    "--world-ups", type=PLACE, default="127.0.0.1:12345", show_default=True, help="Where UPS finds the stand-in world."
)
@click.option("--script", type=click.Path(path_type=Path), help="A file of what is ordered and broken, and when.")
@click.option("--orders", type=click.IntRange(0, 10_000), help=f"That many orders by chance.  [default: {ORDERS}]")
@click.option("--every", type=_SECONDS, default=1.0, show_default=True, help="Seconds between two of those.")
@click.option("--features", type=FeatureNames(), default="all", show_default=True, help="Of the extension.")
@click.option("--tick", type=FiniteRange(0.05, 60), help="The world's.  [default: 0.2, with --world 6]")
@click.option("--flakiness", type=click.IntRange(0, 99), default=0, help="Percent of what the stand-in world loses.")
@click.option("--loss", type=_PERCENT, default=0, help="Percent of elements and acks that get lost, each way.")
@click.option("--duplicate", type=_PERCENT, default=0, help="Percent of messages to UPS that come twice.")
@click.option("--delay", type=_SECONDS, default=0.0, help="Messages to UPS come up to so many seconds late.")
@click.option("--cut", type=_SECONDS, default=0.0, help="End the connection inside a frame, about so often.")
@click.option("--reset", type=_SECONDS, default=0.0, help="End it with a TCP reset, about so often.")
@click.option("--restart", type=_SECONDS, default=0.0, help="Be away, about so often.")
@click.option("--down", type=_SECONDS, default=2.0, show_default=True, help="How long Amazon is away then.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything that is left to chance.")
@click.option(
    "--console", is_flag=True, help="Take further steps from standard input: a script's lines, without times."
)
@click.option("--exit", is_flag=True, help="End when every order has ended: exit code 0.")
@click.option("--timeout", type=FiniteRange(0, min_open=True), help="With --exit: give up after so long, code 1.")
def amazon(**told: Any) -> int:
    """Be an Amazon: order, make mistakes on purpose, and show every message."""
    options = Options(**told)
    if options.timeout is not None and not options.exit:
        raise click.UsageError("--timeout goes with --exit")
    return asyncio.run(_run(options, options.steps()))


async def _run(options: Options, steps: Sequence[Step]) -> int:
    loop = asyncio.get_running_loop()
    began_at = loop.time()

    def see(now: float, sign: Sign, words: str) -> None:
        colour = "red" if _PURPOSE in words else _COLOURS[sign]
        click.echo(f"{now - began_at:9.3f} s  {click.style(f'{_WHO[sign]}  {words}', fg=colour)}")

    tick = options.tick or (QUICK_TICK if options.world is None else REAL_TICK)
    # Numbers that no earlier run used with this UPS or in this world, beyond 32 bits as Minimart's are.
    first = _NUMBERS + 1000 * randbelow(_NUMBERS // 10_000)
    settings = Settings(tick=tick, features=options.features, first_number=first)
    model = AmazonModel(settings, steps, options.faults(), Random(options.seed), see)
    async with AsyncExitStack() as stack:
        world = await _world(options, tick, stack)
        shell = AmazonShell(model, world, lambda words: see(loop.time(), Sign.NOTE, words))
        stack.push_async_callback(shell.close)
        at = await _open("UPS", shell.open, options.listen)
        asked = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, asked.set)
        click.echo(f"Amazon listens at {at}; {model.ordered} orders to come; seed {options.seed}")
        if options.console:
            stack.push_async_callback(_ended, asyncio.create_task(_listen(await _console(stack), shell)))
        await _end(shell, asked, options)
    left = model.ordered - sum(not parcel.open for parcel in model.parcels.values())
    click.echo(f"{model.ordered - left} of {model.ordered} orders have ended")
    return int(options.exit and left > 0)


async def _console(stack: AsyncExitStack) -> asyncio.StreamReader:
    """Standard input, line by line. Raises UsageError where it is no terminal and no pipe."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    try:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (OSError, ValueError) as error:
        raise click.UsageError("--console needs a terminal or a pipe as its standard input") from error
    stack.callback(transport.close)
    return reader


async def _listen(console: asyncio.StreamReader, shell: AmazonShell) -> None:
    while words := await console.readline():
        try:
            if words.strip():
                shell.order(words.decode(errors="replace"))
        except ScriptError as error:
            click.echo(f"--console: {error.why}", err=True)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _world(options: Options, tick: float, stack: AsyncExitStack) -> tuple[str, int]:
    """Where the world takes Amazon; opened, if it is the stand-in."""
    if options.world is not None:
        host, port = options.world
        return host or _HOST, port
    rules = Rules.quick(tick, tick * 0.75, default_simspeed=QUICK_SIMSPEED, flakiness=options.flakiness)
    world = WorldShell(WorldModel(rules, Random(options.seed)))
    stack.push_async_callback(world.close)
    own = await world.open(Side.AMAZON, _HOST, 0)
    at = await _open("the world", lambda host, port: world.open(Side.UPS, host, port), options.world_ups)
    click.echo(f"the world takes UPS at {at}")
    return _HOST, own


async def _open(what: str, open_port: Callable[..., Any], place: tuple[str | None, int]) -> str:
    host, port = place[0] or _HOST, place[1]
    try:
        return f"{host}:{await open_port(host, port)}"
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port} for {what}: {error.strerror or error}") from error


async def _end(shell: AmazonShell, asked: asyncio.Event, options: Options) -> None:
    """Returns when it is to end."""
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(asked.wait())]
    if options.exit:
        waits.append(asyncio.create_task(shell.until_done()))
    await asyncio.wait(waits, timeout=options.timeout, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
