"""How far the peer has come with what we said, learned from its acks: what waits for its turn is not lost.

A peer that does elements one after the other, and acks one of them, has done or lost all that was said before that one;
what was said after it may only wait. Few unacked elements at the end may as well be lost; many in a row, none of them
acked, can not, unless the peer loses nearly all. A row that begins with a frame counts by frames, since they are lost
whole. Rules: no clock; this only ever holds a copy back, so a peer of another order loses nothing but time.
"""

from collections import deque

# Loss is taken for at least so much: a row of six or more is then no accident.
_LIKELY_LOSS = 0.3
_UNLIKELY = 1e-3
_MAX_ENDS = 1000


class Frontier:
    """The elements of one connection, counted in the order in which they were said, and anew after each vain wait."""

    __slots__ = ("_ends", "_reached", "_reached_at", "busy_until", "said")

    def __init__(self) -> None:
        self.said = 0
        # Until then the peer has more to do than it can: more copies would only keep it from that.
        self.busy_until = float("-inf")
        self._reached = 0
        self._reached_at = float("-inf")
        # The last places of what was said in one go, as far as the peer may not have come to them.
        self._ends: deque[int] = deque(maxlen=_MAX_ENDS)

    def say(self) -> int:
        """An element is said, and all its copies before this one are believed lost: give its place."""
        self.said += 1
        return self.said

    def end(self) -> None:
        """What was said goes out; the next is said apart from it."""
        if not self._ends or self._ends[-1] != self.said:
            self._ends.append(self.said)

    def acked(self, place: int, now: float) -> None:
        """Say that the peer acked the element in this place; 0: one that was never said."""
        if place > self._reached:
            self._reached, self._reached_at = place, now
            while self._ends and self._ends[0] < place:
                self._ends.popleft()

    def may_wait(self, said_then: int, since: float, loss: float) -> bool:
        """Whether a peer, busy since `since`, may not have come to a copy; `said_then`: `said` when that went out."""
        if said_then <= self._reached or self._reached_at < since:
            return False
        behind = self.said - self._reached
        if self._ends and self._ends[0] == self._reached:
            behind = len(self._ends) - 1
        return bool(max(loss, _LIKELY_LOSS) ** behind < _UNLIKELY)
