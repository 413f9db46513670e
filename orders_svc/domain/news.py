"""What about an order is worth a letter, each once; and when an order is late. Pure.

Rules: the news of an order are a set that only grows. Late is what is not there though the time that was first told has
passed by a margin, or, where no time could be told, what was waited for beyond a limit: an order is looked at when that
may have come to pass, and not before, so its cost does not grow with how long it waits.
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
    """What a look at an order that is under way found. `again_at` is None once it is known to be late."""

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
        # Each time after twice as long: what waits for days is not looked at often.
        again_at = min(late_at, now + max(now - placed_at, FIRST_LOOK_TICKS * tick))
    else:
        again_at = late_at = promised_at + max(MARGIN_SHARE * (promised_at - placed_at), MARGIN_TICKS * tick)
    if now >= late_at:
        return Look(True, None, promised_at)
    return Look(False, again_at, promised_at)
