"""Durable PlaceOrder per second and its p99, with one caller and with 32, against an empty server of the same kind.

The callers are one asyncio process; orders_svc is a process of its own with stock in place and no peers, on SQLite and
on a PostgreSQL that flushes to disk. The empty server has the same threads, identity and contract.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select, update

from db.clock import SystemClock
from db.engine import make_engine
from db.migrate import upgrade
from db.orders.stock import Stock
from db.seed.shop import seed_shop
from mesh.channel import acting_for, open_aio_channel
from mesh.identity import Tokens, ensure_tokens_file
from orders_svc.service.installation import install
from proof.figures import Figure, percentile
from proof.postgres import PostgresServer
from proof.processes import free_address, running, wait_for_health
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

SECONDS = 5.0
WARM_UP_SECONDS = 1.0
CALLERS = (1, 32)
PLENTY = 1_000_000_000
USER_ID = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """What came of calling as fast as one can. Latency in seconds."""

    per_second: float
    p99: float


def measure(folder: Path, seconds: float = SECONDS) -> Iterator[Figure]:
    """Both databases, each between two measurements of the empty server, whose mean is the yardstick."""
    tokens_file = folder / "tokens"
    ensure_tokens_file(tokens_file)
    token = Tokens.load(tokens_file).token_of("cli")
    with PostgresServer(durable=True) as server:
        urls = {"SQLite": f"sqlite:///{folder / 'bench.db'}", "PostgreSQL": server.url(server.create_database())}
        for name, url in urls.items():
            offers = _stock_up(url)
            before = _echo(folder, tokens_file, token, offers, seconds)
            with _orders_svc(folder, url, tokens_file) as address:
                ours = {callers: _call(address, token, offers, callers, seconds) for callers in CALLERS}
            after = _echo(folder, tokens_file, token, offers, seconds)
            for callers, pace in ours.items():
                empty = Pace(
                    (before[callers].per_second + after[callers].per_second) / 2,
                    (before[callers].p99 + after[callers].p99) / 2,
                )
                what = f"PlaceOrder, {name}, {callers} caller{'s' if callers > 1 else ''}"
                yield Figure(what, pace.per_second, "orders/s", "empty gRPC server", empty.per_second)
                yield Figure(f"{what}, p99", pace.p99 * 1000, "ms", "empty gRPC server", empty.p99 * 1000)


def _stock_up(url: str) -> list[int]:
    """A new shop whose goods never run out; its offers in stock."""
    engine = make_engine(url, SystemClock(), pool_size=1)
    try:
        upgrade(engine)
        seed_shop(engine, SystemClock())
        install(engine, SystemClock().now())
        with engine.begin() as connection:
            connection.execute(update(Stock).values(ordered=0, arrived=PLENTY, available=PLENTY))
            return list(connection.execute(select(Stock.offer_id).distinct()).scalars())
    finally:
        engine.dispose()


@contextmanager
def _orders_svc(folder: Path, url: str, tokens_file: Path) -> Iterator[str]:
    address, log = free_address(), folder / "orders_svc.log"
    settings = {
        "DATABASE_URL": url,
        "MINIMART_DATA_DIR": str(folder),
        "MINIMART_TOKENS_FILE": str(tokens_file),
        "MINIMART_ORDERS_LISTEN": address,
        "MINIMART_FULFILMENT_LISTEN": free_address(),
    }
    with running("orders_svc", settings=settings, log=log) as process:
        wait_for_health(address, process, log)
        yield address


def _echo(folder: Path, tokens_file: Path, token: str, offers: list[int], seconds: float) -> dict[int, Pace]:
    address, log = free_address(), folder / "echo.log"
    with running("proof.echo", address, str(tokens_file), settings={}, log=log) as process:
        wait_for_health(address, process, log)
        return {callers: _call(address, token, offers, callers, seconds) for callers in CALLERS}


def _call(address: str, token: str, offers: list[int], callers: int, seconds: float) -> Pace:
    return asyncio.run(_call_all(address, token, offers, callers, seconds))


async def _call_all(address: str, token: str, offers: list[int], callers: int, seconds: float) -> Pace:
    rng = Random(callers)
    took: list[float] = []
    async with open_aio_channel(address, token) as channel:
        # The stub of an asyncio channel is the same class; only the type stubs tell them apart.
        stub: Any = orders_pb2_grpc.OrdersServiceStub(channel)
        metadata = acting_for(USER_ID)

        async def call(until: float, latencies: list[float]) -> None:
            while (began := time.perf_counter()) < until:
                await stub.PlaceOrder(_request(rng, offers), metadata=metadata, timeout=30)
                latencies.append(time.perf_counter() - began)

        for length, latencies in ((min(WARM_UP_SECONDS, seconds), []), (seconds, took)):
            began = time.perf_counter()
            await asyncio.gather(*(call(began + length, latencies) for _ in range(callers)))
            elapsed = time.perf_counter() - began
    return Pace(len(took) / elapsed, percentile(took, 0.99))


def _request(rng: Random, offers: list[int]) -> orders_pb2.PlaceOrderRequest:
    return orders_pb2.PlaceOrderRequest(
        request_id=secrets.token_urlsafe(12),
        items=[orders_pb2.OrderItem(offer_id=rng.choice(offers), quantity=1)],
        destination=orders_pb2.Address(x=rng.randint(0, 100), y=rng.randint(0, 100)),
    )
