"""Writers of one process at one SQLite file take turns in the order in which they came.

SQLite itself lets a writer look again now and then, ever less often, and whoever looks at the right moment is next:
under steady writing somebody waits for seconds, or in vain. Rules: a turn is of a connection, and lasts until it goes
back to its pool; other processes are still waited for as SQLite does it.
"""

import threading
from collections import deque
from pathlib import Path
from weakref import WeakValueDictionary


class WriterQueue:
    """First come, first served. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, seconds: float) -> bool:
        """Waits for a turn; False: others took longer than `seconds`."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait(seconds)
        except BaseException:
            # A signal, in the main thread.
            if not self._leave(turn):
                self.end()
            raise
        return not self._leave(turn)

    def _leave(self, turn: threading.Event) -> bool:
        """Whether its place in the queue was given up before it was its turn."""
        with self._lock:
            if turn.is_set():
                return False
            self._waiting.remove(turn)
            return True

    def end(self) -> None:
        """Gives the turn to whoever waits longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_QUEUES: WeakValueDictionary[Path, WriterQueue] = WeakValueDictionary()
_QUEUES_LOCK = threading.Lock()


def queue_of(database: str | None) -> WriterQueue:
    """The queue of a SQLite file, which all engines of this process share; one of its own for a database in memory."""
    if not database or database == ":memory:":
        return WriterQueue()
    with _QUEUES_LOCK:
        return _QUEUES.setdefault(Path(database).resolve(), WriterQueue())
