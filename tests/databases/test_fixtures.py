"""The databases that tests get: migrated, their own, on both engines; and a PostgreSQL that is missing says so."""

from pathlib import Path

import pytest
import sqlalchemy

from db.clock import SystemClock
from db.engine import make_engine
from proof import postgres


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_a_migrated_database_that_nobody_wrote_to(database_url: str, turn: int) -> None:
    engine = make_engine(database_url, SystemClock())
    try:
        with engine.begin() as connection:
            assert connection.execute(sqlalchemy.text("select count(*) from alembic_version")).scalar() == 1
            connection.execute(sqlalchemy.text("create table written_here (id integer)"))
    finally:
        engine.dispose()


def test_a_missing_postgresql_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres.shutil, "which", lambda _name: None)
    monkeypatch.setattr(postgres.Path, "glob", lambda _self, _pattern: iter(()))
    with pytest.raises(postgres.PostgresMissingError, match="apt-get install postgresql"):
        postgres.PostgresServer()


def test_tests_cannot_leave_this_machine() -> None:
    import socket

    with socket.socket() as outside, pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 9))
