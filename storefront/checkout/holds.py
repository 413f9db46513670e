"""What of a cart is in orders that are not answered yet, and so cannot be ordered a second time.

An attempt without an answer holds the units that it asks for, until a yes takes them out of the cart or a no sets them
free. Nothing is stored for it: the attempts themselves say it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select

from db.shop.checkouts import CheckoutAttempt, CheckoutState
from shop.orders.v1 import orders_pb2
from storefront.cart.queries import CartLine


@dataclass(frozen=True, slots=True)
class Holds:
    """The units that each unanswered attempt of one user holds, by offer; newest attempt first."""

    attempts: Mapping[str, Mapping[int, int]]

    @property
    def units(self) -> Counter[int]:
        """The units that are held, by offer."""
        total: Counter[int] = Counter()
        for held in self.attempts.values():
            total.update(held)
        return total

    @property
    def newest(self) -> str | None:
        """The request id of the newest unanswered attempt."""
        return next(iter(self.attempts), None)

    def holder(self, offer_ids: Iterable[int]) -> str | None:
        """The request id of the newest attempt that holds any of these offers."""
        wanted = set(offer_ids)
        return next((request_id for request_id, held in self.attempts.items() if wanted & held.keys()), None)

    def free(self, lines: Iterable[CartLine]) -> list[CartLine]:
        """What can still be ordered: the lines without the units that are held."""
        units = self.units
        left = ((line, line.quantity - units[line.offer_id]) for line in lines)
        return [replace(line, quantity=quantity) for line, quantity in left if quantity > 0]


NO_HOLDS = Holds({})


def holds_of(connection: Connection, user_id: int) -> Holds:
    """What this user's unanswered attempts hold. One query, in the caller's transaction."""
    rows = connection.execute(_HOLDS, {"k_user": user_id})
    return Holds({row.request_id: _units_in(row.request) for row in rows})


def _units_in(request: bytes) -> Counter[int]:
    units: Counter[int] = Counter()
    for item in orders_pb2.PlaceOrderRequest.FromString(request).items:
        units[item.offer_id] += item.quantity
    return units


# Built once: each look at the cart asks it.
_HOLDS = (
    select(CheckoutAttempt.request_id, CheckoutAttempt.request)
    .where(CheckoutAttempt.user_id == bindparam("k_user"), CheckoutAttempt.state == CheckoutState.CONFIRMING)
    .order_by(CheckoutAttempt.id.desc())
)
