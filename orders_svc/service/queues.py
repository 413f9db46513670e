"""The queues: what is open on each link, in numbers. For people and for figures; nothing is decided by it.

Counting stops at MOST_COUNTED commands of a kind, so that a look costs the same however long a peer has been away.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Double, Integer, Select, bindparam, func, select

from db.orders.links import Link
from db.orders.messages import OutboxRow

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Queue:
    """The open commands of one link. The counts end at MOST_COUNTED."""

    link: str
    # Not with the link's present owner yet; and those of them whose pause is over.
    waiting: int
    due: int
    # With the owner, and not acknowledged.
    handed_over: int
    # Since when the oldest of each is open; None: there is none.
    waiting_since: float | None
    handed_over_since: float | None
    # Of either; 0: none is open.
    oldest_seconds: float


def read_queues(connection: Connection, now: float) -> list[Queue]:
    """The queue of each link, by name."""
    owners = connection.execute(select(Link.name, Link.link_epoch).order_by(Link.name)).all()
    return [_queue(connection, owner.name, owner.link_epoch, now) for owner in owners]


def _queue(connection: Connection, link: str, link_epoch: int, now: float) -> Queue:
    asked = {"k_link": link, "k_epoch": link_epoch, "k_now": now, "k_most": MOST_COUNTED}
    waiting = connection.execute(_WAITING, asked).one()
    handed = connection.execute(_HANDED_OVER, asked).one()
    since = [at for at in (waiting.since, handed.since) if at is not None]
    return Queue(
        link=link,
        waiting=waiting.open,
        due=waiting.due,
        handed_over=handed.open,
        waiting_since=waiting.since,
        handed_over_since=handed.since,
        oldest_seconds=max(0.0, now - min(since)) if since else 0.0,
    )


def _count(*which: Any) -> Select[int, int, Any]:
    """How many of the first rows by number there are, how many of those are due, and since when the first is open."""
    rows = (
        select(OutboxRow.created_at, OutboxRow.due_at)
        .where(OutboxRow.link == bindparam("k_link"), OutboxRow.closed_at.is_(None), *which)
        .order_by(OutboxRow.sent_epoch, OutboxRow.id)
        .limit(bindparam("k_most", type_=Integer))
        .subquery()
    )
    return select(
        func.count().label("open"),
        func.count().filter(rows.c.due_at <= bindparam("k_now", type_=Double)).label("due"),
        func.min(rows.c.created_at).label("since"),
    ).select_from(rows)


_WAITING = _count(OutboxRow.sent_epoch < bindparam("k_epoch"))
_HANDED_OVER = _count(OutboxRow.sent_epoch == bindparam("k_epoch"))
