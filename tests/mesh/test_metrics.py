"""The page of figures: on loopback, only where a port was given, and never in anybody's way."""

import socket
from urllib.request import urlopen

from prometheus_client import CollectorRegistry, Counter

from mesh.metrics import MetricsPage


def counting() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("parcels", "Counted.", registry=registry).inc(3)
    return registry


def test_the_page_shows_the_registry_until_it_is_stopped() -> None:
    page = MetricsPage(counting(), 0)
    page.start()
    port = page.port
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert "parcels_total 3.0" in answer.read().decode().splitlines()
    page.stop()
    page.stop()
    with socket.create_server(("127.0.0.1", port)):
        assert page.port is None


def test_without_a_port_nothing_is_served() -> None:
    page = MetricsPage(counting(), None)
    page.start()
    assert page.port is None
    page.stop()


def test_a_port_that_cannot_be_had_stops_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        page = MetricsPage(counting(), taken.getsockname()[1])
        page.start()
        assert page.port is None
