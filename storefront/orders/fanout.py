"""From one stream of changes to the browsers that listen to this worker. Threads and locks, no network.

Rules: one subscription for each browser, however many tabs it has; there are at most `limit` of them, and
`limit_per_user` of one shopper; a browser is told of its shopper's orders only. A subscription holds the last version
of each order that changed and was not told yet, and beyond MOST_ORDERS of them one word to read everything again:
memory does not grow with traffic. The last changes are remembered, so that a browser that comes back and says how far
it had heard is told what it missed, and nothing else; where that cannot be known it is told to read again. While our
own stream is cut, every wait ends with that.
"""

import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

MOST_ORDERS = 50
# Changes of all orders that are remembered: some minutes of a busy shop.
REMEMBERED = 5000


class TooManyListeners(Exception):
    """All places are taken; the page asks now and then instead."""


@dataclass(frozen=True, slots=True)
class News:
    """What a wait ended with: nothing to tell, changes by order and version, or the word to read everything again.

    `position` is what a browser says when it comes back.
    """

    position: str
    changes: Mapping[int, int]
    read_again: bool = False
    closed: bool = False


class Subscription:
    """One browser that listens. Close it when the browser has gone."""

    def __init__(self, fanout: "Fanout", user_id: int) -> None:
        self.user_id = user_id
        self._fanout = fanout
        self._condition = threading.Condition()
        self._changes: dict[int, int] = {}
        self._read_again = False
        self._closed = False
        self._position = 0

    def take(self, seconds: float) -> News:
        """Waits for news for at most so long."""
        with self._condition:
            self._condition.wait_for(lambda: self._changes or self._read_again or self._closed, seconds)
            changes, self._changes = self._changes, {}
            read_again = self._read_again or not (changes or self._fanout.connected)
            self._read_again = False
            return News(self._fanout.name_of(self._position), changes, read_again, self._closed)

    def tell(self, position: int, order_id: int, version: int) -> None:
        """An order changed."""
        with self._condition:
            self._position = position
            self._changes[order_id] = max(version, self._changes.get(order_id, 0))
            if len(self._changes) > MOST_ORDERS:
                self._changes.clear()
                self._read_again = True
            self._condition.notify()

    def read_again(self, position: int) -> None:
        """Anything may have changed."""
        with self._condition:
            self._position = position
            self._changes.clear()
            self._read_again = True
            self._condition.notify()

    def starts_at(self, position: int) -> None:
        """Everything up to here is known to the browser."""
        self._position = position

    def end(self) -> None:
        """Ends the wait that is under way and each one after it."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def close(self) -> None:
        """Gives the place back; doing so twice does no harm."""
        self._fanout.leave(self)


class Fanout:
    """The browsers that listen to one worker. `connected`: whether our own stream is."""

    def __init__(self, *, limit: int, limit_per_user: int) -> None:
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._lock = threading.Lock()
        self._by_user: defaultdict[int, set[Subscription]] = defaultdict(set)
        self._count = 0
        # Positions are this process's own: another worker, or another life of this one, knows nothing of them.
        self._life = secrets.token_hex(4)
        self._position = 0
        self._forgotten = 0
        self._remembered: deque[tuple[int, int, int, int]] = deque()
        self.connected = False
        self.stopping = False

    def subscribe(self, user_id: int, heard_until: str = "") -> Subscription:
        """A place for one browser, which has heard everything until a position (empty: nothing).

        TooManyListeners: there is no place left, or this shopper has their share.
        """
        subscription = Subscription(self, user_id)
        with self._lock:
            if self._count >= self._limit or len(self._by_user[user_id]) >= self._limit_per_user:
                if not self._by_user[user_id]:
                    del self._by_user[user_id]
                raise TooManyListeners
            self._by_user[user_id].add(subscription)
            self._count += 1
            heard = self._number_of(heard_until)
            if heard is None or heard < self._forgotten or not self.connected:
                subscription.read_again(self._position)
            else:
                subscription.starts_at(self._position)
                for position, of_user, order_id, version in self._remembered:
                    if of_user == user_id and position > heard:
                        subscription.tell(self._position, order_id, version)
            if self.stopping:
                subscription.end()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Gives a place back."""
        with self._lock:
            browsers = self._by_user.get(subscription.user_id)
            if browsers is None or subscription not in browsers:
                return
            browsers.remove(subscription)
            self._count -= 1
            if not browsers:
                del self._by_user[subscription.user_id]

    def order_changed(self, order_id: int, user_id: int, version: int) -> None:
        """Tells the browsers of this shopper."""
        with self._lock:
            self._position += 1
            self._remembered.append((self._position, user_id, order_id, version))
            if len(self._remembered) > REMEMBERED:
                self._forgotten = self._remembered.popleft()[0]
            for browser in self._by_user.get(user_id, ()):
                browser.tell(self._position, order_id, version)

    def resync(self) -> None:
        """Tells everybody to read again: changes may have been missed."""
        with self._lock:
            self._position += 1
            self._remembered.clear()
            self._forgotten = self._position
            for browsers in self._by_user.values():
                for browser in browsers:
                    browser.read_again(self._position)

    def stop(self) -> None:
        """Ends every wait for good."""
        with self._lock:
            self.stopping = True
            for browsers in self._by_user.values():
                for browser in browsers:
                    browser.end()

    @property
    def listeners(self) -> int:
        """How many places are taken."""
        with self._lock:
            return self._count

    @property
    def position(self) -> int:
        """How many things were told so far."""
        with self._lock:
            return self._position

    def name_of(self, position: int) -> str:
        """A position as browsers are told it."""
        return f"{self._life}-{position}"

    def _number_of(self, name: str) -> int | None:
        """The position of that name; None: it is none of this life."""
        life, _, number = name.partition("-")
        if life != self._life or not number.isascii() or not number.isdecimal() or len(number) > 18:
            return None
        return int(number) if int(number) <= self._position else None
