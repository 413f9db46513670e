"""The map of an order: warehouses, doors, ways and trucks, as places on a drawing. Pure.

Rules: the drawing is WIDTH x HEIGHT units, whatever the order's part of the world measures; up is up; a truck drives
along x first, then along y, as the world's trucks do, and is drawn only where somebody saw it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

WIDTH, HEIGHT = 640.0, 260.0
MARGIN = 44.0
# So that two doors next to each other are not a mile apart on the drawing.
LEAST_SPAN = 4.0
GRID_LINES = 8
MOST_OTHERS = 40
# About what a letter and a line of a name measure on a phone, where they are largest; names begin so far below.
LETTER, LINE, BELOW = 14.0, 29.0, 14.0
# On which line below its place a name may stand, the best first; -1 is above it.
LINES = (0, 1, -1)

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Dot:
    """Something at a place of the drawing."""

    x: float
    y: float
    name: str
    place: Place
    # Which line below it is its name's.
    line: int = 0

    @property
    def side(self) -> str:
        """To which side its name goes, so that the edge cuts none."""
        return "right" if self.x < 120 else "left" if self.x > 520 else ""


@dataclass(frozen=True, slots=True)
class Truck:
    """A truck where it was seen; `at` is when, in seconds since the epoch."""

    x: float
    y: float
    truck_id: int
    parcel: int
    place: Place
    at: float


@dataclass(frozen=True, slots=True)
class Way:
    """A parcel's way, as points of a line."""

    parcel: int
    points: tuple[tuple[float, float], ...]
    is_over: bool


@dataclass(frozen=True, slots=True)
class Trip:
    """What the map needs to know of one parcel. `seen`: truck, place, when."""

    parcel: int
    warehouse_name: str
    warehouse: Place
    door: Place
    is_over: bool
    seen: tuple[int, Place, float] | None


@dataclass(frozen=True, slots=True)
class Map:
    """The drawing."""

    warehouses: tuple[Dot, ...]
    others: tuple[Dot, ...]
    doors: tuple[Dot, ...]
    ways: tuple[Way, ...]
    trucks: tuple[Truck, ...]
    # Lines of the grid: where on the drawing, and their number in the world.
    columns: tuple[tuple[float, int], ...]
    rows: tuple[tuple[float, int], ...]
    words: str


def draw(trips: Sequence[Trip], others: Iterable[tuple[str, Place]] = ()) -> Map | None:
    """The map of some parcels; `others` are warehouses that have no part in it. None: there is nothing to show."""
    if not trips:
        return None
    places = [place for trip in trips for place in (trip.warehouse, trip.door)]
    places += [trip.seen[1] for trip in trips if trip.seen is not None]
    paper = _Paper(places)
    warehouses = {trip.warehouse: trip.warehouse_name for trip in trips}
    doors = dict.fromkeys(trip.door for trip in trips)
    apart = [(name, place) for name, place in others if place not in warehouses and paper.has(place)][:MOST_OTHERS]
    return Map(
        warehouses=tuple(_apart(paper.dot(name, place) for place, name in warehouses.items())),
        others=tuple(paper.dot(name, place) for name, place in apart),
        doors=tuple(paper.dot("Your door", place) for place in doors),
        ways=tuple(
            Way(
                trip.parcel,
                tuple(paper.at(place) for place in (trip.warehouse, (trip.door[0], trip.warehouse[1]), trip.door)),
                trip.is_over,
            )
            for trip in trips
        ),
        trucks=tuple(
            Truck(*paper.at(trip.seen[1]), trip.seen[0], trip.parcel, trip.seen[1], trip.seen[2])
            for trip in trips
            if trip.seen is not None
        ),
        columns=tuple((paper.at((number, 0))[0], number) for number in paper.numbers(paper.left, WIDTH)),
        rows=tuple((paper.at((0, number))[1], number) for number in paper.numbers(paper.bottom, HEIGHT)),
        words=_words(trips),
    )


def _apart(dots: Iterable[Dot]) -> list[Dot]:
    """The same from left to right, their names on lines where they do not cover each other, as far as there is room."""
    apart: list[Dot] = []
    taken: list[_Room] = []
    for dot in sorted(dots, key=lambda one: (one.x, one.y)):
        width = len(dot.name) * LETTER
        left = dot.x - {"right": 12.0, "left": width - 12.0}.get(dot.side, width / 2)
        for line in LINES:
            top = dot.y + BELOW + line * LINE if line >= 0 else dot.y - BELOW - LINE
            room = _Room(left, left + width, top)
            if 0 <= top <= HEIGHT - LINE and not any(room.covers(other) for other in taken):
                dot = replace(dot, line=line)
                taken.append(room)
                break
        apart.append(dot)
    return apart


@dataclass(frozen=True, slots=True)
class _Room:
    """Where a name stands on the drawing, on one line."""

    left: float
    right: float
    top: float

    def covers(self, other: "_Room") -> bool:
        """Whether two names lie over each other."""
        beside = self.left > other.right or self.right < other.left
        return not beside and abs(self.top - other.top) < LINE


class _Paper:
    """From places of the world to places on the drawing: one scale for both directions."""

    def __init__(self, places: Sequence[Place]) -> None:
        xs, ys = [x for x, _ in places], [y for _, y in places]
        span_x, span_y = max(max(xs) - min(xs), LEAST_SPAN), max(max(ys) - min(ys), LEAST_SPAN)
        self.scale = min((WIDTH - 2 * MARGIN) / span_x, (HEIGHT - 2 * MARGIN) / span_y)
        self.left = (min(xs) + max(xs)) / 2 - WIDTH / 2 / self.scale
        self.bottom = (min(ys) + max(ys)) / 2 - HEIGHT / 2 / self.scale

    def at(self, place: Place) -> tuple[float, float]:
        """Where a place of the world is on the drawing."""
        return round((place[0] - self.left) * self.scale, 1), round(HEIGHT - (place[1] - self.bottom) * self.scale, 1)

    def has(self, place: Place) -> bool:
        """Whether a place is on the drawing."""
        x, y = self.at(place)
        return 0 <= x <= WIDTH and 0 <= y <= HEIGHT

    def dot(self, name: str, place: Place) -> Dot:
        """A place with a name."""
        return Dot(*self.at(place), name, place)

    def numbers(self, first: float, length: float) -> range:
        """The round numbers along one side of the drawing, which begins at `first` in the world."""
        step = _round_step(WIDTH / self.scale / GRID_LINES)
        return range(math.ceil(first / step) * step, math.floor(first + length / self.scale) + 1, step)


def _round_step(about: float) -> int:
    """1, 2 or 5 times a power of ten, and not less than `about`."""
    if about <= 1:
        return 1
    power = 10 ** math.floor(math.log10(about))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= about))


def _words(trips: Sequence[Trip]) -> str:
    """The map for those who cannot see it."""
    sentences = []
    for trip in trips:
        name = f"Parcel {trip.parcel}" if len(trips) > 1 else "The parcel"
        sentence = f"{name} goes from {trip.warehouse_name} at {_point(trip.warehouse)} to {_point(trip.door)}."
        if trip.is_over:
            sentence = f"{name} went from {trip.warehouse_name} at {_point(trip.warehouse)} to {_point(trip.door)}."
        elif trip.seen is not None:
            sentence += f" Truck {trip.seen[0]} was last seen at {_point(trip.seen[1])}."
        sentences.append(sentence)
    return " ".join(sentences)


def _point(place: Place) -> str:
    return f"({place[0]}, {place[1]})"
