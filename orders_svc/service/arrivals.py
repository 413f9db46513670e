"""Arrivals: units that came are stock, not orders; then the oldest waiting shipments are served.

Rules: an arrival carries no order id and is matched to its stock row only;
serving is a transaction of its own, oldest shipment first, and is found again
by looking at the rows, so a wake-up that got lost delays it and loses nothing;
who is first in line is decided after the orders in question are locked.
A buy that failed is made again under a new number, so `ordered` stays true.
"""

from sqlalchemy import Connection, Integer, bindparam, select, update

from db.orders.messages import OutboxRow
from db.orders.shipments import Shipment, ShipmentItem
from db.orders.stock import Stock, Warehouse
from orders_svc.domain.lifecycle import Event
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world, peek_world
from orders_svc.service.shipments import Shipments
from orders_svc.service.transactions import LostRace
from shop.bridge.v1 import bridge_pb2
from shop.fulfilment.v1 import fulfilment_pb2

SERVED_AT_ONCE = 100
CAUSE = "stock:arrived"


def arrive(connection: Connection, shipments: Shipments, arrived: fulfilment_pb2.Arrived) -> str | None:
    """Books what arrived at a warehouse; returns why not, if not."""
    warehouse_id = arrived.warehouse_id
    if connection.scalar(_WAREHOUSE, {"k_warehouse": warehouse_id}) is None:
        return f"arrived at an unknown warehouse {warehouse_id}"
    if any(thing.count < 0 for thing in arrived.things):
        return "a negative number of units arrived"
    ordered = _ordered(connection, shipments.world_epoch, warehouse_id, [thing.offer_id for thing in arrived.things])
    for thing in arrived.things:
        delta = shipments.stock.of(thing.offer_id, warehouse_id)
        delta.arrived += thing.count
        delta.available += thing.count
        # More than we ordered can come: another database may have bought in this world before us.
        delta.ordered -= min(thing.count, ordered.get(thing.offer_id, 0) + delta.ordered)
    shipments.changes.stock_arrived = True
    return None


def buy_failed(connection: Connection, shipments: Shipments, command_id: int, transient: bool) -> str | None:
    """Buys again, under a new number; a buy that can never succeed is tried with longer pauses."""
    command = _bought_by(connection, command_id)
    pause = shipments.patience.retry_delay(1 if transient else 10)
    outbox.append(connection, [outbox.NewCommand(command, pause=pause)], shipments.now)
    shipments.changes.links.add(outbox.WORLD)
    return None


def who_waits_for(connection: Connection, world_epoch: int, command_id: int) -> list[int]:
    """The oldest of the shipments that wait for what a buy was to bring."""
    buy = _bought_by(connection, command_id).buy
    found: set[int] = set()
    for thing in buy.things:
        where = {"k_offer": thing.offer_id, "k_warehouse": buy.warehouse_id, "k_epoch": world_epoch}
        found |= {row[0] for row in connection.execute(_WAITING, where | {"k_limit": SERVED_AT_ONCE})}
    return sorted(found)


def _bought_by(connection: Connection, command_id: int) -> bridge_pb2.Command:
    return bridge_pb2.Command.FromString(connection.execute(_COMMAND, {"k_id": command_id}).scalar_one())


_COMMAND = select(OutboxRow.command).where(OutboxRow.id == bindparam("k_id"))


def can_serve(connection: Connection) -> bool:
    """Whether there may be anybody to serve: looked at without a lock, since mostly there is not."""
    return connection.scalar(_SERVABLE, {"k_epoch": peek_world(connection).world_epoch}) is not None


def serve_waiting(connection: Connection, patience: Patience, now: float) -> Changes:
    """Gives units that are there to the shipments that wait for them, some at a time.

    `stock_arrived` of the result says that there may be more to serve.
    """
    world = current_world(connection)
    shipments = Shipments(connection, patience, world.world_epoch, now)
    servable = connection.execute(_SERVABLE, {"k_epoch": world.world_epoch}).all()
    first: set[int] = set()
    for offer_id, warehouse_id, available in servable:
        first |= _first_in_line(
            connection, shipments, offer_id, warehouse_id, available, SERVED_AT_ONCE - len(first)
        ).keys()
        if len(first) >= SERVED_AT_ONCE:
            break
    # Whoever cancels has ended before this, and is not in line any more, or waits until we have.
    shipments.load(first)
    served: set[int] = set()
    for offer_id, warehouse_id, available in servable if first else ():
        served |= _serve_one(connection, shipments, offer_id, warehouse_id, available)
    if served:
        for shipment_id in sorted(_complete(connection, served)):
            shipments.apply(shipment_id, Event.STOCK_RESERVED, CAUSE)
    changes = shipments.flush()
    changes.stock_arrived = served != first or len(first) >= SERVED_AT_ONCE
    return changes


