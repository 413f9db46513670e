"""Amending: cancelling an order, or sending it elsewhere, as long as that is true.

Rules: decided parcel by parcel, at once, and written down: asked again, the same
is said. Until the pack command (to cancel) or the truck request (to change the
address) has left for a bridge, the answer is yes, and it never leaves: the same
guarded statement decides for us and for the dispatcher. After that it is too
late, with the time at which it left.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from db.orders.orders import Order
from db.orders.requests import Decision, OrderRequest, RequestDecision, RequestKind
from db.orders.shipments import Shipment
from mesh.errors import AlreadyExists
from orders_svc.domain.lifecycle import Event, Goods, Truck
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world
from orders_svc.service.refusals import order_not_found
from orders_svc.service.shipments import Shipments
from orders_svc.service.transactions import LostRace

# The command whose leaving makes it too late.
POINT_OF_NO_RETURN = {RequestKind.CANCEL: "pack", RequestKind.ADDRESS: "request_truck"}
LEFT = {RequestKind.CANCEL: "packing had been asked for", RequestKind.ADDRESS: "the truck had been asked for"}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that passed validation; `x` and `y` are None for a cancellation."""

    user_id: int
    request_id: str
    order_id: int
    x: int | None = None
    y: int | None = None

    @property
    def kind(self) -> RequestKind:
        """What is asked for."""
        return RequestKind.CANCEL if self.x is None else RequestKind.ADDRESS


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer for one parcel; `left_at` says since when it is too late, where that is known."""

    shipment_id: int
    decision: Decision
    left_at: float | None
    reason: str
    # Which parcel of the order, from 1.
    parcel_no: int = 0


def amend(connection: Connection, patience: Patience, wish: Wish, now: float) -> tuple[list[Decided], Changes]:
    """Decides about each parcel of the order that counts.

    Raises NotFound (ORDER_NOT_FOUND), AlreadyExists (REQUEST_ID_REUSED).
    """
    world = current_world(connection)
    owned = select(Order.id).where(Order.id == wish.order_id, Order.user_id == wish.user_id).with_for_update()
    if connection.execute(owned).one_or_none() is None:
        raise order_not_found(wish.order_id)
    before = _decided_before(connection, wish)
    if before is not None:
        return before, Changes()
    counting = (Shipment.order_id == wish.order_id, Shipment.superseded_by.is_(None))
    parcels = connection.execute(select(*Shipment.__table__.c).where(*counting).order_by(Shipment.id)).all()
    shipments = Shipments(connection, patience, world.world_epoch, now)
    shipments.load([parcel.id for parcel in parcels])
    decided = [replace(_decide(connection, shipments, wish, parcel), parcel_no=parcel.parcel_no) for parcel in parcels]
    changes = shipments.flush()
    _write_down(connection, wish, decided, now)
    return decided, changes


def _decide(connection: Connection, shipments: Shipments, wish: Wish, parcel: Row[Any]) -> Decided:
    cause = f"rpc:{'CancelOrder' if wish.kind is RequestKind.CANCEL else 'ChangeAddress'}"
    if parcel.truck == Truck.DELIVERED:
        return Decided(parcel.id, Decision.TOO_LATE, parcel.ended_at, "it was delivered")
    if parcel.goods == Goods.CANCELLED:
        decision = Decision.DONE if wish.kind is RequestKind.CANCEL else Decision.TOO_LATE
        return Decided(parcel.id, decision, parcel.ended_at, "it was cancelled")
    point = POINT_OF_NO_RETURN[wish.kind]
    left = outbox.left_at(connection, parcel.id, point)
    if left is not None:
        return Decided(parcel.id, Decision.TOO_LATE, left, LEFT[wish.kind])
    waits_for_us = (parcel.id, point) in outbox.open_kinds(connection, [parcel.id])
    if wish.kind is RequestKind.CANCEL:
        taken_back = outbox.take_back(connection, parcel.id, tuple(POINT_OF_NO_RETURN.values()), shipments.now)
    else:
        taken_back = outbox.take_back(connection, parcel.id, (point,), shipments.now)
    if waits_for_us and outbox.left_at(connection, parcel.id, point) is not None:
        # It left between the look and the statement; a new look says since when.
        raise LostRace(f"shipment {parcel.id} is leaving")
    if wish.kind is RequestKind.CANCEL:
        ignored = shipments.apply(parcel.id, Event.CANCELLED, cause)
        if ignored is not None:
            return Decided(parcel.id, Decision.TOO_LATE, parcel.state_since_at, ignored)
        return Decided(parcel.id, Decision.DONE, None, "nothing had left; the goods stay on the shelf")
    assert wish.x is not None
    assert wish.y is not None
    shipments.send_to(parcel.id, wish.x, wish.y, cause, ask_again=taken_back > 0)
    return Decided(parcel.id, Decision.DONE, None, "no truck had been asked for yet")


def _decided_before(connection: Connection, wish: Wish) -> list[Decided] | None:
    """The answer that was given under this request_id; None: there was none."""
    mine = (OrderRequest.user_id == wish.user_id, OrderRequest.request_id == wish.request_id)
    row = connection.execute(select(*OrderRequest.__table__.c).where(*mine)).one_or_none()
    if row is None:
        return None
    if (row.order_id, row.kind, row.x, row.y) != (wish.order_id, wish.kind, wish.x, wish.y):
        raise AlreadyExists("REQUEST_ID_REUSED", "this request_id was used for another request")
    return [_decided(told) for told in connection.execute(_DECISIONS.where(RequestDecision.order_request_id == row.id))]


_DECISIONS = (
    select(*RequestDecision.__table__.c, Shipment.parcel_no)
    .join(Shipment, Shipment.id == RequestDecision.shipment_id)
    .order_by(RequestDecision.shipment_id)
)


def _decided(row: Any) -> Decided:
    return Decided(row.shipment_id, Decision(row.decision), row.left_at, row.reason, row.parcel_no)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What was asked for, and how it stands; `row` is that of the request."""

    row: Row[Any]
    decisions: Sequence[Decided]


def read_amendments(connection: Connection, order_id: int) -> list[Amendment]:
    """Everything that was asked for about an order, oldest first, with the answers."""
    asked = select(*OrderRequest.__table__.c).where(OrderRequest.order_id == order_id).order_by(OrderRequest.id)
    requests = connection.execute(asked).all()
    if not requests:
        return []
    decided: defaultdict[int, list[Decided]] = defaultdict(list)
    among = RequestDecision.order_request_id.in_([request.id for request in requests])
    for told in connection.execute(_DECISIONS.where(among)):
        decided[told.order_request_id].append(_decided(told))
    return [Amendment(request, decided[request.id]) for request in requests]


def _write_down(connection: Connection, wish: Wish, decided: Sequence[Decided], now: float) -> None:
    asked = insert(OrderRequest).values(
        order_id=wish.order_id,
        user_id=wish.user_id,
        request_id=wish.request_id,
        kind=wish.kind,
        x=wish.x,
        y=wish.y,
        asked_at=now,
    )
    request_key = connection.execute(asked.returning(OrderRequest.id)).scalar_one()
    connection.execute(
        insert(RequestDecision),
        [
            {
                "order_request_id": request_key,
                "shipment_id": one.shipment_id,
                "decision": one.decision,
                "left_at": one.left_at,
                "reason": one.reason,
            }
            for one in decided
        ],
    )
