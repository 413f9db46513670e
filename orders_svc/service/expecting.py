"""When parcels are expected: what `domain.eta` learns from, read from the shipments and their steps.

Rules: learned from the last deliveries of the world that a parcel is in, and from who was beside them; read at most
once a tick, and not more often than every SOONEST seconds, by whoever looks at an order then, in a bounded number of
rows and queries, while everybody else goes on with what was learned before; nothing is stored, so nothing can disagree
with what happened.
"""

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, literal_column, select

from db.orders.shipments import Shipment, ShipmentItem, ShipmentStep
from db.orders.stock import Warehouse
from orders_svc.domain import explain
from orders_svc.domain.eta import WINDOW, Experience, Parcel, Stage, stage_of
from orders_svc.domain.lifecycle import Asked, Goods, State, Truck
from orders_svc.service import links
from orders_svc.service.views import OrderView, ParcelView

# Open parcels that are looked at for who is beside whom: the youngest.
MOST_OPEN = 300
# Seconds between two looks, however quick the world is.
SOONEST = 2.0
# Goods that were bought are there with the next tick; after so many the word of it was lost.
LATE_TICKS = 10.0
NOTHING_LEARNED = "no parcel of this world has shown yet how long it takes from here"


class Expecting:
    """Adds the expected times to orders. `tick` in seconds. Safe from any thread."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._fresh = max(tick, SOONEST)
        self._lock = threading.Lock()
        self._learned: tuple[int, float, Experience] | None = None

    def with_times(self, connection: Connection, view: OrderView, now: float) -> OrderView:
        """The order, its open parcels with a range or the reason why there is none."""
        return replace(view, parcels=[self._with_time(connection, parcel, now) for parcel in view.parcels])

    def latest(self, connection: Connection, order_ids: Collection[int], now: float) -> dict[int, float]:
        """Until when orders that are under way are expected as a whole, by id; left out: of whom nobody can tell."""
        how = links.view(connection)
        rows = [row for row in connection.execute(_OF_ORDERS, {"k_ids": order_ids}) if stage_of(_state(row))]
        may_tell = [
            row
            for row in rows
            if row.attention_reason is None and not explain.held_up(_state(row), how["world"], how["ups"])
        ]
        parcels = {parcel.id: parcel for parcel in _parcels(connection, may_tell)}
        latest: dict[int, float] = {}
        unknown: set[int] = set()
        for row in rows:
            expected = None
            if row.id in parcels:
                expected = self._experience(connection, row.world_epoch, now).expect(parcels[row.id], now)
            if expected is None:
                unknown.add(row.order_id)
            else:
                latest[row.order_id] = max(expected.latest, latest.get(row.order_id, 0.0))
        return {order_id: at for order_id, at in latest.items() if order_id not in unknown}

    def _with_time(self, connection: Connection, parcel: ParcelView, now: float) -> ParcelView:
        stage = stage_of(parcel.state)
        if stage is None:
            return parcel
        if stage is Stage.AWAITING_STOCK and now - parcel.row.state_since_at > LATE_TICKS * self._tick:
            parcel = replace(parcel, waiting=explain.arrival_is_late(parcel.waiting))
        if parcel.row.attention_reason is not None:
            return replace(parcel, unknown_because="it needs our attention first")
        if parcel.held_up:
            return replace(parcel, unknown_because=parcel.held_up)
        row, steps = parcel.row, [step for step in parcel.steps if step.shipment_id == parcel.row.id]
        place = parcel.warehouse
        known = Parcel(
            id=row.id,
            warehouse_id=row.warehouse_id,
            dx=row.x - place.x,
            dy=row.y - place.y,
            kinds=len(parcel.things),
            truck_id=row.truck_id,
            stages=_stages(steps),
            delivered_at=None,
        )
        expected = self._experience(connection, row.world_epoch, now).expect(known, now)
        if expected is None:
            return replace(parcel, unknown_because=NOTHING_LEARNED)
        return replace(parcel, expected=expected)

    def _experience(self, connection: Connection, world_epoch: int, now: float) -> Experience:
        learned = self._learned
        of_this_world = learned is not None and learned[0] == world_epoch
        if learned is not None and of_this_world and abs(now - learned[1]) <= self._fresh:
            return learned[2]
        if not self._lock.acquire(blocking=not of_this_world):
            assert learned is not None
            return learned[2]
        try:
            experience = Experience(_recent(connection, world_epoch), self._tick)
            self._learned = world_epoch, now, experience
            return experience
        finally:
            self._lock.release()


def _recent(connection: Connection, world_epoch: int) -> list[Parcel]:
    """The last that were delivered in a world, and the youngest that are open."""
    rows = [
        *connection.execute(_DELIVERED, {"k_epoch": world_epoch}),
        *connection.execute(_OPEN, {"k_epoch": world_epoch}),
    ]
    return _parcels(connection, rows)


def _parcels(connection: Connection, rows: Sequence[Any]) -> list[Parcel]:
    """What is known of the parcels of some rows, without those that have not begun, by two queries."""
    if not rows:
        return []
    ids = {"k_ids": [row.id for row in rows]}
    steps: defaultdict[int, list[Any]] = defaultdict(list)
    for step in connection.execute(_STEPS, ids):
        steps[step.shipment_id].append(step)
    kinds = {row.shipment_id: row.kinds for row in connection.execute(_KINDS, ids)}
    parcels = []
    for row in rows:
        stages = _stages(steps[row.id])
        if stages:
            away = row.x - row.warehouse_x, row.y - row.warehouse_y
            parcels.append(
                Parcel(row.id, row.warehouse_id, *away, kinds.get(row.id, 0), row.truck_id, stages, row.ended_at)
            )
    return parcels


def _state(row: Any) -> State:
    return State(Goods(row.goods), Truck(row.truck), Asked(row.asked))


def _stages(steps: Sequence[Any]) -> list[tuple[float, Stage]]:
    """When each stage began; a step that changes no stage begins none."""
    stages: list[tuple[float, Stage]] = []
    for step in steps:
        stage = stage_of(State(Goods(step.goods), Truck(step.truck)))
        if stage is not None and (not stages or stages[-1][1] is not stage):
            stages.append((step.at, stage))
    return stages


_AMONG: BindParameter[Any] = bindparam("k_ids", expanding=True)
_COLUMNS = (
    Shipment.id,
    Shipment.warehouse_id,
    Shipment.truck_id,
    Shipment.x,
    Shipment.y,
    Shipment.ended_at,
    Warehouse.x.label("warehouse_x"),
    Warehouse.y.label("warehouse_y"),
)
_ROWS = select(*_COLUMNS).join(Warehouse, Warehouse.id == Shipment.warehouse_id)
_OF_ORDERS = _ROWS.add_columns(
    Shipment.order_id, Shipment.world_epoch, Shipment.goods, Shipment.truck, Shipment.asked, Shipment.attention_reason
).where(Shipment.order_id.in_(_AMONG), Shipment.superseded_by.is_(None))
_IN_THE_WORLD = _ROWS.where(Shipment.world_epoch == bindparam("k_epoch"))
# Written out, not bound: SQLite uses a partial index for what it can see only.
_IS_DELIVERED = Shipment.truck == literal_column(f"'{Truck.DELIVERED.value}'")
_DELIVERED = _IN_THE_WORLD.where(_IS_DELIVERED).order_by(Shipment.ended_at.desc()).limit(WINDOW)
_OPEN = _IN_THE_WORLD.where(Shipment.ended_at.is_(None)).order_by(Shipment.id.desc()).limit(MOST_OPEN)
_STEPS = (
    select(ShipmentStep.shipment_id, ShipmentStep.at, ShipmentStep.goods, ShipmentStep.truck)
    .where(ShipmentStep.shipment_id.in_(_AMONG))
    .order_by(ShipmentStep.id)
)
_KINDS = (
    select(ShipmentItem.shipment_id, func.count().label("kinds"))
    .where(ShipmentItem.shipment_id.in_(_AMONG))
    .group_by(ShipmentItem.shipment_id)
)