_WAREHOUSE = select(Warehouse.id).where(Warehouse.id == bindparam("k_warehouse"))
_SERVABLE = (
    select(Stock.offer_id, Stock.warehouse_id, Stock.available)
    .where(Stock.world_epoch == bindparam("k_epoch"), Stock.awaited > 0, Stock.available > 0)
    .order_by(Stock.offer_id, Stock.warehouse_id)
)


def _ordered(connection: Connection, world_epoch: int, warehouse_id: int, offer_ids: list[int]) -> dict[int, int]:
    where = {"k_epoch": world_epoch, "k_warehouse": warehouse_id, "k_offers": offer_ids}
    return {row[0]: row[1] for row in connection.execute(_ORDERED, where)}


_ORDERED = select(Stock.offer_id, Stock.ordered).where(
    Stock.world_epoch == bindparam("k_epoch"),
    Stock.warehouse_id == bindparam("k_warehouse"),
    Stock.offer_id.in_(bindparam("k_offers", expanding=True)),
)


def _first_in_line(
    connection: Connection, shipments: Shipments, offer_id: int, warehouse_id: int, available: int, limit: int
) -> dict[int, int]:
    """The oldest who wait for an offer and for whom units are there: shipment id -> how many."""
    where = {"k_offer": offer_id, "k_warehouse": warehouse_id, "k_epoch": shipments.world_epoch, "k_limit": limit}
    first = {}
    for shipment_id, quantity in connection.execute(_WAITING, where).all():
        if quantity > available:
            break
        available -= quantity
        first[shipment_id] = quantity
    return first


def _serve_one(
    connection: Connection, shipments: Shipments, offer_id: int, warehouse_id: int, available: int
) -> set[int]:
    """Reserves units of one offer for the first in line whose orders are locked; returns their shipments."""
    served = set()
    line = _first_in_line(connection, shipments, offer_id, warehouse_id, available, SERVED_AT_ONCE)
    for shipment_id, quantity in line.items():
        if shipments.get(shipment_id) is None:
            break
        delta = shipments.stock.of(offer_id, warehouse_id)
        delta.available -= quantity
        delta.reserved += quantity
        delta.awaited -= quantity
        served.add(shipment_id)
    mine = {"k_ids": sorted(served), "k_offer": offer_id}
    if served and connection.execute(_RESERVE, mine).rowcount != len(served):
        raise LostRace(f"somebody else served offer {offer_id} at warehouse {warehouse_id}")
    return served


_WAITING = (
    select(ShipmentItem.shipment_id, ShipmentItem.quantity)
    .join(Shipment, Shipment.id == ShipmentItem.shipment_id)
    .where(
        ShipmentItem.offer_id == bindparam("k_offer"),
        ShipmentItem.reserved == 0,
        Shipment.warehouse_id == bindparam("k_warehouse"),
        Shipment.world_epoch == bindparam("k_epoch"),
        Shipment.ended_at.is_(None),
    )
    .order_by(ShipmentItem.shipment_id)
    .limit(bindparam("k_limit", type_=Integer))
)


def _complete(connection: Connection, shipment_ids: set[int]) -> set[int]:
    """Those shipments that wait for nothing any more."""
    return shipment_ids - set(connection.execute(_STILL_WAITING, {"k_ids": sorted(shipment_ids)}).scalars())


_UNRESERVED = (ShipmentItem.shipment_id.in_(bindparam("k_ids", expanding=True)), ShipmentItem.reserved == 0)
_RESERVE = update(ShipmentItem).where(*_UNRESERVED, ShipmentItem.offer_id == bindparam("k_offer")).values(reserved=1)
_STILL_WAITING = select(ShipmentItem.shipment_id).where(*_UNRESERVED)
