"""Checkout attempts in the database: begun before the first call, claimed for each further one, settled once.

Rules: what is ordered is in the cart and in no other attempt that still waits for its answer, checked with their
cart locked; the bytes of the request never change; an attempt is settled by a guarded update, so that of two answers to
the same question one counts; the cart is emptied of what was bought in the transaction that records the yes, and only
there; nothing is deleted. Each function works in the caller's transaction and does no network call.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from db.shop.catalogue import Offer, Product
from db.shop.checkouts import CheckoutAttempt, CheckoutState
from shop.orders.v1 import orders_pb2
from storefront.cart.queries import Owner, lock, take_out_bought, units_of
from storefront.checkout.answers import Accepted, Answer, Refused
from storefront.checkout.holds import holds_of
from storefront.checkout.sales import record_sale
from storefront.checkout.tickets import Ticket

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0
MAX_MESSAGE = 500
# So many attempts are looked through, the oldest first.
MOST_SINCE = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """One press of "place order", as far as it has come."""

    attempt_id: int
    user_id: int
    request_id: str
    request: bytes
    state: CheckoutState
    order_id: int | None
    refusal_reason: str | None
    refusal_message: str | None
    tries: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Existing:
    """There is an attempt already: this checkout was pressed before, or what it orders is in one without an answer."""

    request_id: str


@dataclass(frozen=True, slots=True)
class CartChanged:
    """The cart no longer holds what the ticket orders."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to, on the world's grid, and for which account at UPS ("": none)."""

    x: int
    y: int
    ups_account: str


def retry_delay(tries: int) -> float:
    """Seconds to wait after the try of this number (from 1): doubling, up to a ceiling."""
    return float(min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(max(tries - 1, 0), 10)))


def request_of(ticket: Ticket, to: Destination) -> orders_pb2.PlaceOrderRequest:
    """The request that a ticket and an address make."""
    return orders_pb2.PlaceOrderRequest(
        request_id=ticket.request_id,
        items=[
            orders_pb2.OrderItem(
                offer_id=line.offer_id,
                quantity=line.quantity,
                expected_unit_price_cents=line.unit_price_cents,
            )
            for line in ticket.lines
        ],
        destination=orders_pb2.Address(x=to.x, y=to.y),
        ups_account=to.ups_account,
    )


def begin(
    connection: Connection, ticket: Ticket, to: Destination, *, now: float, patience: float
) -> Attempt | Existing | CartChanged:
    """A new attempt, to be committed before the call, or why there is none.

    The sweep leaves it alone for `patience` seconds, which the shopper's own request needs to ask.
    """
    cart_id = lock(connection, Owner(ticket.user_id), now)
    if find(connection, ticket.user_id, ticket.request_id) is not None:
        return Existing(ticket.request_id)
    if (obstacle := _obstacle(connection, ticket, cart_id)) is not None:
        return obstacle
    request = request_of(ticket, to).SerializeToString(deterministic=True)
    values = {
        "user_id": ticket.user_id,
        "request_id": ticket.request_id,
        "request": request,
        "state": CheckoutState.CONFIRMING,
        "tries": 1,
        "created_at": now,
        "next_try_at": now + patience,
    }
    attempt_id = connection.execute(insert(CheckoutAttempt).values(values).returning(CheckoutAttempt.id)).scalar_one()
    return Attempt(
        attempt_id=attempt_id,
        user_id=ticket.user_id,
        request_id=ticket.request_id,
        request=request,
        state=CheckoutState.CONFIRMING,
        order_id=None,
        refusal_reason=None,
        refusal_message=None,
        tries=1,
        created_at=now,
    )


def _obstacle(connection: Connection, ticket: Ticket, cart_id: int) -> Existing | CartChanged | None:
    """What keeps the lines of a ticket from being ordered: they are in another attempt, or not in the cart."""
    holds = holds_of(connection, ticket.user_id)
    held, in_cart = holds.units, units_of(connection, cart_id)
    missing = [
        line.offer_id for line in ticket.lines if in_cart.get(line.offer_id, 0) - held[line.offer_id] < line.quantity
    ]
    if not missing:
        return None
    holder = holds.holder(missing)
    return Existing(holder) if holder is not None else CartChanged()


def find(connection: Connection, user_id: int, request_id: str) -> Attempt | None:
    """This user's attempt of this checkout."""
    return _attempt(connection, CheckoutAttempt.user_id == user_id, CheckoutAttempt.request_id == request_id)


def confirming(connection: Connection, user_id: int, limit: int = 20) -> list[str]:
    """The request ids of this user's attempts that are not answered yet, newest first."""
    return list(connection.execute(_CONFIRMING, {"k_user": user_id, "k_limit": limit}).scalars())


