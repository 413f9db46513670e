"""From a commit in orders_svc to the open page: 200 open order pages on one storefront worker.

The pages are played by one asyncio process, each as a browser's page does it: it listens, and when it is told that its
order changed it reads the changing part, over a new connection. A change is a new address for one of the 200 orders,
and the time runs from before the call that makes it until the page that shows it has been read: a little more than from
the commit. Changes come at random moments, whether those before have been shown or not; then many at once, as when one
tick of the world moves many parcels. Nobody else waits for it: the product page is read all the while.
"""

import asyncio
import http.client
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from sqlalchemy import select

from db.clock import SystemClock
from db.engine import make_engine
from db.shop.accounts import User
from mesh.channel import acting_for, open_channel
from mesh.identity import Tokens
from proof.bench_delivery import WELL_STOCKED
from proof.figures import Figure, percentile
from proof.processes import free_address, running, wait_for_health, wait_for_page
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

PAGES = 200
# As many browsers as one shopper may listen with.
BROWSERS = 4
CHANGES = 500
CHANGES_PER_SECOND = 20.0
LIMIT_MS = 300.0
PAGE_LIMIT_MS = 50.0
PATIENCE_SECONDS = 60.0
CALLERS = 16
# As pages do.
AGAIN_SECONDS = 3.0
AT_ONCE = (20, PAGES)
_TOLD = re.compile(rb'"order": (\d+), "version": (\d+)')
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(slots=True)
class Page:
    """One open order page: whose cookie, whose order, and what it shows."""

    cookie: str
    user_id: int
    order_id: int
    version: int = 0
    # The address that is to be shown, and when it was asked for; and the time that it took, in seconds.
    waits_for: bytes = b""
    since: float = 0.0
    took: float | None = None
    shown: asyncio.Event = field(default_factory=asyncio.Event)


def measure(folder: Path) -> Iterator[Figure]:
    """p50 and p99 with changes at random moments, p99 with many at once, and what others wait for meanwhile."""
    with _shop(folder) as (orders, shop, token), open_channel(orders, token) as channel:
        stub = orders_pb2_grpc.OrdersServiceStub(channel)
        pages = _pages(folder, shop, stub)
        single, bursts, others = asyncio.run(_watch(shop, stub, pages))
    what = f"commit to page, {len(pages)} open pages"
    yield Figure(f"{what}, p50", percentile(single, 0.5) * 1000, "ms", "limit", LIMIT_MS, at_most=1.0)
    note = f"{len(single)} changes"
    yield Figure(f"{what}, p99", percentile(single, 0.99) * 1000, "ms", "limit", LIMIT_MS, note, at_most=1.0)
    for count, took in bursts.items():
        promised = count < len(pages)
        yield Figure(
            f"{what}, {count} changes at once, p99",
            percentile(took, 0.99) * 1000,
            "ms",
            "limit",
            LIMIT_MS,
            "" if promised else "not promised: every page at once",
            at_most=1.0 if promised else None,
        )
    meanwhile = percentile(others, 0.95) * 1000
    yield Figure("product page meanwhile, p95", meanwhile, "ms", "limit", PAGE_LIMIT_MS, at_most=1.0)


@contextmanager
def _shop(folder: Path) -> Iterator[tuple[str, str, str]]:
    """orders_svc and one storefront worker, without peers: the addresses of both, and the command line's token."""
    orders, shop = free_address(), free_address()
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'pages.db'}",
        "MINIMART_DATA_DIR": str(folder),
        "MINIMART_ORDERS_LISTEN": orders,
        "MINIMART_ORDERS_ADDRESS": orders,
        "MINIMART_FULFILMENT_LISTEN": free_address(),
        "MINIMART_STOREFRONT_LISTEN": shop,
        "MINIMART_STOREFRONT_REGISTER_LIMIT": "100000 per hour",
        "MINIMART_LOG_LEVEL": "WARNING",
    }
    log = folder / "pages.log"
    with running("orders_svc", settings=settings, log=log) as orders_process:
        wait_for_health(orders, orders_process, log)
        with running("storefront", settings=settings, log=log) as shop_process:
            wait_for_page(f"http://{shop}/healthz", shop_process, log)
            yield orders, shop, Tokens.load(folder / "service-tokens").token_of("cli")


