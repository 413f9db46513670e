"""Forgetting: messages about parcels that ended long ago are deleted, so that the tables do not grow for ever.

Rules: what is about a parcel goes only when the parcel has ended, some days after that; from then on whatever a peer
says about it again is refused by the parcel's own state, so nothing can count twice. What no state could refuse is
kept as long as the orders are: arrivals, whose key alone keeps units from being booked twice, and buys, which are the
other half of that book. Open commands are never touched. Nothing else depends on the rows that go: requests and
restockings keep their answers (one order for a request, for ever), a parcel keeps its history.

A walk goes through a table by its key, a batch at a time: its cost is that of the batch, however many orders are open.
"""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Delete, Double, Engine, Executable, Integer, bindparam, delete, or_, select

from db.clock import Clock
from db.engine import read_only
from db.orders.messages import InboxRow, OutboxRow
from db.orders.shipments import Shipment
from orders_svc.service.transactions import transact

BATCH = 200

_BEFORE = bindparam("k_before", type_=Double)
_ENDED = Shipment.ended_at <= _BEFORE
_OUTBOX = (
    select(
        OutboxRow.id,
        OutboxRow.created_at.label("at"),
        (
            (OutboxRow.kind != "buy") & (OutboxRow.closed_at <= _BEFORE) & or_(OutboxRow.shipment_id.is_(None), _ENDED)
        ).label("may_go"),
    )
    .outerjoin(Shipment, Shipment.id == OutboxRow.shipment_id)
    .where(OutboxRow.id > bindparam("k_after"))
    .order_by(OutboxRow.id)
    .limit(bindparam("k_limit", type_=Integer))
)
_INBOX = (
    select(
        InboxRow.id,
        InboxRow.received_at.label("at"),
        # What is about no parcel of ours moves nothing.
        ((InboxRow.kind != "arrived") & or_(Shipment.id.is_(None), _ENDED)).label("may_go"),
    )
    .outerjoin(Shipment, Shipment.id == InboxRow.shipment_id)
    .where(InboxRow.id > bindparam("k_after"))
    .order_by(InboxRow.id)
    .limit(bindparam("k_limit", type_=Integer))
)
_WALKS: tuple[tuple[Executable, Delete], ...] = (
    (_OUTBOX, delete(OutboxRow).where(OutboxRow.id.in_(bindparam("k_ids", expanding=True)))),
    (_INBOX, delete(InboxRow).where(InboxRow.id.in_(bindparam("k_ids", expanding=True)))),
)


@dataclass(slots=True)
class Forgetting:
    """The walks of this process. `keep_seconds`: from a parcel's end until what was said about it goes."""

    engine: Engine
    clock: Clock
    keep_seconds: float
    # Which table is walked through, and how far.
    _walking: int = field(default=0, init=False)
    _after: int = field(default=0, init=False)

    def step(self) -> bool:
        """One batch of one table; False: this round is through, and the next call begins another."""
        look, forget = _WALKS[self._walking]
        before = self.clock.now() - self.keep_seconds
        wanted = {"k_after": self._after, "k_before": before, "k_limit": BATCH}
        with read_only(self.engine).begin() as connection:
            rows = connection.execute(look, wanted).all()
        # Rows are as old as their ids, nearly; what is younger comes later.
        old = [row for row in rows if row.at <= before]
        gone = [row.id for row in old if row.may_go]
        if gone:
            transact(self.engine, lambda connection: _delete(connection, forget, gone))
        if len(old) == BATCH:
            self._after = rows[-1].id
            return True
        self._after = 0
        self._walking = (self._walking + 1) % len(_WALKS)
        return self._walking != 0


def _delete(connection: Connection, forget: Delete, ids: list[int]) -> None:
    connection.execute(forget, {"k_ids": ids})
