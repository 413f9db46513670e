"""Measured figures, each beside its yardstick, as a table for people or as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement and the same one of its yardstick, taken in the same run. `ratio` is ours by theirs.

    `at_most` and `at_least` are what is promised of the ratio; None: nothing is.
    """

    what: str
    value: float
    unit: str
    yardstick: str
    yardstick_value: float
    note: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """Ours divided by the yardstick's."""
        return self.value / self.yardstick_value if self.yardstick_value else float("nan")

    @property
    def broken(self) -> str:
        """What is promised and not kept, in words; empty: nothing is."""
        if self.at_most is not None and not self.ratio <= self.at_most:
            return self._broken("at most", self.at_most)
        if self.at_least is not None and not self.ratio >= self.at_least:
            return self._broken("at least", self.at_least)
        return ""

    def _broken(self, how: str, promised: float) -> str:
        ours, bound = readable(self.value), readable(promised * self.yardstick_value)
        return f"{self.what}: {ours} {self.unit}".rstrip() + f", promised is {how} {bound}"


def as_json(figures: Iterable[Figure]) -> str:
    """A list of objects, one for each figure."""
    return json.dumps([{**asdict(figure), "ratio": round(figure.ratio, 4)} for figure in figures], indent=2)


def as_table(figures: Iterable[Figure]) -> str:
    """Aligned columns; numbers to three places that count."""
    rows: list[Sequence[str]] = [("measured", "ours", "", "yardstick", "", "ratio", "")]
    for figure in figures:
        rows.append(
            (
                figure.what,
                readable(figure.value),
                figure.unit,
                figure.yardstick,
                readable(figure.yardstick_value),
                f"{figure.ratio:.2f}",
                figure.note,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = (1, 4, 5)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def readable(value: float) -> str:
    """1234567 as 1,234,567 and 0.01234 as 0.0123."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of `values` do not exceed."""
    ordered = sorted(values)
    # 0.99 * 100 is a little more than 99 in floating point.
    return ordered[max(1, math.ceil(share * len(ordered) - 1e-9)) - 1]
