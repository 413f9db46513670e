"""A served shop for the RPC tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orders_svc.rpc.serving import Running, running


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """On SQLite, in an open world, with the initial stock."""
    with running(sqlite_url, tmp_path) as served:
        served.open_world()
        yield served
