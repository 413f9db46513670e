"""Pages are served whatever number of browsers listens, and a crowd waits its turn."""

import http.client
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from storefront.reserve import Turnstile
from tests.storefront.test_process import answers, started
from tests.waiting import wait_until

STREAMS = 6


class Application:
    """Counts who is inside; nobody leaves before `go`."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.go = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, _environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go.wait(30)
        with self._lock:
            self.inside -= 1
        return [b"done"]


def test_no_more_than_that_are_inside_and_everybody_gets_in() -> None:
    application = Application()
    turnstile = Turnstile(application, 3)
    answered: list[Iterable[bytes]] = []
    crowd = [threading.Thread(target=lambda: answered.append(turnstile({}, None))) for _ in range(10)]
    for one in crowd:
        one.start()
    wait_until(lambda: application.inside == 3)
    application.go.set()
    for one in crowd:
        one.join(30)
    assert (len(answered), application.most) == (10, 3)


def test_who_fails_inside_leaves_a_place() -> None:
    def fails(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        raise ValueError

    turnstile = Turnstile(fails, 1)
    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - our own
            turnstile({}, None)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A storefront process with few threads, and all of its places for streams open to one shopper."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/data/minimart.db",
        "MINIMART_DATA_DIR": str(tmp_path / "data"),
        "MINIMART_ORDERS_ADDRESS": "127.0.0.1:1",
        "MINIMART_STOREFRONT_THREADS": "4",
        "MINIMART_STOREFRONT_EVENT_STREAMS": str(STREAMS),
        "MINIMART_STOREFRONT_EVENT_STREAMS_PER_SHOPPER": str(STREAMS),
    }
    with started(environment) as (_process, port):
        yield port


@pytest.mark.timeout(240)
def test_when_every_place_for_listening_is_taken_pages_are_served_all_the_same(port: int) -> None:
    cookie = registered(port)
    with listeners(port, cookie, STREAMS) as streams:
        assert [stream.status for stream in streams] == [200] * STREAMS
        assert status(port, "/orders/events", cookie) == 503
        # More than there are threads for pages, at once.
        pages: list[bool] = []
        crowd = [threading.Thread(target=lambda: pages.append(answers(port, "/"))) for _ in range(8)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join(60)
        assert pages == [True] * 8
    # Who has gone is noticed, and the place is free again.
    wait_until(lambda: status(port, "/orders/events", cookie) == 200, seconds=60)


def registered(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/register")
    answer = connection.getresponse()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
    assert token is not None
    form = {"csrf_token": token[1], "display_name": "Ann", "email": "a@example.org", "password": "a good password"}
    headers = {"Cookie": cookies(answer), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/register", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 303
    return cookies(answer)


def cookies(answer: http.client.HTTPResponse) -> str:
    return "; ".join(line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie") or ())


def status(port: int, path: str, cookie: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Cookie": cookie})
    found = connection.getresponse().status
    connection.close()
    return found


@contextmanager
def listeners(port: int, cookie: str, count: int) -> Iterator[list[http.client.HTTPResponse]]:
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(count)]
    answered = []
    for connection in connections:
        connection.request("GET", "/orders/events", headers={"Cookie": cookie})
        answered.append(connection.getresponse())
    yield answered
    for answer, connection in zip(answered, connections, strict=True):
        answer.close()
        connection.close()
