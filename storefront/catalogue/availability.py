"""Stock in words: what a shopper wants to know of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from storefront.catalogue.stock import OfferStock

FEW = 5
NAMED_WAREHOUSES = 3


class Level(StrEnum):
    """How good the news is; also the colour of the words."""

    PLENTY = "plenty"
    FEW = "few"
    COMING = "coming"
    TO_ORDER = "to-order"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Availability:
    """What to say of an offer's stock, in short and in full, and whether ordering makes sense."""

    level: Level
    short: str
    words: str

    @property
    def orderable(self) -> bool:
        """Whether to offer "add to cart". Not knowing is no reason to refuse: orders_svc decides."""
        return self.level is not Level.NONE


UNKNOWN = Availability(Level.UNKNOWN, "Stock unknown at the moment", "We cannot see the stock at the moment.")


def describe(stock: OfferStock | None, *, allow_backorder: bool) -> Availability:
    """The words for the stock of one offer; None: unknown."""
    if stock is None:
        return UNKNOWN
    if stock.available > 0:
        where = _places(stock.stocked_at)
        if stock.available <= FEW:
            few = f"Only {stock.available} left"
            return Availability(Level.FEW, few, f"{few}: ships today from {where}.")
        return Availability(Level.PLENTY, "In stock", f"In stock: ships today from {where}.")
    if stock.coming > 0:
        return Availability(
            Level.COMING,
            "Arriving soon",
            f"{stock.coming} on the way to our warehouses. Order now: yours is sent as soon as it arrives.",
        )
    if allow_backorder:
        return Availability(
            Level.TO_ORDER,
            "Made to order",
            "Not in stock. Order it, and we buy it for you; that takes a little longer.",
        )
    return Availability(Level.NONE, "Sold out", "Sold out for now.")


def best_of(all_of_them: list[Availability]) -> Availability:
    """The best news among several offers of one product."""
    order = list(Level)
    return min(all_of_them, key=lambda one: order.index(one.level), default=UNKNOWN)


def _places(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    named = f" ({', '.join(names[:-1])} and {names[-1]})" if len(names) <= NAMED_WAREHOUSES else ""
    return f"{len(names)} warehouses{named}"
