"""What was asked of an order after it was placed, in words: what it would mean, and what was answered. Pure.

Rules: an answer is shown as orders_svc wrote it down, parcel by parcel, with the time since when it was too late; what
would be answered now is told as orders_svc sees it, and never promised, since it is decided at the moment of asking.
"""

from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from shop.orders.v1 import orders_pb2 as pb


@dataclass(frozen=True, slots=True)
class AnswerShown:
    """The answer for one parcel; `at` is since when it was too late, in seconds since the epoch."""

    parcel: int
    kind: str
    words: str
    reason: str
    at: float | None


@dataclass(frozen=True, slots=True)
class AmendmentShown:
    """One request and its answers."""

    request_id: str
    what: str
    asked_at: float
    answers: tuple[AnswerShown, ...]


_DONE, _WAITING, _NO = "success", "info", "warning"
# (whether it is a cancellation, decision) -> kind of news, words.
_ANSWERS = {
    (True, pb.DECISION_DONE): (_DONE, "Cancelled"),
    (True, pb.DECISION_TOO_LATE): (_NO, "Too late to cancel"),
    (True, pb.DECISION_ASKED): (_WAITING, "Asked, waiting for UPS"),
    (False, pb.DECISION_DONE): (_DONE, "Changed"),
    (False, pb.DECISION_TOO_LATE): (_NO, "Too late to change"),
    (False, pb.DECISION_ASKED): (_WAITING, "Asked, waiting for UPS"),
}


def show_amendment(asked: pb.Amendment) -> AmendmentShown:
    """A request as the order's page shows it."""
    cancels = not asked.HasField("destination")
    what = "Cancel the order" if cancels else f"Send it to ({asked.destination.x}, {asked.destination.y})"
    answers = tuple(_answer(cancels, decision) for decision in asked.decisions)
    return AmendmentShown(asked.request_id, what, _seconds(asked.asked_at), answers)


def _answer(cancels: bool, decision: pb.ParcelDecision) -> AnswerShown:
    kind, words = _ANSWERS.get((cancels, decision.decision), (_WAITING, "Asked"))
    at = _seconds(decision.left_at) if decision.HasField("left_at") else None
    return AnswerShown(decision.parcel, kind, words, decision.reason.removeprefix("too late: "), at)


_PENDING = "UPS is still being asked about another change of this parcel. One at a time: wait for its answer."


def is_pending(shipment: pb.Shipment) -> bool:
    """Whether nothing more can be asked until UPS has answered."""
    return pb.CHANGEABLE_PENDING in (shipment.cancellable, shipment.address_changeable)


def if_cancelled(shipment: pb.Shipment) -> str:
    """What asking to cancel this parcel means, as far as it has come."""
    if shipment.status == pb.ORDER_STATUS_DELIVERED:
        return "It was delivered; there is nothing to take back."
    if shipment.status == pb.ORDER_STATUS_CANCELLED:
        return "It is cancelled already."
    if shipment.cancellable == pb.CHANGEABLE_PENDING:
        return _PENDING
    if shipment.cancellable == pb.CHANGEABLE_TOO_LATE:
        return "It is too late: it can no longer be stopped. Ask, and you are told since when."
    if shipment.cancellable == pb.CHANGEABLE_ASKS_UPS:
        return (
            "Only UPS can stop it now. It is asked, and the parcel is not loaded until it has answered. If it agrees,"
            " the parcel ends here; goods that are packed by then are scrapped, since nothing can be unpacked. If not,"
            " it comes as ordered."
        )
    if shipment.goods in (pb.GOODS_STATE_NEW, pb.GOODS_STATE_AWAITING_STOCK):
        return "Nothing has been packed, so it can be taken back. What arrives for it goes back on the shelf."
    if shipment.cancellable == pb.CHANGEABLE_AT_ONCE:
        return "Packing has not begun, so it can be taken back. The goods stay on the shelf."
    if shipment.goods == pb.GOODS_STATE_PACKING:
        return (
            "Packing has been asked for. If that has left for the warehouse, it is too late, and you are told since"
            " when. If it is still waiting here, the parcel is taken back and the goods stay on the shelf."
        )
    return "It is packed, and a parcel cannot be unpacked: unless UPS can still stop it, it is too late."


def if_sent_elsewhere(shipment: pb.Shipment) -> str:
    """What asking for another address means for this parcel, as far as it has come."""
    if shipment.status == pb.ORDER_STATUS_DELIVERED:
        return "It was delivered; it cannot go anywhere else."
    if shipment.status == pb.ORDER_STATUS_CANCELLED:
        return "It was cancelled and goes nowhere."
    if shipment.address_changeable == pb.CHANGEABLE_PENDING:
        return _PENDING
    if shipment.address_changeable == pb.CHANGEABLE_TOO_LATE:
        return "It is too late: UPS has the address and cannot change it. Ask, and you are told since when."
    if shipment.address_changeable == pb.CHANGEABLE_ASKS_UPS:
        return "UPS has the address, and is asked to change it. It says yes or no; until then the old address holds."
    if shipment.truck == pb.TRUCK_STATE_NONE or shipment.address_changeable == pb.CHANGEABLE_AT_ONCE:
        return "No truck has been asked for, so it can go to the new address."
    if shipment.truck == pb.TRUCK_STATE_REQUESTED:
        return (
            "A truck has been asked for, and UPS was told the address with it. If that has left, only UPS could still"
            " change it; otherwise it is too late, and you are told since when."
        )
    return "UPS has the address. Unless UPS can still change it, it is too late."


def _seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9
