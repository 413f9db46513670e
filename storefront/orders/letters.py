"""What the shop writes to people about their orders. Pure: words from an order as orders_svc tells it.

Rules: each kind once for an order, which is what the key says; kind and plain, with what was bought, and a way to the
order's page and to the place where such letters are switched off. What is no longer true is not written.
"""

from collections.abc import Callable

from shop.orders.v1 import orders_pb2 as pb
from storefront.mail.outbox import Letter
from storefront.presentation import isolated, moment, money, sentence

NAMES = {
    pb.NEWS_KIND_PLACED: "placed",
    pb.NEWS_KIND_LATE: "late",
    pb.NEWS_KIND_SHIPPED: "shipped",
    pb.NEWS_KIND_DELIVERED: "delivered",
    pb.NEWS_KIND_CANCELLED: "cancelled",
}
_ENDED = (pb.ORDER_STATUS_DELIVERED, pb.ORDER_STATUS_CANCELLED)


def letter_about(
    order: pb.Order, kind: "pb.NewsKind.ValueType", recipient: str, display_name: str, shop_url: str
) -> Letter | None:
    """The letter of one kind; `shop_url` has no slash at its end. None: there is nothing to say, or no more."""
    if kind not in _WORDS or (kind == pb.NEWS_KIND_LATE and order.status in _ENDED):
        return None
    subject, paragraphs = _WORDS[kind](order)
    page = f"{shop_url}/orders/{order.order_id}"
    body = "\n\n".join(
        (
            f"Hello {isolated(display_name)},",
            *paragraphs,
            f"Here is how far it is, at any time:\n{page}",
            "Minimart",
            f"You get this letter because you ordered at Minimart. No more letters about your orders? Say so in your"
            f" account:\n{shop_url}/account",
        )
    )
    key = f"order-{order.order_id}-{NAMES[kind]}"
    return Letter(key, recipient, f"{subject} (order {order.order_id})", body + "\n")


def _placed(order: pb.Order) -> tuple[str, list[str]]:
    to = f"It goes to ({order.destination.x}, {order.destination.y})."
    change = "You can still change the address or cancel on its page, as long as nothing has left."
    thanks = "Thank you. Your order is in, and it will come."
    return "Thank you for your order", [thanks, _lines(order), f"{to} {change}"]


def _late(order: pb.Order) -> tuple[str, list[str]]:
    reasons = []
    for parcel in order.shipments:
        if parcel.attention_reason:
            reasons.append("It cannot go on by itself, and we are looking after it.")
        elif parcel.HasField("waiting"):
            since = moment(parcel.waiting.since.seconds)
            reasons.append(f"We are waiting for {parcel.waiting.who}, since {since}. {sentence(parcel.waiting.next)}.")
    return "It takes longer than we said", [
        "Your order takes longer than we said. We are sorry.",
        *dict.fromkeys(reasons),
        "Nothing is lost, and there is nothing that you need to do.",
    ]


def _shipped(order: pb.Order) -> tuple[str, list[str]]:
    if len(order.shipments) > 1:
        words = f"The first of the {len(order.shipments)} parcels of your order is on a truck and on its way to you."
    else:
        words = "Your order is on a truck and on its way to you."
    return "Your order is on its way", [words, _lines(order)]


def _delivered(order: pb.Order) -> tuple[str, list[str]]:
    taken_back = any(parcel.status == pb.ORDER_STATUS_CANCELLED for parcel in order.shipments)
    words = "All that was not taken back of your order is there." if taken_back else "Your order is there."
    return "Your order is there", [
        words,
        _lines(order),
        "If you like, tell others what you think of it: each thing's page in the shop has a place for that.",
    ]


def _cancelled(order: pb.Order) -> tuple[str, list[str]]:
    cancellations = [one for one in order.amendments if not one.HasField("destination")]
    asked = any(parcel.decision == pb.DECISION_DONE for one in cancellations for parcel in one.decisions)
    words = "Your order is cancelled, as you asked." if asked else "We could not send your order, and had to cancel it."
    return "Your order is cancelled", [f"{words} Nothing of it is coming.", _lines(order)]


_WORDS: "dict[pb.NewsKind.ValueType, Callable[[pb.Order], tuple[str, list[str]]]]" = {
    pb.NEWS_KIND_PLACED: _placed,
    pb.NEWS_KIND_LATE: _late,
    pb.NEWS_KIND_SHIPPED: _shipped,
    pb.NEWS_KIND_DELIVERED: _delivered,
    pb.NEWS_KIND_CANCELLED: _cancelled,
}


def _lines(order: pb.Order) -> str:
    bought = [
        f"{line.quantity} x {isolated(line.title)}, {money(line.unit_price_cents * line.quantity)}"
        for line in order.lines
    ]
    return "\n".join([*bought, f"Together: {money(order.total_cents)}"])
