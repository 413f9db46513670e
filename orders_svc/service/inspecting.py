"""Inspecting: what staff see of links, queues, parcels that need a person, and anybody's order.

Rules: nothing is changed by it, and nothing is decided here about whose it is: that this is for staff is checked
before (`orders_svc.rpc.operations`). A bridge is asked outside of any transaction, with a deadline, and one that does
not answer is told as such.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from db.clock import sql_now
from db.orders.interventions import Intervention, InterventionKind
from db.orders.links import Link
from db.orders.orders import Order
from db.orders.shipments import Shipment
from db.orders.stock import Warehouse
from orders_svc.service.app import App
from orders_svc.service.current import CurrentWorld, peek_world
from orders_svc.service.intervening import obstacle
from orders_svc.service.messages import Logged, Place, read_messages
from orders_svc.service.moving import moving_of
from orders_svc.service.queues import Queue, read_queues
from orders_svc.service.refusals import order_not_found, shipment_not_found
from orders_svc.service.views import OrderView
from shop.bridge.v1 import bridge_pb2

MOST_INTERVENTIONS = 100
AskBridge = Callable[[str], bridge_pb2.GetLinkStatusResponse | None]


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """A link's row, whether somebody owns it, its queue, and what its bridge says; None: it does not answer."""

    row: Row[Any]
    owned: bool
    queue: Queue
    status: bridge_pb2.GetLinkStatusResponse | None


@dataclass(frozen=True, slots=True)
class Attention:
    """A parcel that a person has to look at (shipment, user_id, warehouse_name), and what can be done about it."""

    row: Row[Any]
    remedies: tuple[InterventionKind, ...]


@dataclass(frozen=True, slots=True)
class Inspected:
    """An order, what can be done about its parcels, and what was done."""

    order: OrderView
    attention: Sequence[Attention]
    interventions: Sequence[Row[Any]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Inspection:
    """The use cases. `ask_bridge` gives what the bridge at an address says of itself; None: no answer."""

    app: App
    ask_bridge: AskBridge

    def queues(self) -> list[Queue]:
        """What is open on each link."""
        with self.app.reader.begin() as connection:
            return read_queues(connection, self.app.clock.now())

    def links(self) -> tuple[CurrentWorld, list[LinkSeen]]:
        """The world in use, and each link by name."""
        with self.app.reader.begin() as connection:
            world = peek_world(connection)
            owned = (Link.lease_until_at > sql_now()).label("owned")
            rows: Any = connection.execute(select(*Link.__table__.c, owned).order_by(Link.name)).all()
            queues = {queue.link: queue for queue in read_queues(connection, self.app.clock.now())}
        return world, [
            LinkSeen(row, row.owned, queues[row.name], self.ask_bridge(row.callback_address) if row.owned else None)
            for row in rows
        ]

    def attention(self, after_id: int, limit: int) -> list[Attention]:
        """Parcels that need a person, oldest first, after that one."""
        with self.app.reader.begin() as connection:
            rows: Any = connection.execute(_ATTENTION.where(Shipment.id > after_id).limit(limit))
            return [_attention(row) for row in rows]

    def order(self, order_id: int) -> Inspected:
        """Anybody's order; raises NotFound."""
        with self.app.reader.begin() as connection:
            owner = _owner(connection, order_id)
            rows: Any = connection.execute(_ATTENTION.where(Shipment.order_id == order_id))
            attention = [_attention(row) for row in rows]
            interventions = connection.execute(
                select(*Intervention.__table__.c)
                .join(Shipment, Shipment.id == Intervention.shipment_id)
                .where(Shipment.order_id == order_id)
                .order_by(Intervention.id)
                .limit(MOST_INTERVENTIONS)
            ).all()
        return Inspected(self.app.order(owner, order_id), attention, interventions)

    def order_of(self, shipment_id: int) -> int:
        """The order that a parcel, or an attempt at one, belongs to; raises NotFound."""
        with self.app.reader.begin() as connection:
            order_id = connection.scalar(select(Shipment.order_id).where(Shipment.id == shipment_id))
        if order_id is None:
            raise shipment_not_found(shipment_id)
        return order_id

    def messages(self, order_id: int, before: Place | None, limit: int) -> list[Logged]:
        """A page of what was said about an order's parcels, newest first; raises NotFound."""
        with self.app.reader.begin() as connection:
            _owner(connection, order_id)
            return read_messages(connection, order_id, before, limit)


def _owner(connection: Connection, order_id: int) -> int:
    owner = connection.scalar(select(Order.user_id).where(Order.id == order_id))
    if owner is None:
        raise order_not_found(order_id)
    return owner


def _attention(row: Row[Any]) -> Attention:
    shipment = moving_of(row._mapping)
    return Attention(row, tuple(kind for kind in InterventionKind if obstacle(kind, shipment) is None))


_ATTENTION = (
    select(*Shipment.__table__.c, Order.user_id, Warehouse.name.label("warehouse_name"))
    .join(Order, Order.id == Shipment.order_id)
    .join(Warehouse, Warehouse.id == Shipment.warehouse_id)
    .where(Shipment.attention_reason.is_not(None), Shipment.ended_at.is_(None))
    .order_by(Shipment.id)
)
