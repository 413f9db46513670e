"""What watches over a worker: whether it is alive, whether it can serve, and what it has done."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from mesh.channel import open_channel
from storefront.bootstrap import Storefront, build
from storefront.config import Settings
from tests.storefront.conftest import ShiftedClock
from tests.storefront.visitor import Visitor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here."""
    return sqlite_url


@pytest.fixture
def database_away(engine: Engine) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OperationalError("select 1", {}, Exception("connection refused by /secret/place"))

    event.listen(engine, "before_cursor_execute", refuse)
    yield
    event.remove(engine, "before_cursor_execute", refuse)


def figures(shop: Storefront) -> dict[str, float]:
    """Each sample that the worker would show, by name and labels."""
    lines = generate_latest(shop.metrics.registry).decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_a_worker_that_can_serve_is_ready(visitor: Visitor) -> None:
    answer = visitor.get("/readyz").response
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert visitor.page.text == "ready database: up orders_svc: up"


def test_a_database_that_is_away_is_named_without_its_secrets(visitor: Visitor, database_away: None) -> None:
    assert visitor.get("/readyz").status == 503
    assert visitor.page.text == "not ready database: DOWN orders_svc: up"
    assert visitor.get("/healthz").status == 200


def test_an_orders_service_that_is_away_is_named(engine: Engine, clock: ShiftedClock) -> None:
    with open_channel("127.0.0.1:1", "token") as channel:
        alone = build(Settings(), engine=engine, clock=clock, channel=channel, secret_key="a key for tests only")
        visitor = Visitor(alone.app.test_client()).get("/readyz")
    assert visitor.status == 503
    assert visitor.page.text == "not ready database: up orders_svc: DOWN"


def test_requests_are_counted_by_route_and_status(shop: Storefront, visitor: Visitor) -> None:
    for path in ("/products/1", "/products/2", "/products/999999", "/products/nonsense", "/no/such/page", "/orders/7"):
        visitor.get(path)
    found = figures(shop)
    product = 'route="/products/<id32:product_id>"'
    assert found[f'minimart_storefront_requests_total{{{product},status="200"}}'] == 2
    assert found[f'minimart_storefront_requests_total{{{product},status="404"}}'] == 1
    assert found['minimart_storefront_requests_total{route="none",status="404"}'] == 2
    assert found['minimart_storefront_requests_total{route="/orders/<id64:order_id>",status="303"}'] == 1
    assert found[f"minimart_storefront_request_seconds_count{{{product}}}"] == 3


def test_browsers_that_listen_are_counted(shop: Storefront) -> None:
    subscription = shop.fanout.subscribe(1)
    assert figures(shop)["minimart_storefront_event_streams"] == 1
    subscription.close()
    assert figures(shop)["minimart_storefront_event_streams"] == 0


def test_nothing_that_a_browser_writes_becomes_a_label(shop: Storefront, visitor: Visitor) -> None:
    visitor.get("/products/31?q=needle").get("/needle/31")
    visitor.client.open("/products/31", method="NEEDLE")
    assert not [name for name in figures(shop) if re.search(r"needle|31", name, re.IGNORECASE)]
