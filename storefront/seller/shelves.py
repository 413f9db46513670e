"""How a seller's stock stands as a whole, read from the tables of orders_svc that we may read. Each one query.

Only of what is on sale, and of the world in use, as in `storefront.catalogue.stock`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from db.orders.stock import ReorderPoint, Stock, Warehouse
from db.shop.catalogue import Offer, Product

# Fewer units than this are few, where the seller has set no point.
LOW = 5
MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class WarehouseStock:
    """Units of all of a seller's items at one warehouse; `kinds` of them are there now."""

    name: str
    kinds: int
    available: int
    ordered: int
    promised: int


@dataclass(frozen=True, slots=True)
class LowItem:
    """An item of which few are left."""

    offer_id: int
    title: str
    picture: str
    available: int
    ordered: int


def by_warehouse(connection: Connection, seller_id: int) -> list[WarehouseStock]:
    """What is at each warehouse that has or expects something of this seller."""
    rows = connection.execute(
        select(
            Warehouse.name,
            func.count().filter(Stock.available > 0),
            func.sum(Stock.available),
            func.sum(Stock.ordered),
            func.sum(Stock.reserved + Stock.awaited),
        )
        .join(Warehouse, Warehouse.id == Stock.warehouse_id)
        .join(Offer, Offer.id == Stock.offer_id)
        .where(Stock.world_epoch == _EPOCH, Offer.seller_id == seller_id, Offer.withdrawn_at.is_(None))
        .group_by(Warehouse.id, Warehouse.name)
        .having(func.sum(Stock.available + Stock.ordered + Stock.reserved + Stock.awaited) > 0)
        .order_by(Warehouse.id)
    )
    return [WarehouseStock(name, *(int(units) for units in figures)) for name, *figures in rows]


def low_stock(connection: Connection, seller_id: int) -> list[LowItem]:
    """The first MOST_LISTED items of which fewer than their reorder point or else LOW are left, the fewest first."""
    available = func.coalesce(func.sum(Stock.available), 0)
    rows = connection.execute(
        select(
            Offer.id,
            Product.title,
            Product.picture,
            available.label("available"),
            func.coalesce(func.sum(Stock.ordered), 0),
        )
        .join(Product, Product.id == Offer.product_id)
        .outerjoin(Stock, and_(Stock.offer_id == Offer.id, Stock.world_epoch == _EPOCH))
        .outerjoin(ReorderPoint, ReorderPoint.offer_id == Offer.id)
        .where(Offer.seller_id == seller_id, Offer.withdrawn_at.is_(None))
        .group_by(Offer.id, Product.title, Product.picture)
        .having(available < func.coalesce(func.max(ReorderPoint.level), LOW))
        .order_by("available", Product.title, Offer.id)
        .limit(MOST_LISTED)
    )
    return [LowItem(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in rows]


def point_of(connection: Connection, offer_id: int) -> dict[str, int] | None:
    """The reorder point of an offer: its level, quantity and warehouse."""
    return points_of(connection, [offer_id]).get(offer_id)


def points_of(connection: Connection, offer_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """The same of those offers that have one."""
    columns = (ReorderPoint.level, ReorderPoint.quantity, ReorderPoint.warehouse_id.label("warehouse"))
    rows = connection.execute(select(ReorderPoint.offer_id, *columns).where(ReorderPoint.offer_id.in_(offer_ids)))
    return {offer_id: dict(zip(("level", "quantity", "warehouse"), values, strict=True)) for offer_id, *values in rows}


_EPOCH = select(func.max(Stock.world_epoch)).scalar_subquery()
