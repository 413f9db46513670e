"""This worker's one event stream from orders_svc, read by a thread of its own and handed to the fan-out.

Rules: one stream whatever the number of open pages; a stream that breaks is opened again, with a growing pause; the
first message of each stream is a resync, so nothing is missed in between.
"""

import random
import threading
from typing import Any

from mesh.logs import get_logger
from storefront.orders.fanout import Fanout
from storefront.orders_client import CallFailed, OrdersClient, messages_of

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0

_log = get_logger(__name__)


class Feed:
    """Keeps the stream open for as long as the worker runs."""

    def __init__(self, orders: OrdersClient, fanout: Fanout, rng: random.Random) -> None:
        self._orders = orders
        self._fanout = fanout
        self._rng = rng
        self._stopping = threading.Event()
        self._stream: Any = None
        self._was_told_why = False
        self._thread = threading.Thread(target=self._run, name="order-feed", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the stream, and with it the thread."""
        self._stopping.set()
        stream = self._stream
        if stream is not None:
            stream.cancel()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                if self._follow():
                    pause = FIRST_PAUSE_SECONDS
            except Exception:  # noqa: BLE001 - the edge of the thread: logged, and the stream is opened again
                _log.exception("order_feed_failed")
            self._fanout.connected = False
            # Pages that trusted the stream read once more, now that it tells nothing.
            self._fanout.resync()
            self._stopping.wait(pause * self._rng.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _follow(self) -> bool:
        """Reads one stream to its end; whether it told anything."""
        told = False
        try:
            self._stream = self._orders.watch_events()
            if self._stopping.is_set():
                self._stream.cancel()
            for message in messages_of(self._stream):
                if not told:
                    _log.info("order_feed_connected")
                told = self._fanout.connected = True
                self._was_told_why = False
                if message.resync:
                    self._fanout.resync()
                for change in message.changes:
                    self._fanout.order_changed(change.order_id, change.user_id, change.version)
        except CallFailed as failed:
            # Once per outage, however often the stream is tried meanwhile.
            if not (self._stopping.is_set() or self._was_told_why):
                _log.warning("order_feed_cut", why=str(failed))
                self._was_told_why = True
        return told
