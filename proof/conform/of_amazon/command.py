"""`minimart conform amazon`: the cases against a partner's Amazon.

Rules: 0 when nothing failed, 1 when something did or no Amazon was there, 2 for what the command was told.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from db.clock import SystemClock
from proof.conform.cases import NobodyThereError
from proof.conform.of_amazon.asking import Asking, AskingByCommand, AskingByHand, AskingMinimart
from proof.conform.of_amazon.catalogue import CASES
from proof.conform.of_amazon.kit import Kit
from proof.conform.of_amazon.orders import ByCommand, ByHand, InMinimart, Placing
from proof.conform.of_amazon.ups import Ups
from proof.conform.of_amazon.world import World
from proof.conform.options import PLACE
from proof.conform.patience import Patience
from proof.conform.play import play_cases
from proof.conform.program import CannotStart, Program
from proof.conform.reporting import Reporting, reporting
from proof.processes import free_address
from sim.options import FiniteRange


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was told about the partner; see the options."""

    amazon: tuple[str, int]
    world: tuple[str, int]
    tick: float
    resend: float
    wait: float
    start: str | None
    log: Path | None
    shop: str | None
    offer: int
    place: str | None
    redirect: str | None
    cancel: str | None
    check_account: str | None
    order_wait: float


@click.command()
@click.option("--amazon", type=PLACE, default="127.0.0.1:7101", show_default=True, help="Where Amazon listens for UPS.")
@click.option("--world", type=PLACE, default="127.0.0.1:23456", show_default=True, help="Where it finds the world.")
@click.option("--tick", type=FiniteRange(0.05, 60), default=0.2, show_default=True, help="The world's, in seconds.")
@click.option("--resend", type=FiniteRange(1, 600), default=15.0, show_default=True, help="Seconds for a copy to come.")
@click.option(
    "--wait", type=FiniteRange(1, 3600), default=60.0, show_default=True, help="Seconds for Amazon to be there."
)
@click.option(
    "--start",
    metavar="COMMAND",
    help="Starts Amazon; {amazon}, {world}, {tick}, {folder} (empty, its own), {port} (free) are put in. Only so can "
    "it be killed.",
)
@click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), help="Append here what the started Amazon prints."
)
@click.option(
    "--shop",
    metavar="FOLDER",
    help="Place orders over gRPC, in the Minimart with this data folder; {folder} is put in.",
)
@click.option(
    "--offer", type=click.IntRange(1), default=3, show_default=True, help="What is ordered in a Minimart: one of it."
)
@click.option("--place", metavar="COMMAND", help="A command that places an order of one thing to ({x}, {y}).")
@click.option(
    "--redirect",
    metavar="COMMAND",
    help="Sends the order to ({x}, {y}), tracking number {ship}, to ({to_x}, {to_y}) instead, as a shopper does.",
)
@click.option("--cancel", metavar="COMMAND", help="Cancels the order to ({x}, {y}), tracking number {ship}.")
@click.option("--check-account", metavar="COMMAND", help="Asks whether there is a UPS account {account}.")
@click.option(
    "--order-wait",
    type=FiniteRange(1, 3600),
    default=300.0,
    show_default=True,
    help="Seconds for a person to place an order, and for Amazon to come back from a kill.",
)
@reporting("amazon", CASES)
def amazon(reporting: Reporting, **told: Any) -> int:
    """Check an Amazon: the kit is its UPS, and its world, and puts it through the cases."""
    options = Options(**told)
    if options.shop is not None and options.place is not None:
        raise click.UsageError("--shop and --place are two ways to place an order: name one")
    if options.log is not None and not options.log.absolute().parent.is_dir():
        raise click.UsageError(f"--log {options.log}: there is no folder {options.log.parent}")
    return asyncio.run(_run(options, reporting))


async def _run(options: Options, reporting: Reporting) -> int:
    clock = SystemClock()
    began_at = clock.now()
    async with AsyncExitStack() as stack:
        # Above any number that an earlier run used.
        ups, world = Ups(int(began_at * 1000)), World(options.tick)
        stack.push_async_callback(world.close)
        stack.push_async_callback(ups.close)
        host, port = options.world
        try:
            port = await world.open(host, port)
        except OSError as error:
            reason = error.strerror or error
            raise click.UsageError(f"cannot listen on {host}:{port} for the world: {reason}") from error
        await world.make()
        ups.address = _somewhere(options.amazon) if options.start is not None else options.amazon
        where = "{}:{}".format(*ups.address)
        click.echo(f"the world listens at {host}:{port}, Amazon is dialled at {where}")
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="conform-"))
        program = None
        if options.start is not None:
            values = {"amazon": where, "world": f"{host}:{port}", "tick": f"{options.tick:g}", "folder": folder}
            program = Program(
                options.start, None, {**values, "port": str(_somewhere(("127.0.0.1", 0))[1])}, options.log
            )
            stack.callback(program.stop)
            try:
                program.start()
            except CannotStart as error:
                raise click.UsageError(f"--start cannot be run: {error}") from error
        patience = Patience(options.tick, options.resend)
        orders = _placing(options, folder)
        kit = Kit(ups, world, orders, _asking(options, orders), patience, options.order_wait, program)
        await _await_amazon(kit, program, options.wait)
        outcomes = await play_cases([kit], reporting.cases, reporting.tell)
    seconds = clock.now() - began_at
    return reporting.finish(outcomes, began_at=began_at, seconds=seconds, subject=options.start or f"Amazon at {where}")


def _placing(options: Options, folder: str) -> Placing:
    if options.shop is not None:
        return InMinimart(Path(options.shop.replace("{folder}", folder)), options.offer)
    if options.place is not None:
        return ByCommand(options.place)
    return ByHand(click.echo, options.order_wait)


def _asking(options: Options, orders: Placing) -> Asking:
    told = {"redirect": options.redirect, "cancel": options.cancel, "check-account": options.check_account}
    commands = {name: command for name, command in told.items() if command is not None}
    if commands or options.place is not None:
        return AskingByCommand(commands)
    return AskingMinimart(orders) if isinstance(orders, InMinimart) else AskingByHand(click.echo, options.order_wait)


def _somewhere(address: tuple[str, int]) -> tuple[str, int]:
    """A free port in place of port 0: whoever is started has to be told one."""
    host, port = address
    return host, port or int(free_address().rpartition(":")[2])


async def _await_amazon(kit: Kit, program: Program | None, seconds: float) -> None:
    """Waits until Amazon takes our announcement. Raises ClickException (exit code 1) when it does not."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + seconds
    while True:
        try:
            await kit.connected(give_up_at - loop.time())
            return
        except NobodyThereError as trouble:
            if program is not None and program.ended:
                raise click.ClickException(
                    f"no Amazon: {program.ended} (--log FILE shows what it printed)"
                ) from trouble
            if loop.time() >= give_up_at:
                raise click.ClickException(f"no Amazon within {seconds:g} s: {trouble}") from trouble
