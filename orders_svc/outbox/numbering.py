"""Rows with ids of the database's own making: many at once, and which id became whose.

Rule: ids are in the order of the rows. PostgreSQL is asked for that order; SQLite
gives AUTOINCREMENT ids in the order in which it inserts, and that is the order
of the rows, so the sorted ids are theirs - one statement instead of one for each.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert
from sqlalchemy.orm import InstrumentedAttribute

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
    if connection.dialect.name == "sqlite":
        return sorted(connection.execute(insert(model).returning(key), rows).scalars())
    statement = insert(model).returning(key, sort_by_parameter_order=True)
    return list(connection.execute(statement, rows).scalars())
