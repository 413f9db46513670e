"""What orders_svc's answer to PlaceOrder means to a shopper. Pure.

Rules: only a yes is a yes, and only a refusal that orders_svc itself gave and that will not change by asking again is
a no. Everything else (no answer, a broken connection, a database that is away, a lost race, too many calls) leaves the
question open, and the same bytes are sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grpc import StatusCode

from mesh.errors import RpcFailure
from storefront.presentation import told

# Refusals that asking again would not change: those of the contract, by status code and reason ("": any reason).
DEFINITE = frozenset(
    {
        (StatusCode.INVALID_ARGUMENT, ""),
        (StatusCode.NOT_FOUND, "OFFER_NOT_FOUND"),
        (StatusCode.NOT_FOUND, "USER_NOT_FOUND"),
        (StatusCode.FAILED_PRECONDITION, "PRICE_CHANGED"),
        (StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_STOCK"),
        (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    }
)
_FORM_FIELDS = {"destination.x": "x", "destination.y": "y", "destination": "x", "ups_account": "ups_account"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is an order."""

    order_id: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It is no order and will not become one. `fields` and `offers` say what to show beside which field or line."""

    reason: str
    message: str
    fields: Mapping[str, str]
    offers: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It may be an order or not: ask again. `why` is for the log."""

    why: str


Answer = Accepted | Refused | Unanswered


def read_failure(failure: RpcFailure, offers: tuple[tuple[int, str], ...]) -> Refused | Unanswered:
    """What a failed PlaceOrder means. `offers`: the (id, title) of each item, in the order of the request."""
    from_orders_svc = failure.reason != failure.code.name
    definite = (failure.code, failure.reason) in DEFINITE or (failure.code, "") in DEFINITE
    if not (from_orders_svc and definite):
        return Unanswered(f"{failure.code.name} {failure.reason}: {failure.message}")
    fields: dict[str, str] = {}
    lines: dict[int, str] = {}
    for violation in failure.violations:
        if violation.field in _FORM_FIELDS:
            fields[_FORM_FIELDS[violation.field]] = violation.description
        elif (index := _item_index(violation.field)) is not None and index < len(offers):
            lines[offers[index][0]] = violation.description
    titles = dict(offers)
    offer_id = _offer_named(failure.metadata)
    words = _words(failure, titles.get(offer_id, "an item") if offer_id else "an item")
    if offer_id in titles and failure.reason in _LINE_WORDS:
        lines[offer_id] = _LINE_WORDS[failure.reason].format(left=_left(failure))
    return Refused(failure.reason, words, fields, lines)


_LINE_WORDS = {
    "OFFER_NOT_FOUND": "No longer sold: take it out of your cart.",
    "PRICE_CHANGED": "The price has changed.",
    "OUT_OF_STOCK": "There are not that many left{left}.",
}


def _words(failure: RpcFailure, title: str) -> str:
    match failure.reason:
        case "OFFER_NOT_FOUND":
            return told("The seller has withdrawn {title}. Everything else can still be ordered.", title=title)
        case "PRICE_CHANGED":
            words = "The price of {title} has just changed. Have a look at the new one, and order again if you agree."
            return told(words, title=title)
        case "OUT_OF_STOCK":
            words = "There are not that many of {title} left{left}. Order fewer, or come back later."
            return told(words, title=title, left=_left(failure))
        case "REQUEST_ID_REUSED":
            return "This page was already used for another order. Look at your orders before you order again."
        case _:
            return "The order cannot be placed like this. See below for what to change."


def _left(failure: RpcFailure) -> str:
    left = failure.metadata.get("left", "")
    return f" (only {left})" if left.isdecimal() and left != "0" else ""


def _offer_named(metadata: Mapping[str, str]) -> int:
    text = metadata.get("offer_id", "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _item_index(field: str) -> int | None:
    if not field.startswith("items["):
        return None
    number = field.removeprefix("items[").partition("]")[0]
    return int(number) if number.isascii() and number.isdecimal() else None
