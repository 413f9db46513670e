"""Amending: cancelling an order, or sending it elsewhere, as long as that is true.

Rules: decided parcel by parcel and written down: asked again, the same is said. Until the pack command (to cancel) or
the truck request (to change the address) has left for a bridge, the answer is yes, at once, and it never leaves: the
same guarded statement decides for us and for the dispatcher. After that only UPS can agree: where it can be asked, the
answer stands as asked until it has; else it is too late, with the time at which it left. While UPS is asked about one
change of a parcel, no other is taken.

Elsewhere: the truth table (domain.amendments), what UPS answers (asking).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from db.orders.orders import Order
from db.orders.requests import Decision, OrderRequest, RequestDecision, RequestKind
from db.orders.shipments import Shipment
from mesh.errors import AlreadyExists, FailedPrecondition
from orders_svc.domain.amendments import CANCEL, FEATURE, POINT_OF_NO_RETURN, WORD_TO_GO, Course, course
from orders_svc.domain.lifecycle import Asked, Effect, Event, Goods, Truck
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service import links
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world
from orders_svc.service.questions import gone_since
from orders_svc.service.refusals import order_not_found
from orders_svc.service.shipments import Shipments
from orders_svc.service.transactions import LostRace

LEFT = {Asked.CANCEL: "packing had been asked for", Asked.ADDRESS: "the truck had been asked for"}


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

    @property
    def about(self) -> Asked:
        """The same, as UPS is asked."""
        return Asked.CANCEL if self.x is None else Asked.ADDRESS

    @property
    def cause(self) -> str:
        """What a step of a parcel's history names."""
        return f"rpc:{'CancelOrder' if self.x is None else 'ChangeAddress'}"


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

    Raises NotFound (ORDER_NOT_FOUND), AlreadyExists (REQUEST_ID_REUSED), FailedPrecondition (CHANGE_PENDING).
    """
    world = current_world(connection)
    mine = {"k_order": wish.order_id, "k_user": wish.user_id}
    if connection.execute(_LOCK_ORDER, mine).one_or_none() is None:
        raise order_not_found(wish.order_id)
    before = _decided_before(connection, wish)
    if before is not None:
        return before, Changes()
    parcels = connection.execute(_PARCELS, {"k_order": wish.order_id}).all()
    shipments = Shipments(connection, patience, world.world_epoch, now)
    shipments.load([parcel.id for parcel in parcels])
    features = links.features(connection)
    decided = [
        replace(_decide(connection, shipments, wish, parcel, features), parcel_no=parcel.parcel_no)
        for parcel in parcels
    ]
    changes = shipments.flush()
    _write_down(connection, wish, decided, now)
    return decided, changes


def _decide(
    connection: Connection, shipments: Shipments, wish: Wish, parcel: Row[Any], features: Collection[str]
) -> Decided:
    if parcel.truck == Truck.DELIVERED:
        return Decided(parcel.id, Decision.TOO_LATE, parcel.ended_at, "it was delivered")
    if parcel.goods == Goods.CANCELLED:
        decision = Decision.DONE if wish.kind is RequestKind.CANCEL else Decision.TOO_LATE
        return Decided(parcel.id, decision, parcel.ended_at, "it was cancelled")
    left = outbox.left_at(connection, parcel.id, POINT_OF_NO_RETURN[wish.about])
    shipment = shipments.get(parcel.id)
    assert shipment is not None, "loaded"
    is_lost = outbox.was_refused(connection, parcel.id, WORD_TO_GO)
    what = course(wish.about, shipment.state, left is not None, is_lost, features)
    if what is Course.PENDING:
        raise FailedPrecondition(
            "CHANGE_PENDING", "UPS is still being asked about an earlier change", shipment_id=parcel.id
        )
    if what is Course.AT_ONCE:
        return _at_once(connection, shipments, wish, parcel, features)
    if what is Course.ASKS_UPS:
        ignored = shipments.ask(parcel.id, wish.about, wish.x, wish.y, wish.cause)
        assert ignored is None, ignored
        return Decided(parcel.id, Decision.ASKED, None, "UPS is asked")
    if is_lost:
        return Decided(parcel.id, Decision.TOO_LATE, gone_since(shipment), "UPS can promise nothing more; it had left")
    if wish.about is Asked.CANCEL and FEATURE[wish.about] in features:
        return Decided(parcel.id, Decision.TOO_LATE, parcel.state_since_at, _TOO_FAR[shipment.state.goods])
    return Decided(parcel.id, Decision.TOO_LATE, left, LEFT[wish.about])


# Where UPS cannot be asked any more to give a parcel up; what follows is "at" and a time.
_TOO_FAR = {Goods.LOADING: "it was being loaded", Goods.LOADED: "it was loaded"}


def _at_once(
    connection: Connection, shipments: Shipments, wish: Wish, parcel: Row[Any], features: Collection[str]
) -> Decided:
    """Nothing had left when we looked: it is done, unless it leaves now."""
    point = POINT_OF_NO_RETURN[wish.about]
    waits_for_us = (parcel.id, point) in outbox.open_kinds(connection, [parcel.id])
    kinds = tuple(POINT_OF_NO_RETURN.values()) if wish.kind is RequestKind.CANCEL else (point,)
    taken_back = outbox.take_back(connection, parcel.id, kinds, shipments.now)
    if waits_for_us and outbox.left_at(connection, parcel.id, point) is not None:
        # It left between the look and the statement; a new look says since when.
        raise LostRace(f"shipment {parcel.id} is leaving")
    if wish.kind is RequestKind.CANCEL:
        ignored = shipments.apply(parcel.id, Event.CANCELLED, wish.cause)
        if ignored is not None:
            return Decided(parcel.id, Decision.TOO_LATE, parcel.state_since_at, ignored)
        # What UPS has not acknowledged by now is given to no other bridge.
        outbox.close_kinds(connection, [parcel.id], ("request_truck",), shipments.now)
        if CANCEL in features and outbox.left_at(connection, parcel.id, "request_truck") is not None:
            # The truck need not wait for it.
            shipments.tell(parcel.id, Effect.SEND_CANCEL)
        return Decided(parcel.id, Decision.DONE, None, "nothing had left; the goods stay on the shelf")
    assert wish.x is not None
    assert wish.y is not None
    shipments.send_to(parcel.id, wish.x, wish.y, wish.cause, ask_again=taken_back > 0)
    return Decided(parcel.id, Decision.DONE, None, "no truck had been asked for yet")


def _decided_before(connection: Connection, wish: Wish) -> list[Decided] | None:
    """The answer that was given under this request_id; None: there was none."""
    mine = {"k_user": wish.user_id, "k_request": wish.request_id}
    row = connection.execute(_REQUEST, mine).one_or_none()
    if row is None:
        return None
    if (row.order_id, row.kind, row.x, row.y) != (wish.order_id, wish.kind, wish.x, wish.y):
        raise AlreadyExists("REQUEST_ID_REUSED", "this request_id was used for another request")
    return [_decided(told) for told in connection.execute(_DECISIONS, {"k_ids": [row.id]})]


_LOCK_ORDER = (
    select(Order.id).where(Order.id == bindparam("k_order"), Order.user_id == bindparam("k_user")).with_for_update()
)
_PARCELS = (
    select(*Shipment.__table__.c)
    .where(Shipment.order_id == bindparam("k_order"), Shipment.superseded_by.is_(None))
    .order_by(Shipment.id)
)
_REQUEST = select(*OrderRequest.__table__.c).where(
    OrderRequest.user_id == bindparam("k_user"), OrderRequest.request_id == bindparam("k_request")
)
_DECISIONS = (
    select(*RequestDecision.__table__.c, Shipment.parcel_no)
    .join(Shipment, Shipment.id == RequestDecision.shipment_id)
    .where(RequestDecision.order_request_id.in_(bindparam("k_ids", expanding=True)))
    .order_by(RequestDecision.shipment_id)
)


def _decided(row: Any) -> Decided:
    return Decided(row.shipment_id, Decision(row.decision), row.left_at, row.reason, row.parcel_no)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What was asked for, and how it stands; `row` is that of the request."""

    row: Row[Any]
    decisions: Sequence[Decided]


