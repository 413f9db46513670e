"""What doctor says of commands that do not get through, from the tables alone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import insert, update

from db.clock import SystemClock
from db.engine import make_engine
from db.migrate import upgrade
from db.orders.links import Link, World
from db.orders.messages import OutboxRow
from mesh.metrics import MetricsPage
from minimart.doctor import Finding, link_finding, metrics, queues
from minimart.installation import Run
from minimart.system import System
from orders_svc.service.installation import install
from shop.bridge.v1 import bridge_pb2

Ask = Callable[..., Finding]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Doctor's finding about the commands to UPS: one to UPS has waited for `age` seconds, its link is as given."""

    def look(age: float, **link: object) -> Finding:
        url = f"sqlite:///{tmp_path}/shop.db"
        engine = make_engine(url, SystemClock())
        upgrade(engine)
        now = SystemClock().now()
        install(engine, now)
        known: dict[str, object] = {"lease_until_at": now + 600, "connected": True, "announced_world_id": 7, **link}
        row = {"link": "ups", "world_epoch": 1, "kind": "deliver", "command": b""}
        with engine.begin() as connection:
            connection.execute(update(World).values(state="open", world_id=7))
            connection.execute(update(Link).where(Link.name == "ups").values(**known))
            connection.execute(insert(OutboxRow).values(**row, created_at=now - age, due_at=now - age))
        engine.dispose()
        found = queues(System("127.0.0.1:9", url, tmp_path / "tokens", None))
        return next(one for one in found if one.part == "commands to ups")

    return look


def test_a_command_that_has_just_been_written_is_well(ask: Ask) -> None:
    found = ask(1)
    assert found.well
    assert found.condition == "1 open, 1 of them not handed over yet"


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ({"announced_world_id": 4242}, "UPS is in world 4242, while we are in 7"),
        ({"announced_world_id": None}, "UPS has not said in which world it is, while we are in 7"),
        ({"connected": False, "state": "waiting for\nUPS"}, "not connected: waiting for UPS"),
        ({"lease_until_at": 1.0}, "the ups bridge is not running"),
    ],
)
def test_a_command_that_is_not_handed_over_for_long_is_bad_and_says_why(
    ask: Ask, link: dict[str, object], why: str
) -> None:
    found = ask(300, **link)
    assert not found.well
    waited = re.search(r"the oldest has waited for (\d+) s", found.condition)
    assert waited is not None, found.condition
    assert 300 <= int(waited[1]) < 3000
    assert why in found.condition


def test_a_ups_in_another_world_is_bad_at_once(ask: Ask) -> None:
    found = ask(1, announced_world_id=4242)
    assert not found.well
    assert "UPS is in world 4242, while we are in 7" in found.condition


def test_a_contract_that_differs_is_bad_and_its_first_difference_is_named() -> None:
    words = "your UACommand.acks is field 8, ours is 3"
    status = bridge_pb2.GetLinkStatusResponse(
        connected=True,
        state=f"open; the contracts differ: {words}",
        contract_difference=words,
        features=["redirect", "contract"],
    )
    found = link_finding("ups_bridge", status)
    assert not found.well
    assert words in found.condition
    assert "it speaks redirect, contract" in found.condition
    status.ClearField("contract_difference")
    assert link_finding("ups_bridge", status).well


def test_it_is_told_where_figures_are_and_where_they_should_be() -> None:
    registry = CollectorRegistry()
    page = MetricsPage(registry, 0)
    page.start()
    at = {"storefront_metrics": f"127.0.0.1:{page.port}", "orders_svc_metrics": "127.0.0.1:1"}
    found = list(metrics(Run(1, "http://127.0.0.1:2", "", at)))
    page.stop()
    assert found == [
        Finding("metrics of orders_svc", False, "not served at http://127.0.0.1:1/metrics"),
        Finding("metrics of storefront", True, f"http://{at['storefront_metrics']}/metrics"),
    ]
