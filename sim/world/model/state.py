"""What the world knows: worlds, packages, trucks. Values and indices only; the rules live beside it."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from sim.world.model.outbox import Outbox


class Side(StrEnum):
    """Whose port a connection is on."""

    AMAZON = "amazon"
    UPS = "ups"


class PackageStatus(StrEnum):
    """A package's status as it is on the wire."""

    PACKING = "PACKING"
    PACKED = "PACKED"
    LOADING = "LOADING"
    LOADED = "LOADED"
    DELIVERING = "DELIVERING"
    DELIVERED = "DELIVERED"


class TruckStatus(StrEnum):
    """A truck's status as it is on the wire."""

    IDLE = "IDLE"
    TRAVELING = "TRAVELING"
    ARRIVE_WAREHOUSE = "ARRIVE WAREHOUSE"
    LOADING = "LOADING"
    DELIVERING = "DELIVERING"


@dataclass(slots=True, eq=False)
class Package:
    """A package; `truck` is the one it is queued for, loaded on, or was delivered by."""

    world: "World"
    id: int
    warehouse: int
    status: PackageStatus = PackageStatus.PACKING
    truck: "Truck | None" = None
    token: int = 0


@dataclass(slots=True)
class Drop:
    """One stop of a delivery: a package and its address."""

    package: Package
    x: int
    y: int


@dataclass(slots=True, eq=False)
class Truck:
    """A truck; x and y are its last stop, `target` is where it drives to from there.

    `queue` holds packages that wait to be loaded, `drops` the deliveries still to be made in order, current one first.
    """

    world: "World"
    id: int
    x: int
    y: int
    status: TruckStatus = TruckStatus.IDLE
    warehouse: int | None = None
    target: tuple[int, int] = (0, 0)
    started: float = 0.0
    duration: float = 0.0
    queue: deque[Package] = field(default_factory=deque)
    drops: list[Drop] = field(default_factory=list)
    token: int = 0


@dataclass(slots=True, eq=False)
class SideState:
    """One side of one world: who is connected, which seqnums came, what waits to be sent."""

    occupant: int | None = None
    seen: dict[int, bytes] = field(default_factory=dict)
    """Seqnum -> kind and content of what first came under it."""
    acks: dict[int, None] = field(default_factory=dict)
    """Acks for the next send, in the order received."""
    outbox: Outbox = field(default_factory=Outbox)
    senders: dict[int, None] = field(default_factory=dict)
    """Connections whose sender still sends this side's messages: the live one, and those that are closing."""


@dataclass(slots=True, eq=False)
class World:
    """One world and everything in it."""

    id: int
    simspeed: int
    warehouses: dict[int, tuple[int, int]] = field(default_factory=dict)
    stock: dict[tuple[int, int], int] = field(default_factory=dict)
    """(warehouse, product) -> count."""
    descriptions: dict[tuple[int, int], str] = field(default_factory=dict)
    packages: dict[int, Package] = field(default_factory=dict)
    trucks: dict[int, Truck] = field(default_factory=dict)
    sides: dict[Side, SideState] = field(default_factory=lambda: {side: SideState() for side in Side})
