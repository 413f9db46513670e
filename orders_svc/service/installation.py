"""Installation: what a new database gets once, and never again.

Rules: doing it again changes nothing, also when two processes do it at once;
ids of outbox and shipments start at the installation's time, so that a fresh
database in a used world cannot repeat an older one's numbers.
"""

from collections import defaultdict

from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from db.orders.links import Link, World, WorldState
from db.orders.messages import Installation
from db.orders.stock import Warehouse
from db.seed.products import PRODUCTS
from db.seed.stock import INITIAL_STOCK
from db.seed.warehouses import WAREHOUSES
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.service import commands
from orders_svc.service.stock import StockChanges
from orders_svc.service.transactions import transact

# Room for a million rows a second of age.
ID_SHIFT = 20


def install(engine: Engine, now: float) -> bool:
    """Makes the installation, its links, warehouses, first world and initial stock; False: it was there."""
    return transact(engine, lambda connection: _install(connection, now))


def _install(connection: Connection, now: float) -> bool:
    first_id = int(now) << ID_SHIFT
    made = _ONCE[connection.dialect.name]
    if connection.execute(made, {"id": 1, "created_at": now, "first_id": first_id}).one_or_none() is None:
        return False
    for table in ("outbox", "shipments"):
        _start_ids(connection, table, first_id)
    connection.execute(insert(Link), [{"name": WORLD}, {"name": UPS}])
    connection.execute(
        insert(Warehouse), [{"id": place.id, "name": place.name, "x": place.x, "y": place.y} for place in WAREHOUSES]
    )
    made_world = insert(World).values(state=WorldState.AWAITED).returning(World.world_epoch)
    _order_initial_stock(connection, connection.execute(made_world).scalar_one(), now)
    return True


_ONCE = {
    name: insert_once(Installation).on_conflict_do_nothing().returning(Installation.id)
    for name, insert_once in (("postgresql", insert_pg), ("sqlite", insert_sqlite))
}


def _start_ids(connection: Connection, table: str, first_id: int) -> None:
    if connection.dialect.name == "postgresql":
        sequence = connection.scalar(text("select pg_get_serial_sequence(:table, 'id')"), {"table": table})
        connection.execute(
            text("select setval(cast(:name as regclass), :first, false)"), {"name": sequence, "first": first_id}
        )
    else:
        statement = text("insert into sqlite_sequence (name, seq) values (:table, :last)")
        connection.execute(statement, {"table": table, "last": first_id - 1})


def _order_initial_stock(connection: Connection, world_epoch: int, now: float) -> None:
    """Buys what a new shop starts with; the commands wait for a world like all others."""
    # From the seed itself: the shop's own tables may be filled later than ours.
    titles = {product.id: product.title for product in PRODUCTS}
    stock = StockChanges(world_epoch)
    wanted: defaultdict[int, list[commands.Thing]] = defaultdict(list)
    for entry in INITIAL_STOCK:
        stock.of(entry.offer_id, entry.warehouse_id).ordered += entry.quantity
        wanted[entry.warehouse_id].append(commands.Thing(entry.offer_id, titles[entry.offer_id], entry.quantity))
    bodies = [body for place, things in sorted(wanted.items()) for body in commands.buys(world_epoch, place, things)]
    outbox.append(connection, [outbox.NewCommand(body) for body in bodies], now)
    stock.write(connection)
