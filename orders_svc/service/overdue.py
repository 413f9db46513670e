"""Overdue: whoever has been silent for too long is asked.

Rules: a link that is down, or whose peer is in another world, is not asked and nothing is counted against it; all its
questions are put off instead, in one statement however many they are, since a UPS that is away for an hour must cost
nothing. Of a parcel on the road the world is asked even then, now and then, and no person is told. Otherwise
some shipments at a time, oldest question first. What UPS is asked about a change has a wait of its own; after so many
questions in vain no answer is expected any more, and the parcel goes on.
"""

from collections.abc import Collection

from sqlalchemy import Boolean, Connection, Double, bindparam, or_, select, update

from db.orders.shipments import Shipment
from orders_svc.domain.lifecycle import Event, Goods, Truck
from orders_svc.domain.patience import Patience, overdue_event
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.service import asking, links
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world
from orders_svc.service.shipments import Shipments

ASKED_AT_ONCE = 200
CAUSE = "timer:overdue"


def is_due(connection: Connection, now: float) -> bool:
    """Whether anything may be overdue: looked at without a lock, since mostly nothing is."""
    return any(connection.scalar(query, {"k_now": now}) is not None for query in (_ANY, _ANY_ANSWER))


def ask_overdue(connection: Connection, patience: Patience, now: float) -> tuple[Changes, bool]:
    """Asks for what is overdue; says whether there may be more."""
    world = current_world(connection)
    views = links.view(connection)
    reachable = {link for link in (WORLD, UPS) if views[link].usable and world.is_open}
    wanted = {"k_now": now, "k_world": WORLD in reachable, "k_ups": UPS in reachable}
    due = list(connection.execute(_DUE, wanted).scalars())
    shipments = Shipments(connection, patience, world.world_epoch, now)
    unanswered = list(connection.execute(_UNANSWERED, {"k_now": now}).scalars()) if UPS in reachable else []
    # Together: orders are locked by their ids, and only once.
    shipments.load([*due, *unanswered])
    for shipment_id in sorted(due):
        shipment = shipments.get(shipment_id)
        if shipment is None or shipment.check_at is None or shipment.check_at > now:
            continue
        event = overdue_event(shipment.state)
        asks_world = event is Event.GOODS_OVERDUE or shipment.state.truck is Truck.EN_ROUTE
        if (WORLD if asks_world else UPS) not in reachable:
            shipments.postpone(shipment_id)
        elif shipment.state.truck is Truck.EN_ROUTE and UPS not in reachable:
            shipments.look(shipment_id, CAUSE)
        elif shipments.apply(shipment_id, event, CAUSE) is not None:
            shipments.postpone(shipment_id)
    _ask_again(patience, shipments, unanswered)
    changes = shipments.flush()
    later = now + patience.truck * patience.tick
    for link, put_off in _PUT_OFF.items():
        if link not in reachable:
            connection.execute(put_off, {"k_now": now, "d_later": later})
    if UPS not in reachable:
        connection.execute(_PUT_ANSWERS_OFF, {"k_now": now, "d_later": now + patience.ask_wait(1)})
    return changes, ASKED_AT_ONCE in (len(due), len(unanswered))


def _ask_again(patience: Patience, shipments: Shipments, unanswered: Collection[int]) -> None:
    """Asks UPS again for answers that are overdue."""
    for shipment_id in sorted(unanswered):
        shipment = shipments.get(shipment_id)
        if shipment is None or shipment.ask_at is None or shipment.ask_at > shipments.now:
            continue
        if shipment.asks < patience.max_asks:
            shipments.apply(shipment_id, Event.ANSWER_OVERDUE, CAUSE)
        else:
            asking.end_questions(shipments, [shipment_id], "UPS has not answered", CAUSE)


# On the road the world is asked, though it is UPS that is silent.
_ASKS_WORLD = or_(Shipment.goods.in_((Goods.PACKING, Goods.LOADING)), Shipment.truck == Truck.EN_ROUTE)
_ASKS = {WORLD: _ASKS_WORLD, UPS: ~_ASKS_WORLD}
_OVERDUE = Shipment.check_at <= bindparam("k_now", type_=Double)
_ANSWER_OVERDUE = Shipment.ask_at <= bindparam("k_now", type_=Double)
_ANY = select(Shipment.id).where(_OVERDUE).limit(1)
_ANY_ANSWER = select(Shipment.id).where(_ANSWER_OVERDUE).limit(1)
_UNANSWERED = select(Shipment.id).where(_ANSWER_OVERDUE).order_by(Shipment.ask_at).limit(ASKED_AT_ONCE)
_DUE = (
    select(Shipment.id)
    .where(_OVERDUE, or_(*(asked & bindparam(f"k_{link}", type_=Boolean) for link, asked in _ASKS.items())))
    .order_by(Shipment.check_at)
    .limit(ASKED_AT_ONCE)
)
# Waits for no lock, so it needs no order of them: whoever holds a row sets its next check.
_PUT_OFF = {
    link: update(Shipment)
    .where(Shipment.id.in_(select(Shipment.id).where(_OVERDUE, asked).with_for_update(skip_locked=True)))
    .values(check_at=bindparam("d_later", type_=Double))
    for link, asked in _ASKS.items()
}
_PUT_ANSWERS_OFF = (
    update(Shipment)
    .where(Shipment.id.in_(select(Shipment.id).where(_ANSWER_OVERDUE).with_for_update(skip_locked=True)))
    .values(ask_at=bindparam("d_later", type_=Double))
)
