"""Stock in words: what a shopper wants to know of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from storefront.catalogue.stock import OfferStock, Units

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


_FROM_THE_BEST = list(Level)


@dataclass(frozen=True, slots=True)
class Standing:
    """What to say of an offer's stock in short, and whether ordering makes sense."""

    level: Level
    short: str

    @property
    def orderable(self) -> bool:
        """Whether to offer "add to cart". Not knowing is no reason to refuse: orders_svc decides."""
        return self.level is not Level.NONE


@dataclass(frozen=True, slots=True)
class Availability(Standing):
    """The same, and what to say of it in full."""

    words: str


UNKNOWN = Standing(Level.UNKNOWN, "Stock unknown at the moment")


def standing(stock: Units | OfferStock | None, *, allow_backorder: bool) -> Standing:
    """The stock of one offer in short; None: unknown."""
    if stock is None:
        return UNKNOWN
    if stock.available > FEW:
        return Standing(Level.PLENTY, "In stock")
    if stock.available > 0:
        return Standing(Level.FEW, f"Only {stock.available} left")
    if stock.coming > 0:
        return Standing(Level.COMING, "Arriving soon")
    if allow_backorder:
        return Standing(Level.TO_ORDER, "Made to order")
    return Standing(Level.NONE, "Sold out")


def describe(stock: OfferStock | None, *, allow_backorder: bool) -> Availability:
    """The stock of one offer in short and in full; None: unknown."""
    at = standing(stock, allow_backorder=allow_backorder)
    return Availability(at.level, at.short, _words(at, stock or OfferStock()))


def _words(at: Standing, stock: OfferStock) -> str:
    match at.level:
        case Level.PLENTY | Level.FEW:
            return f"{at.short}: ships today from {_places(stock.stocked_at)}."
        case Level.COMING:
            return f"{stock.coming} on the way to our warehouses. Order now: yours is sent as soon as it arrives."
        case Level.TO_ORDER:
            return "Not in stock. Order it, and we buy it for you; that takes a little longer."
        case Level.NONE:
            return "Sold out for now."
        case Level.UNKNOWN:
            return "We cannot see the stock at the moment."


def best_of(all_of_them: list[Standing]) -> Standing:
    """The best news among several offers of one product."""
    return min(all_of_them, key=lambda one: _FROM_THE_BEST.index(one.level), default=UNKNOWN)


def _places(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    named = f" ({', '.join(names[:-1])} and {names[-1]})" if len(names) <= NAMED_WAREHOUSES else ""
    return f"{len(names)} warehouses{named}"
