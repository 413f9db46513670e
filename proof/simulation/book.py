"""What the database says, read beside the code under test: plain SQL on the connection itself, never a write.

Rules: cheap enough for every commit; nothing of the service's own queries is used, so that a mistake in them shows.
"""

import sqlite3
from typing import Any

_OPEN = "closed_at is null and world_epoch = (select world_epoch from worlds where state in ('awaited', 'open'))"


class DatabaseBook:
    """Questions to the database. `commits` counts those of the orders service."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self.commits = 0

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._raw.execute(sql, values).fetchall()

    def named(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query whose values have names."""
        return self._raw.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._raw.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def committed(self) -> None:
        """Counts a commit."""
        self.commits += 1

    def needs_attention(self) -> bool:
        """Whether a parcel waits for a person."""
        return self.one("select 1 from shipments where ended_at is null and attention_reason is not null") is not None

    @property
    def written(self) -> int:
        """Grows with everything that is written."""
        return self._raw.total_changes

    def link_epoch(self, link: str) -> int:
        """Who owns a link."""
        return int(self.one("select link_epoch from links where name = ?", link))

    def sendable(self, link: str) -> float | None:
        """From when on a command waits that the link's owner was not given; None: there is none."""
        sql = (
            "select min(o.due_at) from outbox o join links l on l.name = o.link where o.link = ?"
            " and o.closed_at is null and o.sent_epoch < l.link_epoch"
        )
        found: float | None = self.one(sql, link)
        return found

    def servable(self) -> float | None:
        """A time in the past if units are there that somebody waits for; None: there are none."""
        return 0.0 if self.one("select 1 from stock where awaited > 0 and available > 0 limit 1") else None

    def overdue(self) -> float | None:
        """When the next silence has lasted too long."""
        sql = "select min(at) from (select min(check_at) at from shipments union all select min(ask_at) from shipments)"
        found: float | None = self.one(sql)
        return found

    def maybe_late(self) -> float | None:
        """When an order is to be looked at next, whether it is late; None: none is."""
        found: float | None = self.one("select min(look_at) from order_news")
        return found

    def untold(self) -> bool:
        """Whether something is to be told of an order."""
        return self.one("select 1 from order_news where happened <> told limit 1") is not None

    def unsettled(self) -> str | None:
        """Why the database is not at rest yet, or None."""
        waiting = self.one("select count(*) from shipments where ended_at is null and attention_reason is null")
        if waiting:
            return f"{waiting} shipments are on their way"
        ordered = self.one(
            "select sum(ordered) from stock where world_epoch = "
            "(select world_epoch from worlds where state in ('awaited', 'open'))"
        )
        if ordered:
            return f"{ordered} units have not arrived"
        asked = self.one("select count(*) from order_request_decisions where decision = 'asked'")
        if asked:
            return f"{asked} requests wait for UPS"
        unsent = self.one(f"select count(*) from outbox where {_OPEN}")  # noqa: S608 - a constant
        if unsent:
            return f"{unsent} commands are not acknowledged"
        return None
