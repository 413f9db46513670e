"""`minimart conform`: the group, and `ups`, the cases against a partner's UPS (`amazon` is in of_amazon).

Rules: 0 when nothing failed, 1 when something did or no partner came, 2 for what the command was told. A partner that
the kit starts is started several times, each with an Amazon and a world of its own, so that cases go on side by side.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from db.clock import SystemClock
from proof.conform.amazon import Amazon
from proof.conform.catalogue import CASES
from proof.conform.kit import Kit
from proof.conform.of_amazon.command import amazon as of_amazon
from proof.conform.options import PLACE
from proof.conform.patience import Patience
from proof.conform.play import play_cases
from proof.conform.program import CannotStart, Program
from proof.conform.reporting import Reporting, reporting
from proof.conform.verdict import Outcome
from proof.conform.world import World
from sim.options import FiniteRange


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was told about the partner; see the options."""

    amazon: tuple[str, int]
    world: tuple[str, int]
    connect: tuple[str, int] | None
    tick: float
    resend: float
    wait: float
    start: str | None
    restart: str | None
    lanes: int
    log: Path | None

    @property
    def patience(self) -> Patience:
        """How long is waited for what."""
        return Patience(self.tick, self.resend)

    def grounds(self) -> int:
        """How many partners there are to be: several only if each can be told its own places."""
        told_apart = self.start is not None and "{amazon}" in self.start and "{world}" in self.start
        return self.lanes if told_apart and self.connect is None else 1


@click.group()
def conform() -> None:
    """Check a partner's program against docs/ups-protocol.md."""


conform.add_command(of_amazon)


@conform.command()
@click.option(
    "--amazon", type=PLACE, default="127.0.0.1:7101", show_default=True, help="Where the partner finds Amazon."
)
@click.option("--connect", type=PLACE, help="Dial the partner here, which listens, in place of being dialled.")
@click.option("--world", type=PLACE, default="127.0.0.1:12345", show_default=True, help="Where it finds the world.")
@click.option("--tick", type=FiniteRange(0.05, 60), default=0.2, show_default=True, help="The world's, in seconds.")
@click.option("--resend", type=FiniteRange(1, 600), default=15.0, show_default=True, help="Seconds for a copy to come.")
@click.option(
    "--wait", type=FiniteRange(1, 3600), default=60.0, show_default=True, help="Seconds for a partner to come."
)
@click.option(
    "--start",
    metavar="COMMAND",
    help="Starts the partner; {amazon}, {world}, {folder} (empty, its own) are put in. Only so can it be killed.",
)
@click.option(
    "--restart",
    metavar="COMMAND",
    help="Starts it again after a kill, if not --start; {world_id} and {number} (never used before) are put in, too.",
)
@click.option(
    "--lanes", type=click.IntRange(1, 16), default=4, show_default=True, help="How many are started, to be faster."
)
@click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), help="Append here what the started partner prints."
)
@reporting("ups", CASES)
def ups(reporting: Reporting, **told: Any) -> int:
    """Check a UPS: it dials Amazon and the world here, and is put through the cases."""
    options = Options(**told)
    if options.restart is not None and options.start is None:
        raise click.UsageError("--restart goes with --start")
    if options.log is not None and not options.log.absolute().parent.is_dir():
        raise click.UsageError(f"--log {options.log}: there is no folder {options.log.parent}")
    return asyncio.run(_run(options, reporting))


async def _run(options: Options, reporting: Reporting) -> int:
    clock = SystemClock()
    began_at = clock.now()
    async with AsyncExitStack() as stack:
        kits = [await _ground(stack, options, lane, int(began_at) << 20) for lane in range(options.grounds())]
        try:
            for kit in kits:
                kit.start()
        except CannotStart as error:
            raise click.UsageError(f"--start cannot be run: {error}") from error
        await asyncio.gather(*(_await_partner(kit, options.wait) for kit in kits))
        outcomes = await _played(kits, reporting)
    return reporting.finish(
        outcomes, began_at=began_at, seconds=clock.now() - began_at, subject=_subject(options, len(kits))
    )


async def _played(kits: list[Kit], reporting: Reporting) -> list[Outcome]:
    try:
        return await play_cases(kits, reporting.cases, reporting.tell)
    except CannotStart as error:
        raise click.UsageError(f"--restart cannot be run: {error}") from error


async def _ground(stack: AsyncExitStack, options: Options, lane: int, first: int) -> Kit:
    """One partner with all that it needs; where the first one finds it is the user's choice."""
    amazon, world = Amazon(first, options.connect), World(options.tick)
    stack.push_async_callback(world.close)
    stack.push_async_callback(amazon.close)
    amazon_at = await _open("Amazon", amazon.open, options.amazon if lane == 0 else (options.amazon[0], 0))
    world_at = await _open("the world", world.open, options.world if lane == 0 else (options.world[0], 0))
    if lane == 0:
        where = "dials the partner" if options.connect else f"listens at {amazon_at}"
        click.echo(f"Amazon {where}, the world listens at {world_at}")
    program = None
    if options.start is not None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="conform-"))
        values = {"amazon": amazon_at, "world": world_at, "folder": folder}
        program = Program(options.start, options.restart, values, options.log)
        stack.callback(program.stop)
    kit = Kit(amazon, world, options.patience, first, program)
    stack.push_async_callback(kit.close)
    return kit


async def _open(what: str, listen: Callable[[str, int], Awaitable[int]], at: tuple[str, int]) -> str:
    host, port = at
    try:
        return f"{host}:{await listen(host, port)}"
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port} for {what}: {error.strerror or error}") from error


async def _await_partner(kit: Kit, seconds: float) -> None:
    """Waits for the first connection. Raises ClickException (exit code 1) when none comes."""
    amazon, program = kit.amazon, kit.program
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not amazon.partners and not (program is not None and program.ended):
                amazon.changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await amazon.changed.wait()
    if amazon.partners:
        return
    if program is not None and program.ended:
        raise click.ClickException(f"no partner came: {program.ended} (--log FILE shows what it printed)")
    if amazon.dials_partner:
        raise click.ClickException(f"the partner cannot be reached within {seconds:g} s: {amazon.trouble}")
    raise click.ClickException(f"no partner came within {seconds:g} s")


def _subject(options: Options, lanes: int) -> str:
    if options.start is not None:
        return options.start + (f" ({lanes} of them side by side)" if lanes > 1 else "")
    if options.connect is not None:
        return "a UPS that listens at {}:{}".format(*options.connect)
    return "a UPS that dials {}:{}".format(*options.amazon)
