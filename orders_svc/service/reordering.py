"""Writes stock, and buys by itself what has fallen below the point that its seller set.

Rules: an offer's point is looked at by every transaction after which more or less of the offer is left, and locked
before the stock is, so who comes second sees what the first one left; below the point is an offer of which fewer than
`level` units are left over all warehouses and none are on their way. The units that are bought are on their way with
the same commit: one fall is one purchase, and nothing is bought beside it. What it costs does not depend on orders.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from db.orders.stock import ReorderPoint, Stock
from db.shop.catalogue import offers_for_sale
from orders_svc.outbox import rows as outbox
from orders_svc.service import commands
from orders_svc.service.changes import Changes
from orders_svc.service.stock import Delta, StockChanges

NOTHING = Delta()


def write_stock(
    connection: Connection, stock: StockChanges, changes: Changes, now: float, also: Collection[int] = ()
) -> None:
    """Writes the sums of `stock`, with what has to be bought for them; looks at the offers in `also` in any case.

    Raises LostRace as `StockChanges.write` does.
    """
    totals = stock.totals()
    among = sorted({*totals, *also})
    points = connection.execute(_POINTS, {"k_offers": among}).all() if among else []
    if points:
        before = _left(connection, stock.world_epoch, [point.offer_id for point in points])
        fallen = [
            point
            for point in points
            if _is_below(point.level, before.get(point.offer_id, NOTHING), totals.get(point.offer_id, NOTHING))
        ]
        _buy(connection, stock, changes, fallen, now)
    stock.write(connection)


def _left(connection: Connection, world_epoch: int, offer_ids: list[int]) -> dict[int, Delta]:
    """What is left of offers before the changes are written, over all warehouses."""
    rows = connection.execute(_LEFT, {"k_epoch": world_epoch, "k_offers": offer_ids})
    return {
        row.offer_id: Delta(available=int(row.available), ordered=int(row.ordered), awaited=int(row.awaited))
        for row in rows
    }


def _is_below(level: int, before: Delta, change: Delta) -> bool:
    """Whether fewer than `level` units are nobody's afterwards, and none are on their way."""
    left = before.available + change.available - before.awaited - change.awaited
    return left < level and before.ordered + change.ordered == 0


def _buy(connection: Connection, stock: StockChanges, changes: Changes, fallen: list[Any], now: float) -> None:
    offers = offers_for_sale(connection, [point.offer_id for point in fallen]) if fallen else {}
    new = []
    for point in fallen:
        # What was withdrawn is not sold, and so not bought.
        if point.offer_id in offers:
            stock.of(point.offer_id, point.warehouse_id).ordered += point.quantity
            thing = commands.Thing(point.offer_id, offers[point.offer_id].title, point.quantity)
            new += [outbox.NewCommand(body) for body in commands.buys(stock.world_epoch, point.warehouse_id, [thing])]
    if new:
        outbox.append(connection, new, now)
        changes.links.add(outbox.WORLD)


_AMONG: BindParameter[Any] = bindparam("k_offers", expanding=True)
_POINTS = (
    select(ReorderPoint.offer_id, ReorderPoint.warehouse_id, ReorderPoint.level, ReorderPoint.quantity)
    .where(ReorderPoint.offer_id.in_(_AMONG))
    .order_by(ReorderPoint.offer_id)
    .with_for_update()
)
_LEFT = (
    select(
        Stock.offer_id,
        func.sum(Stock.available).label("available"),
        func.sum(Stock.ordered).label("ordered"),
        func.sum(Stock.awaited).label("awaited"),
    )
    .where(Stock.world_epoch == bindparam("k_epoch"), Stock.offer_id.in_(_AMONG))
    .group_by(Stock.offer_id)
)
