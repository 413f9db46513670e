"""The page of figures: on loopback, only where a port was given, and never in anybody's way."""

import socket
import threading
import time
from contextlib import closing, suppress
from urllib.request import urlopen

import pytest
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


def test_who_drips_holds_neither_others_nor_the_end_up() -> None:
    page = MetricsPage(counting(), 0)
    page.start()
    over = threading.Event()
    with closing(socket.create_connection(("127.0.0.1", page.port))) as slow:

        def drip() -> None:
            while not over.wait(0.1):
                with suppress(OSError):
                    slow.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            began = time.monotonic()
            with urlopen(f"http://127.0.0.1:{page.port}/metrics", timeout=20) as answer:
                assert answer.status == 200
            page.stop()
            assert time.monotonic() - began < 15
        finally:
            over.set()
            dripping.join()


def test_what_strangers_say_is_written_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    page = MetricsPage(counting(), 0)
    page.start()
    for words in (b"", b"GET / HTTP/1.1\r\n", b"\xff" * 1000, b"GET / HTTP/9.9\r\n\r\n"):
        with closing(socket.create_connection(("127.0.0.1", page.port), timeout=20)) as stranger:
            stranger.sendall(words)
            with suppress(ConnectionError):
                while stranger.recv(65536):
                    pass
    page.stop()
    assert capfd.readouterr() == ("", "")


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
