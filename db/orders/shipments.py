"""Shipments: parcels on their way, and every step that they took.

A row is one attempt to send one parcel in one world; its id is the package id
in the world and the tracking number, and is never used again. A parcel that
had to start again has a row for each attempt; the last one counts.
"""

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class Shipment(OrdersBase):
    """One attempt to send one parcel of an order."""

    __tablename__ = "shipments"
    __table_args__ = (
        Index("ix_shipments_order_id", "order_id"),
        # The sweep for what is overdue looks at open rows only, by time.
        Index(
            "ix_shipments_check_at",
            "check_at",
            sqlite_where=text("check_at is not null"),
            postgresql_where=text("check_at is not null"),
        ),
        # The last deliveries of a world: what expected times are learned from.
        Index(
            "ix_shipments_delivered",
            "world_epoch",
            "ended_at",
            sqlite_where=text("truck = 'delivered'"),
            postgresql_where=text("truck = 'delivered'"),
        ),
        Index(
            "ix_shipments_ask_at",
            "ask_at",
            sqlite_where=text("ask_at is not null"),
            postgresql_where=text("ask_at is not null"),
        ),
        Index(
            "ix_shipments_open",
            "world_epoch",
            "id",
            sqlite_where=text("ended_at is null"),
            postgresql_where=text("ended_at is null"),
        ),
        # What a person has to look at.
        Index(
            "ix_shipments_attention",
            "id",
            sqlite_where=text("attention_reason is not null and ended_at is null"),
            postgresql_where=text("attention_reason is not null and ended_at is null"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    # Which parcel of the order, from 1; and which attempt at it, from 1.
    parcel_no: Mapped[int] = mapped_column(Integer)
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    world_epoch: Mapped[int] = mapped_column(BigInteger)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id"))
    # Where it goes: the order's address, or the one that was accepted for this parcel since.
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    # orders_svc.domain.lifecycle: Goods and Truck.
    goods: Mapped[str] = mapped_column(String(16))
    truck: Mapped[str] = mapped_column(String(16))
    truck_id: Mapped[int | None] = mapped_column(Integer)
    # When the present state began, and when to ask if nothing came; null: nothing to ask.
    state_since_at: Mapped[float] = mapped_column(Double)
    check_at: Mapped[float | None] = mapped_column(Double)
    # Commands that failed, and questions asked, since the last progress.
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    checks: Mapped[int] = mapped_column(Integer, default=0)
    # orders_svc.domain.lifecycle: Asked. What UPS is being asked, the address that it is about, how often it was asked
    # and when to ask again if no answer came.
    asked: Mapped[str] = mapped_column(String(8), default="")
    asked_x: Mapped[int | None] = mapped_column(Integer)
    asked_y: Mapped[int | None] = mapped_column(Integer)
    asks: Mapped[int] = mapped_column(Integer, default=0)
    ask_at: Mapped[float | None] = mapped_column(Double)
    # When the truck left with it, where UPS says so.
    left_at: Mapped[float | None] = mapped_column(Double)
    # Not null: it cannot go on by itself, and why.
    attention_reason: Mapped[str | None] = mapped_column(Text)
    # Delivered, cancelled or superseded by another attempt; null while open.
    ended_at: Mapped[float | None] = mapped_column(Double)
    superseded_by: Mapped[int | None] = mapped_column(RowId)
    created_at: Mapped[float] = mapped_column(Double)


class ShipmentItem(OrdersBase):
    """So many units of one offer in one shipment."""

    __tablename__ = "shipment_items"
    __table_args__ = (
        # Who is waiting for an offer, oldest first.
        Index(
            "ix_shipment_items_waiting",
            "offer_id",
            "shipment_id",
            sqlite_where=text("reserved = 0"),
            postgresql_where=text("reserved = 0"),
        ),
    )

    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    offer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    quantity: Mapped[int] = mapped_column(Integer)
    # 1: units are reserved (or packed) for it; 0: it waits for units.
    reserved: Mapped[int] = mapped_column(Integer)


class ShipmentStep(OrdersBase):
    """One transition of one shipment, with its one cause."""

    __tablename__ = "shipment_steps"
    __table_args__ = (
        Index("ix_shipment_steps_shipment_id", "shipment_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"))
    at: Mapped[float] = mapped_column("at", Double)
    event: Mapped[str] = mapped_column(String(40))
    goods: Mapped[str] = mapped_column(String(16))
    truck: Mapped[str] = mapped_column(String(16))
    # For people.
    what: Mapped[str] = mapped_column(Text)
    # For those who trace messages: "inbox:ups:7", "rpc:PlaceOrder", "timer".
    cause: Mapped[str] = mapped_column(String(120))
