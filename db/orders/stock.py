"""Stock: where units of an offer are, and what has become of them.

arrived = available + reserved + packed + scrapped, per offer, warehouse and
world epoch, at every commit; the database itself refuses anything else.
`ordered` units were bought and have not arrived; `awaited` ones are promised
to parcels out of units that are not reserved for them yet.
storefront may read these tables.
"""

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class Warehouse(OrdersBase):
    """A place in every world that we are in."""

    __tablename__ = "warehouses"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)


class Stock(OrdersBase):
    """Units of one offer at one warehouse in one world."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("arrived = available + reserved + packed + scrapped", name="conserved"),
        CheckConstraint(
            "available >= 0 and reserved >= 0 and packed >= 0 and scrapped >= 0 and ordered >= 0 and awaited >= 0",
            name="not_negative",
        ),
        Index(
            "ix_stock_awaited",
            "world_epoch",
            "offer_id",
            "warehouse_id",
            sqlite_where=text("awaited > 0"),
            postgresql_where=text("awaited > 0"),
        ),
    )

    world_epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    offer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id"), primary_key=True)
    arrived: Mapped[int] = mapped_column(BigInteger, default=0)
    available: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved: Mapped[int] = mapped_column(BigInteger, default=0)
    packed: Mapped[int] = mapped_column(BigInteger, default=0)
    scrapped: Mapped[int] = mapped_column(BigInteger, default=0)
    ordered: Mapped[int] = mapped_column(BigInteger, default=0)
    awaited: Mapped[int] = mapped_column(BigInteger, default=0)


class ReorderPoint(OrdersBase):
    """When an offer is bought by itself: `quantity` at once, with fewer than `level` left and none on their way."""

    __tablename__ = "reorder_points"
    __table_args__ = (CheckConstraint("level > 0 and quantity > 0", name="positive"),)

    offer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id"))
    level: Mapped[int] = mapped_column(Integer)
    quantity: Mapped[int] = mapped_column(Integer)


class Restock(OrdersBase):
    """A seller's purchase of more units: what makes Restock idempotent."""

    __tablename__ = "restocks"
    __table_args__ = (Index("uq_restocks_user_id_request_id", "user_id", "request_id", unique=True),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    request_id: Mapped[str] = mapped_column(String(64))
    offer_id: Mapped[int] = mapped_column(BigInteger)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id"))
    quantity: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Double)
