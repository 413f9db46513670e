"""Outbox rows: written, due, given to a bridge, closed.

Rules: a row's id is the command's id and its seqnum; a row is due while it is
open, its pause is over, it is of the current world, and the present owner of
the link was not given it (so a new owner is given all open rows, without any
of them being touched); a row is closed once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Double, Integer, bindparam, case, func, select, update

from db.orders.messages import OutboxRow
from orders_svc.outbox.numbering import insert_numbered
from shop.bridge.v1 import bridge_pb2

# A peer that has not acknowledged a command for so long has not heard it, or says nothing: loss explains less.
UNANSWERED_SECONDS = 30.0

WORLD, UPS = "world", "ups"
LINK_OF_KIND = {
    "buy": WORLD,
    "pack": WORLD,
    "load": WORLD,
    "query_package": WORLD,
    "request_truck": UPS,
    "deliver": UPS,
    "redirect": UPS,
    "cancel_job": UPS,
    "check_account": UPS,
}


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to be written; `body` has its world_epoch and its body set, and no command_id yet."""

    body: bridge_pb2.Command
    shipment_id: int | None = None
    # Seconds from now until it may be sent.
    pause: float = 0.0


def append(connection: Connection, commands: Iterable[NewCommand], now: float, sent_epoch: int = 0) -> list[int]:
    """Writes the commands; returns their ids, in the same order.

    `sent_epoch`: the owner of the link that is given them by other means than
    the dispatcher, 0 for the dispatcher.
    """
    rows: list[dict[str, object]] = []
    for command in commands:
        kind = command.body.WhichOneof("body") or ""
        rows.append(
            {
                "link": LINK_OF_KIND[kind],
                "world_epoch": command.body.world_epoch,
                "kind": kind,
                "shipment_id": command.shipment_id,
                "command": command.body.SerializeToString(),
                "created_at": now,
                "due_at": now + command.pause,
                "sent_epoch": sent_epoch,
            }
        )
    return insert_numbered(connection, OutboxRow, OutboxRow.id, rows)


def due(
    connection: Connection, link: str, link_epoch: int, world_epoch: int, now: float, limit: int
) -> list[bridge_pb2.Command]:
    """The next commands to give to the link's owner, oldest first."""
    wanted = {"k_link": link, "k_epoch": link_epoch, "k_world": world_epoch, "k_now": now, "k_limit": limit}
    commands = []
    for row_id, body in connection.execute(_DUE, wanted):
        command = bridge_pb2.Command.FromString(body)
        command.command_id = row_id
        commands.append(command)
    return commands


_DUE = (
    select(OutboxRow.id, OutboxRow.command)
    .where(
        OutboxRow.link == bindparam("k_link"),
        OutboxRow.closed_at.is_(None),
        OutboxRow.sent_epoch < bindparam("k_epoch"),
        OutboxRow.due_at <= bindparam("k_now"),
        OutboxRow.world_epoch == bindparam("k_world"),
    )
    .order_by(OutboxRow.sent_epoch, OutboxRow.id)
    .limit(bindparam("k_limit", type_=Integer))
)


def next_due(connection: Connection, link: str, link_epoch: int, world_epoch: int, now: float) -> float | None:
    """When the first of the commands that still pause after `now` is due; None: none does."""
    wanted = {"k_link": link, "k_epoch": link_epoch, "k_world": world_epoch, "k_now": now}
    return connection.scalar(_NEXT_DUE, wanted)


_NEXT_DUE = select(func.min(OutboxRow.due_at)).where(
    OutboxRow.link == bindparam("k_link"),
    OutboxRow.closed_at.is_(None),
    OutboxRow.sent_epoch < bindparam("k_epoch"),
    OutboxRow.due_at > bindparam("k_now"),
    OutboxRow.world_epoch == bindparam("k_world"),
)


# What a shopper may still take back or change as long as it has not left.
CLAIMED_KINDS = ("pack", "request_truck")


def claim(connection: Connection, ids: Collection[int], now: float) -> set[int]:
    """Notes that commands are about to leave; returns those that still may: the others were taken back meanwhile."""
    return set(connection.execute(_CLAIM, {"k_ids": list(ids), "d_now": now}).scalars())


_AMONG = OutboxRow.id.in_(bindparam("k_ids", expanding=True))
_CLAIM = (
    update(OutboxRow)
    .where(_AMONG, OutboxRow.closed_at.is_(None))
    .values(handed_at=func.coalesce(OutboxRow.handed_at, bindparam("d_now", type_=Double)))
    .returning(OutboxRow.id)
)


