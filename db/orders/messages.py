"""Outbox and inbox: what is to be said to a peer, and what a peer has said.

An outbox row's id is the command's id and its seqnum on the wire; it is never
used again, not even in another database against the same world, because ids
start at the installation's time (see `Installation`).
"""

from sqlalchemy import BigInteger, Double, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase, RowId


class Installation(OrdersBase):
    """One row: when this database was made, and the first id of outbox and shipments."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    created_at: Mapped[float] = mapped_column(Double)
    # Whole seconds of created_at, times 2^20: exact in a double, too.
    first_id: Mapped[int] = mapped_column(BigInteger)


class OutboxRow(OrdersBase):
    """A command. Open until the peer acknowledged it, or a new world made it void."""

    __tablename__ = "outbox"
    __table_args__ = (
        # What is due: open rows that this owner of the link was not given yet.
        Index(
            "ix_outbox_due",
            "link",
            "sent_epoch",
            "id",
            sqlite_where=text("closed_at is null"),
            postgresql_where=text("closed_at is null"),
        ),
        Index("ix_outbox_shipment_id", "shipment_id"),
        Index("ix_outbox_closed_at", "closed_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    link: Mapped[str] = mapped_column(String(8))
    world_epoch: Mapped[int] = mapped_column(BigInteger)
    # The field name of the body in shop.bridge.v1.Command.
    kind: Mapped[str] = mapped_column(String(16))
    shipment_id: Mapped[int | None] = mapped_column(RowId)
    # A serialized shop.bridge.v1.Command without command_id.
    command: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float] = mapped_column(Double)
    # Not to be sent before: the pause after a failure.
    due_at: Mapped[float] = mapped_column(Double)
    # When it first left for a bridge, noted before it does: from then on it may be carried out.
    handed_at: Mapped[float | None] = mapped_column(Double)
    # The link_epoch of the owner that has it; 0: nobody yet.
    sent_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    closed_at: Mapped[float | None] = mapped_column(Double)
    # "acked", "failed" or "superseded" once closed.
    outcome: Mapped[str | None] = mapped_column(String(12))
    failure: Mapped[str | None] = mapped_column(Text)


class InboxRow(OrdersBase):
    """Something that a peer said. The key is what makes it count once."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("uq_inbox_link_world_epoch_seqnum_digest", "link", "world_epoch", "seqnum", "digest", unique=True),
        Index("ix_inbox_shipment_id", "shipment_id"),
        Index("ix_inbox_received_at", "received_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    link: Mapped[str] = mapped_column(String(8))
    world_epoch: Mapped[int] = mapped_column(BigInteger)
    seqnum: Mapped[int] = mapped_column(BigInteger)
    # Of kind and body without the seqnum; of a status answer, of its subject only.
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[str] = mapped_column(String(24))
    shipment_id: Mapped[int | None] = mapped_column(RowId)
    # A serialized shop.fulfilment.v1.PeerEvent.
    event: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[float] = mapped_column(Double)
    # Why it was recorded but not obeyed; null: it was obeyed.
    ignored_reason: Mapped[str | None] = mapped_column(Text)
