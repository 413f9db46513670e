"""From one stream of changes to the open pages of this worker. Threads and locks, no network.

Rules: a subscription holds at most one hint, the latest, however many changes come: memory does not grow with traffic;
there are at most `limit` subscriptions, and `limit_per_user` of one shopper; a page is told of its own order only;
while the stream is cut, every wait ends as if there had been a change, so that pages read again by themselves.
"""

import threading
from collections import Counter, defaultdict
from enum import Enum, auto


class Hint(Enum):
    """What a wait ended with."""

    # Something may have changed: read again.
    CHANGED = auto()
    # Nothing happened in the time given.
    QUIET = auto()
    # The worker is stopping.
    CLOSED = auto()


class TooManyPages(Exception):
    """All places are taken; the page asks now and then instead."""


class Subscription:
    """One open page. Close it when the page has gone."""

    def __init__(self, fanout: "Fanout", user_id: int, order_id: int) -> None:
        self.user_id = user_id
        self.order_id = order_id
        self._fanout = fanout
        self._event = threading.Event()

    def wait(self, seconds: float) -> Hint:
        """Waits for a change for at most so long."""
        told = self._event.wait(seconds)
        if told:
            # Cleared before the page reads again: what comes from here on ends the next wait.
            self._event.clear()
        if self._fanout.stopping:
            return Hint.CLOSED
        return Hint.CHANGED if told or not self._fanout.connected else Hint.QUIET

    def tell(self) -> None:
        """Ends the wait that is under way, or the next one."""
        self._event.set()

    def close(self) -> None:
        """Gives the place back; doing so twice does no harm."""
        self._fanout.leave(self)


class Fanout:
    """The open pages of one worker."""

    def __init__(self, *, limit: int, limit_per_user: int) -> None:
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._lock = threading.Lock()
        self._by_order: dict[int, set[Subscription]] = defaultdict(set)
        self._per_user: Counter[int] = Counter()
        self.connected = False
        self.stopping = False

    def subscribe(self, user_id: int, order_id: int) -> Subscription:
        """A place for one page. TooManyPages: there is none left, or this shopper has their share."""
        with self._lock:
            if self._per_user.total() >= self._limit or self._per_user[user_id] >= self._limit_per_user:
                raise TooManyPages
            subscription = Subscription(self, user_id, order_id)
            self._by_order[order_id].add(subscription)
            self._per_user[user_id] += 1
            return subscription

    def leave(self, subscription: Subscription) -> None:
        """Gives a place back."""
        with self._lock:
            pages = self._by_order.get(subscription.order_id, set())
            if subscription not in pages:
                return
            pages.remove(subscription)
            if not pages:
                del self._by_order[subscription.order_id]
            self._per_user -= Counter({subscription.user_id: 1})

    def order_changed(self, order_id: int, user_id: int) -> None:
        """Tells the pages that show this order."""
        with self._lock:
            pages = [page for page in self._by_order.get(order_id, ()) if page.user_id == user_id]
        for page in pages:
            page.tell()

    def resync(self) -> None:
        """Tells every page: changes may have been missed."""
        for page in self._all():
            page.tell()

    def stop(self) -> None:
        """Ends every wait for good."""
        self.stopping = True
        self.resync()

    @property
    def open_pages(self) -> int:
        """How many places are taken."""
        with self._lock:
            return self._per_user.total()

    def _all(self) -> list[Subscription]:
        with self._lock:
            return [page for pages in self._by_order.values() for page in pages]
