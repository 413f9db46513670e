"""Orders as they were placed."""

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class Order(OrdersBase):
    """What somebody bought, once per (user, request_id), for ever."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("uq_orders_user_id_request_id", "user_id", "request_id", unique=True),
        Index("ix_orders_user_id_id", "user_id", "id"),
        # Where a day begins among the orders.
        Index("ix_orders_placed_at", "placed_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    request_id: Mapped[str] = mapped_column(String(64))
    # Of what the client sent: tells a repetition from a reuse.
    request_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    ups_account: Mapped[str] = mapped_column(String(64))
    total_cents: Mapped[int] = mapped_column(BigInteger)
    # shop.orders.v1.OrderStatus, derived from the shipments at each change.
    status: Mapped[int] = mapped_column(Integer)
    # Grows with every change.
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    placed_at: Mapped[float] = mapped_column(Double)


class OrderLine(OrdersBase):
    """One offer in an order; name, price and seller stay as they were."""

    __tablename__ = "order_lines"
    __table_args__ = (Index("ix_order_lines_seller_id_order_id", "seller_id", "order_id"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    offer_id: Mapped[int] = mapped_column(BigInteger, index=True)
    title: Mapped[str] = mapped_column(String(120))
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_name: Mapped[str] = mapped_column(String(80))
    unit_price_cents: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int] = mapped_column(Integer)
