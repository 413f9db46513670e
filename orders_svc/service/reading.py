"""Reading orders: a bounded number of queries, whatever the number of orders.

Rules: an order is shown to the user who placed it, and apart from that only to
the shop itself, which tells of it; a parcel is shown as the attempt that counts,
with the history of all its attempts.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, select

from db.orders.orders import Order, OrderLine
from db.orders.shipments import Shipment, ShipmentStep
from db.orders.stock import Warehouse
from db.shop.catalogue import fold
from orders_svc.domain import explain
from orders_svc.domain.amendments import POINT_OF_NO_RETURN, WORD_TO_GO, course
from orders_svc.domain.explain import LinkView
from orders_svc.domain.lifecycle import Asked, Goods, State, Truck
from orders_svc.outbox import rows as outbox
from orders_svc.service import commands, links
from orders_svc.service.amending import read_amendments
from orders_svc.service.refusals import order_not_found
from orders_svc.service.views import OrderView, ParcelView


def read_order(connection: Connection, user_id: int, order_id: int, now: float) -> OrderView:
    """One order with its history. Raises NotFound (ORDER_NOT_FOUND)."""
    row = connection.execute(_ORDER, {"k_id": order_id, "k_user": user_id}).one_or_none()
    if row is None:
        raise order_not_found(order_id)
    return _with_amendments(connection, _views(connection, [row], history_at=now))[0]


def read_anybodys(connection: Connection, order_ids: Collection[int]) -> list[OrderView]:
    """These orders, whose they may be, by their ids; without history."""
    rows = connection.execute(_ORDERS, {"k_ids": order_ids}).all()
    return _with_amendments(connection, _views(connection, rows, history_at=None))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of somebody's orders: those that stand so (empty: all), with these words in the names of their things."""

    statuses: tuple[int, ...] = ()
    question: str = ""


ALL_ORDERS = Wanted()
MAX_SEARCHED = 2000


def read_orders(
    connection: Connection, user_id: int, before_id: int | None, limit: int, wanted: Wanted = ALL_ORDERS
) -> list[OrderView]:
    """At most `limit` orders, newest first, older than `before_id`; without history."""
    query = select(*Order.__table__.c).where(Order.user_id == user_id).order_by(Order.id.desc())
    if before_id is not None:
        query = query.where(Order.id < before_id)
    if wanted.statuses:
        query = query.where(Order.status.in_(wanted.statuses))
    if words := fold(wanted.question).split():
        query = query.where(Order.id.in_(_with_words(connection, query.with_only_columns(Order.id), words, limit)))
    return _views(connection, connection.execute(query.limit(limit)).all(), history_at=None)


def _with_words(connection: Connection, orders: Select[Any], words: Sequence[str], limit: int) -> list[int]:
    """The first `limit` of `orders` whose number it is, or whose lines have all the words in their titles.

    Not left to the database: SQLite knows the case of ASCII letters only.
    """
    among = orders.limit(MAX_SEARCHED).subquery()
    titles: dict[int, list[str]] = {}
    lines = select(OrderLine.order_id, OrderLine.title).join(among, among.c.id == OrderLine.order_id)
    for row in connection.execute(lines.order_by(OrderLine.order_id.desc(), OrderLine.line_no)):
        titles.setdefault(row.order_id, []).append(row.title)
    found: list[int] = []
    for order_id, of_order in titles.items():
        names = fold("\n".join(of_order))
        if words == [str(order_id)] or all(word in names for word in words):
            found.append(order_id)
        if len(found) == limit:
            break
    return found


