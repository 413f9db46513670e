"""Brings a database to the tables that this program knows.

Rules: one transaction, on SQLite too: all of it or nothing; any number of
processes may call `upgrade` at the same moment, one works and the others wait;
a database that a newer program has migrated is refused, never touched. The
revisions themselves are in db/migrations/versions; Alembic, which runs them,
is read only where one is due (db.migrations.newest).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from db.clock import Clock, SystemClock
from db.engine import read_only
from db.errors import (
    DatabaseBusy,
    DatabaseNotUsable,
    DatabaseTooNew,
    DatabaseUnreachable,
    MigrationFailed,
    one_line,
    target_of,
)
from db.turns import MIGRATIONS, is_busy, take_turn

REVISIONS = Path(__file__).parent / "migrations" / "versions"
# How long a migration may wait for a table that somebody uses, and run.
LOCK_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 120
RETRY_EVERY_SECONDS = 0.25


def upgrade(
    engine: Engine,
    *,
    wait_seconds: float = 0.0,
    own_folder: Path | None = None,
    clock: Clock | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Migrates `engine`'s database to the newest revision; does nothing if it is there already.

    A database that is away is tried again for `wait_seconds`. A SQLite file
    directly in `own_folder` may have that folder made; any other missing folder is
    a mistake, or a disk that is not there, and never made.

    Raises DatabaseUnreachable, DatabaseBusy, DatabaseTooNew, MigrationFailed
    (all of them `db.errors.DatabaseNotUsable`).
    """
    clock = clock or SystemClock()
    give_up_at = clock.now() + wait_seconds
    while True:
        try:
            _upgrade_once(engine, own_folder)
        except (DatabaseUnreachable, DatabaseBusy):
            if clock.now() >= give_up_at:
                raise
            sleep(RETRY_EVERY_SECONDS)
        else:
            return


def revisions() -> list[str]:
    """The revisions that this program knows, oldest first: what the names of their files begin with."""
    return sorted(path.name.partition("_")[0] for path in REVISIONS.glob("[0-9]*_*.py"))


def _upgrade_once(engine: Engine, own_folder: Path | None) -> None:
    target = target_of(engine)
    try:
        _look_for_folder(engine, own_folder)
    except OSError as error:
        raise DatabaseUnreachable(target, one_line(error, engine.url)) from error
    with _connected(read_only(engine), target) as connection:
        if not _is_due(connection, target):
            return
    # Before the transaction, for whose end others wait: reading Alembic takes as long as the rest of a start.
    from db.migrations.newest import migrate

    with _connected(engine, target) as connection, connection.begin():
        take_turn(connection, MIGRATIONS)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
            connection.exec_driver_sql(f"set local statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
        if _is_due(connection, target):
            migrate(connection)


@contextmanager
def _connected(engine: Engine, target: str) -> Iterator[Connection]:
    """A connection; what the database refuses on it is told as what it means."""
    try:
        connection = engine.connect()
    except (DBAPIError, OSError) as error:
        raise _meaning(error, DatabaseUnreachable)(target, one_line(error, engine.url)) from error
    with connection:
        try:
            yield connection
        except DBAPIError as error:
            otherwise = DatabaseUnreachable if error.connection_invalidated else MigrationFailed
            raise _meaning(error, otherwise)(target, one_line(error, engine.url)) from error


def _meaning(error: Exception, otherwise: type[DatabaseNotUsable]) -> type[DatabaseNotUsable]:
    return DatabaseBusy if is_busy(error) else otherwise


def _is_due(connection: Connection, target: str) -> bool:
    """Whether the database lacks a revision. DatabaseTooNew: it has one that this program does not know."""
    known, found = revisions(), _found(connection)
    if found is not None and found not in known:
        raise DatabaseTooNew(target, found, known[-1])
    return found != known[-1]


def _found(connection: Connection) -> str | None:
    """The revision that the database is at; None: it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


def _look_for_folder(engine: Engine, own_folder: Path | None) -> None:
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:" or file.startswith("file:"):
        return
    folder = Path(file).parent
    if own_folder is not None and folder.absolute() == own_folder.absolute():
        # It holds password hashes: nobody else's to read.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
