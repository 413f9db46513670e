"""A map of the grid, as a page draws it: which part is shown, and what is on it. Pure.

The world's y grows upwards; a drawing's grows downwards, so the template turns it round.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEAST_REACH = 60
MARGIN = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on the map: `kind` is "warehouse" or "address"."""

    kind: str
    name: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class GridMap:
    """A square part of the grid with lines every `step`; `door` is the place that is chosen, if one is."""

    left: int
    bottom: int
    size: int
    step: int
    marks: tuple[Mark, ...]
    door: tuple[int, int] | None

    @property
    def view_box(self) -> str:
        """The part that is shown, as a drawing wants it."""
        return f"{self.left} {-(self.bottom + self.size)} {self.size} {self.size}"

    @property
    def columns(self) -> range:
        """Where lines from top to bottom are."""
        return range(-(-self.left // self.step) * self.step, self.left + self.size + 1, self.step)

    @property
    def rows(self) -> range:
        """Where lines from left to right are."""
        return range(-(-self.bottom // self.step) * self.step, self.bottom + self.size + 1, self.step)


def draw_grid(
    warehouses: Iterable[tuple[str, int, int]],
    addresses: Iterable[tuple[str, int, int]] = (),
    door: tuple[int, int] | None = None,
) -> GridMap:
    """The smallest square that shows all of it, and at least LEAST_REACH in each direction from the middle."""
    marks = [Mark("warehouse", *one) for one in warehouses] + [Mark("address", *one) for one in addresses]
    places = [(mark.x, mark.y) for mark in marks] + ([door] if door else []) or [(0, 0)]
    left, right = _range([x for x, _ in places])
    bottom, top = _range([y for _, y in places])
    size = max(right - left, top - bottom, 2 * LEAST_REACH)
    size += 2 * max(MARGIN, size // 20)
    step = 10
    while size // step > 20:
        step *= 10
    return GridMap((left + right - size) // 2, (bottom + top - size) // 2, size, step, tuple(marks), door)


def _range(numbers: Sequence[int]) -> tuple[int, int]:
    return min(numbers), max(numbers)