def take_back(connection: Connection, shipment_id: int, kinds: Collection[str], now: float) -> int:
    """Closes commands of a shipment that never left; returns how many."""
    return connection.execute(_TAKE_BACK, {"k_shipment": shipment_id, "k_kinds": list(kinds), "d_now": now}).rowcount


_TAKE_BACK = (
    update(OutboxRow)
    .where(
        OutboxRow.shipment_id == bindparam("k_shipment"),
        OutboxRow.kind.in_(bindparam("k_kinds", expanding=True)),
        OutboxRow.closed_at.is_(None),
        OutboxRow.handed_at.is_(None),
    )
    .values(closed_at=bindparam("d_now", type_=Double), outcome="superseded")
)


def left_at(connection: Connection, shipment_id: int, kind: str) -> float | None:
    """When a command of this kind first left for the peer; None: it never did."""
    return connection.scalar(_LEFT_AT, {"k_shipment": shipment_id, "k_kind": kind})


_LEFT_AT = select(func.min(OutboxRow.handed_at)).where(
    OutboxRow.shipment_id == bindparam("k_shipment"), OutboxRow.kind == bindparam("k_kind")
)


def was_refused(connection: Connection, shipment_id: int, kind: str) -> bool:
    """Whether a command of this kind has failed for a shipment, be it long ago."""
    return connection.scalar(_REFUSED, {"k_shipment": shipment_id, "k_kind": kind}) is not None


