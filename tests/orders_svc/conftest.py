"""Stages for the storage tests: each ends with a look at the books.

A world that is open and stocked is made once per worker and engine, and copied.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.checkers import check_books
from proof.postgres import PostgresServer
from tests.orders_svc.stage import Stage


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    """The service on each database, no world yet; the books are checked at the end."""
    yield from _checked(Stage(database_url))


@pytest.fixture
def shop(shop_url: str) -> Iterator[Stage]:
    """The same, in an open world, with the initial stock in the warehouses."""
    yield from _checked(Stage.resumed(shop_url))


@pytest.fixture(params=["sqlite", "postgresql"])
def shop_url(request: pytest.FixtureRequest) -> str:
    """A database of this test whose world is open and stocked: once on SQLite, once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_shop_url")
    return url


@pytest.fixture
def sqlite_shop_url(sqlite_shop: Path, tmp_path: Path) -> str:
    """A SQLite file of this test."""
    path = tmp_path / "shop.db"
    shutil.copyfile(sqlite_shop, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_shop_url(postgres_server: PostgresServer, postgres_shop: str) -> Iterator[str]:
    """A PostgreSQL database of this test."""
    name = postgres_server.create_database(postgres_shop)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that is only copied."""
    path = tmp_path_factory.mktemp("shop") / "template.db"
    shutil.copyfile(sqlite_template, path)
    _open_and_stock(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_shop(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The name of a database that is only copied."""
    name = postgres_server.create_database(postgres_template)
    _open_and_stock(postgres_server.url(name))
    return name


def _open_and_stock(url: str) -> None:
    stage = Stage(url)
    stage.open_world()
    stage.stocked()
    stage.engine.dispose()


def _checked(stage: Stage) -> Iterator[Stage]:
    yield stage
    try:
        check_books(stage.engine)
    finally:
        stage.engine.dispose()