def read_amendments(connection: Connection, order_ids: Collection[int]) -> defaultdict[int, list[Amendment]]:
    """Everything that was asked for about some orders, by order, oldest first, with the answers."""
    amendments: defaultdict[int, list[Amendment]] = defaultdict(list)
    requests = connection.execute(_ASKED_OF, {"k_ids": order_ids}).all()
    if not requests:
        return amendments
    decided: defaultdict[int, list[Decided]] = defaultdict(list)
    for told in connection.execute(_DECISIONS, {"k_ids": [request.id for request in requests]}):
        decided[told.order_request_id].append(_decided(told))
    for request in requests:
        amendments[request.order_id].append(Amendment(request, decided[request.id]))
    return amendments


_ASKED_OF = (
    select(*OrderRequest.__table__.c)
    .where(OrderRequest.order_id.in_(bindparam("k_ids", expanding=True)))
    .order_by(OrderRequest.id)
)


def _write_down(connection: Connection, wish: Wish, decided: Sequence[Decided], now: float) -> None:
    asked = {
        "order_id": wish.order_id,
        "user_id": wish.user_id,
        "request_id": wish.request_id,
        "kind": wish.kind,
        "x": wish.x,
        "y": wish.y,
        "asked_at": now,
    }
    request_key = connection.execute(_NEW_REQUEST, asked).scalar_one()
    connection.execute(
        _NEW_DECISION,
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


_NEW_REQUEST = insert(OrderRequest).returning(OrderRequest.id)
_NEW_DECISION = insert(RequestDecision)
