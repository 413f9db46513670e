"""Sequence numbers and acks of a client: its own elements until acked, and the others' each once.

Rules: a re-send keeps its number; a number is used once; acks may come in any order, again, or for nothing we know;
what is unacked goes out again at a flat interval. Written apart from `wire.session` on purpose.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

ElementT = TypeVar("ElementT")
_EPSILON = 1e-6


@dataclass(slots=True)
class _Unacked(Generic[ElementT]):
    element: ElementT
    sent: float | None = None


class Outgoing(Generic[ElementT]):
    """Our elements that are not acked yet; `first` is the first number, `interval` in seconds."""

    def __init__(self, first: int, interval: float) -> None:
        self._next = first
        self._interval = interval
        self._unsent: dict[int, _Unacked[ElementT]] = {}
        self._sent: dict[int, _Unacked[ElementT]] = {}

    def __len__(self) -> int:
        return len(self._unsent) + len(self._sent)

    def number(self) -> int:
        """Take the next number."""
        self._next += 1
        return self._next - 1

    def add(self, number: int, element: ElementT) -> None:
        """Keep an element until its number is acked; it is due at once."""
        self._unsent[number] = _Unacked(element)

    def acked(self, number: int) -> bool:
        """Forget an acked element; give whether it was unacked before."""
        return (self._unsent.pop(number, None) or self._sent.pop(number, None)) is not None

    def start_over(self) -> None:
        """Make everything unacked due at once: a new connection knows nothing of the old one."""
        self._unsent = dict(sorted((self._sent | self._unsent).items()))
        self._sent = {}

    def take(self, now: float) -> list[ElementT]:
        """Give what is due at `now`, and count it as sent."""
        due: dict[int, _Unacked[ElementT]] = {}
        for number, unacked in self._sent.items():
            assert unacked.sent is not None
            if unacked.sent + self._interval > now + _EPSILON:
                break
            due[number] = unacked
        due |= self._unsent
        self._unsent = {}
        for number, unacked in due.items():
            self._sent.pop(number, None)
            unacked.sent = now
            self._sent[number] = unacked
        return [unacked.element for unacked in due.values()]

    def next_due(self, now: float) -> float | None:
        """When `take` has something to give, or None."""
        if self._unsent:
            return now
        for unacked in self._sent.values():
            assert unacked.sent is not None
            return unacked.sent + self._interval
        return None


class Incoming:
    """The others' numbers: each is new once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.highest = -(2**63)

    def is_new(self, number: int) -> bool:
        """Note a number; give whether it never came before."""
        if number in self._seen:
            return False
        self._seen.add(number)
        self.highest = max(self.highest, number)
        return True
