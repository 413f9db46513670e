"""Links and worlds: who owns a link, and which world we are in.

Two numbers, never mixed: `link_epoch` says who owns the link, `world_epoch`
which world a row belongs to. A world's own id can come again; our epoch cannot.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class Link(OrdersBase):
    """A connection to a peer, "world" or "ups", and the instance that owns it."""

    __tablename__ = "links"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)
    link_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    instance: Mapped[str] = mapped_column(String(120), default="")
    boot_nonce: Mapped[str] = mapped_column(String(64), default="")
    callback_address: Mapped[str] = mapped_column(String(120), default="")
    lease_until_at: Mapped[float] = mapped_column(Double, default=0.0)
    # As last told by the owner: whether the peer is there, since when (not), and what it waits for.
    connected: Mapped[bool] = mapped_column(Boolean, default=False)
    connected_since_at: Mapped[float | None] = mapped_column(Double)
    state: Mapped[str] = mapped_column(Text, default="never attached")
    # UPS only: the world that it announced last, since when, and whether that is a candidate still to be tried.
    announced_world_id: Mapped[int | None] = mapped_column(BigInteger)
    announced_at: Mapped[float | None] = mapped_column(Double)
    # The owner's count of its announcements.
    announcement_no: Mapped[int] = mapped_column(BigInteger, default=0)
    candidate: Mapped[bool] = mapped_column(Boolean, default=False)
    # UPS only: what of the extension both sides speak since that announcement, names with a space between.
    features: Mapped[str] = mapped_column(Text, default="")


class WorldState(StrEnum):
    """What a world is to us."""

    # The one that orders are planned in, not found yet.
    AWAITED = "awaited"
    # Announced; being tried on a second connection.
    CANDIDATE = "candidate"
    # The one in use.
    OPEN = "open"
    # Left for another one, or refused.
    CLOSED = "closed"


class World(OrdersBase):
    """A world that we are, were, or may come to be in. At most one is awaited or open."""

    __tablename__ = "worlds"
    __table_args__ = (
        Index(
            "uq_worlds_current",
            text("(1)"),
            unique=True,
            sqlite_where=text("state in ('awaited', 'open')"),
            postgresql_where=text("state in ('awaited', 'open')"),
        ),
        {"sqlite_autoincrement": True},
    )

    world_epoch: Mapped[int] = mapped_column(RowId, primary_key=True)
    world_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(12))
    # The empty package by which we know this world again, and whether it is surely there.
    marker_ship_id: Mapped[int | None] = mapped_column(RowId)
    marker_confirmed: Mapped[bool] = mapped_column(Boolean, default=False)
    # The open question about the marker on this connection, and whether the answer was "no such package".
    marker_query_id: Mapped[int | None] = mapped_column(RowId)
    marker_missing: Mapped[bool] = mapped_column(Boolean, default=False)
    opened_at: Mapped[float | None] = mapped_column(Double)
    closed_at: Mapped[float | None] = mapped_column(Double)
    closed_reason: Mapped[str | None] = mapped_column(Text)


class WarehouseState(StrEnum):
    """What we know of a warehouse in a world."""

    # Sent in a connect message whose answer we may not have seen.
    PERHAPS = "perhaps"
    THERE = "there"
    MISSING = "missing"


class WorldWarehouse(OrdersBase):
    """Whether a warehouse has been made in a world. No row: never announced."""

    __tablename__ = "world_warehouses"

    world_epoch: Mapped[int] = mapped_column(ForeignKey("worlds.world_epoch"), primary_key=True)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    # The empty buy that asks; its answer decides PERHAPS.
    probe_id: Mapped[int | None] = mapped_column(RowId)
