"""Time, as everything below the process edge sees it.

Rules: times are seconds since the Unix epoch, UTC, as floats; whoever needs
the time is given a `Clock` or a `now`; SQL that needs the time uses `sql_now()`.
"""

import time
from typing import Any, Protocol

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return time.time()


class sql_now(FunctionElement[float]):
    """The database's own time in SQL, in seconds since the Unix epoch.

    On SQLite it is the engine's clock, registered by `db.engine`; on PostgreSQL
    clock_timestamp(), which moves on within a transaction.
    """

    type = Double()
    inherit_cache = True


@compiles(sql_now)
def _registered(_element: sql_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "minimart_now()"


@compiles(sql_now, "postgresql")
def _server_side(_element: sql_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"