def _views(connection: Connection, rows: Sequence[Row[Any]], *, history_at: float | None) -> list[OrderView]:
    """`history_at`: now, for those who want the history, too."""
    if not rows:
        return []
    order_ids = [row.id for row in rows]
    lines: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for line in connection.execute(_LINES, {"k_ids": order_ids}):
        lines[line.order_id].append(line)
    shipments = connection.execute(_ATTEMPTS, {"k_ids": order_ids}).all()
    places = {row.id: row for row in connection.execute(_PLACES)}
    counting = [row for row in shipments if row.superseded_by is None]
    with_history = history_at is not None
    things = commands.read_things(connection, [row.id for row in counting])
    steps = _steps(connection, shipments) if with_history else {}
    # How the links are, and what has left, says something of open parcels only.
    open_ids = [row.id for row in counting if row.ended_at is None]
    left = outbox.Left() if history_at is None or not open_ids else outbox.read_left(connection, open_ids)
    features = links.features(connection) if with_history and open_ids else frozenset()
    views = links.view(connection) if open_ids else {}
    parcels: defaultdict[int, list[ParcelView]] = defaultdict(list)
    for row in counting:
        state = State(Goods(row.goods), Truck(row.truck), Asked(row.asked))
        peers = {name: _as_heard(view, left.unanswered.get((row.id, name)), history_at) for name, view in views.items()}
        is_open, is_lost = row.ended_at is None, (row.id, WORD_TO_GO) in left.refused
        parcels[row.order_id].append(
            ParcelView(
                row=row,
                state=state,
                status=explain.parcel_status(state, row.attention_reason is not None),
                warehouse=places[row.warehouse_id],
                things=things[row.id],
                waiting=explain.waiting(state, row.state_since_at, peers["world"], peers["ups"]) if is_open else None,
                steps=steps.get((row.order_id, row.parcel_no), []),
                held_up=explain.held_up(state, peers["world"], peers["ups"]) if is_open else "",
                courses={
                    asked: course(asked, state, (row.id, point) in left.kinds, is_lost, features)
                    for asked, point in (POINT_OF_NO_RETURN.items() if with_history else ())
                },
            )
        )
    return [OrderView(row, lines[row.id], parcels[row.id]) for row in rows]


def _with_amendments(connection: Connection, views: Sequence[OrderView]) -> list[OrderView]:
    asked = read_amendments(connection, [view.row.id for view in views])
    return [replace(view, amendments=asked[view.row.id]) for view in views]


def _as_heard(view: LinkView, unanswered_since: float | None, now: float | None) -> LinkView:
    """How a link is for a parcel of which its peer was told something, in vain since then, or since it is back."""
    if not view.usable or unanswered_since is None or now is None:
        return view
    since = max(unanswered_since, view.since or 0.0)
    return LinkView(False, since, "has not answered so far") if now - since > outbox.UNANSWERED_SECONDS else view


def _steps(connection: Connection, shipments: Sequence[Row[Any]]) -> dict[tuple[int, int], list[Row[Any]]]:
    """The history of each parcel, over all its attempts, by (order, parcel number)."""
    parcel_of = {row.id: (row.order_id, row.parcel_no) for row in shipments}
    steps: defaultdict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for step in connection.execute(_STEPS, {"k_ids": list(parcel_of)}):
        steps[parcel_of[step.shipment_id]].append(step)
    return steps


# Built once: an open page reads its order at each step.
_AMONG: BindParameter[Any] = bindparam("k_ids", expanding=True)
_ORDER = select(*Order.__table__.c).where(Order.id == bindparam("k_id"), Order.user_id == bindparam("k_user"))
_ORDERS = select(*Order.__table__.c).where(Order.id.in_(_AMONG)).order_by(Order.id)
_LINES = (
    select(*OrderLine.__table__.c).where(OrderLine.order_id.in_(_AMONG)).order_by(OrderLine.order_id, OrderLine.line_no)
)
_ATTEMPTS = (
    select(*Shipment.__table__.c)
    .where(Shipment.order_id.in_(_AMONG))
    .order_by(Shipment.order_id, Shipment.parcel_no, Shipment.id)
)
_PLACES = select(*Warehouse.__table__.c)
_STEPS = select(*ShipmentStep.__table__.c).where(ShipmentStep.shipment_id.in_(_AMONG)).order_by(ShipmentStep.id)
