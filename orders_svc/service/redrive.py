"""Redrive: everything that is not delivered starts again in another world.

Rules: one transaction; each open shipment gets a new attempt with a new id and
a note, its order as it is; what was in the old world's warehouses or on its way
there is bought again in the new one; whatever comes from the old world later is
about an attempt that was given up. A shipment that was delivered is not touched.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from db.orders.orders import Order
from db.orders.requests import Decision
from db.orders.shipments import Shipment, ShipmentStep
from db.orders.stock import Stock
from db.shop.catalogue import offers_for_sale
from orders_svc.domain.lifecycle import Asked, Event, Goods
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service import commands
from orders_svc.service.changes import Changes
from orders_svc.service.commands import Thing
from orders_svc.service.moving import NewParcel
from orders_svc.service.shipments import Shipments

CAUSE = "world:changed"


def redrive(
    connection: Connection, patience: Patience, old_epoch: int, new_epoch: int, reason: str, now: float
) -> Changes:
    """Moves all open shipments and all stock from `old_epoch` to `new_epoch`."""
    left = _lock_open(connection, old_epoch)
    things = commands.read_things(connection, [row.id for row in left])
    shipments = Shipments(connection, patience, new_epoch, now)
    _buy_again(connection, shipments, old_epoch, _packed(left, things))
    parcels = []
    for row in left:
        units = {thing.offer_id: (thing.title, thing.count) for thing in things[row.id]}
        # The last accepted address goes with it. UPS knows nothing of the new attempt: what it was asked, we decide.
        asks_address = row.asked == Asked.ADDRESS
        place = (row.warehouse_id, row.asked_x if asks_address else row.x, row.asked_y if asks_address else row.y)
        if asks_address:
            shipments.questions.settle(
                row.id, Decision.DONE, None, "it begins anew in another world, with the new address"
            )
        elif row.asked == Asked.CANCEL:
            shipments.questions.settle(row.id, Decision.DONE, None, "it would have begun anew in another world")
        parcels.append(NewParcel(row.order_id, row.parcel_no, row.attempt + 1, *place, False, units))
        for thing in things[row.id]:
            shipments.stock.of(thing.offer_id, row.warehouse_id).awaited += thing.count
    new_ids = shipments.add(parcels, CAUSE)
    for row, new_id in zip(left, new_ids, strict=True):
        if row.asked == Asked.CANCEL:
            shipments.apply(new_id, Event.CANCELLED, CAUSE)
    _leave_unanswered(connection, shipments, old_epoch)
    _give_up(connection, left, new_ids, reason, now)
    return shipments.flush()


def _lock_open(connection: Connection, world_epoch: int) -> Sequence[Row[Any]]:
    """The open shipments of a world, oldest first, their orders locked."""
    still_open = (Shipment.world_epoch == world_epoch, Shipment.ended_at.is_(None))
    order_ids = select(Shipment.order_id).where(*still_open)
    connection.execute(select(Order.id).where(Order.id.in_(order_ids)).order_by(Order.id).with_for_update()).all()
    return connection.execute(select(*Shipment.__table__.c).where(*still_open).order_by(Shipment.id)).all()


def _packed(left: Sequence[Row[Any]], things: Mapping[int, Sequence[Thing]]) -> Counter[tuple[int, int]]:
    """Units that are packed for shipments that start again, by (offer, warehouse)."""
    packed: Counter[tuple[int, int]] = Counter()
    for row in left:
        if row.goods in (Goods.PACKED, Goods.LOADING, Goods.LOADED):
            for thing in things[row.id]:
                packed[thing.offer_id, row.warehouse_id] += thing.count
    return packed


def _buy_again(connection: Connection, shipments: Shipments, old_epoch: int, packed: Counter[tuple[int, int]]) -> None:
    """Orders in the new world what the old one held or owed, and what was packed in vain."""
    columns = (Stock.offer_id, Stock.warehouse_id, Stock.available, Stock.reserved, Stock.ordered)
    query = select(*columns).where(Stock.world_epoch == old_epoch).order_by(Stock.offer_id, Stock.warehouse_id)
    wanted: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for row in connection.execute(query.with_for_update()):
        units = row.available + row.reserved + row.ordered + packed[row.offer_id, row.warehouse_id]
        if units:
            wanted[row.warehouse_id][row.offer_id] = units
            shipments.stock.of(row.offer_id, row.warehouse_id).ordered += units
    offers = offers_for_sale(connection, {offer_id for units in wanted.values() for offer_id in units})
    new = []
    for warehouse_id, units_of in sorted(wanted.items()):
        bought = [
            Thing(offer_id, offers[offer_id].title if offer_id in offers else f"offer {offer_id}", units)
            for offer_id, units in units_of.items()
        ]
        new += [outbox.NewCommand(body) for body in commands.buys(shipments.world_epoch, warehouse_id, bought)]
    outbox.append(connection, new, shipments.now)
    shipments.changes.links.add(outbox.WORLD)


def _give_up(connection: Connection, left: Sequence[Row[Any]], new_ids: Sequence[int], reason: str, now: float) -> None:
    """Ends the old attempts in favour of the new ones, with a note."""
    if not left:
        return
    replaced = [{"k_id": row.id, "d_by": new_id, "d_now": now} for row, new_id in zip(left, new_ids, strict=True)]
    connection.execute(_SUPERSEDE, replaced)
    notes = [
        {
            "shipment_id": row.id,
            "at": now,
            "event": "superseded",
            "goods": row.goods,
            "truck": row.truck,
            "what": f"Sent anew as parcel {new_id}: {reason}",
            "cause": CAUSE,
        }
        for row, new_id in zip(left, new_ids, strict=True)
    ]
    connection.execute(insert(ShipmentStep), notes)


_SUPERSEDE = (
    update(Shipment.__table__)  # type: ignore[arg-type]
    .where(Shipment.__table__.c.id == bindparam("k_id"))
    .values(superseded_by=bindparam("d_by"), ended_at=bindparam("d_now"), check_at=None, ask_at=None)
)


def _leave_unanswered(connection: Connection, shipments: Shipments, old_epoch: int) -> None:
    """Ends what UPS was asked about shipments that were delivered: it has left that world without an answer."""
    asked = (Shipment.world_epoch == old_epoch, Shipment.ask_at.is_not(None), Shipment.ended_at.is_not(None))
    query = select(Shipment.id, Shipment.ended_at).where(*asked).order_by(Shipment.id)
    for row in connection.execute(query).all():
        reason = "UPS left that world without an answer; it was delivered"
        shipments.questions.settle(row.id, Decision.TOO_LATE, row.ended_at, reason)
    connection.execute(update(Shipment).where(*asked).values(ask_at=None))
