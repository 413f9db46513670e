"""Checkout tickets: what a checkout page offered, signed, so that it comes back as it was shown.

A ticket holds the request_id that makes pressing twice one order, whose checkout it is, and the offers with the
quantities and prices on the page. It is made by the server and sent back with the form; nothing is stored until the
shopper presses.
"""

import hashlib
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer


class BadTicket(Exception):
    """Not a ticket of ours, or not this shopper's."""


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One offer, as the page showed it."""

    offer_id: int
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """One checkout page."""

    request_id: str
    user_id: int
    lines: tuple[TicketLine, ...]


class TicketOffice:
    """Makes tickets and reads them back."""

    def __init__(self, secret_key: str) -> None:
        self._serializer = URLSafeSerializer(
            secret_key, salt="checkout-ticket", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def new(self, user_id: int, lines: tuple[TicketLine, ...]) -> Ticket:
        """A ticket with a request_id of its own."""
        return Ticket(secrets.token_urlsafe(24), user_id, lines)

    def write(self, ticket: Ticket) -> str:
        """The ticket as text for a form."""
        lines = [[line.offer_id, line.quantity, line.unit_price_cents] for line in ticket.lines]
        text = self._serializer.dumps([ticket.request_id, ticket.user_id, lines])
        return text if isinstance(text, str) else text.decode("ascii")

    def read(self, text: str, user_id: int) -> Ticket:
        """The ticket that `write` made. BadTicket: it was changed, is not ours, or belongs to another shopper."""
        try:
            request_id, owner, lines = self._serializer.loads(text)
        except BadSignature:
            raise BadTicket from None
        if owner != user_id:
            raise BadTicket
        return Ticket(request_id, owner, tuple(TicketLine(*line) for line in lines))
