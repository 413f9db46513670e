"""Rows with ids of the database's own making: many at once, and which id became whose.

Rule: ids are in the order of the rows. PostgreSQL is asked for that order; SQLite
gives AUTOINCREMENT ids in the order in which it inserts, and that is the order
of the rows, so the sorted ids are theirs - one statement instead of one for each.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningInsert

from db.orders.base import OrdersBase


def insert_numbered(
    connection: Connection,
    model: type[OrdersBase],
    key: InstrumentedAttribute[int],
    rows: Sequence[dict[str, object]],
) -> list[int]:
    """Inserts the rows; returns their ids, in the same order."""
    if not rows:
        return []
    in_order = connection.dialect.name != "sqlite"
    ids = connection.execute(_statement(model, key, in_order), rows).scalars()
    return list(ids) if in_order else sorted(ids)


@cache
def _statement(model: type[OrdersBase], key: InstrumentedAttribute[int], in_order: bool) -> ReturningInsert[int]:
    return insert(model).returning(key, sort_by_parameter_order=in_order)
