"""What comes again and again is let through once in a while: an attack must not fill a table."""

import threading
from collections import OrderedDict

# Between two rows of one kind, from one address, about one account.
ONE_ROW_SECONDS = 60.0
MOST_REMEMBERED = 2000


class Damper:
    """Lets the same thing through once in ONE_ROW_SECONDS; what it remembers is bounded. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[object, ...], float] = OrderedDict()

    def lets_through(self, what: tuple[object, ...], now: float) -> bool:
        """Whether it has not come for a while."""
        with self._lock:
            last = self._seen.get(what)
            if last is not None and now - last < ONE_ROW_SECONDS:
                return False
            self._seen[what] = now
            self._seen.move_to_end(what)
            if len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)
            return True
