"""Reorder points: at how few units of an own offer more are bought by themselves.

Rules: an offer that is not the user's does not exist for them; setting a point says what shall be, so setting it again
changes nothing; what is missing when it is set is bought at once.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, update

from db.orders.stock import ReorderPoint
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world
from orders_svc.service.reordering import write_stock
from orders_svc.service.restocking import check_warehouse, own_offer
from orders_svc.service.stock import StockChanges


@dataclass(frozen=True, slots=True)
class ReorderRequest:
    """A request that passed validation. Level 0: no point."""

    user_id: int
    offer_id: int
    warehouse_id: int
    level: int
    quantity: int


def set_point(connection: Connection, request: ReorderRequest, now: float) -> Changes:
    """Sets or removes the point, and buys what is missing then.

    Raises NotFound (OFFER_NOT_FOUND, WAREHOUSE_NOT_FOUND).
    """
    own_offer(connection, request.user_id, request.offer_id)
    changes = Changes()
    of_offer = ReorderPoint.offer_id == request.offer_id
    if request.level == 0:
        connection.execute(delete(ReorderPoint).where(of_offer))
        return changes
    check_warehouse(connection, request.warehouse_id)
    # Who takes units at this moment knows of no point, and nobody else looks at what they leave: nobody does beside us.
    world = current_world(connection, for_switch=True)
    values = {"warehouse_id": request.warehouse_id, "level": request.level, "quantity": request.quantity}
    if connection.execute(update(ReorderPoint).where(of_offer).values(values)).rowcount == 0:
        connection.execute(insert(ReorderPoint).values(offer_id=request.offer_id, **values))
    write_stock(connection, StockChanges(world.world_epoch), changes, now, also=[request.offer_id])
    return changes
