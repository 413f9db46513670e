"""Stock: every change of it, each one guarded by the statement that makes it.

Rules: arrived = available + reserved + packed + scrapped (the table says so
too); what is promised is covered: awaited <= available + ordered; rows are
changed in the order of (offer, warehouse).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Update, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
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

    def totals(self) -> dict[int, Delta]:
        """What becomes of what is left of each offer, over all warehouses; offers of which no less or more is left are
        not in it.
        """
        found: defaultdict[int, Delta] = defaultdict(Delta)
        for (offer_id, _), delta in self._deltas.items():
            if delta.available or delta.ordered or delta.awaited:
                total = found[offer_id]
                total.available += delta.available
                total.ordered += delta.ordered
                total.awaited += delta.awaited
        return found

    def write(self, connection: Connection) -> None:
        """Adds the sums. Raises LostRace where the guard says no; then the transaction must go."""
        keys = sorted(key for key, delta in self._deltas.items() if delta != Delta())
        may_be_new = [key for key in keys if self._deltas[key].ordered > 0 or self._deltas[key].arrived > 0]
        ensure_rows(connection, self.world_epoch, may_be_new)
        if keys:
            changed = _add_as_arrays if connection.dialect.name == "postgresql" else _add_row_by_row
            if changed(connection, self.world_epoch, [(key, self._deltas[key]) for key in keys]) != len(keys):
                raise LostRace(f"stock of some of {keys}")
        self._deltas.clear()


_Changes = Sequence[tuple[tuple[int, int], Delta]]
_COLUMNS = tuple(field.name for field in fields(Delta))
_TABLE = Stock.__table__.c


def _guarded(offer_id: Any, warehouse_id: Any, delta: Callable[[str], Any]) -> Update:
    """The one statement that changes stock: adds `delta` of each column, or does not touch the row."""
    after = {name: _TABLE[name] + delta(name) for name in _COLUMNS}
    return (
        update(Stock)
        .where(
            _TABLE.world_epoch == bindparam("k_epoch"),
            _TABLE.offer_id == offer_id,
            _TABLE.warehouse_id == warehouse_id,
            *(after[name] >= 0 for name in ("available", "reserved", "packed", "ordered", "awaited")),
            after["available"] + after["ordered"] >= after["awaited"],
        )
        .values(after)
    )


_ROW = _guarded(bindparam("k_offer"), bindparam("k_warehouse"), lambda name: bindparam(f"d_{name}"))


def _add_row_by_row(connection: Connection, world_epoch: int, changes: _Changes) -> int:
    """One statement for each row, given together; how many rows were changed."""
    rows = [
        {f"d_{name}": getattr(delta, name) for name in _COLUMNS}
        | {"k_epoch": world_epoch, "k_offer": offer_id, "k_warehouse": warehouse_id}
        for (offer_id, warehouse_id), delta in changes
    ]
    return connection.execute(_ROW, rows).rowcount


def _array(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(BigInteger))


_ARRAYS = func.unnest(_array("k_offers"), _array("k_warehouses"), *(_array(f"d_{name}") for name in _COLUMNS))
_GIVEN = _ARRAYS.table_valued("offer_id", "warehouse_id", *_COLUMNS).render_derived("given")
_LOCK = (
    select(_TABLE.offer_id)
    .join(_GIVEN, and_(_TABLE.offer_id == _GIVEN.c.offer_id, _TABLE.warehouse_id == _GIVEN.c.warehouse_id))
    .where(_TABLE.world_epoch == bindparam("k_epoch"))
    .order_by(_TABLE.offer_id, _TABLE.warehouse_id)
    .with_for_update(of=Stock.__table__)
)
_ALL = _guarded(_GIVEN.c.offer_id, _GIVEN.c.warehouse_id, lambda name: _GIVEN.c[name])


def _add_as_arrays(connection: Connection, world_epoch: int, changes: _Changes) -> int:
    """Two statements for all rows: an update alone would lock them in any order. How many rows were changed."""
    values: dict[str, Any] = {f"d_{name}": [getattr(delta, name) for _, delta in changes] for name in _COLUMNS}
    values["k_epoch"] = world_epoch
    values["k_offers"] = [offer_id for (offer_id, _), _ in changes]
    values["k_warehouses"] = [warehouse_id for (_, warehouse_id), _ in changes]
    connection.execute(_LOCK, values).all()
    return connection.execute(_ALL, values).rowcount


def ensure_rows(connection: Connection, world_epoch: int, keys: Iterable[tuple[int, int]]) -> None:
    """Makes empty stock rows for the (offer, warehouse) pairs that have none."""
    rows = [
        dict.fromkeys(_COLUMNS, 0) | {"world_epoch": world_epoch, "offer_id": offer_id, "warehouse_id": warehouse_id}
        for offer_id, warehouse_id in keys
    ]
    if rows:
        connection.execute(_ENSURE[connection.dialect.name], rows)


_ENSURE = {
    name: insert(Stock).on_conflict_do_nothing()
    for name, insert in (("postgresql", insert_pg), ("sqlite", insert_sqlite))
}


def read_levels(connection: Connection, world_epoch: int, offer_ids: Iterable[int]) -> dict[tuple[int, int], Level]:
    """The levels of all warehouses for some offers, by (offer, warehouse)."""
    rows = connection.execute(_LEVELS, {"k_epoch": world_epoch, "k_offers": sorted(set(offer_ids))})
    return {(row[0], row[1]): Level(row[2], row[3], row[4]) for row in rows}


_LEVELS = select(Stock.offer_id, Stock.warehouse_id, Stock.available, Stock.ordered, Stock.awaited).where(
    Stock.world_epoch == bindparam("k_epoch"), Stock.offer_id.in_(bindparam("k_offers", expanding=True))
)


def read_places(connection: Connection) -> list[Place]:
    """All warehouses, by id."""
    return [Place(*row) for row in connection.execute(_PLACES)]


_PLACES = select(Warehouse.id, Warehouse.x, Warehouse.y).order_by(Warehouse.id)
