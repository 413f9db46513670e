"""The command line of the stand-ins: `sim world`, `sim ups`, `sim minimum`.

Rules: quick by default, `--real-time` for the real program's times; a wrong option is one line and exit code 2, a port
in use one line and exit code 1; SIGTERM and SIGINT stop within a second. Nothing is read from the environment.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any

import click

from sim.dialler import Dialler
from sim.links import Link
from sim.options import FiniteRange
from sim.ups.model import FEATURES, Faults, Settings, UpsModel
from sim.virtual import minimum as find_minimum
from sim.world.journal import Journal
from sim.world.model import Rules, Side, WorldModel
from sim.world.shell import WorldShell

_log = logging.getLogger("sim")

QUICK_TICK = 0.2
QUICK_POLL = 0.15
QUICK_SIMSPEED = 10_000
DIED = 136
BROKEN = 1
"""What a shell reports of a process that ended by SIGFPE, as the real world does."""


class Place(click.ParamType[tuple[str | None, int]]):
    """HOST:PORT or PORT alone, as (host or None, port)."""

    name = "[HOST:]PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str | None, int]:
        """Give the host, None if there is none, and the port."""
        host, _, port = str(value).rpartition(":")
        if not port.isdecimal() or int(port) > 65_535:
            self.fail(f"{value!r} is not {self.name} with a port within 0..65535", param, ctx)
        return host.strip("[]") or None, int(port)


class HexBytes(click.ParamType[bytes]):
    """Bytes as pairs of hex digits."""

    name = "HEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Give the bytes."""
        if isinstance(value, bytes):
            return value
        try:
            return bytes.fromhex(value)
        except ValueError:
            self.fail(f"{value!r} is not pairs of hex digits", param, ctx)


class Names(click.ParamType[tuple[str, ...]]):
    """Feature names with commas between, `all` or `none`, as a tuple."""

    name = "NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Give the names."""
        if isinstance(value, tuple):
            return value
        if value in ("all", "none"):
            return FEATURES if value == "all" else ()
        names = tuple(value.split(","))
        unknown = [name for name in names if name not in FEATURES]
        if unknown:
            self.fail(f"there is no feature {unknown[0]!r}; there are {', '.join(FEATURES)}, all and none", param, ctx)
        return names


PLACE = Place()
HEX = HexBytes()
REAL_TIME = click.option("--real-time", is_flag=True, help="The real program's tick, poll and simspeed: 6 s, 5 s, 100.")
SEED = click.option("--seed", type=int, default=1, show_default=True, help="Of everything that is left to chance.")
FLAKINESS = click.option(
    "--flakiness", type=click.IntRange(0, 99), default=0, show_default=True, help="Percent of commands the world loses."
)


@click.group()
def sim() -> None:
    """Stand-ins for the world and for the UPS team, on real sockets."""


