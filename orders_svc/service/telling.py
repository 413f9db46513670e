"""The news of orders: noted by what moves orders, listed for who tells them, settled when they are told.

Rules: what was noted stays to be told until it was settled, whatever dies in between; whoever tells knows by the order
and the kind what was told already. Nothing that is told or not told moves an order. Who is late is found by a look at
the orders whose time to look has come; the row is changed only if nobody has changed that time meanwhile. A move of an
order for which no time could be told makes that time come at once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Connection,
    Double,
    Integer,
    and_,
    bindparam,
    case,
    insert,
    null,
    or_,
    select,
    update,
)

from db.orders.news import OrderNews
from db.orders.orders import Order
from orders_svc.domain.news import NOTHING, Look, News, first_look

LOOKED_AT_ONCE = 50
ENDED = News.DELIVERED | News.CANCELLED


@dataclass(frozen=True, slots=True)
class Untold:
    """An order of which something is to be told."""

    order_id: int
    user_id: int
    news: News


def begin(connection: Connection, orders: Mapping[int, int], now: float, tick: float) -> None:
    """Notes new orders: order id -> user id."""
    rows = [
        {
            "order_id": order_id,
            "user_id": user_id,
            "happened": int(News.PLACED),
            "told": int(NOTHING),
            "look_at": first_look(now, tick),
        }
        for order_id, user_id in orders.items()
    ]
    connection.execute(_BEGIN, rows)


def note(connection: Connection, happened: Mapping[int, News], now: float) -> None:
    """Adds what has happened to orders that are locked and have moved; what is noted already stays as it is."""
    rows = [
        {"k_id": order_id, "k_news": int(news), "d_over": bool(news & ENDED), "d_now": now}
        for order_id, news in sorted(happened.items())
    ]
    if rows:
        connection.execute(_NOTE, rows)


def untold(connection: Connection, after_id: int, limit: int) -> list[Untold]:
    """Of which orders something is to be told, by their ids."""
    rows = connection.execute(_UNTOLD, {"k_after": after_id, "k_limit": limit})
    return [Untold(row.order_id, row.user_id, News(row.happened & ~row.told)) for row in rows]


def settle(connection: Connection, told: Mapping[int, News]) -> None:
    """What was told need not be told again. Orders that are unknown are left out; twice does no harm."""
    rows = [{"k_id": order_id, "k_news": int(news)} for order_id, news in sorted(told.items())]
    if rows:
        connection.execute(_SETTLE, rows)


def to_look_at(connection: Connection, now: float) -> Sequence[Any]:
    """The orders whose time to be looked at has come: order_id, placed_at, look_at, promised_at."""
    return connection.execute(_TO_LOOK_AT, {"k_now": now}).all()


def looked(connection: Connection, looks: Collection[tuple[Any, Look]]) -> None:
    """Writes down what looks at the rows of `to_look_at` found."""
    rows = [
        {
            "k_id": row.order_id,
            "k_look_at": row.look_at,
            "k_news": int(News.LATE if found.is_late else NOTHING),
            "d_look_at": found.again_at,
            "d_promised_at": found.promised_at,
        }
        for row, found in sorted(looks, key=lambda one: one[0].order_id)
    ]
    if rows:
        connection.execute(_LOOKED, rows)


_TABLE: Any = OrderNews.__table__
_K_ID: BindParameter[int] = bindparam("k_id")
_K_NEWS = bindparam("k_news", type_=Integer)
_BEGIN = insert(OrderNews)
# Nobody could tell yet when it comes, and it is not known to be late.
_UNTIMED = and_(_TABLE.c.look_at.is_not(None), _TABLE.c.promised_at.is_(None))
_NOTED = _TABLE.c.happened.bitwise_or(_K_NEWS)
_NOTE = (
    update(_TABLE)
    # A row that would stay as it is, as most do, is not written.
    .where(_TABLE.c.order_id == _K_ID, or_(_TABLE.c.happened != _NOTED, _UNTIMED))
    .values(
        happened=_NOTED,
        look_at=case(
            (bindparam("d_over", type_=Boolean), null()),
            (_UNTIMED, bindparam("d_now", type_=Double)),
            else_=_TABLE.c.look_at,
        ),
    )
)
_UNTOLD = (
    select(OrderNews.order_id, OrderNews.user_id, OrderNews.happened, OrderNews.told)
    .where(OrderNews.happened != OrderNews.told, OrderNews.order_id > bindparam("k_after"))
    .order_by(OrderNews.order_id)
    .limit(bindparam("k_limit", type_=Integer))
)
# Never more than has happened.
_SETTLE = (
    update(_TABLE)
    .where(_TABLE.c.order_id == _K_ID)
    .values(told=_TABLE.c.told.bitwise_or(_TABLE.c.happened.bitwise_and(_K_NEWS)))
)
_TO_LOOK_AT = (
    select(OrderNews.order_id, Order.placed_at, OrderNews.look_at, OrderNews.promised_at)
    .join(Order, Order.id == OrderNews.order_id)
    .where(OrderNews.look_at.is_not(None), OrderNews.look_at <= bindparam("k_now", type_=Double))
    .order_by(OrderNews.look_at)
    .limit(LOOKED_AT_ONCE)
)
_LOOKED = (
    update(_TABLE)
    .where(_TABLE.c.order_id == _K_ID, _TABLE.c.look_at == bindparam("k_look_at", type_=Double))
    .values(
        happened=_TABLE.c.happened.bitwise_or(_K_NEWS),
        look_at=bindparam("d_look_at", type_=Double),
        promised_at=bindparam("d_promised_at", type_=Double),
    )
)
