"""Stages for the storage tests: each ends with a look at the books."""

from collections.abc import Iterator

import pytest

from proof.checkers import check_books
from tests.orders_svc.stage import Stage


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    """The service on each database, no world yet; the books are checked at the end."""
    made = Stage(database_url)
    yield made
    try:
        check_books(made.engine)
    finally:
        made.engine.dispose()


@pytest.fixture
def shop(stage: Stage) -> Stage:
    """The same, in an open world, with the initial stock in the warehouses."""
    stage.open_world()
    return stage.stocked()
