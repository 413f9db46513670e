"""How many units of an offer are where, read from the tables of orders_svc that we may read.

The stock of the world in use is that of the greatest epoch in the table: orders_svc writes rows of a new epoch in the
one transaction that switches to it, so a world that is only being tried has none. Read here and not by gRPC, for lists
and single products alike: one query for a whole page, one rule, and the shop can be looked at while orders_svc is
away. It is a picture for people; what can be sold is decided by orders_svc when it is ordered.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, select

from db.orders.stock import Stock, Warehouse


@dataclass(frozen=True, slots=True)
class Units:
    """Units of one offer, wherever: nobody's yet, and on their way without being promised."""

    available: int
    coming: int


@dataclass(frozen=True, slots=True)
class AtWarehouse:
    """Units of one offer at one warehouse."""

    warehouse_id: int
    name: str
    available: int
    # Bought and not arrived yet; of these, `coming` are nobody's yet.
    ordered: int
    coming: int
    promised: int


@dataclass(frozen=True, slots=True)
class OfferStock:
    """Units of one offer: nobody's yet (`available`), and on their way without being promised (`coming`)."""

    at: tuple[AtWarehouse, ...] = ()

    @property
    def available(self) -> int:
        """In a warehouse, and nobody's yet."""
        return sum(one.available for one in self.at)

    @property
    def coming(self) -> int:
        """Bought, not arrived, and not promised to anybody."""
        return sum(one.coming for one in self.at)

    @property
    def ordered(self) -> int:
        """Bought and not arrived."""
        return sum(one.ordered for one in self.at)

    @property
    def stocked_at(self) -> tuple[str, ...]:
        """The names of the warehouses that have some."""
        return tuple(one.name for one in self.at if one.available > 0)


def stock_of(connection: Connection, offer_ids: Collection[int]) -> Mapping[int, OfferStock] | None:
    """The stock of each of these offers. None: orders_svc has not written any stock yet. One query, rarely two."""
    if not offer_ids:
        return {}
    rows = connection.execute(_STOCK, {"k_ids": list(offer_ids)}).all()
    if not rows and connection.execute(select(func.max(Stock.world_epoch))).scalar() is None:
        return None
    found: dict[int, list[AtWarehouse]] = {offer_id: [] for offer_id in offer_ids}
    for row in rows:
        coming = max(0, row.ordered - row.awaited)
        found[row.offer_id].append(
            AtWarehouse(row.warehouse_id, row.name, row.available, row.ordered, coming, row.reserved + row.awaited)
        )
    return {offer_id: OfferStock(tuple(at)) for offer_id, at in found.items()}


def warehouses(connection: Connection) -> list[tuple[int, str]]:
    """The (id, name) of each warehouse; none before orders_svc first started."""
    rows = connection.execute(select(Warehouse.id, Warehouse.name).order_by(Warehouse.id))
    return [(row.id, row.name) for row in rows]


def warehouse_places(connection: Connection) -> list[tuple[str, int, int]]:
    """The (name, x, y) of each warehouse; none before orders_svc first started."""
    return [(row.name, row.x, row.y) for row in connection.execute(_PLACES)]


# For a query that joins the stock of offers: which it is, and what `Units` are made of.
EPOCH = select(func.max(Stock.world_epoch)).scalar_subquery()
AVAILABLE = func.sum(Stock.available)
COMING = func.sum(case((Stock.ordered > Stock.awaited, Stock.ordered - Stock.awaited), else_=0))

# Built once: every list of products, or every order page, asks for it.
_PLACES = select(Warehouse.name, Warehouse.x, Warehouse.y).order_by(Warehouse.id)
_STOCK = (
    select(
        Stock.offer_id,
        Stock.warehouse_id,
        Warehouse.name,
        Stock.available,
        Stock.ordered,
        Stock.awaited,
        Stock.reserved,
    )
    .join(Warehouse, Warehouse.id == Stock.warehouse_id)
    .where(
        Stock.world_epoch == EPOCH,
        Stock.offer_id.in_(bindparam("k_ids", expanding=True)),
    )
    .order_by(Stock.offer_id, Stock.warehouse_id)
)
