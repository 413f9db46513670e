"""What sellers sold: orders of their things, and sums of them by day.

Rules: a seller is told of own lines only, and nothing of who ordered; one query each, over a bounded number of lines,
newest first. Nothing is counted ahead: what a figure says is what the orders say when it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Integer, bindparam, cast, func, select

from db.orders.orders import Order, OrderLine
from db.shop.catalogue import fold
from orders_svc.domain.explain import Status
from orders_svc.service.reading import ALL_ORDERS, MAX_SEARCHED, Wanted

MOST_LINES = 50_000
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class SaleView:
    """An order with the seller's lines in it, which are rows."""

    order_id: int
    placed_at: float
    status: int
    lines: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DayOfSales:
    """What was sold on one day; cancelled orders do not count."""

    begins_at: float
    orders: int = 0
    units: int = 0
    cents: int = 0


def read_sales(
    connection: Connection, seller_id: int, before_id: int | None, limit: int, wanted: Wanted = ALL_ORDERS
) -> list[SaleView]:
    """At most `limit` orders of a seller's things, newest first, older than `before_id`."""
    words = fold(wanted.question).split()
    recent = select(OrderLine.order_id).where(OrderLine.seller_id == seller_id)
    if before_id is not None:
        recent = recent.where(OrderLine.order_id < before_id)
    looked_at = MAX_SEARCHED if words or wanted.statuses else limit
    among = recent.distinct().order_by(OrderLine.order_id.desc()).limit(looked_at).subquery()
    query = (
        select(
            Order.id,
            Order.placed_at,
            Order.status,
            OrderLine.offer_id,
            OrderLine.title,
            OrderLine.unit_price_cents,
            OrderLine.quantity,
        )
        .join(among, among.c.order_id == Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.seller_id == seller_id)
        .order_by(Order.id.desc(), OrderLine.line_no)
    )
    if wanted.statuses:
        query = query.where(Order.status.in_(wanted.statuses))
    sales: dict[int, SaleView] = {}
    for row in connection.execute(query):
        sales.setdefault(row.id, SaleView(row.id, row.placed_at, row.status)).lines.append(row)
    return [sale for sale in sales.values() if _has(sale, words)][:limit]


def sum_sales(connection: Connection, seller_id: int, days: int, now: float) -> Sequence[DayOfSales]:
    """What a seller sold on each of the last `days` by UTC, oldest first; the last of them is today."""
    begin = (now // DAY_SECONDS - days + 1) * DAY_SECONDS
    found = {
        row.day: DayOfSales(begin + row.day * DAY_SECONDS, row.orders, int(row.units), int(row.cents))
        for row in connection.execute(_SUMS[connection.dialect.name], {"k_seller": seller_id, "k_begin": begin})
    }
    return [found.get(day, DayOfSales(begin + day * DAY_SECONDS)) for day in range(days)]


def _has(sale: SaleView, words: Sequence[str]) -> bool:
    if list(words) == [str(sale.order_id)]:
        return True
    names = fold("\n".join(line.title for line in sale.lines)) if words else ""
    return all(word in names for word in words)


_BEGIN: BindParameter[float] = bindparam("k_begin")
# The last order of those that are older by a day, or none: nothing before it is walked. Ids grow with the times, but
# where a clock was set back, and that by less than a day.
_OLDER = (
    select(Order.id)
    .where(Order.placed_at < _BEGIN - DAY_SECONDS)
    .order_by(Order.placed_at.desc())
    .limit(1)
    .scalar_subquery()
)
_LINES = (
    select(OrderLine.order_id, OrderLine.unit_price_cents, OrderLine.quantity)
    .where(OrderLine.seller_id == bindparam("k_seller"), OrderLine.order_id > func.coalesce(_OLDER, 0))
    .order_by(OrderLine.order_id.desc())
    .limit(MOST_LINES)
    .subquery()
)
# Order by order before they are counted: counting what is distinct among lines costs more.
_SOLD = (
    select(
        _LINES.c.order_id,
        func.sum(_LINES.c.quantity).label("units"),
        func.sum(_LINES.c.quantity * _LINES.c.unit_price_cents).label("cents"),
    )
    .group_by(_LINES.c.order_id)
    .subquery()
)
_AGE = (Order.placed_at - _BEGIN) / DAY_SECONDS


def _by_day(day: ColumnElement[int]) -> Any:
    return (
        select(
            day.label("day"),
            func.count().label("orders"),
            func.sum(_SOLD.c.units).label("units"),
            func.sum(_SOLD.c.cents).label("cents"),
        )
        .select_from(Order)
        .join(_SOLD, _SOLD.c.order_id == Order.id)
        .where(Order.placed_at >= _BEGIN, Order.status != int(Status.CANCELLED))
        .group_by("day")
    )


# A cast cuts off what follows the point on SQLite, and rounds on PostgreSQL.
_SUMS = {"sqlite": _by_day(cast(_AGE, Integer)), "postgresql": _by_day(cast(func.floor(_AGE), Integer))}
