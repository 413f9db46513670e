"""Brings a database to the tables that this program knows.

Rules: one transaction, on SQLite too: all of it or nothing; any number of
processes may call `upgrade` at the same moment, one works and the others wait;
a database that a newer program has migrated is refused, never touched. The
revisions themselves are in db/migrations/versions.
"""

import time
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from db.clock import Clock, SystemClock
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

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
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


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, which needs no file; `connection` is in a transaction already."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade_once(engine: Engine, own_folder: Path | None) -> None:
    target = target_of(engine)
    try:
        _look_for_folder(engine, own_folder)
        connection = engine.connect()
    except (DBAPIError, OSError) as error:
        raise _meaning(error, DatabaseUnreachable)(target, one_line(error, engine.url)) from error
    with connection:
        try:
            with connection.begin():
                _upgrade_in_transaction(connection, target)
        except DBAPIError as error:
            otherwise = DatabaseUnreachable if error.connection_invalidated else MigrationFailed
            raise _meaning(error, otherwise)(target, one_line(error, engine.url)) from error


def _meaning(error: Exception, otherwise: type[DatabaseNotUsable]) -> type[DatabaseNotUsable]:
    return DatabaseBusy if is_busy(error) else otherwise


def _upgrade_in_transaction(connection: Connection, target: str) -> None:
    take_turn(connection, MIGRATIONS)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
        connection.exec_driver_sql(f"set local statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    newest = scripts.get_current_head() or "none"
    found = MigrationContext.configure(connection).get_current_heads()
    for revision in found:
        if revision not in known:
            raise DatabaseTooNew(target, revision, newest)
    if found != (newest,):
        command.upgrade(config, "head")


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
