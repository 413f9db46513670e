"""Shipments in memory: read from their rows, moved, written back. Values only; `shipments` moves them."""

from dataclasses import dataclass, field

from sqlalchemy import RowMapping, bindparam, update

from db.orders.shipments import Shipment
from orders_svc.domain.lifecycle import Asked, Effect, Goods, State, Truck

# What a move may change.
MOVED_COLUMNS = (
    "x",
    "y",
    "goods",
    "truck",
    "truck_id",
    "asked",
    "asked_x",
    "asked_y",
    "asks",
    "ask_at",
    "left_at",
    "attempts",
    "checks",
    "attention_reason",
    "state_since_at",
    "check_at",
    "ended_at",
    "superseded_by",
)
UPDATE = (
    update(Shipment.__table__)  # type: ignore[arg-type]
    .where(Shipment.__table__.c.id == bindparam("k_id"))
    .values({name: bindparam(f"d_{name}") for name in MOVED_COLUMNS})
)


@dataclass(slots=True)
class Moving:
    """A shipment in memory; the fields are those of its row."""

    id: int
    order_id: int
    warehouse_id: int
    world_epoch: int
    x: int
    y: int
    state: State
    truck_id: int | None = None
    asked_x: int | None = None
    asked_y: int | None = None
    asks: int = 0
    ask_at: float | None = None
    left_at: float | None = None
    attempts: int = 0
    checks: int = 0
    attention_reason: str | None = None
    state_since_at: float = 0.0
    check_at: float | None = None
    ended_at: float | None = None
    superseded_by: int | None = None
    # With the seconds until each may be sent.
    effects: list[tuple[Effect, float]] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """The values of UPDATE."""
        own = {f"d_{name}": getattr(self, name) for name in MOVED_COLUMNS if name not in ("goods", "truck", "asked")}
        machines = {"d_goods": self.state.goods, "d_truck": self.state.truck, "d_asked": self.state.asked}
        return own | machines | {"k_id": self.id}


def moving_of(row: RowMapping) -> Moving:
    """A shipment as its row is."""
    return Moving(
        id=row["id"],
        order_id=row["order_id"],
        warehouse_id=row["warehouse_id"],
        world_epoch=row["world_epoch"],
        x=row["x"],
        y=row["y"],
        state=State(Goods(row["goods"]), Truck(row["truck"]), Asked(row["asked"])),
        truck_id=row["truck_id"],
        asked_x=row["asked_x"],
        asked_y=row["asked_y"],
        asks=row["asks"],
        ask_at=row["ask_at"],
        left_at=row["left_at"],
        attempts=row["attempts"],
        checks=row["checks"],
        attention_reason=row["attention_reason"],
        state_since_at=row["state_since_at"],
        check_at=row["check_at"],
        ended_at=row["ended_at"],
        superseded_by=row["superseded_by"],
    )


@dataclass(frozen=True, slots=True)
class NewParcel:
    """A shipment to be made: `units` are offer -> (title, quantity)."""

    order_id: int
    parcel_no: int
    attempt: int
    warehouse_id: int
    x: int
    y: int
    ready: bool
    units: dict[int, tuple[str, int]]
