"""The chart of sales: what a drawing of bars needs, worked out here. Pure.

Rules: the drawing is as wide as its page and has no words in it, so that it can be stretched; the page writes them
beside it, and all of its numbers again as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shop.sales.v1 import sales_pb2 as pb

WIDTH, HEIGHT = 300.0, 100.0
# Of a bar's place, what stays free between it and the next.
_GAP = 0.25
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where it is drawn, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    begins_at: float
    orders: int
    units: int
    cents: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars within WIDTH and HEIGHT; `top_cents` is what a bar of full height stands for."""

    bars: tuple[Bar, ...]
    top_cents: int

    @property
    def cents(self) -> int:
        """What was sold in all."""
        return sum(bar.cents for bar in self.bars)

    @property
    def units(self) -> int:
        """How many units were sold in all."""
        return sum(bar.units for bar in self.bars)

    @property
    def orders(self) -> int:
        """How many orders they were in, an order once for each day of these."""
        return sum(bar.orders for bar in self.bars)

    @property
    def best(self) -> Bar:
        """The day that sold most; the later of two alike."""
        return max(self.bars, key=lambda bar: (bar.cents, bar.begins_at))


def draw_sales(days: Sequence[pb.DayOfSales]) -> Chart:
    """A bar for each of these days, at least one, in their order."""
    top = nice_top(max(day.cents for day in days))
    place = WIDTH / len(days)
    bars = []
    for number, day in enumerate(days):
        height = HEIGHT * day.cents / top
        # Something that was sold is seen, however small it is beside the rest.
        height = round(max(height, 1.0 if day.cents else 0.0), 2)
        bars.append(
            Bar(
                x=round((number + _GAP / 2) * place, 2),
                y=round(HEIGHT - height, 2),
                width=round(place * (1 - _GAP), 2),
                height=height,
                begins_at=day.begins_at.seconds,
                orders=day.orders,
                units=day.units,
                cents=day.cents,
            )
        )
    return Chart(tuple(bars), top)


def nice_top(cents: int) -> int:
    """The least round number of whole dollars that is no less, in cents: 1, 2, 5 and 25 dollars, and so on."""
    power = 100
    while True:
        for step in _STEPS:
            top = round(power * step)
            if top >= cents and top % 100 == 0:
                return top
        power *= 10
