"""The message log of an order: what was said to the peers about its parcels, and what they said, as people read it.

Rules: newest first, page by page, two queries for a page whatever the length of the log; the words are those of the
tables, decoded; nothing is decided by it. Commands that are about no parcel, buys, are not in it.
"""

from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message
from sqlalchemy import Connection, Row, and_, literal, null, or_, select, union_all

from db.orders.messages import InboxRow, OutboxRow
from db.orders.shipments import Shipment
from shop.bridge.v1 import bridge_pb2
from shop.fulfilment.v1 import fulfilment_pb2

MAX_TEXT = 4000
# Of the same moment, what we say comes after what we heard.
FROM_PEER, TO_PEER = 0, 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the log a message stands."""

    at: float
    direction: int
    row_id: int


@dataclass(frozen=True, slots=True)
class Logged:
    """One message. `ended_at` None: nothing more is to be told of it."""

    place: Place
    link: str
    world_epoch: int
    number: int
    shipment_id: int
    kind: str
    outcome: str
    ended_at: float | None
    text: str


def read_messages(connection: Connection, order_id: int, before: Place | None, limit: int) -> list[Logged]:
    """At most `limit` messages about the order's parcels, newest first, from before `before`."""
    parcels = list(connection.execute(select(Shipment.id).where(Shipment.order_id == order_id)).scalars())
    sent = select(
        OutboxRow.created_at.label("at"),
        literal(TO_PEER).label("direction"),
        OutboxRow.id,
        OutboxRow.link,
        OutboxRow.world_epoch,
        OutboxRow.id.label("number"),
        OutboxRow.shipment_id,
        OutboxRow.kind,
        OutboxRow.command.label("body"),
        OutboxRow.handed_at,
        OutboxRow.closed_at,
        OutboxRow.outcome,
        OutboxRow.failure.label("words"),
    ).where(OutboxRow.shipment_id.in_(parcels))
    heard = select(
        InboxRow.received_at.label("at"),
        literal(FROM_PEER).label("direction"),
        InboxRow.id,
        InboxRow.link,
        InboxRow.world_epoch,
        InboxRow.seqnum.label("number"),
        InboxRow.shipment_id,
        InboxRow.kind,
        InboxRow.event.label("body"),
        null().label("handed_at"),
        null().label("closed_at"),
        null().label("outcome"),
        InboxRow.ignored_reason.label("words"),
    ).where(InboxRow.shipment_id.in_(parcels))
    log = union_all(sent, heard).subquery()
    query = select(log).order_by(log.c.at.desc(), log.c.direction.desc(), log.c.id.desc()).limit(limit)
    if before is not None:
        earlier_row = and_(log.c.direction == before.direction, log.c.id < before.row_id)
        same_time = and_(log.c.at == before.at, or_(log.c.direction < before.direction, earlier_row))
        query = query.where(or_(log.c.at < before.at, same_time))
    return [_logged(row) for row in connection.execute(query)]


def _logged(row: Row[Any]) -> Logged:
    kind: type[Message] = bridge_pb2.Command if row.direction == TO_PEER else fulfilment_pb2.PeerEvent
    return Logged(
        place=Place(row.at, row.direction, row.id),
        link=row.link,
        world_epoch=row.world_epoch,
        number=row.number,
        shipment_id=row.shipment_id,
        kind=row.kind,
        outcome=_of_command(row) if row.direction == TO_PEER else _of_event(row.words),
        ended_at=row.closed_at,
        text=decoded(kind, bytes(row.body)),
    )


def _of_command(row: Row[Any]) -> str:
    if row.outcome == "failed":
        return f"refused: {row.words}" if row.words else "refused"
    if row.outcome == "superseded":
        return "taken back: it is not needed any more"
    if row.closed_at is not None:
        return "acknowledged"
    return "not given to the link yet" if row.handed_at is None else "given to the link, not acknowledged yet"


def _of_event(ignored_reason: str | None) -> str:
    return "obeyed" if ignored_reason is None else f"recorded, not obeyed: {ignored_reason}"


def decoded(kind: type[Message], body: bytes) -> str:
    """A stored message in protobuf's text format, cut to MAX_TEXT."""
    try:
        message = kind.FromString(body)
    except DecodeError:
        return "(cannot be decoded)"
    return text_format.MessageToString(message, as_utf8=True).strip()[:MAX_TEXT]
