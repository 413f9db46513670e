"""What the UPS stand-in knows: jobs (one package each) and trucks. Values only; the rules live beside it."""

from dataclasses import dataclass, field
from enum import Enum, auto


class JobState(Enum):
    """Where a package is, as far as UPS knows."""

    WAITING = auto()
    """No truck yet."""
    COMING = auto()
    """A truck is on its way to the warehouse."""
    THERE = auto()
    """The truck is at the warehouse, the shop was told."""
    LOADED = auto()
    """The shop said "go"; the truck waits for the rest of its packages."""
    DELIVERING = auto()
    DELIVERED = auto()
    CANCELLED = auto()
    """Given up; what still comes about it is late."""


class TruckState(Enum):
    """What a truck does for us; FREE may stand at a warehouse or at an address."""

    FREE = auto()
    GOING = auto()
    THERE = auto()
    OUT = auto()


@dataclass(slots=True, eq=False)
class Redirect:
    """Another address that the shop asks for, under its number.

    While it is with the world: the order, the address before it, and whether the connection was lost since.
    """

    number: int
    x: int
    y: int
    before: tuple[int, int] = (0, 0)
    order: "Order | None" = None
    doubtful: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One package, from the request for a truck to its delivery; x and y are the address, `place` the warehouse."""

    ship: int
    warehouse: int
    place: tuple[int, int]
    x: int
    y: int
    asked_as: int
    """Number of the shop's latest request about it, for an error to name."""
    state: JobState = JobState.WAITING
    truck: "Truck | None" = None
    offered: list["Truck"] = field(default_factory=list)
    """Trucks that the shop was told to load it on, the latest last."""
    not_on: set[int] = field(default_factory=set)
    """Trucks that the world said it is not on."""
    redirects: list[Redirect] = field(default_factory=list)
    """Asked for while it is under way; the first is with the world."""
    redirected_as: int | None = None
    """The highest number of an accepted redirect."""


class OrderKind(Enum):
    """What the world was asked for."""

    PICKUP = auto()
    DELIVER = auto()
    QUERY = auto()
    REDIRECT = auto()
    """A delivery that is under way, to another address."""


@dataclass(slots=True, eq=False)
class Order:
    """A command to the world about one truck; `after` is the world's highest seqnum when it was given."""

    kind: OrderKind
    number: int
    truck: "Truck"
    jobs: tuple[Job, ...]
    after: int
    acked: bool = False

    @property
    def under_way(self) -> tuple[Job, ...]:
        """Those of its packages that its truck still has to bring."""
        return tuple(job for job in self.jobs if job.truck is self.truck and job.state is JobState.DELIVERING)


@dataclass(slots=True, eq=False)
class Truck:
    """One truck; x and y are where it was last heard of."""

    id: int
    x: int
    y: int
    state: TruckState = TruckState.FREE
    warehouse: int | None = None
    jobs: dict[int, Job] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    """Pickups and deliveries whose outcome is not known yet, by number."""
    closed: bool = False
    """The first package is loaded: nobody joins any more."""
    leaves_by: float | None = None
    """Until when it waits for its first package, or for the rest of them."""
    guessed: bool = False
    """An arrival was told by a status answer; its own notice may still come, late, so notices need a second look."""

    @property
    def stray(self) -> bool:
        """Whether nothing that we know of is to come of where it is or goes."""
        return self.state in (TruckState.FREE, TruckState.OUT) and not self.orders and not self.jobs

    def leave_behind(self, job: Job) -> None:
        """Take a package off this truck's list."""
        self.jobs.pop(job.ship, None)
        if job.truck is self:
            job.truck = None
