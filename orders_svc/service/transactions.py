"""Transactions: begin, run, commit, and run again when the database says that a race was lost.

Rules: a use case is a function of a connection; what it returns is handed out
only after the commit. Lost races (deadlock, serialization, a unique key that
somebody else took first, a reservation that somebody else made first) are
retried a few times; everything else goes to the caller as it is.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, OperationalError

T = TypeVar("T")

TRIES = 5
# PostgreSQL: serialization_failure, deadlock_detected.
LOST_RACES = {"40001", "40P01"}


class LostRace(Exception):
    """A guarded statement found that somebody else had been faster."""


def transact(engine: Engine, use_case: Callable[[Connection], T]) -> T:
    """Runs `use_case` in a transaction and commits; returns what it returned.

    Raises what the last try raised: LostRace, IntegrityError or
    OperationalError, the latter at once unless it is a lost race.
    """
    for left in reversed(range(TRIES)):
        try:
            with engine.begin() as connection:
                return use_case(connection)
        except (LostRace, IntegrityError):
            if not left:
                raise
        except OperationalError as error:
            if not left or getattr(error.orig, "pgcode", None) not in LOST_RACES:
                raise
    raise AssertionError("unreachable: the last try returns or raises")
