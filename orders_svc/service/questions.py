"""Questions to UPS about shipments: how often each was asked, when again, and what a shopper is told at its end.

Rules: the question stands in the shipment's row, the answer in the rows of the request; both are written by the
transaction that moved the shipment. When a question has ended, none of its commands is sent any more, and after a yes
no request for a truck either: UPS knows the job, and a copy could only bring the old address back. Elsewhere: which
event ends a question (domain.lifecycle), the words (domain.amendments).
"""

from sqlalchemy import Connection, bindparam, select, update

from db.orders.requests import Decision, OrderRequest, RequestDecision, RequestKind
from orders_svc.domain import amendments
from orders_svc.domain.lifecycle import Asked, Effect, Event, State, Truck
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service.moving import Moving

# What is not sent any more when a question has ended; and after a yes.
_ASKING = (Effect.SEND_REDIRECT, Effect.SEND_CANCEL)
_TELLING = (*_ASKING, Effect.SEND_TRUCK_REQUEST)


class Questions:
    """The questions that one transaction asks, repeats or ends."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._now = now
        self._settled: dict[int, dict[str, object]] = {}
        # Shipments that UPS gave up when nobody waited for that answer any more.
        self._given_up: list[int] = []

    def keep(self, shipment: Moving, before: State, event: Event, detail: str) -> None:
        """Keeps count of what UPS is asked about a shipment that `event` has moved, and settles it at its end."""
        if shipment.state.asked is not Asked.NOTHING:
            if before.asked is Asked.NOTHING:
                shipment.asks = 0
            elif event not in (Event.ANSWER_OVERDUE, Event.ASKED_IN_VAIN):
                return
            shipment.asks += 1
            shipment.ask_at = self._now + self._patience.ask_wait(shipment.asks)
            return
        if event is Event.CANCEL_ACCEPTED and before.asked is not Asked.CANCEL:
            self._given_up.append(shipment.id)
        if before.asked is Asked.NOTHING:
            return
        if event is Event.ADDRESS_ACCEPTED and shipment.asked_x is not None and shipment.asked_y is not None:
            shipment.x, shipment.y = shipment.asked_x, shipment.asked_y
        reason = amendments.settled(before.asked, event, detail, shipment.state)
        if amendments.agreed(before.asked, event):
            self.settle(shipment.id, Decision.DONE, None, reason)
        else:
            self.settle(shipment.id, Decision.TOO_LATE, gone_since(shipment), reason)
        # What this very transaction was about to send.
        ended = _TELLING if amendments.agreed(before.asked, event) else _ASKING
        shipment.effects = [(effect, pause) for effect, pause in shipment.effects if effect not in ended]
        shipment.asked_x = shipment.asked_y = shipment.ask_at = None
        shipment.asks = 0

    def settle(self, shipment_id: int, decision: Decision, left_at: float | None, reason: str) -> None:
        """Says what became of that which UPS was being asked about a shipment."""
        values = {"k_id": shipment_id, "d_decision": decision, "d_left_at": left_at, "d_reason": reason}
        self._settled[shipment_id] = values

    def write(self, connection: Connection) -> None:
        """Writes the answers, and closes the commands that nobody waits for any more."""
        if not (self._settled or self._given_up):
            return
        if self._settled:
            connection.execute(_SETTLE, list(self._settled.values()))
        if self._given_up:
            connection.execute(_AFTER_ALL, [{"k_id": shipment_id} for shipment_id in self._given_up])
        ended = [*self._settled, *self._given_up]
        outbox.close_kinds(connection, ended, ("redirect", "cancel_job"), self._now)
        accepted = [key for key, values in self._settled.items() if values["d_decision"] is Decision.DONE]
        outbox.close_kinds(connection, accepted + self._given_up, ("request_truck",), self._now)
        self._settled.clear()
        self._given_up.clear()


def gone_since(shipment: Moving) -> float | None:
    """Since when it is too late to change anything about a shipment, where that is known."""
    if shipment.state.truck is Truck.DELIVERED:
        return shipment.ended_at
    if shipment.state.truck is Truck.EN_ROUTE:
        return shipment.left_at or shipment.state_since_at
    return None


_SETTLE = (
    update(RequestDecision.__table__)  # type: ignore[arg-type]
    .where(
        RequestDecision.__table__.c.shipment_id == bindparam("k_id"),
        RequestDecision.__table__.c.decision == Decision.ASKED.value,
    )
    .values(decision=bindparam("d_decision"), left_at=bindparam("d_left_at"), reason=bindparam("d_reason"))
)
# What a shopper was told is too late, and has happened after all.
_AFTER_ALL = (
    update(RequestDecision.__table__)  # type: ignore[arg-type]
    .where(
        RequestDecision.__table__.c.shipment_id == bindparam("k_id"),
        RequestDecision.__table__.c.decision == Decision.TOO_LATE.value,
        RequestDecision.__table__.c.order_request_id.in_(
            select(OrderRequest.id).where(OrderRequest.kind == RequestKind.CANCEL)
        ),
    )
    .values(decision=Decision.DONE.value, left_at=None, reason="UPS gave it up after all; what was packed is lost")
)
