"""`minimart chaos`: kill the whole system for some minutes, then say whether anything was lost, doubled or stuck.

Exit code 0: every check holds; 1: it does not, or nothing was killed or ordered, or it could not be played; 2: a wrong
option; 130: interrupted.
"""

import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

import click

from db.engine import parse_url
from db.errors import WrongDatabaseUrl
from proof.chaos.play import Plan, play
from proof.chaos.report import Report
from sim.options import FiniteRange

SQLITE, POSTGRESQL = "sqlite", "postgresql"
INTERRUPTED = 130


@click.command()
@click.option("--minutes", type=FiniteRange(0, 24 * 60, min_open=True), default=5.0, show_default=True)
@click.option(
    "--database",
    metavar="sqlite|postgresql|URL",
    default=SQLITE,
    show_default=True,
    help="postgresql: a server of its own, which is killed as well. URL: an empty database; it is not killed.",
)
@click.option("--seed", type=click.IntRange(0), help="What faults, kills and orders are drawn from.  [default: chance]")
@click.option("--orders-per-second", type=FiniteRange(0.1, 50), default=2.0, show_default=True, help="Over gRPC.")
@click.option(
    "--report", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep report and logs in this folder."
)
@click.option("--pace", type=FiniteRange(0.2, 600), default=2.5, show_default=True, help="Seconds between acts.")
@click.option("--settle", type=FiniteRange(10, 3600), default=240.0, show_default=True, help="Seconds to rest.")
def chaos(
    minutes: float,
    database: str,
    seed: int | None,
    orders_per_second: float,
    folder: Path | None,
    pace: float,
    settle: float,
) -> int:
    """Kill everything for some minutes, then check that nothing was lost, doubled or stuck."""
    url = None if database in (SQLITE, POSTGRESQL) else database
    try:
        parse_url(url or "sqlite://")
    except WrongDatabaseUrl as error:
        raise click.UsageError(str(error)) from None
    seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    options = f"--minutes {minutes:g} --seed {seed} --orders-per-second {orders_per_second:g} --pace {pace:g}"
    where = "" if database == SQLITE else f" --database {database}"
    work = Path(tempfile.mkdtemp(prefix="minimart-chaos-"))
    plan = Plan(
        work,
        seed,
        minutes * 60,
        orders_per_second,
        database=url,
        own_postgres=database == POSTGRESQL,
        pace=pace,
        settle_seconds=settle,
        repeat=f"minimart chaos {options}{where}",
    )
    click.echo(f"chaos: {plan.repeat}", err=True)
    report: Report | None = None
    try:
        report = asyncio.run(_until_signal(plan))
        if report is None:
            click.echo("chaos: interrupted; everything is stopped", err=True)
            return INTERRUPTED
        click.echo(report.as_text())
        return 0 if report.holds else 1
    finally:
        if folder is not None:
            _keep(folder, work, report)
        elif report is not None and not report.holds:
            click.echo(f"chaos: logs and data are kept in {work}", err=True)
            work = Path()
        if work != Path():
            shutil.rmtree(work, ignore_errors=True)


async def _until_signal(plan: Plan) -> Report | None:
    """Plays; None: a signal ended it."""
    loop = asyncio.get_running_loop()
    playing = loop.create_task(play(plan))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, playing.cancel)
    try:
        return await playing
    except asyncio.CancelledError:
        return None


def _keep(folder: Path, work: Path, report: Report | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if report is not None:
        (folder / "report.json").write_text(report.as_lines_of_json())
        (folder / "report.txt").write_text(report.as_text() + "\n")
    for name in ("logs", "world.journal"):
        source, target = work / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(chaos(standalone_mode=False))
