"""Engines: SQLite and PostgreSQL, set up so that both keep the same promises.

Rules: a transaction that was committed survives a crash; a transaction begins
as a writer (BEGIN IMMEDIATE on SQLite), so two of them cannot deadlock on an
upgrade; nobody waits for a lock without end, and writers of one process at one
SQLite file take turns (db.writers); nothing connects before the first use.
Readers ask for `read_only(engine)`, which on SQLite does not take the writer's
place, and on PostgreSQL does not begin a transaction at all. Of a pool's
connections the one that was used last is used next; one that the server has
closed is replaced.
"""

import select
import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from db.clock import Clock
from db.errors import WrongDatabaseUrl
from db.writers import queue_of

# Who has waited so long for somebody else's lock gets an OperationalError.
LOCK_WAIT_SECONDS = 5.0
# More than a service has: of one that was dropped, each use begins with compiling it.
SQLITE_KEPT_STATEMENTS = 512
WAL_RETRY_SECONDS = 0.02
READ_ONLY = "minimart_read_only"
# On a connection of SQLite: it has the turn of a writer.
_TURN = "minimart_turn"


def make_engine(url: str | URL, clock: Clock, *, pool_size: int = 8) -> Engine:
    """An engine for `url` (sqlite:///FILE or postgresql://...), with at most `pool_size` connections.

    Raises db.errors.WrongDatabaseUrl, a ValueError, for what is neither.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, clock, pool_size)
    return _postgresql_engine(parsed, pool_size)


def parse_url(url: str | URL) -> URL:
    """The URL of a database that we can use. Raises db.errors.WrongDatabaseUrl, a ValueError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without the cause: it may repeat the URL, password and all.
        raise WrongDatabaseUrl("DATABASE_URL: not a URL; use sqlite:///FILE or postgresql://...") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise WrongDatabaseUrl(f"DATABASE_URL: {parsed.get_backend_name()} is not supported; use sqlite or postgresql")
    return parsed


def read_only(engine: Engine) -> Engine:
    """The same engine, for those who only read.

    On PostgreSQL each statement stands alone: at READ COMMITTED it sees what was committed before it in any case, and a
    BEGIN and a ROLLBACK that mean nothing are two more ways there and back for each page.
    """
    return engine.execution_options(**{READ_ONLY: True})


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg2"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5.0,
        pool_use_lifo=True,
        connect_args={"connect_timeout": 5, "application_name": "minimart"},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Said to the session. A level that is told to the driver is said by it again at each change of autocommit,
        # which then is a way there and back, and fails as no statement does where the server has gone.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_isolation = 'read committed'")
            cursor.execute(f"SET lock_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
        connection.autocommit = False

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, _record: Any, _proxy: Any) -> None:
        if connection.closed or _says_something(connection.fileno()):
            raise DisconnectionError("the server has closed the connection")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw, alone = connection.connection.dbapi_connection, is_read_only(connection)
        assert raw is not None
        if raw.autocommit != alone:
            raw.autocommit = alone

    return engine


def _says_something(descriptor: int) -> bool:
    """Whether there is something to read. Where nothing was asked, it is that the other side goes, or has gone."""
    look = select.poll()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(0))


def _sqlite_engine(url: URL, clock: Clock, pool_size: int) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=LOCK_WAIT_SECONDS,
        connect_args={
            "timeout": LOCK_WAIT_SECONDS,
            "check_same_thread": False,
            "cached_statements": SQLITE_KEPT_STATEMENTS,
        },
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN is deferred; ours (below) is not.
        connection.isolation_level = None
        connection.create_function("minimart_now", 0, clock.now)
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
        _keep_a_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    writers = queue_of(url.database)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if is_read_only(connection):
            connection.exec_driver_sql("BEGIN")
            return
        mine = connection.connection.record_info
        assert mine is not None
        if _TURN not in mine:
            if not writers.take(LOCK_WAIT_SECONDS):
                raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
            mine[_TURN] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: ConnectionPoolEntry) -> None:
        if record.record_info is not None and record.record_info.pop(_TURN, False):
            writers.end()

    return engine


def is_read_only(connection: Connection) -> bool:
    """Whether it is of an engine for those who only read."""
    return bool(connection.get_execution_options().get(READ_ONLY, False))


def _keep_a_write_ahead_log(cursor: Any) -> None:
    """Switches a new file to WAL, for ever. SQLite does not wait for others here, busy timeout or not: we do."""
    tries = int(LOCK_WAIT_SECONDS / WAL_RETRY_SECONDS)
    for left in reversed(range(tries)):
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not left:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return
