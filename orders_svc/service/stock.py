"""Stock: every change of it, each one guarded by the statement that makes it.

Rules: arrived = available + reserved + packed + scrapped (the table says so
too); what is promised is covered: awaited <= available + ordered; rows are
changed in the order of (offer, warehouse).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from db.orders.stock import Stock, Warehouse
from orders_svc.domain.allocation import Level, Place
from orders_svc.service.transactions import LostRace


@dataclass(slots=True)
class Delta:
    """What is added to the columns of one stock row."""

    arrived: int = 0
    available: int = 0
    reserved: int = 0
    packed: int = 0
    scrapped: int = 0
    ordered: int = 0
    awaited: int = 0


class StockChanges:
    """Changes of one transaction, summed up per row and written once, in lock order."""

    def __init__(self, world_epoch: int) -> None:
        self.world_epoch = world_epoch
        self._deltas: defaultdict[tuple[int, int], Delta] = defaultdict(Delta)

    def of(self, offer_id: int, warehouse_id: int) -> Delta:
        """The sum for one row, to be added to."""
        return self._deltas[offer_id, warehouse_id]

    def write(self, connection: Connection) -> None:
        """Adds the sums. Raises LostRace where the guard says no; then the transaction must go."""
        keys = sorted(key for key, delta in self._deltas.items() if delta != Delta())
        may_be_new = [key for key in keys if self._deltas[key].ordered > 0 or self._deltas[key].arrived > 0]
        ensure_rows(connection, self.world_epoch, may_be_new)
        for offer_id, warehouse_id in keys:
            delta = self._deltas[offer_id, warehouse_id]
            values = {f"d_{name}": getattr(delta, name) for name in _COLUMNS}
            key = {"k_epoch": self.world_epoch, "k_offer": offer_id, "k_warehouse": warehouse_id}
            if connection.execute(_ADD, values | key).rowcount != 1:
                raise LostRace(f"stock of offer {offer_id} at warehouse {warehouse_id}")
        self._deltas.clear()


_COLUMNS = tuple(field.name for field in fields(Delta))
_TABLE = Stock.__table__.c
_ADD = (
    update(Stock)
    .where(
        _TABLE.world_epoch == bindparam("k_epoch"),
        _TABLE.offer_id == bindparam("k_offer"),
        _TABLE.warehouse_id == bindparam("k_warehouse"),
        _TABLE.available + bindparam("d_available") >= 0,
        _TABLE.reserved + bindparam("d_reserved") >= 0,
        _TABLE.packed + bindparam("d_packed") >= 0,
        _TABLE.ordered + bindparam("d_ordered") >= 0,
        _TABLE.awaited + bindparam("d_awaited") >= 0,
        _TABLE.available + bindparam("d_available") + _TABLE.ordered + bindparam("d_ordered")
        >= _TABLE.awaited + bindparam("d_awaited"),
    )
    .values({name: _TABLE[name] + bindparam(f"d_{name}") for name in _COLUMNS})
)


def ensure_rows(connection: Connection, world_epoch: int, keys: Iterable[tuple[int, int]]) -> None:
    """Makes empty stock rows for the (offer, warehouse) pairs that have none."""
    rows = [
        dict.fromkeys(_COLUMNS, 0) | {"world_epoch": world_epoch, "offer_id": offer_id, "warehouse_id": warehouse_id}
        for offer_id, warehouse_id in keys
    ]
    if rows:
        insert = insert_pg if connection.dialect.name == "postgresql" else insert_sqlite
        connection.execute(insert(Stock).on_conflict_do_nothing(), rows)


def read_levels(connection: Connection, world_epoch: int, offer_ids: Iterable[int]) -> dict[tuple[int, int], Level]:
    """The levels of all warehouses for some offers, by (offer, warehouse)."""
    query = select(Stock.offer_id, Stock.warehouse_id, Stock.available, Stock.ordered, Stock.awaited).where(
        Stock.world_epoch == world_epoch, Stock.offer_id.in_(sorted(set(offer_ids)))
    )
    return {(row[0], row[1]): Level(row[2], row[3], row[4]) for row in connection.execute(query)}


def read_places(connection: Connection) -> list[Place]:
    """All warehouses, by id."""
    return [
        Place(*row) for row in connection.execute(select(Warehouse.id, Warehouse.x, Warehouse.y).order_by(Warehouse.id))
    ]
