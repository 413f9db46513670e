"""What shoppers asked for after they had ordered, and what was decided, parcel by parcel.

The row is the answer: asked again with the same request_id, after any crash, the
same is said. What UPS is being asked is settled in the row when UPS has answered.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class RequestKind(StrEnum):
    """What was asked for."""

    CANCEL = "cancel"
    ADDRESS = "address"


class Decision(StrEnum):
    """What was decided for a parcel."""

    DONE = "done"
    TOO_LATE = "too_late"
    # Only UPS can say, and is being asked; it becomes one of the others.
    ASKED = "asked"


class OrderRequest(OrdersBase):
    """A wish to cancel an order, or to have it sent elsewhere."""

    __tablename__ = "order_requests"
    __table_args__ = (
        Index("uq_order_requests_user_id_request_id", "user_id", "request_id", unique=True),
        Index("ix_order_requests_order_id", "order_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    user_id: Mapped[int] = mapped_column(BigInteger)
    request_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    # The new address; null for a cancellation.
    x: Mapped[int | None] = mapped_column(Integer)
    y: Mapped[int | None] = mapped_column(Integer)
    asked_at: Mapped[float] = mapped_column(Double)


class RequestDecision(OrdersBase):
    """What was decided for one parcel."""

    __tablename__ = "order_request_decisions"

    order_request_id: Mapped[int] = mapped_column(ForeignKey("order_requests.id"), primary_key=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    decision: Mapped[str] = mapped_column(String(12))
    # Too late: since when.
    left_at: Mapped[float | None] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(Text)
