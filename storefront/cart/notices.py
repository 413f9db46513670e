"""What has changed about a line of a cart since its owner last touched it, in words. Pure."""

from dataclasses import dataclass

from storefront.cart.queries import CartLine
from storefront.catalogue.stock import OfferStock
from storefront.presentation import money


@dataclass(frozen=True, slots=True)
class Notices:
    """What to tell beside one line. `blocks`: it cannot be ordered like this."""

    words: tuple[str, ...] = ()
    blocks: bool = False
    price_changed: bool = False


def notices_of(line: CartLine, stock: OfferStock | None) -> Notices:
    """What to tell of a line; `stock` is None where it is not known."""
    if not line.for_sale:
        return Notices(("No longer sold.",), blocks=True)
    words: list[str] = []
    price_changed = line.seen_price_cents is not None and line.seen_price_cents != line.unit_price_cents
    if price_changed:
        assert line.seen_price_cents is not None
        went = "up" if line.unit_price_cents > line.seen_price_cents else "down"
        words.append(
            f"The price went {went} since you put this in: from {money(line.seen_price_cents)}"
            f" to {money(line.unit_price_cents)}."
        )
    if short := too_few(line, stock):
        return Notices((*words, short), blocks=True, price_changed=price_changed)
    if more := still_to_come(line, stock):
        words.append(more)
    return Notices(tuple(words), price_changed=price_changed)


def too_few(line: CartLine, stock: OfferStock | None) -> str:
    """That so many units of a line cannot be ordered; "" where they can, or nobody knows."""
    if stock is None or line.allow_backorder:
        return ""
    left = stock.available + stock.coming
    if not left:
        return "Sold out since you put this in. Save it for later, or remove it."
    return f"Only {left} left, and you have {line.quantity} here. Take fewer." if left < line.quantity else ""


def still_to_come(line: CartLine, stock: OfferStock | None) -> str:
    """That not all units of a line are on the shelves, and what happens then; "" where they are, or none is."""
    if stock is None or not 0 < stock.available < line.quantity or too_few(line, stock):
        return ""
    bought = line.quantity > stock.available + stock.coming
    on_shelves = f"{stock.available} of them {'is' if stock.available == 1 else 'are'} on our shelves"
    return f"{on_shelves}; the rest is {'bought first' if bought else 'on the way there'}. That takes a little longer."
