"""Overdue: whoever has been silent for too long is asked.

Rules: a link that is down, or whose peer is in another world, is not asked and nothing is counted against it; the
question is put off instead. Some shipments at a time, oldest question first.
"""

from sqlalchemy import Connection, bindparam, select

from db.orders.shipments import Shipment
from orders_svc.domain.lifecycle import Event, Truck
from orders_svc.domain.patience import Patience, overdue_event
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.service import links
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world
from orders_svc.service.shipments import Shipments

ASKED_AT_ONCE = 200
CAUSE = "timer:overdue"


def is_due(connection: Connection, now: float) -> bool:
    """Whether anything may be overdue: looked at without a lock, since mostly nothing is."""
    return connection.scalar(select(Shipment.id).where(Shipment.check_at <= now).limit(1)) is not None


def ask_overdue(connection: Connection, patience: Patience, now: float) -> tuple[Changes, bool]:
    """Asks for what is overdue; says whether there may be more."""
    due = list(connection.execute(_DUE, {"k_now": now}).scalars())
    if not due:
        return Changes(), False
    world = current_world(connection)
    views = links.view(connection)
    shipments = Shipments(connection, patience, world.world_epoch, now)
    shipments.load(due)
    for shipment_id in sorted(due):
        shipment = shipments.get(shipment_id)
        if shipment is None or shipment.check_at is None or shipment.check_at > now:
            continue
        event = overdue_event(shipment.state)
        # On the road the world is asked, though it is UPS that is silent.
        asks_world = event is Event.GOODS_OVERDUE or shipment.state.truck is Truck.EN_ROUTE
        reachable = views[WORLD if asks_world else UPS].usable and world.is_open
        if not reachable or shipments.apply(shipment_id, event, CAUSE) is not None:
            shipments.postpone(shipment_id)
    return shipments.flush(), len(due) == ASKED_AT_ONCE


_DUE = (
    select(Shipment.id).where(Shipment.check_at <= bindparam("k_now")).order_by(Shipment.check_at).limit(ASKED_AT_ONCE)
)
