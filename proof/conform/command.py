"""`minimart conform ups`: the cases against a partner's program.

Rules: 0 when nothing failed, 1 when something did or no partner came, 2 for what the command was told.
"""

import asyncio
import shlex
import subprocess
from contextlib import suppress
from typing import Any

import click

from db.clock import SystemClock
from proof.conform.amazon import Amazon
from proof.conform.catalogue import CASES
from proof.conform.kit import Kit, Patience
from proof.conform.play import play_cases
from proof.conform.reporting import Reporting, reporting
from proof.conform.world import World

_STOP_SECONDS = 3.0


class Place(click.ParamType[tuple[str, int]]):
    """HOST:PORT as (host, port)."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Gives host and port."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            self.fail(f"{value!r} is not {self.name} with a port within 0..65535", param, ctx)
        return host.strip("[]"), int(port)


PLACE = Place()


@click.group()
def conform() -> None:
    """Check a partner's program against docs/ups-protocol.md."""


@conform.command()
@click.option(
    "--amazon", type=PLACE, default="127.0.0.1:7101", show_default=True, help="Where the partner finds Amazon."
)
@click.option("--world", type=PLACE, default="127.0.0.1:12345", show_default=True, help="Where it finds the world.")
@click.option(
    "--tick", type=click.FloatRange(0.05, 60), default=0.2, show_default=True, help="The world's, in seconds."
)
@click.option(
    "--resend", type=click.FloatRange(1, 600), default=15.0, show_default=True, help="Seconds for a copy to come."
)
@click.option(
    "--wait", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="Seconds for a partner to come."
)
@click.option("--start", help="A command that starts the partner; {amazon} and {world} are put in.")
@reporting("ups", CASES)
def ups(
    amazon: tuple[str, int],
    world: tuple[str, int],
    tick: float,
    resend: float,
    wait: float,
    start: str | None,
    reporting: Reporting,
) -> int:
    """Check a UPS: it dials Amazon and the world here, and is put through the cases."""
    return asyncio.run(_run(amazon, world, Patience(tick, resend), wait, start, reporting))


async def _run(
    at: tuple[str, int],
    world_at: tuple[str, int],
    patience: Patience,
    wait: float,
    start: str | None,
    reporting: Reporting,
) -> int:
    began_at = SystemClock().now()
    first = int(began_at) << 20
    amazon, world = Amazon(first), World(patience.tick)
    partner: subprocess.Popen[bytes] | None = None
    try:
        places = [await _open("Amazon", amazon.open, at), await _open("the world", world.open, world_at)]
        click.echo(f"Amazon listens at {places[0]}, the world at {places[1]}")
        if start is not None:
            partner = _start(start, amazon=places[0], world=places[1])
        kit = Kit(amazon, world, patience, first)
        try:
            await _await_partner(kit, wait)
            outcomes = await play_cases([kit], reporting.cases, reporting.tell)
        finally:
            await kit.close()
    finally:
        if partner is not None:
            _stop(partner)
        await amazon.close()
        await world.close()
    return reporting.finish(
        outcomes,
        began_at=began_at,
        seconds=SystemClock().now() - began_at,
        subject=f"a UPS that dials Amazon at {places[0]}: {start}"
        if start
        else f"a UPS that dials Amazon at {places[0]}",
    )


async def _open(what: str, listen: Any, at: tuple[str, int]) -> str:
    host, port = at
    try:
        return f"{host}:{await listen(host, port)}"
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port} for {what}: {error.strerror or error}") from error


def _start(command: str, **places: str) -> subprocess.Popen[bytes]:
    try:
        words = [word.format(**places) for word in shlex.split(command)]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL)  # noqa: S603 - what the user asked for
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise click.UsageError(f"--start cannot be run: {error}") from error


def _stop(partner: subprocess.Popen[bytes]) -> None:
    partner.terminate()
    try:
        partner.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        partner.kill()
        partner.wait()


async def _await_partner(kit: Kit, seconds: float) -> None:
    """Waits for the first connection. Raises ClickException (exit code 1) when none comes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not kit.amazon.partners:
                kit.amazon.changed.clear()
                await kit.amazon.changed.wait()
    if not kit.amazon.partners:
        raise click.ClickException(f"no partner came within {seconds:g} s")
