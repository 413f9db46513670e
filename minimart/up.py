"""`minimart up`: the whole shop with one command."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mesh.identity import TokensError, ensure_tokens_file
from mesh.settings import load_settings
from minimart import plan
from minimart.arguments import ADDRESS, data_option
from minimart.config import Settings, inherited
from minimart.failure import Wrong
from minimart.installation import Run, RunFile, free_addresses, hold, is_free
from minimart.journal import Journal
from minimart.supervisor import Supervisor
from sim.options import FiniteRange

_LOOKS, _LOOK_SECONDS = 50, 0.1


@click.command()
@data_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the shop listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The shop's port.")
@click.option(
    "--database", metavar="URL", help="sqlite:///FILE or postgresql://...  [default: SQLite in the data folder]"
)
@click.option("--world", type=ADDRESS, help="A real world simulator in place of the stand-in.")
@click.option("--world-ups", type=ADDRESS, help="Where that world takes UPS's side.  [default: its host, port 12345]")
@click.option("--ups-listen", type=ADDRESS, help="Listen here for a real UPS in place of the stand-in.")
@click.option("--real-time", is_flag=True, help="Let the stand-in world be as slow as the real one.")
@click.option(
    "--flakiness",
    type=click.IntRange(0, 99),
    default=0,
    show_default=True,
    help="Percent of commands that the stand-in world loses.",
)
@click.option("--create-world", is_flag=True, help="Make a new world if none is known yet.")
@click.option(
    "--world-tick",
    type=FiniteRange(0, 3600, min_open=True),
    help="Seconds between two answers of the world.  [default: 6 for a real one]",
)
@click.option("--seed", type=int, help="What the stand-in world draws its losses from.")
@click.option(
    "--book", type=click.Path(dir_okay=False, path_type=Path), help="Where the stand-in world writes what it did."
)
def up(data: Path, host: str, port: int, database: str | None, **rest: Any) -> None:
    """Start and watch the whole shop; Ctrl-C stops it."""
    settings = load_settings(Settings, data_dir=data) if data else load_settings(Settings)
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    options = plan.Options(
        data=settings.data_dir,
        database=database or settings.database,
        tokens=settings.tokens_path.absolute(),
        log_level=settings.log_level,
        shop=f"{host}:{port}",
        **rest,
    )
    if options.book:
        options = replace(options, book=options.book.absolute())
    if options.world and (options.flakiness or options.real_time):
        raise Wrong("--flakiness and --real-time are the stand-in world's: they do not go with --world")
    if options.world_ups and not options.world:
        raise Wrong("--world-ups goes with --world")
    with hold(options.data):
        _run(options)


def _is_free_soon(address: str) -> bool:
    """Whether a server can listen there within seconds: what a killed supervisor left needs a moment to stop."""
    return any(is_free(address) or threading.Event().wait(_LOOK_SECONDS) for _ in range(_LOOKS))


def _run(options: plan.Options) -> None:
    for what, address in (("the shop", options.shop), ("UPS", options.ups_listen)):
        if address and not _is_free_soon(address):
            raise Wrong(f"cannot listen on {address} for {what}: the port is in use, or the address is not ours")
    try:
        ensure_tokens_file(options.tokens)
    except (OSError, TokensError) as error:
        raise Wrong(f"cannot make the tokens file {options.tokens}: {error}") from error
    at = plan.addresses(options, free_addresses(len(plan.ADDRESSES), random.SystemRandom()))
    parts = plan.parts(options, at)
    journal = Journal(sys.stdout, [part.name for part in parts])
    environment = {**inherited(), **plan.environment(options)}
    run = Run(supervisor=os.getpid(), shop=f"http://{options.shop}", database=options.database, addresses=at)

    journal.say("preparing the database ...")
    prepared = subprocess.run(
        [sys.executable, "-m", "minimart.prepare"], env=environment, capture_output=True, text=True, check=False
    )
    if prepared.returncode != 0:
        raise Wrong((prepared.stderr.strip() or "preparing the database failed").splitlines()[-1])
    if options.ups_listen and not options.world:
        journal.say(f"the stand-in world takes UPS's side at {at['world_ups']}")

    closed = set(plan.SHOP)

    def on_ready(name: str) -> None:
        if name in closed:
            closed.discard(name)
            if not closed:
                journal.say(f"the shop is open: {run.shop}  (Ctrl-C stops it)")

    supervisor = Supervisor(
        parts,
        journal,
        environment=environment,
        stop_seconds=options.stop_seconds,
        on_pids=RunFile(options.data, run, journal.say).write,
        on_ready=on_ready,
    )
    failure = asyncio.run(supervisor.run())
    if failure:
        raise Wrong(failure)
