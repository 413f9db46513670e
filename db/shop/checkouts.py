"""Checkout attempts: orders on their way to orders_svc, kept until the answer is definite.

An attempt is committed before the first call, with the very bytes of the
request; the same bytes are sent again until the answer is a yes or a no. Rows
are never deleted on a time-out.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class CheckoutState(StrEnum):
    """How far the question "did it become an order?" is answered."""

    CONFIRMING = "confirming"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class CheckoutAttempt(ShopBase):
    """One press of "place order"."""

    __tablename__ = "checkout_attempts"
    __table_args__ = (Index("ix_checkout_attempts_state_next_try_at", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    # Issued by the server when the checkout page is shown: pressing twice is one attempt.
    request_id: Mapped[str] = mapped_column(String(64), unique=True)
    # A serialized shop.orders.v1.PlaceOrderRequest.
    request: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16))
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    # Once refused: the reason (UPPER_SNAKE) and the words for the shopper.
    refusal_reason: Mapped[str | None] = mapped_column(String(40))
    refusal_message: Mapped[str | None] = mapped_column(String(500))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Double)
    next_try_at: Mapped[float] = mapped_column(Double)
