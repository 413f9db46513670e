"""The main job through real processes, from `minimart up` to DELIVERED, on both databases, with parts killed."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.postgres import PostgresServer
from tests.e2e.running import RunningShop, shop

PARTS = ("orders_svc", "world_bridge", "ups_bridge", "storefront", "sim_ups", "sim_world")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """The options that name an empty database."""
    if request.param == "sqlite":
        yield ()
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create_database()
        yield ("--database", server.url(name))
        server.drop_database(name)


@pytest.mark.timeout(900)
def test_a_purchase_is_delivered_whatever_is_killed(tmp_path: Path, database: tuple[str, ...]) -> None:
    with shop(tmp_path / "data", *database) as running:
        the_page_is_there(running)

        told = running.buy("--product", "1", "--quantity", "2", "--to", "5,9")
        assert "order 1 is DELIVERED" in told
        running.wait_until_well()
        assert running.pss() < 500e6

        running.kill(PARTS[0])
        running.buy("--product", "2", "--to", "-3,4")
        for part in PARTS[1:]:
            running.kill(part)
            running.deliver(2, -3, 4)
        running.wait_until_well()
        the_page_is_there(running)

        running.stop(signal.SIGINT)
        assert running.process.returncode == 0
    assert "Traceback" not in running.log

    # The same data folder again: nothing is wiped and nothing is doubled.
    with shop(tmp_path / "data", *database) as running:
        shown = running.command("order", "show", "1")
        assert shown.returncode == 0
        assert "order 1: DELIVERED" in shown.stdout, shown.stdout + shown.stderr
        assert running.deliver(1, 5, 9) == 2 + len(PARTS)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("flakiness", [0, 60])
def test_a_hundred_orders_at_once_are_each_delivered_once(
    tmp_path: Path, database: tuple[str, ...], flakiness: int
) -> None:
    book_file = tmp_path / "book.json"
    options = ("--book", str(book_file), "--flakiness", str(flakiness), "--seed", "7")
    with shop(tmp_path / "data", *options, *database) as running:
        told = running.buy("--product", "3", "--to", "10,10", "--count", "100", seconds=240)
        assert "all 100 are DELIVERED" in told
        parcels = running.parcels(range(1, 101))
        running.stop(signal.SIGTERM)
        assert "died" not in running.log, running.log[-6000:]
    book = json.loads(book_file.read_text())
    counted = {
        package["id"]: (package["packed"], package["loaded"], package["delivered"])
        for package in book["packages"]
        if package["things"]
    }
    assert counted == dict.fromkeys(parcels, (1, 1, 1))
    assert sum(package["things"]["3"] for package in book["packages"] if package["things"]) == 100


def test_a_second_shop_in_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with shop(tmp_path / "data") as running:
        second = running.command("up")
        assert second.returncode == 2
        assert second.stderr.count("\n") == 1
        assert f"in use by another minimart (process {running.process.pid}" in second.stderr
        the_page_is_there(running)


def test_refusals_reach_the_person_in_one_line(tmp_path: Path) -> None:
    with shop(tmp_path / "data") as running:
        for arguments, said in (
            (("--product", "46", "--to", "1,1"), "OUT_OF_STOCK"),
            (("--product", "999", "--to", "1,1"), "no product or offer has the id 999"),
            (("--product", "1", "--to", "1,1", "--as", "nobody@example.org"), "nobody has an account"),
        ):
            done = running.command("buy", *arguments)
            assert done.returncode in (1, 2)
            assert said in done.stderr
            assert done.stderr.count("\n") == 1
        done = running.command("order", "show", "77")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "ORDER_NOT_FOUND" in done.stderr


def the_page_is_there(running: RunningShop) -> None:
    with urllib.request.urlopen(running.run.shop, timeout=10) as page:
        assert page.status == 200
        assert b"<html" in page.read()