_REFUSED = (
    select(OutboxRow.id)
    .where(
        OutboxRow.shipment_id == bindparam("k_shipment"),
        OutboxRow.kind == bindparam("k_kind"),
        OutboxRow.outcome == "failed",
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Left:
    """Of some shipments, what has left for the peers."""

    # (shipment, kind) pairs of which a command has left; and of which one was refused.
    kinds: frozenset[tuple[int, str]] = frozenset()
    refused: frozenset[tuple[int, str]] = frozenset()
    # By (shipment, link): since when a peer was told what it has not acknowledged.
    unanswered: Mapping[tuple[int, str], float] = field(default_factory=dict)


def read_left(connection: Connection, shipment_ids: Collection[int]) -> Left:
    """What has left for the peers of these shipments."""
    rows = connection.execute(_LEFT, {"k_ids": list(shipment_ids)}).all()
    unanswered: dict[tuple[int, str], float] = {}
    for row in rows:
        if row.since is not None:
            key = row.shipment_id, row.link
            unanswered[key] = min(row.since, unanswered.get(key, row.since))
    kinds = frozenset((row.shipment_id, row.kind) for row in rows if row.handed)
    refused = frozenset((row.shipment_id, row.kind) for row in rows if row.refused)
    return Left(kinds, refused, unanswered)


_LEFT = (
    select(
        OutboxRow.shipment_id,
        OutboxRow.kind,
        OutboxRow.link,
        func.min(case((OutboxRow.closed_at.is_(None), OutboxRow.handed_at))).label("since"),
        func.count(OutboxRow.handed_at).label("handed"),
        func.count(case((OutboxRow.outcome == "failed", 1))).label("refused"),
    )
    .where(
        OutboxRow.shipment_id.in_(bindparam("k_ids", expanding=True)),
        # It may be refused before it is noted here that it was handed over.
        OutboxRow.handed_at.is_not(None) | (OutboxRow.outcome == "failed"),
    )
    .group_by(OutboxRow.shipment_id, OutboxRow.kind, OutboxRow.link)
)


def newest(connection: Connection, shipment_id: int, kind: str) -> int | None:
    """The last command of this kind for a shipment; None: there was none."""
    return connection.scalar(_NEWEST, {"k_shipment": shipment_id, "k_kind": kind})


_NEWEST = select(func.max(OutboxRow.id)).where(
    OutboxRow.shipment_id == bindparam("k_shipment"), OutboxRow.kind == bindparam("k_kind")
)


def close_kinds(connection: Connection, shipment_ids: Collection[int], kinds: Collection[str], now: float) -> None:
    """Closes the open commands of these kinds for some shipments: nobody waits for what comes of them."""
    if shipment_ids:
        wanted = {"k_ids": list(shipment_ids), "k_kinds": list(kinds), "d_now": now}
        connection.execute(_CLOSE_KINDS, wanted)


_CLOSE_KINDS = (
    update(OutboxRow)
    .where(
        OutboxRow.shipment_id.in_(bindparam("k_ids", expanding=True)),
        OutboxRow.kind.in_(bindparam("k_kinds", expanding=True)),
        OutboxRow.closed_at.is_(None),
    )
    .values(closed_at=bindparam("d_now"), outcome="superseded")
)


def close_before(connection: Connection, shipment_id: int, kind: str, command_id: int, now: float) -> None:
    """Closes the open commands of this kind for a shipment that are older than `command_id`."""
    wanted = {"k_shipment": shipment_id, "k_kind": kind, "k_before": command_id, "d_now": now}
    connection.execute(_CLOSE_BEFORE, wanted)


_CLOSE_BEFORE = (
    update(OutboxRow)
    .where(
        OutboxRow.shipment_id == bindparam("k_shipment"),
        OutboxRow.kind == bindparam("k_kind"),
        OutboxRow.id < bindparam("k_before"),
        OutboxRow.closed_at.is_(None),
    )
    .values(closed_at=bindparam("d_now"), outcome="superseded")
)


def withdraw(connection: Connection, command_id: int, now: float) -> None:
    """Closes a command that no bridge has got yet."""
    connection.execute(_WITHDRAW, {"k_id": command_id, "d_now": now})


_WITHDRAW = (
    update(OutboxRow)
    .where(OutboxRow.id == bindparam("k_id"), OutboxRow.closed_at.is_(None), OutboxRow.sent_epoch == 0)
    .values(closed_at=bindparam("d_now"), outcome="superseded")
)


def mark_sent(connection: Connection, ids: Collection[int], link_epoch: int) -> None:
    """Notes that the owner with `link_epoch` has these commands in its window."""
    connection.execute(_SENT, {"k_ids": list(ids), "k_epoch": link_epoch})


_SENT = (
    update(OutboxRow).where(_AMONG, OutboxRow.sent_epoch < bindparam("k_epoch")).values(sent_epoch=bindparam("k_epoch"))
)


def close_acked(connection: Connection, link: str, ids: Collection[int], now: float) -> list[float]:
    """Closes what the peer acknowledged: it is recorded there, and never sent again. How old each was, in seconds."""
    if not ids:
        return []
    told = {"k_ids": list(ids), "k_link": link, "d_now": now}
    return [now - written_at for written_at in connection.execute(_ACKED, told).scalars()]


_ACKED = (
    update(OutboxRow)
    .where(_AMONG, OutboxRow.link == bindparam("k_link"), OutboxRow.closed_at.is_(None))
    .values(closed_at=bindparam("d_now", type_=Double), outcome="acked")
    .returning(OutboxRow.created_at)
)


def close_failed(connection: Connection, link: str, command_id: int, text: str, now: float) -> bool:
    """Notes that the peer could not do a command, whose number is used up; False: it had ended in another way."""
    told = {"k_id": command_id, "k_link": link, "d_now": now, "d_text": text}
    return connection.execute(_FAILED, told).rowcount == 1


_FAILED = (
    update(OutboxRow)
    .where(
        OutboxRow.id == bindparam("k_id"),
        OutboxRow.link == bindparam("k_link"),
        OutboxRow.outcome.is_(None) | (OutboxRow.outcome == "acked"),
    )
    .values(closed_at=bindparam("d_now", type_=Double), outcome="failed", failure=bindparam("d_text"))
)


def supersede(connection: Connection, world_epoch: int, now: float) -> None:
    """Closes all open commands of a world that was left."""
    connection.execute(
        update(OutboxRow)
        .where(OutboxRow.world_epoch == world_epoch, OutboxRow.closed_at.is_(None))
        .values(closed_at=now, outcome="superseded")
    )


def open_kinds(connection: Connection, shipment_ids: Collection[int]) -> set[tuple[int, str]]:
    """The (shipment, kind) pairs that have an open command."""
    rows = connection.execute(_OPEN_KINDS, {"k_ids": list(shipment_ids)})
    return {(row[0], row[1]) for row in rows if row[0] is not None}


_OPEN_KINDS = select(OutboxRow.shipment_id, OutboxRow.kind).where(
    OutboxRow.shipment_id.in_(bindparam("k_ids", expanding=True)), OutboxRow.closed_at.is_(None)
)
