"""Things to do later, in order of their time and, at one time, of their entry."""

import heapq
from collections.abc import Callable


class Agenda:
    """A heap of calls to make; each gets the `now` of the moment it is made."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[float], object]]] = []
        self._serial = 0

    def later(self, at: float, call: Callable[[float], object]) -> None:
        """Have `call(now)` made at `at`."""
        self._serial += 1
        heapq.heappush(self._entries, (at, self._serial, call))

    def next(self) -> float | None:
        """When the next call is due, or None."""
        return self._entries[0][0] if self._entries else None

    def run(self, now: float) -> None:
        """Make every call that is due at `now`."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2](now)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
