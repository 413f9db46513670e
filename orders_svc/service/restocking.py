"""Restocking: a seller buys more units of an own offer from the world.

Rules: idempotent by (user, request_id); an offer that is not the user's does
not exist for them; the purchase is committed before it is acknowledged.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from db.orders.stock import Restock, Stock, Warehouse
from db.shop.catalogue import OfferForSale, offers_for_sale
from mesh.errors import AlreadyExists, NotFound
from orders_svc.outbox import rows as outbox
from orders_svc.service import commands
from orders_svc.service.changes import Changes
from orders_svc.service.current import current_world, peek_world
from orders_svc.service.reordering import write_stock
from orders_svc.service.stock import StockChanges


@dataclass(frozen=True, slots=True)
class RestockRequest:
    """A request that passed validation."""

    user_id: int
    request_id: str
    offer_id: int
    warehouse_id: int
    quantity: int


def restock(connection: Connection, request: RestockRequest, now: float) -> tuple[bool, Changes]:
    """Buys the units; returns whether an earlier call had done so.

    Raises NotFound (OFFER_NOT_FOUND, WAREHOUSE_NOT_FOUND), AlreadyExists (REQUEST_ID_REUSED).
    """
    world = current_world(connection)
    changes = Changes()
    mine = {"k_user": request.user_id, "k_request": request.request_id}
    before = connection.execute(_BEFORE, mine).one_or_none()
    if before is not None:
        if (before.offer_id, before.warehouse_id, before.quantity) != (
            request.offer_id,
            request.warehouse_id,
            request.quantity,
        ):
            raise AlreadyExists("REQUEST_ID_REUSED", "this request_id was used for another purchase")
        return True, changes
    offer = own_offer(connection, request.user_id, request.offer_id)
    check_warehouse(connection, request.warehouse_id)
    connection.execute(_NEW, asdict(request) | {"created_at": now})
    stock = StockChanges(world.world_epoch)
    stock.of(request.offer_id, request.warehouse_id).ordered += request.quantity
    bought = [commands.Thing(request.offer_id, offer.title, request.quantity)]
    bodies = commands.buys(world.world_epoch, request.warehouse_id, bought)
    outbox.append(connection, [outbox.NewCommand(body) for body in bodies], now)
    write_stock(connection, stock, changes, now)
    changes.links.add(outbox.WORLD)
    return False, changes


_BEFORE = select(*Restock.__table__.c).where(
    Restock.user_id == bindparam("k_user"), Restock.request_id == bindparam("k_request")
)
_NEW = insert(Restock)


def own_offer(connection: Connection, user_id: int, offer_id: int) -> OfferForSale:
    """An offer of this user's that is on sale. Raises NotFound (OFFER_NOT_FOUND)."""
    offer = offers_for_sale(connection, [offer_id]).get(offer_id)
    if offer is None or offer.seller_id != user_id:
        raise NotFound("OFFER_NOT_FOUND", f"you have no offer {offer_id}", offer_id=offer_id)
    return offer


def check_warehouse(connection: Connection, warehouse_id: int) -> None:
    """Raises NotFound (WAREHOUSE_NOT_FOUND) for one that is not there."""
    if connection.scalar(_WAREHOUSE, {"k_id": warehouse_id}) is None:
        raise NotFound("WAREHOUSE_NOT_FOUND", f"there is no warehouse {warehouse_id}", warehouse_id=warehouse_id)


_WAREHOUSE = select(Warehouse.id).where(Warehouse.id == bindparam("k_id"))


def read_stock(connection: Connection, offer_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """The stock rows of some offers in the current world, by (offer, warehouse)."""
    world = peek_world(connection)
    query = select(*Stock.__table__.c).where(Stock.world_epoch == world.world_epoch, Stock.offer_id.in_(offer_ids))
    return connection.execute(query.order_by(Stock.offer_id, Stock.warehouse_id)).all()
