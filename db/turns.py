"""Taking turns: work at a process's start that only one process may do at a time.

Rules: a turn lasts until the transaction ends and needs no cleaning up after a
crash. On SQLite the transaction itself is the turn (BEGIN IMMEDIATE); on
PostgreSQL it is an advisory lock. Not for the work of a request: that uses row
leases.
"""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

# The keys of the advisory locks: any numbers that nobody else in this database uses.
MIGRATIONS = 7_205_759_001
SEED = 7_205_759_002

WAIT_SECONDS = 60

_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE_BUSY_WORDS = ("database is locked", "database table is locked", "database schema is locked")


def take_turn(connection: Connection, key: int) -> None:
    """Waits until no other transaction has this turn; it ends with the transaction.

    Raises sqlalchemy.exc.OperationalError when others take longer than WAIT_SECONDS
    (PostgreSQL) or the engine's busy timeout (SQLite, when the transaction begins).
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"set local lock_timeout = '{WAIT_SECONDS}s'")
        connection.exec_driver_sql("select pg_advisory_xact_lock(%s)", (key,))


def is_busy(error: BaseException) -> bool:
    """Whether a statement failed only because somebody else held a lock for too long."""
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
        return True
    return any(words in str(error.orig) for words in _SQLITE_BUSY_WORDS)
