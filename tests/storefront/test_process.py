"""The process: starts once, says in one line what is in the way, and stops quickly with pages open."""

import gc
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proof.processes import free_address
from storefront.bootstrap import Storefront
from storefront.secret_key import SecretKeyError, load_secret_key
from storefront.serving import Server, listen
from tests.waiting import wait_until

START_SECONDS = 150.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/data/minimart.db",
        "MINIMART_DATA_DIR": str(tmp_path / "data"),
        "MINIMART_ORDERS_ADDRESS": "127.0.0.1:1",
        "MINIMART_STOREFRONT_LISTEN": "127.0.0.1:0",
        "MINIMART_DATABASE_WAIT": "0",
    }


@contextmanager
def started(environment: dict[str, str]) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    port = int(free_address().rpartition(":")[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "storefront"],
        env={**environment, "MINIMART_STOREFRONT_LISTEN": f"127.0.0.1:{port}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or answers(port), seconds=START_SECONDS)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def answers(port: int, path: str = "/healthz") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def refused_start(environment: dict[str, str], **settings: str) -> tuple[int, list[str]]:
    ended = subprocess.run(
        [sys.executable, "-m", "storefront"],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    return ended.returncode, ended.stderr.strip().splitlines()


def test_the_shop_opens_without_any_other_part_and_closes_when_told(environment: dict[str, str]) -> None:
    with started(environment) as (process, port):
        assert answers(port, "/")
        assert answers(port, "/products/1")
        key = Path(environment["MINIMART_DATA_DIR"]) / "secret-key"
        assert key.stat().st_mode & 0o777 == 0o600
        # A kept-alive connection that nobody uses must not hold the end up.
        with socket.create_connection(("127.0.0.1", port)):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_nobody_is_believed_about_the_way_that_a_request_has_come(environment: dict[str, str]) -> None:
    with started(environment) as (_process, port):
        for claims in ({"X-Forwarded-Proto": "https"}, {"SCRIPT_NAME": "/elsewhere"}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/elsewhere", headers=claims)
            answer = connection.getresponse()
            page = answer.read().decode()
            connection.close()
            assert answer.status == 404
            assert answer.getheader("Strict-Transport-Security") is None
            assert 'href="/cart"' in page


@pytest.mark.parametrize(
    ("path", "headers", "code", "words"),
    [
        (f"/products?q={'mug+' * 1100}", {}, 414, "That address is too long"),
        (f"/products?q={'mug+' * 20_000}", {}, 414, "That address is too long"),
        ("/", {"Cookie": "x" * 9000}, 431, "Your browser sent too much with that"),
    ],
)
def test_a_head_that_is_too_long_is_answered_with_a_page_of_ours(
    environment: dict[str, str], path: str, headers: dict[str, str], code: int, words: str
) -> None:
    with started(environment) as (_process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        assert answer.status == code
        assert answer.getheader("Content-Security-Policy")
        assert answer.getheader("Set-Cookie") is None
        assert words in page
        assert 'href="/products"' in page
        assert answers(port)


def test_a_port_in_use_is_one_line_and_exit_code_1(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, lines = refused_start(environment, MINIMART_STOREFRONT_LISTEN=address)
    assert code == 1
    assert lines == [f"cannot listen on {address}: Address already in use"]


@pytest.mark.parametrize(
    ("setting", "value", "code", "words"),
    [
        ("MINIMART_STOREFRONT_LISTEN", "nowhere", 2, "MINIMART_STOREFRONT_LISTEN"),
        ("MINIMART_STOREFRONT_THREADS", "0", 2, "MINIMART_STOREFRONT_THREADS"),
        ("DATABASE_URL", "mysql://x", 2, "DATABASE_URL"),
        ("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/x", 1, "cannot reach the database"),
        ("MINIMART_LOG_LEVEL", "LOUD", 2, "MINIMART_LOG_LEVEL: 'LOUD' is none of DEBUG, INFO"),
        ("MINIMART_STOREFRONT_LOGIN_LIMIT_ACCOUNT", "now and then", 2, "MINIMART_STOREFRONT_LOGIN_LIMIT_ACCOUNT"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    environment: dict[str, str], setting: str, value: str, code: int, words: str
) -> None:
    found, lines = refused_start(environment, **{setting: value})
    assert (found, len(lines)) == (code, 1), lines
    assert words in lines[0]
    assert "secret" not in lines[0]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    first = load_secret_key(path)
    assert load_secret_key(path) == first
    path.chmod(0o644)
    with pytest.raises(SecretKeyError, match="chmod 600"):
        load_secret_key(path)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 50])
def test_a_key_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret-key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(SecretKeyError):
        load_secret_key(path)


def test_what_a_worker_is_made_of_is_not_looked_through_for_garbage(build_shop: Callable[[], Storefront]) -> None:
    shop = build_shop()
    with listen("127.0.0.1:0") as listener:
        server = Server(lambda: shop, listener, threads=1)
        try:
            server.load()
            frozen = gc.get_freeze_count()
        finally:
            gc.unfreeze()
            shop.stop()
    assert frozen > 10_000
