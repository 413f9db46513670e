"""Reports: what a peer said becomes inbox rows, moves, stock and follow-up commands, in one transaction.

Rules: nothing counts twice: the inbox key is (link, world epoch, seqnum, digest
of kind and body), and for a status answer its subject instead of its content,
since re-sends carry fresh content. What is late or impossible is recorded with
the reason and not obeyed. A bridge acks the peer only after this has committed.

An announced world is no event in this sense but a standing fact: the last one
said on the live connection counts, however often it came before. A late copy of
a report does not bring back what was said before it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from db.orders.messages import InboxRow, OutboxRow
from orders_svc.domain import explain
from orders_svc.domain.lifecycle import Event
from orders_svc.domain.patience import Patience
from orders_svc.domain.verdicts import SEEN, Verdict, failure_event, verdict
from orders_svc.outbox import rows as outbox
from orders_svc.service import arrivals, asking, links, recognition
from orders_svc.service.changes import Changes
from orders_svc.service.current import CurrentWorld, current_world
from orders_svc.service.shipments import Shipments
from shop.fulfilment.v1 import fulfilment_pb2

# Characters of a peer's words: kept with the command, and shown in a step.
MAX_TEXT = 1000
MAX_DETAIL = 200
WITHOUT_FEATURE = "UPS came back without being able to say"


class Result(Enum):
    """What became of one event."""

    APPLIED = fulfilment_pb2.EVENT_RESULT_APPLIED
    DUPLICATE = fulfilment_pb2.EVENT_RESULT_DUPLICATE
    IGNORED = fulfilment_pb2.EVENT_RESULT_IGNORED


@dataclass(frozen=True, slots=True)
class Report:
    """What one bridge hands over in one go."""

    link: str
    link_epoch: int
    # The world that the connection is in; 0: the current one.
    world_epoch: int
    acked: Sequence[int]
    events: Sequence[fulfilment_pb2.PeerEvent]


@dataclass(slots=True)
class _Entry:
    """An event on its way through the transaction."""

    event: fulfilment_pb2.PeerEvent
    kind: str
    digest: bytes
    shipment_id: int | None
    inbox_id: int | None = None
    # The command that an error or an answer is about.
    origin: Row[Any] | None = None
    # The shipments that wait for a buy which failed for good.
    in_vain: list[int] = field(default_factory=list)
    result: Result = Result.DUPLICATE
    ignored: str | None = None


def apply_report(
    connection: Connection, patience: Patience, report: Report, now: float
) -> tuple[list[Result], Changes]:
    """Records and obeys a report; one result per event, in the same order.

    Raises FailedPrecondition (STALE_EPOCH) if the reporter does not own the link.
    """
    world = current_world(connection)
    links.fence(connection, report.link, report.link_epoch)
    world_epoch = report.world_epoch or world.world_epoch
    entries = [_entry(event) for event in report.events]
    _find_origins(connection, report.link, entries)
    _record(connection, report.link, world_epoch, entries, now)
    shipments = Shipments(connection, patience, world.world_epoch, now)
    new = [entry for entry in entries if entry.inbox_id is not None]
    announced = recognition.news(
        connection, [entry.event.world_announced for entry in entries if entry.kind == "world_announced"]
    )
    cut_off = asking.cut_off(connection, world, announced)
    if world_epoch == world.world_epoch:
        _find_who_waits_in_vain(connection, world_epoch, new)
    shipments.load([*cut_off, *_about(new)])
    # After the orders are locked, as everybody does who closes commands.
    ages = outbox.close_acked(connection, report.link, report.acked, now)
    shipments.changes.acked.extend((report.link, seconds) for seconds in ages)
    for entry in entries:
        if entry.kind == "world_announced" and entry.event.world_announced in announced:
            recognition.world_announced(connection, entry.event.world_announced, world, now)
            shipments.changes.links.add(outbox.UPS)
            entry.result = Result.APPLIED
        elif entry.inbox_id is not None:
            cause = f"inbox:{report.link}:{entry.inbox_id}"
            entry.ignored = _apply(connection, shipments, report.link, world_epoch, world, entry, cause, now)
            entry.result = Result.APPLIED if entry.ignored is None else Result.IGNORED
    asking.end_questions(shipments, cut_off, WITHOUT_FEATURE, f"announced:{report.link}")
    changes = shipments.flush()
    _note_ignored(connection, entries)
    return [entry.result for entry in entries], changes


def fail_commands(
    connection: Connection, patience: Patience, link: str, link_epoch: int, reasons: Mapping[int, str], now: float
) -> Changes:
    """Takes commands that the link's bridge can never say for failed, as if the peer had said so; each once.

    Raises FailedPrecondition (STALE_EPOCH) if the bridge does not own the link any more.
    """
    world = current_world(connection)
    links.fence(connection, link, link_epoch)
    entries = []
    for command_id, reason in reasons.items():
        told = fulfilment_pb2.CommandFailed(command_id=command_id, text=f"it cannot be sent: {reason}")
        entries.append(_entry(fulfilment_pb2.PeerEvent(command_failed=told)))
    _find_origins(connection, link, entries)
    _find_who_waits_in_vain(connection, world.world_epoch, entries)
    shipments = Shipments(connection, patience, world.world_epoch, now)
    shipments.load(_about(entries))
    for entry in entries:
        _apply(connection, shipments, link, world.world_epoch, world, entry, f"bridge:{link}", now)
    return shipments.flush()


def _about(entries: Iterable[_Entry]) -> list[int]:
    """The shipments that some entries are about."""
    about = [entry.shipment_id for entry in entries if entry.shipment_id is not None]
    return [*about, *(shipment_id for entry in entries for shipment_id in entry.in_vain)]


def _entry(event: fulfilment_pb2.PeerEvent) -> _Entry:
    kind = event.WhichOneof("body") or ""
    body = getattr(event, kind)
    subject_only = kind == "package_status"
    content = str(body.shipment_id).encode() if subject_only else body.SerializeToString(deterministic=True)
    digest = hashlib.blake2b(kind.encode() + b"\0" + content, digest_size=16).digest()
    shipment_id = body.shipment_id if "shipment_id" in body.DESCRIPTOR.fields_by_name else None
    return _Entry(event, kind, digest, shipment_id)


def _find_who_waits_in_vain(connection: Connection, world_epoch: int, entries: Sequence[_Entry]) -> None:
    """Finds the shipments that wait for buys which can never succeed."""
    for entry in entries:
        failure = entry.event.command_failed
        origin = entry.origin if entry.kind == "command_failed" else None
        is_buy = origin is not None and origin.kind == "buy" and origin.world_epoch == world_epoch
        if is_buy and verdict(failure.text) is not Verdict.TRANSIENT:
            entry.in_vain = arrivals.who_waits_for(connection, world_epoch, failure.command_id)


def _find_origins(connection: Connection, link: str, entries: Sequence[_Entry]) -> None:
    """Finds the commands that errors and answers are about; their shipments are those, whatever the peer says."""
    about = [entry for entry in entries if entry.kind == "command_failed" or entry.kind in asking.QUESTIONS]
    if not about:
        return
    wanted = {_command_id(entry) for entry in about}
    found: Any = connection.execute(_ORIGINS, {"k_ids": list(wanted), "k_link": link}).all()
    origins = {row.id: row for row in found}
    for entry in about:
        entry.origin = origins.get(_command_id(entry))
        entry.shipment_id = None if entry.origin is None else entry.origin.shipment_id


def _command_id(entry: _Entry) -> int:
    return int(getattr(entry.event, entry.kind).command_id)


_ORIGINS = select(OutboxRow.id, OutboxRow.kind, OutboxRow.world_epoch, OutboxRow.shipment_id, OutboxRow.command).where(
    OutboxRow.id.in_(bindparam("k_ids", expanding=True)), OutboxRow.link == bindparam("k_link")
)


def _record(connection: Connection, link: str, world_epoch: int, entries: Sequence[_Entry], now: float) -> None:
    """Writes the inbox rows; those that are new get their id."""
    rows: dict[tuple[int, bytes], dict[str, object]] = {}
    for entry in entries:
        if entry.kind != "world_announced":
            rows.setdefault(
                (entry.event.seqnum, entry.digest),
                {
                    "link": link,
                    "world_epoch": world_epoch,
                    "seqnum": entry.event.seqnum,
                    "digest": entry.digest,
                    "kind": entry.kind,
                    "shipment_id": entry.shipment_id,
                    "event": entry.event.SerializeToString(),
                    "received_at": now,
                },
            )
    if not rows:
        return
    statement = _RECORD[connection.dialect.name]
    new = {(row.seqnum, bytes(row.digest)): row.id for row in connection.execute(statement, list(rows.values()))}
    for entry in entries:
        # The first of two equal ones in the same report counts.
        entry.inbox_id = new.pop((entry.event.seqnum, entry.digest), None)


_RECORD = {
    name: insert(InboxRow).on_conflict_do_nothing().returning(InboxRow.id, InboxRow.seqnum, InboxRow.digest)
    for name, insert in (("postgresql", insert_pg), ("sqlite", insert_sqlite))
}


def _apply(
    connection: Connection,
    shipments: Shipments,
    link: str,
    world_epoch: int,
    world: CurrentWorld,
    entry: _Entry,
    cause: str,
    now: float,
) -> str | None:
    """Obeys one new event; returns why not, if not."""
    event = entry.event
    if entry.kind == "command_failed":
        failure = event.command_failed
        if entry.origin is None:
            return f"about a command that we never sent: {failure.command_id}"
        if entry.origin.world_epoch != world_epoch:
            # The same world's, perhaps, when we were in it under an earlier epoch, which was left.
            return f"late: about a command of an earlier world: {failure.command_id}"
        if not outbox.close_failed(connection, link, failure.command_id, readable(failure.text), now):
            return f"about a command that had ended already: {failure.command_id}"
    failed_kind = None if entry.origin is None else entry.origin.kind
    if recognition.observe(connection, world_epoch, event, failed_kind):
        return None
    if world_epoch != world.world_epoch:
        return "late: from another world"
    if entry.kind == "arrived":
        return arrivals.arrive(connection, shipments, event.arrived)
    if entry.kind == "command_failed":
        return _command_failed(connection, shipments, entry, cause)
    if entry.kind == "package_status":
        seen = SEEN.get(event.package_status.status.upper())
        if seen is None:
            return f"unknown package status {event.package_status.status!r}"
        return shipments.apply(event.package_status.shipment_id, seen, cause)
    if entry.kind in asking.QUESTIONS:
        said = getattr(getattr(event, entry.kind), "reason", "")
        detail = readable(said, MAX_DETAIL, lines=1)
        return asking.answered(connection, shipments, event, entry.origin, detail, cause)
    if entry.shipment_id is None:
        return "an event without a meaning"
    if entry.kind == "truck_arrived":
        return shipments.apply(entry.shipment_id, Event.TRUCK_ARRIVED, cause, truck_id=event.truck_arrived.truck_id)
    return shipments.apply(entry.shipment_id, Event(entry.kind), cause)


def _command_failed(connection: Connection, shipments: Shipments, entry: _Entry, cause: str) -> str | None:
    failure, origin = entry.event.command_failed, entry.origin
    for shipment_id in entry.in_vain:
        said = readable(failure.text, MAX_DETAIL, lines=1) or "no reason given"
        shipments.warn(shipment_id, explain.quoting(explain.BOUGHT_IN_VAIN, said))
    if origin is not None and origin.kind == "buy":
        return arrivals.buy_failed(
            connection, shipments, failure.command_id, verdict(failure.text) is Verdict.TRANSIENT
        )
    if origin is None or origin.shipment_id is None:
        return "about no shipment"
    detail = readable(failure.text, MAX_DETAIL, lines=1) or "no reason given"
    return shipments.apply(origin.shipment_id, failure_event(origin.kind, failure.text), cause, detail=detail)


def readable(text: str, most: int = MAX_TEXT, lines: int | None = None) -> str:
    """A peer's words as they can be kept: without what PostgreSQL refuses (NUL), the first lines, not too long."""
    kept = text.replace("\0", " ").strip().splitlines()[:lines]
    return "\n".join(kept)[:most]


def _note_ignored(connection: Connection, entries: Sequence[_Entry]) -> None:
    ignored = [
        {"k_id": entry.inbox_id, "d_reason": entry.ignored}
        for entry in entries
        if entry.inbox_id is not None and entry.ignored is not None
    ]
    if ignored:
        connection.execute(_NOTE, ignored)


_NOTE = (
    update(InboxRow.__table__)  # type: ignore[arg-type]
    .where(InboxRow.__table__.c.id == bindparam("k_id"))
    .values(ignored_reason=bindparam("d_reason"))
)
