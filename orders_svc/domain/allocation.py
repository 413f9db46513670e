"""Allocation: which warehouse sends what, and what must be bought for it.

Rules: one parcel from the nearest warehouse that has everything; else the
nearest warehouses that have something; then units that are bought already and
promised to nobody; then, where the offer allows backorders, one buy of what is
missing. Units promised to earlier orders are never given to a later one.

`Shelves` is what a batch of orders is allocated from, one after another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Level:
    """Units of one offer at one warehouse: there, on their way, and promised out of either."""

    available: int = 0
    ordered: int = 0
    awaited: int = 0

    @property
    def free(self) -> int:
        """Units that are there and nobody waits for."""
        return max(0, self.available - self.awaited)

    @property
    def coming(self) -> int:
        """Units on their way that nobody waits for."""
        return max(0, self.available + self.ordered - self.awaited) - self.free


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse."""

    warehouse_id: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many units of an offer."""

    offer_id: int
    quantity: int
    allow_backorder: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one warehouse sends in one go: offer -> units. `ready`: all of it is reserved."""

    warehouse_id: int
    ready: bool
    units: dict[int, int]


@dataclass(slots=True)
class Allocation:
    """The parcels, and the buys (offer, warehouse) -> units that they need."""

    parcels: list[Parcel] = field(default_factory=list)
    buys: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why there is no allocation: too few units of one offer."""

    offer_id: int
    wanted: int
    left: int


class Shelves:
    """Levels by (offer, warehouse); taking from them changes them."""

    def __init__(self, levels: Mapping[tuple[int, int], Level], places: Iterable[Place]) -> None:
        self.levels = dict(levels)
        self.places = tuple(places)

    def level(self, offer_id: int, warehouse_id: int) -> Level:
        """The level, empty if there never was one."""
        return self.levels.setdefault((offer_id, warehouse_id), Level())

    def allocate(self, wanted: Sequence[Wanted], x: int, y: int) -> Allocation | Shortage:
        """Takes what is `wanted` for an address, all of it or, with a Shortage, nothing.

        Raises ValueError without any warehouse.
        """
        near = sorted(self.places, key=lambda place: (abs(place.x - x) + abs(place.y - y), place.warehouse_id))
        if not near:
            raise ValueError("there is no warehouse")
        for line in wanted:
            left = sum(
                level.free + level.coming
                for place in near
                if (level := self.levels.get((line.offer_id, place.warehouse_id))) is not None
            )
            if left < line.quantity and not line.allow_backorder:
                return Shortage(line.offer_id, line.quantity, left)
        ready: dict[int, dict[int, int]] = {}
        waiting: dict[int, dict[int, int]] = {}
        buys: dict[tuple[int, int], int] = {}
        whole = [p for p in near if all(self._free(line.offer_id, p) >= line.quantity for line in wanted)]
        for line in wanted:
            missing = line.quantity
            for place in whole[:1] or near:
                missing -= self._take(line.offer_id, place, min(missing, self._free(line.offer_id, place)), ready)
            for place in near:
                missing -= self._promise(
                    line.offer_id, place, min(missing, self._coming(line.offer_id, place)), waiting
                )
            if missing:
                place = near[0]
                self.level(line.offer_id, place.warehouse_id).ordered += missing
                buys[line.offer_id, place.warehouse_id] = missing
                self._promise(line.offer_id, place, missing, waiting)
        parcels = [Parcel(warehouse_id, True, units) for warehouse_id, units in ready.items()]
        parcels += [Parcel(warehouse_id, False, units) for warehouse_id, units in waiting.items()]
        return Allocation(parcels, buys)

    def _free(self, offer_id: int, place: Place) -> int:
        level = self.levels.get((offer_id, place.warehouse_id))
        return level.free if level is not None else 0

    def _coming(self, offer_id: int, place: Place) -> int:
        level = self.levels.get((offer_id, place.warehouse_id))
        return level.coming if level is not None else 0

    def _take(self, offer_id: int, place: Place, units: int, into: dict[int, dict[int, int]]) -> int:
        if units > 0:
            self.level(offer_id, place.warehouse_id).available -= units
            into.setdefault(place.warehouse_id, {})[offer_id] = units
        return units

    def _promise(self, offer_id: int, place: Place, units: int, into: dict[int, dict[int, int]]) -> int:
        if units > 0:
            self.level(offer_id, place.warehouse_id).awaited += units
            of_place = into.setdefault(place.warehouse_id, {})
            of_place[offer_id] = of_place.get(offer_id, 0) + units
        return units