def _pages(folder: Path, shop: str, stub: orders_pb2_grpc.OrdersServiceStub) -> list[Page]:
    """Shoppers who are logged in, each with as many orders as they have browsers."""
    cookies = {f"page-{number}@example.org": "" for number in range(PAGES // BROWSERS)}
    for email in cookies:
        cookies[email] = register(shop, email)
    engine = make_engine(f"sqlite:///{folder / 'pages.db'}", SystemClock(), pool_size=1)
    with engine.connect() as connection:
        ids = {row.email: row.id for row in connection.execute(select(User.email, User.id))}
    engine.dispose()
    rng = Random(1)
    return [
        Page(cookie, ids[email], _place(stub, ids[email], rng))
        for email, cookie in cookies.items()
        for _ in range(BROWSERS)
    ]


def register(shop: str, email: str) -> str:
    """The cookie of a new shopper, who has been greeted: a browser keeps none with a greeting that was shown."""
    connection = http.client.HTTPConnection(shop, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/register")
    answer = connection.getresponse()
    token, cookie = _TOKEN.search(answer.read().decode()), _cookie(answer)
    assert token is not None
    form = {"csrf_token": token[1], "display_name": "Page", "email": email, "password": "a good password"}
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/register", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 303, answer.status
    connection.request("GET", answer.headers["Location"], headers={"Cookie": _cookie(answer)})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return _cookie(answer)


def _cookie(answer: http.client.HTTPResponse) -> str:
    return "; ".join(line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie") or ())


def _place(stub: orders_pb2_grpc.OrdersServiceStub, user_id: int, rng: Random) -> int:
    request = orders_pb2.PlaceOrderRequest(
        request_id=secrets.token_urlsafe(12),
        items=[orders_pb2.OrderItem(offer_id=rng.choice(WELL_STOCKED), quantity=1)],
        destination=orders_pb2.Address(x=1, y=1),
    )
    return stub.PlaceOrder(request, metadata=acting_for(user_id), timeout=30).order_id


async def _watch(
    shop: str, stub: orders_pb2_grpc.OrdersServiceStub, pages: list[Page]
) -> tuple[list[float], dict[int, list[float]], list[float]]:
    """Opens all pages, then changes their orders; the seconds of single changes, of many at once, of others' pages."""
    host, _, port = shop.rpartition(":")
    there = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(_listen(host, int(port), page, there)) for page in pages]
    try:
        return await _change_orders(host, int(port), stub, pages, there)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _change_orders(
    host: str, port: int, stub: orders_pb2_grpc.OrdersServiceStub, pages: list[Page], there: asyncio.Semaphore
) -> tuple[list[float], dict[int, list[float]], list[float]]:
    for _ in pages:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await there.acquire()
    loop, rng = asyncio.get_running_loop(), Random(2)
    with ThreadPoolExecutor(CALLERS) as callers:
        others: list[float] = []
        reader = asyncio.create_task(_read_products(host, port, others))
        changes: list[asyncio.Task[float]] = []
        for number in range(CHANGES):
            while not (free := [page for page in pages if not page.waits_for]):
                # All at once: on a slow machine, with few pages.
                await asyncio.wait([one for one in changes if not one.done()], return_when=asyncio.FIRST_COMPLETED)
            page = rng.choice(free)
            page.waits_for = b"to be changed"
            changes.append(asyncio.create_task(_change(loop, callers, stub, page, number)))
            await asyncio.sleep(rng.expovariate(CHANGES_PER_SECOND))
        single = await asyncio.gather(*changes)
        reader.cancel()
        bursts = {
            count: await asyncio.gather(
                *(_change(loop, callers, stub, page, CHANGES * count + page.order_id) for page in pages[:count])
            )
            for count in AT_ONCE
        }
    await asyncio.gather(reader, return_exceptions=True)
    return single, bursts, others


async def _change(
    loop: asyncio.AbstractEventLoop,
    callers: ThreadPoolExecutor,
    stub: orders_pb2_grpc.OrdersServiceStub,
    page: Page,
    number: int,
) -> float:
    """Sends an order elsewhere, and waits until its page shows it: after how many seconds."""
    x, y = 100_000 + number, -7
    request = orders_pb2.ChangeAddressRequest(request_id=secrets.token_urlsafe(12), order_id=page.order_id)
    request.destination.x, request.destination.y = x, y
    page.shown.clear()
    page.waits_for = f"({x}, {y})".encode()

    def call() -> None:
        page.since = time.perf_counter()
        stub.ChangeAddress(request, metadata=acting_for(page.user_id), timeout=30)

    await loop.run_in_executor(callers, call)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await page.shown.wait()
    assert page.took is not None
    return page.took


async def _listen(host: str, port: int, page: Page, there: asyncio.Semaphore) -> None:
    """What a page does: listens, and reads when it is told to."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /orders/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {page.cookie}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line == b"event: again\n":
                await _read(host, port, page)
                there.release()
            elif (told := _TOLD.search(line)) and int(told[1]) == page.order_id and int(told[2]) > page.version:
                await _read(host, port, page)
    finally:
        writer.close()


async def _read(host: str, port: int, page: Page) -> None:
    body = b""
    while (version := re.search(rb'data-version="(\d+)"', body)) is None:
        if body:
            # The shop could not say in time; a page asks again after a while, and that counts.
            await asyncio.sleep(AGAIN_SECONDS)
        body = await _get(host, port, f"/orders/{page.order_id}/live", page.cookie)
    page.version = int(version[1])
    if page.waits_for and page.waits_for in body:
        page.took = time.perf_counter() - page.since
        page.waits_for = b""
        page.shown.set()


async def _read_products(host: str, port: int, seconds: list[float]) -> None:
    """Somebody who looks at products, one after the other."""
    rng = Random(3)
    while True:
        began = time.perf_counter()
        await _get(host, port, f"/products/{rng.choice(WELL_STOCKED)}", "")
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)


async def _get(host: str, port: int, path: str, cookie: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    )
    try:
        return await reader.read()
    finally:
        writer.close()
