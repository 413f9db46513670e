"""When a parcel will be there: a range, learned from parcels that were delivered in the same world.

Rules: nothing is known of the world's speed; every time is what was observed, in seconds. For each stage of a parcel's
way, those who went through it before say how long they stayed and how long the rest took; what differed about them (how
many kinds of things, how far, how many parcels beside it) is taken out by a regression that must not be negative: more
of anything never makes it sooner. Whoever left the stage sooner than this parcel has stayed already says nothing any
more, so the range narrows while nothing happens, too. Few observations make a wide range, none make no range.

Elsewhere: which parcels are asked (service.experience).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orders_svc.domain.lifecycle import Goods, State, Truck

# How many deliveries count: enough to learn from, few enough to forget a speed that is no more.
WINDOW = 60
# The share of observations inside the range before it is widened. What is promised is 90 %.
SHARE = 0.9
# How much wider a range of n observations is than they are: this much of its own width and a tick, by n.
WIDER = 1.5
# Observations beside the range's own that make a difference between parcels believable.
DOUBT = 3.0
FEWEST_TO_COMPARE = 6
ROUNDS = 12
# A parcel that is slower than any before waits this many ticks more, at most.
PATIENCE_TICKS = 4.0


class Stage(StrEnum):
    """Where on its way a parcel is, as far as time goes."""

    AWAITING_STOCK = "awaiting_stock"
    PACKING = "packing"
    AWAITING_TRUCK = "awaiting_truck"
    LOADING = "loading"
    ON_THE_WAY = "on_the_way"


def stage_of(state: State) -> Stage | None:
    """The stage of a state; None: it has ended."""
    if state.truck is Truck.DELIVERED or state.goods is Goods.CANCELLED:
        return None
    if state.truck is Truck.EN_ROUTE:
        return Stage.ON_THE_WAY
    return {
        Goods.NEW: Stage.AWAITING_STOCK,
        Goods.AWAITING_STOCK: Stage.AWAITING_STOCK,
        Goods.PACKING: Stage.PACKING,
        Goods.PACKED: Stage.AWAITING_TRUCK,
        Goods.LOADING: Stage.LOADING,
        Goods.LOADED: Stage.LOADING,
    }[state.goods]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is known of a parcel: where it goes from and to, how many kinds of things, and since when in which stage.

    `stages` is (seconds since the epoch, stage), oldest first; `delivered_at` is None as long as it is open.
    """

    id: int
    warehouse_id: int
    dx: int
    dy: int
    kinds: int
    truck_id: int | None
    stages: Sequence[tuple[float, Stage]]
    delivered_at: float | None

    def stage_at(self, at: float) -> Stage | None:
        """The stage at a moment; None: before it began, or after it was delivered."""
        if self.delivered_at is not None and at >= self.delivered_at:
            return None
        return next((stage for since, stage in reversed(self.stages) if since <= at), None)


@dataclass(frozen=True, slots=True)
class Expected:
    """When a parcel is delivered: from when to when, in seconds since the epoch."""

    earliest: float
    latest: float


Facts = tuple[float, float, float, float]
_TOGETHER = (Stage.PACKING, Stage.AWAITING_TRUCK, Stage.LOADING)


@dataclass(frozen=True, slots=True)
class _Stay:
    """A stage that a delivered parcel went through: how long, and how long the rest took."""

    facts: Facts
    seconds: float
    rest: float


@dataclass(slots=True)
class _Learned:
    """Of one stage: the stays, and how much each fact adds to the stay and to the rest."""

    stays: list[_Stay] = field(default_factory=list)
    adds_to_stay: Facts = (0.0, 0.0, 0.0, 0.0)
    adds_to_rest: Facts = (0.0, 0.0, 0.0, 0.0)


