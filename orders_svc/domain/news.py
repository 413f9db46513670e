"""What about an order is worth a letter, each once; and when an order is late. Pure.

Rules: the news of an order are a set that only grows. Late is what is not there though the time that was first told has
passed by a margin, or, where no time could be told, what was waited for beyond a limit. An order is looked at soon
after it was placed, after each of its moves until a time can be told, and when it may be late: one that waits costs
nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntFlag

from orders_svc.domain.explain import Status, order_status

# How much longer than was told it may take, as a share of what was told; and at least so many ticks.
MARGIN_SHARE = 0.5
MARGIN_TICKS = 10.0
# The first look at an order, in ticks: by then it is known whether anything can be told.
FIRST_LOOK_TICKS = 2.0


class News(IntFlag):
    """Kinds of news; the numbers are bits."""

    PLACED = 1
    # A truck has left with a parcel of it.
    SHIPPED = 2
    # All of it that was not taken back is there.
    DELIVERED = 4
    CANCELLED = 8
    LATE = 16


NOTHING = News(0)


def news_of(parcels: Collection[Status]) -> News:
    """What has happened to an order whose parcels stand so."""
    news = News.SHIPPED if Status.OUT_FOR_DELIVERY in parcels else NOTHING
    status = order_status(parcels)
    if status is Status.DELIVERED:
        news |= News.DELIVERED
    elif status is Status.CANCELLED:
        news |= News.CANCELLED
    return news


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at an order that is under way found.

    `again_at`: when it may be late, if it does not move before; None once it is known to be.
    """

    is_late: bool
    again_at: float | None
    promised_at: float | None


def first_look(placed_at: float, tick: float) -> float:
    """When to look at a new order."""
    return placed_at + FIRST_LOOK_TICKS * tick


def look(
    placed_at: float, promised_at: float | None, latest: float | None, now: float, tick: float, limit: float
) -> Look:
    """Whether an order is late. `latest`: until when it is expected now; None: nobody can tell. Times in seconds.

    `promised_at` is what an earlier look returned; `limit`: seconds after which an order without a time is late.
    """
    promised_at = promised_at if promised_at is not None else latest
    if promised_at is None:
        late_at = placed_at + limit
    else:
        late_at = promised_at + max(MARGIN_SHARE * (promised_at - placed_at), MARGIN_TICKS * tick)
    is_late = now >= late_at
    return Look(is_late, None if is_late else late_at, promised_at)
