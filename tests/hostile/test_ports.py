"""Strangers at the ports of our own services, gRPC and HTTP: nothing crashes, hangs or grows, and work goes on."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from proof.processes import free_address
from storefront.serving import HEADER_FIELD_BYTES, HEADER_FIELDS
from tests.hostile.services import Watched, service
from tests.hostile.stranger import enough_files

pytestmark = pytest.mark.usefixtures(enough_files.__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
# :method GET, :scheme http, :path /, :authority x
HEADERS = b"\x82\x86\x84\x41\x01x"
# Long enough for any machine, and short enough to notice who waits for each of many strangers in turn.
DEADLINE = 60.0
NOISE = Random(1).randbytes(100_000)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


GRPC_WORDS = {
    "nothing": b"",
    "noise": NOISE,
    "a browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a preface": PREFACE[:10],
    "a preface and noise": PREFACE + NOISE,
    "a frame of 16 MiB announced": PREFACE + SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "headers that never end": PREFACE
    + SETTINGS
    + frame(1, 0, 1, b"\x00" * 1000)
    + frame(9, 0, 1, b"\x00" * 16_000) * 60,
    "settings without end": PREFACE + SETTINGS * 20_000,
    "pings without end": PREFACE + SETTINGS + frame(6, 0, 0, b"12345678") * 20_000,
    "resets without end": PREFACE
    + SETTINGS
    + b"".join(frame(1, 4, n, HEADERS) + frame(3, 0, n, b"\x00\x00\x00\x08") for n in range(1, 10_000, 2)),
}
HTTP_WORDS = {
    "nothing": b"",
    "noise": NOISE,
    "gRPC": PREFACE + SETTINGS,
    "half a request": b"POST /login HTTP/1.1\r\nHost: x\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
    "a line without end": b"GET /" + b"x" * 1_000_000,
    "a length that lies": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx",
    "a negative length": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx",
    "two lengths": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "chunks that are none": b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + NOISE,
    "a chunk of two gibibytes": b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nabc",
}


@contextmanager
def strangers(port: int, words: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Connections that said this and stay."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            with suppress(OSError):
                one = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=5)))
                found.append(one)
                one.settimeout(2)
                with suppress(OSError):
                    one.sendall(words)
        yield found


def is_serving(port: int, seconds: float = DEADLINE) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds, wait_for_ready=True)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def shows_a_page(port: int, seconds: float = DEADLINE) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def shows_figures(port: int, seconds: float = DEADLINE) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        connection.request("GET", "/metrics")
        assert b"process_cpu_seconds_total" in connection.getresponse().read()


def holds(watched: Watched, still_works: Callable[[], None], ports: list[int], words: bytes, count: int) -> None:
    """Strangers say this at each port, and whoever has business there is served meanwhile and afterwards."""
    watched.mark()
    for port in ports:
        with strangers(port, words, count):
            still_works()
        still_works()
    watched.is_well()
    assert watched.grown < 60.0
    assert watched.cpu < 15.0


@pytest.fixture(scope="module")
def orders_svc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder: Path = tmp_path_factory.mktemp("orders")
    settings = {"ORDERS_LISTEN": "127.0.0.1:0", "FULFILMENT_LISTEN": "127.0.0.1:0"}
    with service("orders_svc", folder, DATABASE_URL=f"sqlite:///{folder / 'shop.db'}", **settings) as watched:
        yield watched


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return int(free_address().rpartition(":")[2])


@pytest.fixture(scope="module", params=["ups_bridge", "world_bridge"])
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    settings = {"BRIDGE_LISTEN": "127.0.0.1:0", "UPS_LISTEN": "127.0.0.1:0", "FULFILMENT_ADDRESS": "127.0.0.1:1"}
    with service(request.param, tmp_path_factory.mktemp("bridge"), **settings) as watched:
        yield watched


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, metrics_port: int) -> Iterator[Watched]:
    """A bridge with a page of figures."""
    settings = {"BRIDGE_LISTEN": "127.0.0.1:0", "FULFILMENT_ADDRESS": "127.0.0.1:1", "METRICS_PORT": str(metrics_port)}
    with service("world_bridge", tmp_path_factory.mktemp("measured"), **settings) as watched:
        yield watched


@pytest.fixture(scope="module")
def storefront(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder: Path = tmp_path_factory.mktemp("storefront")
    settings = {"STOREFRONT_LISTEN": "127.0.0.1:0", "ORDERS_ADDRESS": "127.0.0.1:1"}
    with service("storefront", folder, DATABASE_URL=f"sqlite:///{folder / 'shop.db'}", **settings) as watched:
        deadline = time.monotonic() + DEADLINE
        while True:
            with suppress(OSError, http.client.HTTPException, AssertionError):
                shows_a_page(http_port(watched), 2)
                break
            assert time.monotonic() < deadline, watched.words
        yield watched


def http_port(watched: Watched) -> int:
    return watched.port("address")


@pytest.mark.parametrize("name", GRPC_WORDS)
def test_strangers_at_the_ports_of_orders_svc(orders_svc: Watched, name: str) -> None:
    ports = [orders_svc.port("orders_port"), orders_svc.port("fulfilment_port")]
    for port in ports:
        holds(orders_svc, lambda port=port: is_serving(port), [port], GRPC_WORDS[name], 30)  # type: ignore[misc]


@pytest.mark.parametrize("name", GRPC_WORDS)
def test_strangers_at_the_port_of_a_bridge(bridge: Watched, name: str) -> None:
    holds(bridge, lambda: is_serving(bridge.port()), [bridge.port()], GRPC_WORDS[name], 30)


@pytest.mark.parametrize("name", HTTP_WORDS)
def test_strangers_at_the_port_of_the_figures(measured: Watched, metrics_port: int, name: str) -> None:
    """Few of them: each may have a moment, one after the other."""
    port = metrics_port
    holds(measured, lambda: (shows_figures(port), is_serving(measured.port())), [port], HTTP_WORDS[name], 3)  # type: ignore[func-returns-value]


@pytest.mark.parametrize("name", HTTP_WORDS)
def test_strangers_at_the_shops_port(storefront: Watched, name: str) -> None:
    holds(storefront, lambda: shows_a_page(http_port(storefront)), [http_port(storefront)], HTTP_WORDS[name], 20)


@pytest.mark.parametrize(
    ("fields", "length", "answer"),
    [
        (HEADER_FIELDS, 100, 200),
        (HEADER_FIELDS + 1, 100, 431),
        (2, HEADER_FIELD_BYTES - len("X-1: \r\n"), 200),
        (2, HEADER_FIELD_BYTES, 431),
    ],
)
def test_a_head_of_a_request_has_limits(storefront: Watched, fields: int, length: int, answer: int) -> None:
    head = "".join(f"X-{number}: {'y' * length}\r\n" for number in range(1, fields))
    with closing(socket.create_connection(("127.0.0.1", http_port(storefront)), timeout=DEADLINE)) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert int(connection.makefile("rb").readline().split()[1]) == answer


def test_five_hundred_silent_connections_keep_nobody_out_of_orders_svc(orders_svc: Watched) -> None:
    port = orders_svc.port("orders_port")
    holds(orders_svc, lambda: is_serving(port), [port], b"", 500)


def test_a_handshake_of_tls_is_refused_soon(orders_svc: Watched, storefront: Watched) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for port in (orders_svc.port("orders_port"), http_port(storefront)):
        with strangers(port, b"", 1) as (one,):
            one.settimeout(DEADLINE)
            with pytest.raises(OSError) as refused:  # noqa: PT011 - what kind of one depends on who is asked
                context.wrap_socket(one)
            assert not isinstance(refused.value, TimeoutError)


SLOW = {
    "half a request line": b"GET /he",
    "half of the headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "half a form": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\nx",
}


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.parametrize("name", SLOW)
def test_more_slow_requests_than_the_shop_has_threads_hold_it_up_for_seconds_only(
    storefront: Watched, name: str, drips: bool
) -> None:
    port, over = http_port(storefront), threading.Event()

    def drip(everybody: list[socket.socket]) -> None:
        while not over.wait(1.0):
            for one in everybody:
                with suppress(OSError):
                    one.sendall(b"x")

    with strangers(port, SLOW[name], 50) as everybody:
        dripping = threading.Thread(target=drip, args=(everybody if drips else [],))
        dripping.start()
        try:
            shows_a_page(port)
        finally:
            over.set()
            dripping.join()
    storefront.is_well()


def test_a_thousand_silent_browsers_hold_the_shop_up_for_seconds_only(storefront: Watched) -> None:
    port = http_port(storefront)
    storefront.mark()
    with strangers(port, b"", 1000):
        shows_a_page(port)
    assert storefront.grown < 40.0
    storefront.is_well()


def test_who_does_not_take_an_answer_keeps_no_thread_for_ever(storefront: Watched) -> None:
    port = http_port(storefront)
    before = storefront.threads
    # Far more answers than the kernel keeps for somebody who reads none of them.
    with strangers(port, b"GET /static/shop.js HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000, 5):
        shows_a_page(port)
    assert storefront.threads <= before + 40
    storefront.is_well()


def test_a_body_that_is_too_large_is_refused(storefront: Watched) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", http_port(storefront), timeout=DEADLINE)) as connection:
        with suppress(OSError):
            connection.request(
                "POST", "/login", b"x" * 10_000_000, {"Content-Type": "application/x-www-form-urlencoded"}
            )
        with suppress(OSError, http.client.HTTPException):
            assert connection.getresponse().status in (400, 413)
    shows_a_page(http_port(storefront))