class Experience:
    """What `parcels` teach: those that were delivered, and those that were beside them. `tick` in seconds."""

    def __init__(self, parcels: Iterable[Parcel], tick: float) -> None:
        self._tick = tick
        self._beside: defaultdict[int, list[Parcel]] = defaultdict(list)
        known = list(parcels)
        for parcel in known:
            self._beside[parcel.warehouse_id].append(parcel)
        self._learned: defaultdict[Stage, _Learned] = defaultdict(_Learned)
        delivered = [(parcel.delivered_at, parcel) for parcel in known if parcel.delivered_at is not None]
        for delivered_at, parcel in sorted(delivered, key=lambda one: one[0])[-WINDOW:]:
            self._note(parcel, delivered_at)
        for learned in self._learned.values():
            facts = [stay.facts for stay in learned.stays]
            learned.adds_to_stay = _slopes(facts, [stay.seconds for stay in learned.stays])
            learned.adds_to_rest = _slopes(facts, [stay.rest for stay in learned.stays])

    def expect(self, parcel: Parcel, now: float) -> Expected | None:
        """The range for an open parcel; None: nobody who was delivered went through the stage that it is in."""
        since, stage = parcel.stages[-1]
        learned = self._learned.get(stage)
        if learned is None:
            return None
        facts, stayed = self._facts(parcel, stage, since), max(0.0, now - since)
        left, rests = [], []
        for stay in learned.stays:
            differs = [mine - its for mine, its in zip(facts, stay.facts, strict=True)]
            rest = max(0.0, stay.rest + _sum(learned.adds_to_rest, differs))
            seconds = max(0.0, stay.seconds + _sum(learned.adds_to_stay, differs))
            rests.append(rest)
            if seconds >= stayed:
                left.append(seconds - stayed + rest)
        if not left:
            # Slower than any before: as long again, within reason, and then the rest.
            more = min(stayed, PATIENCE_TICKS * self._tick)
            left = [more * (number + 0.5) / len(rests) + rest for number, rest in enumerate(rests)]
        left.sort()
        tail = (1.0 - SHARE) / 2
        soonest, last = _quantile(left, tail), _quantile(left, 1.0 - tail)
        wider = WIDER * (last - soonest + self._tick) / len(left)
        return Expected(now + max(0.0, soonest - wider), now + last + wider + last / len(left))

    def _note(self, parcel: Parcel, delivered_at: float) -> None:
        ends = [at for at, _ in parcel.stages[1:]] + [delivered_at]
        for (since, stage), end in zip(parcel.stages, ends, strict=True):
            stay = _Stay(self._facts(parcel, stage, since), end - since, delivered_at - end)
            self._learned[stage].stays.append(stay)

    def _facts(self, parcel: Parcel, stage: Stage, since: float) -> Facts:
        """What can make a difference, as it was when the stage began."""
        kinds = parcel.kinds if stage in (Stage.AWAITING_STOCK, Stage.PACKING) else 0
        beside = 0
        for other in self._beside[parcel.warehouse_id]:
            same_truck = stage is not Stage.ON_THE_WAY or other.truck_id == parcel.truck_id
            if other.id != parcel.id and same_truck and other.stage_at(since) in _TOGETHER:
                beside += 1
        return float(kinds), float(abs(parcel.dx)), float(abs(parcel.dy)), float(beside)


def _sum(slopes: Facts, differs: Sequence[float]) -> float:
    return sum(slope * by for slope, by in zip(slopes, differs, strict=True))


def _slopes(facts: Sequence[Facts], seconds: Sequence[float]) -> Facts:
    """Least squares, none below zero, drawn towards zero where there is little to learn from."""
    count = len(facts)
    if count < FEWEST_TO_COMPARE:
        return 0.0, 0.0, 0.0, 0.0
    columns = [_centred(column) for column in zip(*facts, strict=True)]
    values = _centred(seconds)
    together = [[_dot(a, b) for b in columns] for a in columns]
    with_values = [_dot(column, values) for column in columns]
    slopes = [0.0] * len(columns)
    for _ in range(ROUNDS):
        for i, row in enumerate(together):
            others = sum(row[j] * slopes[j] for j in range(len(row)) if j != i)
            divisor = row[i] * (1.0 + DOUBT / count)
            slopes[i] = max(0.0, (with_values[i] - others) / divisor) if divisor > 0.0 else 0.0
    return slopes[0], slopes[1], slopes[2], slopes[3]


def _centred(values: Sequence[float]) -> list[float]:
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of all that could come lie below; the first and the last are the ends."""
    place = share * (len(ordered) + 1) - 1
    if place <= 0:
        return ordered[0]
    if place >= len(ordered) - 1:
        return ordered[-1]
    below = int(place)
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (place - below)
