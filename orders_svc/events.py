"""Events: tells whoever listens which orders changed, after the commit that changed them.

Rules: hints, never the truth: a listener that was slow, or came late, is told to
re-read. Memory per listener is bounded by LISTENER_LIMIT; publishing never waits.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from orders_svc.service.changes import OrderChange

LISTENER_LIMIT = 10_000
BATCH = 500


class Listener:
    """One stream's share of the events: the last change of each order, and whether some were missed."""

    def __init__(self, order_id: int | None) -> None:
        self._order_id = order_id
        self._changed = threading.Condition()
        self._pending: dict[int, OrderChange] = {}
        self._resync = True
        self._closed = False

    def offer(self, changes: Iterable[OrderChange]) -> None:
        """Adds changes; beyond the limit they become one call to re-read."""
        with self._changed:
            for change in changes:
                if self._order_id not in (None, change.order_id):
                    continue
                # Those who commit one after the other may announce the other way round.
                before = self._pending.get(change.order_id)
                if before is None or before.version < change.version:
                    self._pending[change.order_id] = change
            if len(self._pending) > LISTENER_LIMIT:
                self._pending.clear()
                self._resync = True
            if self._pending or self._resync:
                self._changed.notify()

    def take(self, timeout: float) -> tuple[list[OrderChange], bool] | None:
        """Up to BATCH changes, and whether to re-read; empty after `timeout` seconds, None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._resync or self._closed, timeout)
            if self._closed:
                return None
            resync, self._resync = self._resync, False
            taken = [self._pending.pop(order_id) for order_id in list(self._pending)[:BATCH]]
            return taken, resync

    def close(self) -> None:
        """Ends the stream that waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class Broadcaster:
    """Hands each change to all listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._closed = False

    def publish(self, changes: Iterable[OrderChange]) -> None:
        """Tells all listeners; call it after the commit."""
        changes = list(changes)
        if changes:
            with self._lock:
                listeners = list(self._listeners)
            for listener in listeners:
                listener.offer(changes)

    @contextmanager
    def listening(self, order_id: int | None = None) -> Iterator[Listener]:
        """A listener to one order, or to all, for as long as the block runs."""
        listener = Listener(order_id)
        with self._lock:
            self._listeners.add(listener)
            if self._closed:
                listener.close()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def close(self) -> None:
        """Ends all streams, also those that begin later."""
        with self._lock:
            self._closed = True
            listeners = list(self._listeners)
        for listener in listeners:
            listener.close()
