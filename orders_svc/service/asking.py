"""Asking UPS: what it answers to another address, to a late cancellation, to a question about an account.

Rules: an answer counts by the command that it is about, whatever it says besides; of several copies of one question any
yes counts and only the last no. A yes that comes when nobody waits for it any more is believed all the same, since the
parcel goes there, or was delivered there, be it in a world that was left; but not about a parcel that was given up. A
question that UPS can not answer any more, because it came back without the feature, has ended.
Elsewhere: when UPS may be asked (domain.amendments), what an answer does to a shipment (domain.lifecycle).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from db.orders.messages import InboxRow
from db.orders.requests import Decision, OrderRequest, RequestDecision, RequestKind
from db.orders.shipments import Shipment
from orders_svc.domain.amendments import FEATURE
from orders_svc.domain.lifecycle import Asked, Event, Truck
from orders_svc.domain.verdicts import redirect_event
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.rows import UPS
from orders_svc.service.current import CurrentWorld
from orders_svc.service.shipments import Shipments
from shop.bridge.v1 import bridge_pb2
from shop.fulfilment.v1 import fulfilment_pb2

# What is answered by which event.
QUESTIONS = {"redirect_answered": "redirect", "cancel_answered": "cancel_job", "account_answered": "check_account"}


def answered(
    connection: Connection,
    shipments: Shipments,
    event: fulfilment_pb2.PeerEvent,
    origin: Row[Any] | None,
    detail: str,
    cause: str,
) -> str | None:
    """Obeys an answer of UPS; returns why not, if not.

    `origin`: the command that it is about (id, kind, shipment_id, command); `detail`: UPS's words, fit to be shown.
    """
    kind = event.WhichOneof("body") or ""
    answer = getattr(event, kind)
    if origin is None or origin.kind != QUESTIONS[kind]:
        return f"about a question that was never asked: {answer.command_id}"
    outbox.close_acked(connection, UPS, [origin.id], shipments.now)
    asked = bridge_pb2.Command.FromString(origin.command)
    if kind == "account_answered":
        shipments.changes.accounts[asked.check_account.ups_account] = answer.known
        return None
    if kind == "cancel_answered":
        verdict = Event.CANCEL_ACCEPTED if answer.accepted else Event.CANCEL_REFUSED
        return shipments.apply(origin.shipment_id, verdict, cause, detail=detail)
    return _redirected(connection, shipments, origin, asked.redirect, answer.accepted, detail, cause)


def _redirected(
    connection: Connection,
    shipments: Shipments,
    origin: Row[Any],
    place: bridge_pb2.Redirect,
    accepted: bool,
    detail: str,
    cause: str,
) -> str | None:
    shipment = shipments.get(origin.shipment_id)
    if shipment is None:
        return "no such shipment"
    in_use = shipment.world_epoch == shipments.world_epoch
    if not (in_use or shipment.state.truck is Truck.DELIVERED):
        return "late: about an attempt in another world"
    if shipment.ended_at is not None and shipment.state.truck is not Truck.DELIVERED:
        return "late: about an attempt that was given up"
    if accepted:
        # The bridge says these no more either: UPS has the job.
        outbox.close_before(connection, shipment.id, "request_truck", origin.id, shipments.now)
    is_newest = outbox.newest(connection, shipment.id, "redirect") == origin.id
    same_question = (place.x, place.y) == (shipment.asked_x, shipment.asked_y)
    if in_use and shipment.state.asked is Asked.ADDRESS and same_question:
        if not (accepted or is_newest):
            return "late: it was asked again since"
        verdict = redirect_event(accepted, detail, shipment.state)
        return shipments.apply(shipment.id, verdict, cause, detail="" if accepted else detail)
    if not accepted:
        return "late: nobody waits for this answer"
    if not is_newest and _agreed_since(connection, shipment.id, origin.id):
        return "late: UPS agreed to another address since"
    if (place.x, place.y) == (shipment.x, shipment.y):
        return "late: it goes there already"
    # A truck that was asked for again since has the old address with it: it is asked for with the new one.
    asks_again = (shipment.id, "request_truck") in outbox.open_kinds(connection, [shipment.id])
    outbox.close_kinds(connection, [shipment.id], ("request_truck",), shipments.now)
    shipments.send_to(shipment.id, place.x, place.y, cause, ask_again=asks_again)
    # The "no" may be of this very report.
    shipments.questions.write(connection)
    connection.execute(_AFTER_ALL, {"k_id": shipment.id, "k_x": place.x, "k_y": place.y})
    return None


def _agreed_since(connection: Connection, shipment_id: int, command_id: int) -> bool:
    """Whether UPS has said yes to a later question about a shipment's address, in this report or before."""
    for body in connection.execute(_ANSWERS, {"k_id": shipment_id}).scalars():
        answer = fulfilment_pb2.PeerEvent.FromString(body).redirect_answered
        if answer.accepted and answer.command_id > command_id:
            return True
    return False


_ANSWERS = select(InboxRow.event).where(
    InboxRow.shipment_id == bindparam("k_id"), InboxRow.kind == "redirect_answered", InboxRow.link == UPS
)
# The answer that came too late for a shopper who had been told "no".
_AFTER_ALL = (
    update(RequestDecision)
    .where(
        RequestDecision.shipment_id == bindparam("k_id"),
        RequestDecision.decision == Decision.TOO_LATE,
        RequestDecision.order_request_id
        == select(OrderRequest.id)
        .join(RequestDecision, RequestDecision.order_request_id == OrderRequest.id)
        .where(
            RequestDecision.shipment_id == bindparam("k_id"),
            OrderRequest.kind == RequestKind.ADDRESS,
            OrderRequest.x == bindparam("k_x"),
            OrderRequest.y == bindparam("k_y"),
        )
        .order_by(OrderRequest.id.desc())
        .limit(1)
        .correlate(None)
        .scalar_subquery(),
    )
    .values(decision=Decision.DONE, left_at=None, reason="UPS takes it to the new address after all")
)


def cut_off(
    connection: Connection, world: CurrentWorld, announced: Sequence[fulfilment_pb2.WorldAnnounced]
) -> list[int]:
    """The shipments about which UPS can not be asked any more, by what it now says of itself."""
    gone: set[Asked] = set()
    for one in announced:
        if one.world_id == world.world_id:
            gone |= {asked for asked, feature in FEATURE.items() if feature not in one.features}
    if not gone:
        return []
    return list(connection.execute(_ASKED, {"k_epoch": world.world_epoch, "k_asked": sorted(gone)}).scalars())


_ASKED = (
    select(Shipment.id)
    .where(
        Shipment.ask_at.is_not(None),
        Shipment.world_epoch == bindparam("k_epoch"),
        Shipment.asked.in_(bindparam("k_asked", expanding=True)),
    )
    .order_by(Shipment.id)
)


def end_questions(shipments: Shipments, shipment_ids: Sequence[int], reason: str, cause: str) -> None:
    """Ends the questions about loaded shipments: no answer is expected any more."""
    for shipment_id in shipment_ids:
        shipments.apply(shipment_id, Event.NO_ANSWER, cause, detail=reason)
