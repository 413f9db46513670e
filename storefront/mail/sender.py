"""The sender: one thread per worker that hands over what is in the outbox, and tidies up behind everybody.

Rules: a message is claimed by a guarded update first, so that two workers do not both send it; nothing is handed over
inside a transaction; whoever did not take one is not asked to take the next in the same round; a database that is
away ends one round, never the thread, and what became of a message is written down before the next is claimed.
`send_once` and `tidy_once` are the whole work; the thread only repeats them, at once as long as there is more.
"""

import threading
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.clock import Clock
from db.engine import read_only
from mesh.logs import get_logger
from storefront.mail import outbox
from storefront.mail.transport import NotTaken, PerhapsTaken, RefusedForGood, Transport

BATCH = 20
INTERVAL_SECONDS = 1.0
TIDY_SECONDS = 900.0

_log = get_logger(__name__)
Tidy = Callable[[Connection, float], int]


class Sender:
    """Sends what is due, looking every INTERVAL_SECONDS; runs `tidiers`, a transaction each, every TIDY_SECONDS."""

    def __init__(self, engine: Engine, clock: Clock, transport: Transport, tidiers: tuple[Tidy, ...] = ()) -> None:
        self._engine = engine
        self._reader = read_only(engine)
        self._clock = clock
        self._transport = transport
        self._tidiers = (outbox.tidy, *tidiers)
        # What became of messages, not yet written down.
        self._settling: list[Callable[[Connection], None]] = []
        self._tidied_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-sender", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; it does so after the message that is under way."""
        self._stopping.set()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def send_once(self) -> int:
        """Hands over what is due now, at most BATCH messages; how many were tried."""
        self._settle()
        with self._reader.connect() as connection:
            due = outbox.due(connection, self._clock.now(), BATCH)
        tried = 0
        for mail_id in due:
            if self._stopping.is_set():
                break
            with self._engine.begin() as connection:
                claimed = outbox.claim(connection, mail_id, self._clock.now())
            if claimed is None:
                continue
            tried += 1
            if not self._hand_over(claimed):
                break
        return tried

    def tidy_once(self) -> None:
        """Removes what is over."""
        for tidy in self._tidiers:
            with self._engine.begin() as connection:
                tidy(connection, self._clock.now())

    def _hand_over(self, claimed: outbox.Claimed) -> bool:
        """Whether that is the end of it: it was sent, or given up, and is not to be tried again."""
        is_over = True
        settle: Callable[[Connection], None]
        try:
            self._transport.send(claimed.letter, self._clock.now())
        except NotTaken as error:
            is_over, trouble = False, str(error)
            settle = lambda connection: outbox.try_again(connection, claimed, trouble, self._clock.now())  # noqa: E731
            _log.warning("mail_not_taken", mail_id=claimed.mail_id, tries=claimed.tries, why=trouble)
        except (RefusedForGood, PerhapsTaken) as error:
            trouble = str(error) if isinstance(error, RefusedForGood) else outbox.PERHAPS
            settle = lambda connection: outbox.failed(connection, claimed, trouble)  # noqa: E731
            _log.warning("mail_given_up", mail_id=claimed.mail_id, why=str(error))
        else:
            settle = lambda connection: outbox.sent(connection, claimed)  # noqa: E731
        self._settling.append(settle)
        self._settle()
        return is_over

    def _settle(self) -> None:
        while self._settling:
            with self._engine.begin() as connection:
                self._settling[0](connection)
            del self._settling[0]

    def _run(self) -> None:
        pause = INTERVAL_SECONDS
        while not self._stopping.wait(pause):
            pause = INTERVAL_SECONDS
            try:
                if self.send_once() == BATCH:
                    pause = 0.0
                if self._clock.now() - self._tidied_at > TIDY_SECONDS:
                    self._tidied_at = self._clock.now()
                    self.tidy_once()
            except (DBAPIError, PoolTimeout) as error:
                _log.warning("mail_without_database", error=str(error.__cause__ or error))
            except Exception:  # noqa: BLE001 - the edge of the thread: logged, and the next round goes on
                _log.exception("mail_failed")
