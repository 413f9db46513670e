"""What the shoppers were promised: the other side of the books. Values only.

Rules: a promise is written down before it is asked for, with everything that was asked; an answer is definite or there
is none; what should never be answered is a surprise, kept in words.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

MOST_SURPRISES = 50


class Outcome(Enum):
    """What became of something that was asked for."""

    OPEN = "no definite answer"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(slots=True)
class Promise:
    """An order over gRPC: what was asked, and the answer. Times in seconds of the steady clock."""

    user_id: int
    request_id: str
    items: dict[int, int]
    """Offer -> quantity."""
    place: tuple[int, int]
    asked_at: float
    outcome: Outcome = Outcome.OPEN
    order_id: int | None = None
    seconds: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Purchase:
    """An order in a browser: who, and the number on the page that said thank you."""

    email: str
    outcome: Outcome = Outcome.OPEN
    order_id: int | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Restocking:
    """Units bought by a seller."""

    user_id: int
    request_id: str
    outcome: Outcome = Outcome.OPEN


@dataclass(slots=True)
class Wish:
    """What a shopper wanted changed after ordering: to cancel (`place` None), or another address."""

    user_id: int
    request_id: str
    order_id: int
    place: tuple[int, int] | None
    outcome: Outcome = Outcome.OPEN
    done: dict[int, bool] = field(default_factory=dict)
    """Shipment -> whether the answer was yes."""


@dataclass(slots=True)
class Ledger:
    """Everything that was asked for during a performance."""

    promises: list[Promise] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    restockings: list[Restocking] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """What calls were answered with, by words."""
    surprises: list[str] = field(default_factory=list)

    def surprise(self, what: str) -> None:
        """Note something that should never be answered; the first ones are kept, all are counted."""
        self.answers["surprises"] += 1
        if len(self.surprises) < MOST_SURPRISES:
            self.surprises.append(what)

    @property
    def open(self) -> int:
        """How many questions have no definite answer yet."""
        outcomes = [
            *(promise.outcome for promise in self.promises),
            *(purchase.outcome for purchase in self.purchases),
            *(restocking.outcome for restocking in self.restockings),
            *(wish.outcome for wish in self.wishes),
        ]
        return outcomes.count(Outcome.OPEN)