def last_destination(connection: Connection, user_id: int) -> Destination | None:
    """Where this user's last order went."""
    request = connection.execute(
        select(CheckoutAttempt.request)
        .where(CheckoutAttempt.user_id == user_id)
        .order_by(CheckoutAttempt.id.desc())
        .limit(1)
    ).scalar()
    if request is None:
        return None
    sent = orders_pb2.PlaceOrderRequest.FromString(request)
    return Destination(sent.destination.x, sent.destination.y, sent.ups_account)


def bought_since(connection: Connection, user_id: int, offer_id: int, since: float) -> str | None:
    """The request id of this user's first attempt since then that is, or may become, an order of this offer."""
    rows = connection.execute(
        select(CheckoutAttempt.request_id, CheckoutAttempt.request)
        .where(
            CheckoutAttempt.user_id == user_id,
            CheckoutAttempt.state != CheckoutState.REFUSED,
            CheckoutAttempt.created_at >= since,
        )
        .order_by(CheckoutAttempt.id)
        .limit(MOST_SINCE)
    )
    for row in rows:
        if any(item.offer_id == offer_id for item in orders_pb2.PlaceOrderRequest.FromString(row.request).items):
            return str(row.request_id)
    return None


def due(connection: Connection, now: float, limit: int) -> list[int]:
    """The ids of unanswered attempts whose next try is due, longest due first."""
    rows = connection.execute(
        select(CheckoutAttempt.id)
        .where(CheckoutAttempt.state == CheckoutState.CONFIRMING, CheckoutAttempt.next_try_at <= now)
        .order_by(CheckoutAttempt.next_try_at)
        .limit(limit)
    )
    return list(rows.scalars())


def claim(connection: Connection, attempt_id: int, *, now: float, patience: float) -> Attempt | None:
    """Takes a due attempt for `patience` seconds. None: it was answered, or somebody else has taken it."""
    done = connection.execute(
        update(CheckoutAttempt)
        .where(
            CheckoutAttempt.id == attempt_id,
            CheckoutAttempt.state == CheckoutState.CONFIRMING,
            CheckoutAttempt.next_try_at <= now,
        )
        .values(tries=CheckoutAttempt.tries + 1, next_try_at=now + patience)
    )
    return _attempt(connection, CheckoutAttempt.id == attempt_id) if done.rowcount == 1 else None


def settle(connection: Connection, attempt: Attempt, answer: Answer, *, now: float) -> None:
    """Records an answer, or when to ask again. An attempt that was settled before stays as it is."""
    changed = update(CheckoutAttempt).where(
        CheckoutAttempt.id == attempt.attempt_id, CheckoutAttempt.state == CheckoutState.CONFIRMING
    )
    match answer:
        case Accepted(order_id):
            done = connection.execute(changed.values(state=CheckoutState.ACCEPTED, order_id=order_id))
            if done.rowcount == 1:
                items = orders_pb2.PlaceOrderRequest.FromString(attempt.request).items
                bought = [(item.offer_id, item.quantity) for item in items]
                take_out_bought(connection, attempt.user_id, bought, now)
                record_sale(connection, attempt.user_id, order_id, bought)
        case Refused(reason, message):
            connection.execute(
                changed.values(
                    state=CheckoutState.REFUSED, refusal_reason=reason[:40], refusal_message=message[:MAX_MESSAGE]
                )
            )
        case _:
            connection.execute(changed.values(next_try_at=now + retry_delay(attempt.tries)))


def titles_in(connection: Connection, request: bytes) -> tuple[tuple[int, str], ...]:
    """The (offer id, title) of each item of a request, in its order; "" for a title that is gone."""
    offer_ids = [item.offer_id for item in orders_pb2.PlaceOrderRequest.FromString(request).items]
    rows = connection.execute(
        select(Offer.id, Product.title).join(Product, Product.id == Offer.product_id).where(Offer.id.in_(offer_ids))
    )
    titles = {row.id: row.title for row in rows}
    return tuple((offer_id, titles.get(offer_id, "")) for offer_id in offer_ids)


def _attempt(connection: Connection, *where: object) -> Attempt | None:
    table = CheckoutAttempt
    row = connection.execute(
        select(
            table.id,
            table.user_id,
            table.request_id,
            table.request,
            table.state,
            table.order_id,
            table.refusal_reason,
            table.refusal_message,
            table.tries,
            table.created_at,
        ).where(*where)  # type: ignore[arg-type]
    ).one_or_none()
    if row is None:
        return None
    attempt_id, user_id, request_id, request, state, *rest = row
    return Attempt(attempt_id, user_id, request_id, bytes(request), CheckoutState(state), *rest)


# Built once: each look at the orders asks it.
_CONFIRMING = (
    select(CheckoutAttempt.request_id)
    .where(CheckoutAttempt.user_id == bindparam("k_user"), CheckoutAttempt.state == CheckoutState.CONFIRMING)
    .order_by(CheckoutAttempt.id.desc())
    .limit(bindparam("k_limit"))
)
