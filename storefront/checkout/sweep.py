"""The sweep: one thread per worker that asks again about every attempt that has no definite answer yet.

Rules: an attempt is claimed by a guarded update before it is asked about, so that two workers do not both ask; a
database that is away ends one round, never the thread. `sweep_once` is the whole work; the thread only repeats it.
"""

import threading

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.clock import Clock
from mesh.logs import get_logger
from storefront.checkout import attempts
from storefront.checkout.asking import ask
from storefront.orders_client import OrdersClient

BATCH = 20
INTERVAL_SECONDS = 1.0
# How much longer than the call itself a claim holds.
CLAIM_MARGIN_SECONDS = 2.0

_log = get_logger(__name__)


class Sweep:
    """Asks again, every INTERVAL_SECONDS, about what is due."""

    def __init__(
        self, engine: Engine, reader: Engine, orders: OrdersClient, clock: Clock, *, order_deadline: float
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._orders = orders
        self._clock = clock
        self._patience = order_deadline + CLAIM_MARGIN_SECONDS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkout-sweep", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; it does so after the call that is under way."""
        self._stopping.set()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def sweep_once(self) -> int:
        """Asks about each attempt that is due now; how many were asked about."""
        with self._reader.connect() as connection:
            due = attempts.due(connection, self._clock.now(), BATCH)
        asked = 0
        for attempt_id in due:
            if self._stopping.is_set():
                break
            with self._engine.begin() as connection:
                attempt = attempts.claim(connection, attempt_id, now=self._clock.now(), patience=self._patience)
            if attempt is not None:
                ask(self._engine, self._orders, self._clock, attempt)
                asked += 1
        return asked

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self.sweep_once()
            except (DBAPIError, PoolTimeout) as error:
                _log.warning("sweep_without_database", error=str(error.__cause__ or error))
            except Exception:  # noqa: BLE001 - the edge of the thread: logged, and the next round goes on
                _log.exception("sweep_failed")