@sim.command()
@click.option("--amazon-port", "--amazon", type=PLACE, default="23456", show_default=True, help="0: any free port.")
@click.option("--ups-port", "--ups", type=PLACE, default="12345", show_default=True, help="0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@FLAKINESS
@SEED
@REAL_TIME
@click.option("--tick", type=FiniteRange(0.001), help="Seconds between two sends.")
@click.option("--poll", type=FiniteRange(0.001), help="Seconds between two looks of the world's own threads.")
@click.option("--simspeed", type=click.IntRange(1), help="Of new worlds.")
@click.option("--transient-errors", type=FiniteRange(0, 1), default=0.0, help="Share of elements that fail by chance.")
@click.option("--book", type=click.Path(path_type=Path), help="Write what happened here, at the end and on SIGUSR1.")
@click.option("--journal", type=click.Path(path_type=Path), help="Append what happens here, a JSON line an event.")
def world(
    amazon_port: tuple[str | None, int],
    ups_port: tuple[str | None, int],
    host: str,
    flakiness: int,
    seed: int,
    real_time: bool,
    tick: float | None,
    poll: float | None,
    simspeed: int | None,
    transient_errors: float,
    book: Path | None,
    journal: Path | None,
) -> None:
    """Run a stand-in world."""
    rules = rules_of(real_time, tick, poll, simspeed, flakiness, transient_errors)
    places = {Side.AMAZON: (amazon_port[0] or host, amazon_port[1]), Side.UPS: (ups_port[0] or host, ups_port[1])}
    for option, file in (("--book", book), ("--journal", journal)):
        if file is not None and not file.parent.is_dir():
            raise click.UsageError(f"{option} {file}: there is no folder {file.parent}")
    _run(lambda: _serve_world(WorldModel(rules, Random(seed)), places, book, journal))


@sim.command()
@click.option("--world", type=PLACE, default="127.0.0.1:12345", show_default=True, help="The world's UPS port.")
@click.option("--amazon", type=PLACE, default="127.0.0.1:7101", show_default=True, help="Where the shop listens.")
@click.option("--trucks", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--join", type=int, help="A world to join; without it a new one is made.")
@click.option("--first-number", type=int, default=1, show_default=True, help="Of our orders to the world.")
@click.option("--first-news", type=int, default=1, show_default=True, help="Of what we tell the shop.")
@SEED
@REAL_TIME
@click.option("--tick", type=FiniteRange(0.001), help="The world's tick in seconds.")
@click.option("--simspeed", type=click.IntRange(60), help="To set in the world; without it nothing is set.")
@click.option("--features", type=Names(), default="none", show_default=True, help="Of the extension; or all, or none.")
@click.option(
    "--stranger",
    multiple=True,
    default=["nobody"],
    show_default=True,
    help="A UPS account that does not exist; may be repeated.",
)
@click.option("--silent", is_flag=True, help="Fault: say nothing to the shop, not even acks.")
@click.option("--duplicate", is_flag=True, help="Fault: send every message to the shop twice.")
@click.option("--announce", type=int, help="Fault: announce this world id in place of the real one.")
@click.option("--garbage", type=HEX, default=b"", help="Fault: send these bytes (in hex) first on each connection.")
def ups(
    world: tuple[str | None, int],
    amazon: tuple[str | None, int],
    trucks: int,
    join: int | None,
    first_number: int,
    first_news: int,
    seed: int,
    real_time: bool,
    tick: float | None,
    simspeed: int | None,
    features: tuple[str, ...],
    stranger: tuple[str, ...],
    silent: bool,
    duplicate: bool,
    announce: int | None,
    garbage: bytes,
) -> None:
    """Run a stand-in for the UPS team's server."""
    settings = Settings(
        trucks=trucks,
        tick=tick or (Rules().tick if real_time else QUICK_TICK),
        join=join,
        first_number=first_number,
        first_news=first_news,
        simspeed=simspeed,
        features=features,
        strangers=stranger,
    )
    addresses = {
        Link.WORLD: (world[0] or "127.0.0.1", world[1]),
        Link.SHOP: (amazon[0] or "127.0.0.1", amazon[1]),
    }
    faults = Faults(silent=silent, duplicate=duplicate, announce=announce, garbage=garbage)
    _run(lambda: _serve_ups(UpsModel(settings, Random(seed), faults, _tell), addresses))


@sim.command()
@click.option("--orders", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--trucks", type=click.IntRange(1, 10_000), default=20, show_default=True)
@FLAKINESS
@SEED
@REAL_TIME
@click.option("--tick", type=FiniteRange(0.001), help="Seconds between two sends.")
@click.option("--poll", type=FiniteRange(0.001), help="Seconds between two looks of the world's own threads.")
def minimum(
    orders: int, trucks: int, flakiness: int, seed: int, real_time: bool, tick: float | None, poll: float | None
) -> None:
    """Say how fast a shop that never thinks fulfils orders here (in virtual time, so at once)."""
    rules = rules_of(real_time, tick, poll, QUICK_SIMSPEED, flakiness, 0.0)
    found = find_minimum(orders, rules, Settings(trucks=trucks, tick=rules.tick), seed=seed)
    click.echo(
        json.dumps(
            {
                "orders": found.orders,
                "seconds": round(found.seconds, 3),
                "world_elements_per_order": round(found.world_elements_per_order, 3),
                "exactly_once": found.exactly_once,
            }
        )
    )


def rules_of(
    real_time: bool,
    tick: float | None,
    poll: float | None,
    simspeed: int | None,
    flakiness: int,
    transient_errors: float,
) -> Rules:
    """The world's numbers from the options; the re-send of unacked elements follows the tick unless `real_time`."""
    if real_time:
        real = Rules()
        return Rules(
            tick=tick or real.tick,
            poll=poll or real.poll,
            default_simspeed=simspeed or real.default_simspeed,
            flakiness=flakiness,
            transient_errors=transient_errors,
        )
    return Rules.quick(
        tick or QUICK_TICK,
        poll or QUICK_POLL,
        default_simspeed=simspeed or QUICK_SIMSPEED,
        flakiness=flakiness,
        transient_errors=transient_errors,
    )


async def _serve_world(
    model: WorldModel, places: dict[Side, tuple[str, int]], book: Path | None, journal_file: Path | None
) -> int:
    ending = _Ending()
    shell = WorldShell(model, book)
    loop = asyncio.get_running_loop()
    journal = None if journal_file is None else Journal(journal_file, token_hex(8), loop.time)
    model.book.witness = None if journal is None else journal.write
    try:
        for side, (host, port) in places.items():
            try:
                opened = await shell.open(side, host, port)
            except OSError as error:
                raise click.ClickException(f"cannot listen on {host}:{port} for {side}: {error.strerror}") from error
            _log.info("listening side=%s address=%s:%d", side, host, opened)
        loop.add_signal_handler(signal.SIGUSR1, shell.write_book)
        await _first_of(ending.asked, shell.died)
        shell.write_book()
    finally:
        await shell.close()
        if journal is not None:
            journal.close()
    return DIED if shell.died.is_set() else ending.code


def _tell(words: str) -> None:
    _log.warning("note words=%r", words)


async def _serve_ups(model: UpsModel, addresses: dict[Link, tuple[str, int]]) -> int:
    ending = _Ending()
    dialler = Dialler(model, addresses)
    for link, (host, port) in addresses.items():
        _log.info("will_dial link=%s address=%s:%d", link, host, port)
    dialler.start()
    await ending.asked.wait()
    await dialler.close()
    return ending.code


class _Ending:
    """When to end, and how: `asked` by a signal, or because the model broke, which a half-dead process would hide."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.code = 0
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.asked.set)
        loop.set_exception_handler(self._broken)

    def _broken(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        _log.critical("broken: %s", context["message"], exc_info=context.get("exception"))
        self.code = BROKEN
        self.asked.set()


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _run(serve: Callable[[], Coroutine[Any, Any, int]]) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="level=%(levelname)s event=%(message)s")
    code = asyncio.run(serve())
    if code:
        sys.exit(code)


def main() -> None:
    """Run the command line; every mistake of the caller is one line on stderr."""
    try:
        sim.main(prog_name="sim", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"sim: {' '.join(error.format_message().split())}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
