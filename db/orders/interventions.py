"""What people of the shop did about parcels that did not go on by themselves: the row is the answer, and the record."""

from enum import StrEnum

from sqlalchemy import BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class InterventionKind(StrEnum):
    """What was done."""

    RETRY = "retry"
    REDRIVE = "redrive"
    CANCEL = "cancel"


class Intervention(OrdersBase):
    """One thing that one of the staff did about one parcel, once per (user, request_id), for ever."""

    __tablename__ = "interventions"
    __table_args__ = (
        Index("uq_interventions_user_id_request_id", "user_id", "request_id", unique=True),
        Index("ix_interventions_shipment_id", "shipment_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    request_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"))
    # In their own words.
    note: Mapped[str] = mapped_column(Text)
    # The attempt that was made in its place.
    new_shipment_id: Mapped[int | None] = mapped_column(RowId)
    made_at: Mapped[float] = mapped_column(Double)
