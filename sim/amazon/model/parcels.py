"""One order of the mock Amazon and how far it is."""

from dataclasses import dataclass, field
from enum import StrEnum

from sim.amazon.script import Order


class Stage(StrEnum):
    """Where an order stands, in words for people."""

    PACKING = "being packed, the truck is asked for"
    AWAITING_TRUCK = "packed, waits for the truck"
    AWAITING_GOODS = "the truck is there, waits for the goods"
    LOADING = "being loaded"
    LOADED = "loaded, may not leave yet"
    UNDER_WAY = "under way"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Parcel:
    """An order in the world that we are in; `number` is its own, `ship` changes with the world."""

    number: int
    order: Order
    ship: int
    to: tuple[int, int]
    packed: bool = False
    truck: int | None = None
    loading: bool = False
    loaded: bool = False
    delivered: bool = False
    cancelled: bool = False
    # Numbers of the requests for its truck and of the words to go; what UPS is being asked.
    pickups: list[int] = field(default_factory=list)
    goes: list[int] = field(default_factory=list)
    asked: int | None = None
    # The address that is being asked for.
    wanted: tuple[int, int] | None = None
    # When something was heard of it last, and how often in a row something failed.
    heard_at: float = 0.0
    overdue: bool = False
    failures: int = 0
    told: Stage | None = None

    @property
    def open(self) -> bool:
        """Whether there is anything left to do."""
        return not (self.delivered or self.cancelled)

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        if self.delivered or self.cancelled:
            return Stage.DELIVERED if self.delivered else Stage.CANCELLED
        if self.loaded:
            return Stage.UNDER_WAY if self.goes else Stage.LOADED
        if self.loading:
            return Stage.LOADING
        if self.truck is not None:
            return Stage.AWAITING_GOODS
        return Stage.AWAITING_TRUCK if self.packed else Stage.PACKING

    def anew(self, ship: int) -> "Parcel":
        """The same order in another world; it goes where it was asked to go, answered or not."""
        return Parcel(self.number, self.order, ship, self.wanted or self.to)
