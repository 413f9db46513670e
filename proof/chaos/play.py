"""One performance: open the stage, let shoppers and trouble in, heal, wait for rest, judge, and clean up.

Rules: everything is ended when this ends, also when it is cancelled in the middle; each phase has its time; the books
are read from the database itself. Who does what is in the other rooms.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from db.clock import SystemClock
from db.engine import make_engine, read_only
from db.orders.orders import Order
from db.orders.shipments import Shipment
from proof.chaos.browsers import Browser
from proof.chaos.buyers import Buyers
from proof.chaos.ledger import Ledger
from proof.chaos.monkey import Monkey
from proof.chaos.report import Report
from proof.chaos.stage import Stage
from proof.chaos.verdict import DELIVERED, Verdict, judge, unrest
from proof.postgres import PostgresServer

BROWSERS = 4
WARM_UP_SECONDS = 2.0
LOOK_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played. Times in seconds; `database` None: SQLite in `folder`."""

    folder: Path
    seed: int
    seconds: float
    rate: float
    database: str | None = None
    own_postgres: bool = False
    tick: float = 0.2
    # Between two acts of the monkey.
    pace: float = 2.5
    # To come to rest after the last fault.
    settle_seconds: float = 240.0
    repeat: str = ""


async def play(plan: Plan) -> Report:
    """Plays it. DidNotStartError: the shop did not open; PostgresMissingError: it is wanted and not there."""
    server = PostgresServer(durable=True) if plan.own_postgres else None
    try:
        database = plan.database if server is None else server.url(server.create_database())
        stage = Stage(plan.folder, plan.seed, tick=plan.tick, database=database, server=server)
        try:
            await stage.open()
            return await _perform(plan, stage)
        finally:
            await asyncio.shield(stage.close())
    finally:
        if server is not None:
            server.stop()


async def _perform(plan: Plan, stage: Stage) -> Report:
    ledger, monkey = Ledger(), Monkey(stage, plan.seed, plan.pace)
    report = Report(plan.seed, _kind(plan), plan.seconds / 60, plan.repeat, ledger=ledger)
    buyers = Buyers(ledger, plan.seed, stage.addresses, stage.token)
    try:
        async with _browsers(plan, stage, ledger) as stop:
            ordering = asyncio.create_task(buyers.run(plan.rate, plan.seconds))
            try:
                await asyncio.sleep(min(WARM_UP_SECONDS, plan.seconds / 4))
                await monkey.run(plan.seconds - min(WARM_UP_SECONDS, plan.seconds / 4))
                await ordering
            finally:
                ordering.cancel()
            stop.set()
            stage.heal()
            began = time.monotonic()
            said = await _come_to_rest(plan, stage, ledger)
            report.settle_seconds = time.monotonic() - began
    finally:
        await buyers.close()
    report.done = dict(monkey.done)
    report.faults = {
        f"{name} {what}": count for name, proxy in stage.proxies.items() for what, count in proxy.hits.items()
    }
    verdict, report.delivery_seconds = await asyncio.to_thread(_judge, stage, ledger)
    report.counts = dict(verdict.counts)
    report.found = [*([said] if said else []), *verdict.findings]
    return report


@asynccontextmanager
async def _browsers(plan: Plan, stage: Stage, ledger: Ledger) -> AsyncIterator[threading.Event]:
    """Browsers in threads of their own; the event that is given lets them finish, the end of the block ends them."""
    stop, leave = threading.Event(), threading.Event()
    browsers = [Browser(f"shopper-{n}", stage.shop_address, ledger, plan.seed, leave) for n in range(BROWSERS)]
    threads = [threading.Thread(target=browser.run, args=(stop,), daemon=True) for browser in browsers]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        leave.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 15.0)


async def _come_to_rest(plan: Plan, stage: Stage, ledger: Ledger) -> str:
    """Waits until nothing is under way any more; in words what still was when the time was over."""
    give_up_at = time.monotonic() + plan.settle_seconds
    told_at = time.monotonic() + 10.0
    calm_looks = 0
    while True:
        left = await asyncio.to_thread(_ask, stage, unrest)
        if ledger.open:
            left["questions of shoppers without an answer"] = ledger.open
        # A checkout may be begun between two looks of a browser that is just finishing.
        calm_looks = 0 if left else calm_looks + 1
        if calm_looks >= 3:
            return ""
        now = time.monotonic()
        if now > give_up_at:
            words = ", ".join(f"{count} {what}" for what, count in left.items())
            return f"did not come to rest within {plan.settle_seconds:g} s: {words}"
        if now > told_at:
            told_at = now + 10.0
            print(f"chaos: waiting for {left}", file=sys.stderr)
        await asyncio.sleep(LOOK_SECONDS)


def _ask(stage: Stage, question: Callable[[Connection], dict[str, int]]) -> dict[str, int]:
    """The answer; a database that is just coming back is unrest, too."""
    try:
        return _read(stage, question)
    except DBAPIError:
        return {"database away": 1}


def _read(stage: Stage, use: Callable[[Connection], T]) -> T:
    engine = make_engine(stage.database, SystemClock(), pool_size=1)
    try:
        with read_only(engine).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("set transaction isolation level repeatable read")
            return use(connection)
    finally:
        engine.dispose()


def _judge(stage: Stage, ledger: Ledger) -> tuple[Verdict, list[float]]:
    account = stage.account()
    began_at = SystemClock().now() - time.monotonic()
    return _read(
        stage, lambda connection: (judge(connection, account, ledger, began_at), _delivery_seconds(connection))
    )


def _delivery_seconds(connection: Connection) -> list[float]:
    ended = func.max(Shipment.ended_at) - Order.placed_at
    query = (
        select(ended)
        .join(Shipment, Shipment.order_id == Order.id)
        .where(Order.status == DELIVERED, Shipment.superseded_by.is_(None))
        .group_by(Order.id, Order.placed_at)
    )
    return [row[0] for row in connection.execute(query) if row[0] is not None]


def _kind(plan: Plan) -> str:
    if plan.own_postgres:
        return "a PostgreSQL of its own"
    return "SQLite" if plan.database is None or plan.database.startswith("sqlite") else "the PostgreSQL that was named"
