"""Checkers: whether the books of the orders service add up, read from the tables alone.

Rules: a checker reads one moment (one read-only transaction), changes nothing, and names every row that is wrong; what
should hold is written here a second time, from the rows up, and shares with the orders service only its pure rules
(lifecycle table, status). Cheap enough to run after every test.

Elsewhere: what a peer did is checked in the stand-ins' own books.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select

from db.engine import read_only
from db.orders.base import OrdersBase
from db.orders.links import Link, World
from db.orders.messages import InboxRow, OutboxRow
from db.orders.orders import Order, OrderLine
from db.orders.shipments import Shipment, ShipmentItem, ShipmentStep
from db.orders.stock import Stock
from orders_svc.domain import explain, lifecycle
from orders_svc.domain.lifecycle import Asked, Event, Goods, State, Truck
from orders_svc.outbox.rows import LINK_OF_KIND
from shop.bridge.v1 import bridge_pb2

PACKED = (Goods.PACKED, Goods.LOADING, Goods.LOADED)
SUPERSEDED = "superseded"
# Steps that say something and move nothing.
NOTES = (SUPERSEDED, "address_changed")
Rows = Sequence[Row[Any]]


class BooksWrong(AssertionError):
    """Something does not add up; `violations` has a line for each thing."""

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations = tuple(violations)
        super().__init__("the books do not add up:\n  " + "\n  ".join(violations))


def check_books(engine: Engine, *, strangers: bool = False, forgotten_before: float = 0.0) -> None:
    """Raises BooksWrong unless everything adds up.

    `strangers`: units that we did not buy have arrived, so what was bought and what came need not be equal.
    `forgotten_before`: messages about parcels that ended before this time may have been deleted.
    """
    with read_only(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("set transaction isolation level repeatable read")
        found = violations(connection, strangers=strangers, forgotten_before=forgotten_before)
    if found:
        raise BooksWrong(found)


def violations(connection: Connection, *, strangers: bool = False, forgotten_before: float = 0.0) -> list[str]:
    """Everything that does not add up, a line each."""
    shipments = _all(connection, Shipment)
    items = _all(connection, ShipmentItem)
    outbox = _all(connection, OutboxRow)
    worlds = _all(connection, World)
    orders = _all(connection, Order)
    return [
        *_stock(_all(connection, Stock), shipments, items, outbox, strangers=strangers),
        *_orders(orders, _all(connection, OrderLine), shipments, items),
        *_attempts(shipments, worlds),
        *_steps(shipments, _all(connection, ShipmentStep), _all(connection, InboxRow), forgotten_before),
        *_outbox(outbox, _all(connection, Link), worlds, shipments, forgotten_before),
    ]


def _all(connection: Connection, model: type[OrdersBase]) -> Rows:
    return connection.execute(_whole(model)).all()


@cache
def _whole(model: type[OrdersBase]) -> Select[Any]:
    table = model.__table__
    return select(*table.c).order_by(*table.primary_key)


def _state(shipment: Row[Any]) -> State:
    return State(Goods(shipment.goods), Truck(shipment.truck), Asked(shipment.asked))


def _is_forgotten(shipment: Row[Any], before: float) -> bool:
    return shipment.ended_at is not None and bool(shipment.ended_at < before)


def _stock(stock: Rows, shipments: Rows, items: Rows, outbox: Rows, *, strangers: bool) -> list[str]:
    """G4: units are conserved, and what is promised stands behind a parcel, unit for unit."""
    of = {row.id: row for row in shipments}
    reserved: Counter[tuple[int, int, int]] = Counter()
    packed, awaited, bought = reserved.copy(), reserved.copy(), reserved.copy()
    for item in items:
        shipment = of[item.shipment_id]
        key = (shipment.world_epoch, item.offer_id, shipment.warehouse_id)
        if shipment.goods == Goods.CANCELLED:
            continue
        if not item.reserved:
            awaited[key] += item.quantity
        elif shipment.goods in PACKED:
            packed[key] += item.quantity
        else:
            reserved[key] += item.quantity
    for row in outbox:
        if row.kind == "buy" and row.outcome != "failed":
            buy = bridge_pb2.Command.FromString(row.command).buy
            for thing in buy.things:
                bought[row.world_epoch, thing.offer_id, buy.warehouse_id] += thing.count
    found = []
    keys = {(row.world_epoch, row.offer_id, row.warehouse_id): row for row in stock}
    for key in sorted({*reserved, *packed, *awaited, *bought} - keys.keys()):
        found.append(f"stock {key}: no row, and parcels or buys that need one")
    for key, row in keys.items():
        name = f"stock {key}"
        if row.arrived != row.available + row.reserved + row.packed + row.scrapped:
            found.append(f"{name}: {row.arrived} arrived are not available + reserved + packed + scrapped")
        if min(row.available, row.reserved, row.packed, row.scrapped, row.ordered, row.awaited) < 0:
            found.append(f"{name}: negative")
        if row.awaited > row.available + row.ordered:
            found.append(f"{name}: {row.awaited} promised of {row.available} there and {row.ordered} coming")
        for column, sums in (("reserved", reserved), ("packed", packed), ("awaited", awaited)):
            if getattr(row, column) != sums[key]:
                found.append(f"{name}: {column} is {getattr(row, column)}, the parcels' items say {sums[key]}")
        if not strangers and bought[key] != row.ordered + row.arrived:
            found.append(f"{name}: {bought[key]} bought, but {row.arrived} arrived and {row.ordered} to come")
    return found


def _orders(orders: Rows, lines: Rows, shipments: Rows, items: Rows) -> list[str]:
    """An order is what was asked for, is sent once, and stands where its parcels stand."""
    found = []
    counting: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for shipment in shipments:
        if shipment.superseded_by is None:
            counting[shipment.order_id].append(shipment)
    order_of = {row.id: row.order_id for rows in counting.values() for row in rows}
    wanted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    sent: defaultdict[int, Counter[int]] = defaultdict(Counter)
    total: Counter[int] = Counter()
    for line in lines:
        wanted[line.order_id][line.offer_id] += line.quantity
        total[line.order_id] += line.quantity * line.unit_price_cents
    for item in items:
        if item.shipment_id in order_of:
            sent[order_of[item.shipment_id]][item.offer_id] += item.quantity
    for order in orders:
        parcels = [explain.parcel_status(_state(row), row.attention_reason is not None) for row in counting[order.id]]
        status = explain.order_status(parcels)
        if not parcels or order.status != status:
            found.append(f"order {order.id}: status {order.status}, its {len(parcels)} parcels say {status!r}")
        if wanted[order.id] != sent[order.id]:
            found.append(f"order {order.id}: wanted {dict(wanted[order.id])}, parcels hold {dict(sent[order.id])}")
        if order.total_cents != total[order.id]:
            found.append(f"order {order.id}: total {order.total_cents}, its lines say {total[order.id]}")
    return found


def _attempts(shipments: Rows, worlds: Rows) -> list[str]:
    """A parcel has one attempt that counts, in the current world; the others ended before it."""
    found = []
    current = [world.world_epoch for world in worlds if world.state in ("awaited", "open")]
    if worlds and len(current) != 1:
        found.append(f"worlds: {current} are current, not one")
    parcels: defaultdict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for shipment in shipments:
        parcels[shipment.order_id, shipment.parcel_no].append(shipment)
        delivered = shipment.truck == Truck.DELIVERED
        ended = delivered or shipment.goods == Goods.CANCELLED or shipment.superseded_by is not None
        if (shipment.ended_at is not None) != ended:
            found.append(f"shipment {shipment.id}: ended_at {shipment.ended_at} in {shipment.goods}/{shipment.truck}")
        if delivered and shipment.superseded_by is not None:
            found.append(f"shipment {shipment.id}: delivered, and driven again")
        if shipment.ended_at is None and shipment.world_epoch not in current:
            found.append(f"shipment {shipment.id}: open in world epoch {shipment.world_epoch}, which is not current")
        if shipment.ended_at is not None and shipment.check_at is not None:
            found.append(f"shipment {shipment.id}: ended, and still to be asked about")
    for (order_id, number), attempts in parcels.items():
        name = f"order {order_id} parcel {number}"
        if [row.attempt for row in attempts] != list(range(1, len(attempts) + 1)):
            found.append(f"{name}: attempts {[row.attempt for row in attempts]}")
        followers = [row.id for row in attempts[1:]]
        if [row.superseded_by for row in attempts] != [*followers, None]:
            found.append(f"{name}: superseded by {[row.superseded_by for row in attempts]}, attempts {followers}")
    return found


def _steps(shipments: Rows, steps: Rows, inbox: Rows, forgotten_before: float) -> list[str]:
    """G5: from its first step a shipment moves along the table, step by step, to where its row is."""
    found = []
    of_shipment: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for step in steps:
        of_shipment[step.shipment_id].append(step)
    obeyed = {f"inbox:{row.link}:{row.id}": row.ignored_reason is None for row in inbox}
    for shipment in shipments:
        state = State()
        for step in of_shipment[shipment.id]:
            name = f"shipment {shipment.id} step {step.id} ({step.event})"
            was_obeyed = obeyed.get(step.cause, _is_forgotten(shipment, forgotten_before))
            if step.cause.startswith("inbox:") and not was_obeyed:
                found.append(f"{name}: its cause {step.cause} is not there, or was not obeyed")
            if step.event not in NOTES:
                outcome = lifecycle.apply(state, Event(step.event))
                if outcome.ignored is not None:
                    found.append(f"{name}: the table does not know it in {state}: {outcome.ignored}")
                state = outcome.state
            if (step.goods, step.truck) != (state.goods, state.truck):
                found.append(f"{name}: leads to {step.goods}/{step.truck}, the table says {state}")
        if state != _state(shipment):
            found.append(f"shipment {shipment.id}: {shipment.goods}/{shipment.truck}, its steps lead to {state}")
        ended_so = [step.event for step in of_shipment[shipment.id]][-1:] == [SUPERSEDED]
        if ended_so != (shipment.superseded_by is not None):
            found.append(f"shipment {shipment.id}: superseded by {shipment.superseded_by}, and its last step differs")
    return found


def _outbox(outbox: Rows, links: Rows, worlds: Rows, shipments: Rows, forgotten_before: float) -> list[str]:
    """What is to be said is said by the right link, in a world that is not left, and covers each shipment's state."""
    found = []
    epochs = {link.name: link.link_epoch for link in links}
    left = {world.world_epoch for world in worlds if world.state == "closed"}
    known = {shipment.id: shipment for shipment in shipments}
    said: defaultdict[int, set[str]] = defaultdict(set)
    still_open: Counter[tuple[int, str]] = Counter()
    for row in outbox:
        name = f"command {row.id} ({row.kind})"
        command = bridge_pb2.Command.FromString(row.command)
        if command.WhichOneof("body") != row.kind or LINK_OF_KIND[row.kind] != row.link:
            found.append(f"{name}: holds a {command.WhichOneof('body')} for link {row.link}")
        if command.world_epoch != row.world_epoch or command.command_id:
            found.append(f"{name}: holds epoch {command.world_epoch} and id {command.command_id}")
        if (row.closed_at is None) != (row.outcome is None):
            found.append(f"{name}: closed at {row.closed_at} with outcome {row.outcome}")
        if row.sent_epoch > epochs.get(row.link, 0):
            found.append(f"{name}: given to link epoch {row.sent_epoch}, which never was")
        if row.closed_at is None and row.world_epoch in left:
            found.append(f"{name}: open, in world epoch {row.world_epoch}, which was left")
        if row.shipment_id is not None:
            shipment = known.get(row.shipment_id)
            if shipment is None or shipment.world_epoch != row.world_epoch:
                found.append(f"{name}: of shipment {row.shipment_id}, which is not in that world")
            said[row.shipment_id].add(row.kind)
            if row.closed_at is None:
                still_open[row.shipment_id, row.kind] += 1
    found += [f"shipment {key[0]}: {count} open commands {key[1]}" for key, count in still_open.items() if count > 1]
    for shipment in shipments:
        if _is_forgotten(shipment, forgotten_before):
            continue
        nothing_yet = shipment.goods in (Goods.NEW, Goods.AWAITING_STOCK, Goods.CANCELLED)
        needed = set() if nothing_yet else {"pack", "request_truck"}
        if not needed <= said[shipment.id]:
            missing = sorted(needed - said[shipment.id])
            found.append(f"shipment {shipment.id}: {shipment.goods}/{shipment.truck} without {missing}")
        ways = {"load": shipment.goods == Goods.LOADING, "deliver": shipment.truck == Truck.EN_ROUTE}
        found += [
            f"shipment {shipment.id}: {shipment.goods}/{shipment.truck} and no {kind}"
            for kind, must in ways.items()
            if must and not said[shipment.id] & {kind, "query_package"}
        ]
    return found
