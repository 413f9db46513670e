"""What one side of a world is told: each element once, and again after a while until somebody acks it.

Rules: a re-send keeps its seqnum; there is no limit to the number of re-sends; marking as sent does not mean that
anybody got it. Which connection carries it is elsewhere (`connections`).
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.world.model.clockwork import EPSILON

Element = Any
"""One protobuf element of AResponses or UResponses, with its seqnum."""


@dataclass(slots=True, eq=False)
class Pending:
    """An element that nobody acked yet. `make` gives it, for statuses with the content of that moment."""

    seqnum: int
    field: str
    make: Callable[[float], Element]
    due: float = 0.0
    copies: int = 0
    first: Element | None = None

    def content(self, now: float, fresh: bool) -> Element:
        """The element as it goes out at `now`; unless `fresh`, as it was when it first went out."""
        self.copies += 1
        if fresh:
            return self.make(now)
        if self.first is None:
            self.first = self.make(now)
        return self.first


class Outbox:
    """The unacked elements of one side of one world."""

    def __init__(self) -> None:
        self._unsent: dict[int, Pending] = {}
        self._sent: dict[int, Pending] = {}
        self._resends: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._unsent) + len(self._sent)

    def add(self, pending: Pending) -> None:
        """Put an element in line for the next send."""
        self._unsent[pending.seqnum] = pending

    def forget(self, seqnum: int) -> None:
        """Drop the element with this number: it was acked."""
        if self._unsent.pop(seqnum, None) is None:
            self._sent.pop(seqnum, None)

    def next_due(self, now: float) -> float | None:
        """When there is something to send (`now` when something was never sent), or None."""
        if self._unsent:
            return now
        while self._resends:
            due, seqnum = self._resends[0]
            pending = self._sent.get(seqnum)
            if pending is not None and pending.due == due:
                return due
            heapq.heappop(self._resends)
        return None

    def take(self, now: float, resend_after: float) -> list[Pending]:
        """Give all that is due at `now`, oldest number first, and mark it as sent."""
        due: list[Pending] = list(self._unsent.values())
        self._unsent.clear()
        while (moment := self.next_due(now)) is not None and moment <= now + EPSILON:
            due.append(self._sent[heapq.heappop(self._resends)[1]])
        due.sort(key=lambda pending: pending.seqnum)
        for pending in due:
            pending.due = now + resend_after
            self._sent[pending.seqnum] = pending
            heapq.heappush(self._resends, (pending.due, pending.seqnum))
        return due
