"""Workers: the threads that do what no caller waits for.

Rules: each loop does a step, and again at once while there is more, else waits
for a wake-up, or for its interval, or for as long as the step itself says; a
wake-up is a hint, so one that got lost costs that wait and nothing else; an
error is met with a growing pause; one that nobody expected is logged with its
traceback, an outage when it begins and ends.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mesh.logs import get_logger

log = get_logger(__name__)

LONGEST_PAUSE = 5.0


def pause_after(failures: int, interval: float) -> float:
    """Seconds to wait after so many failures in a row; `interval` after none."""
    return min(interval * 2 ** min(failures, 10), LONGEST_PAUSE) if failures else interval


@dataclass(slots=True)
class Worker:
    """One thread. `step() -> True` means that there may be more to do at once; `interval` in seconds."""

    name: str
    step: Callable[[], bool]
    interval: float
    # Errors that mean that something is away for a while.
    outages: tuple[type[Exception], ...] = ()
    # How long to wait after a step that went well and found nothing more to do; None: the interval.
    rest: Callable[[], float] | None = None
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def end(self) -> None:
        """Asks the thread to end after the present step."""
        self._stopping = True
        self._wake.set()

    def stop(self) -> None:
        """Lets the present step end, then the thread."""
        self.end()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        is_out = False
        while not self._stopping:
            self._wake.clear()
            try:
                more = self.step()
                if is_out:
                    log.info("worker_goes_on", worker=self.name, failures=failures)
                failures, is_out = 0, False
            except Exception as error:
                failures += 1
                more = False
                if not isinstance(error, self.outages):
                    log.error("worker_failed", worker=self.name, failures=failures, exc_info=error)
                elif not is_out:
                    is_out = True
                    log.warning("worker_waits", worker=self.name, error=" ".join(str(error).split())[:300])
            if not more and not self._stopping:
                told = self.rest() if self.rest is not None and not failures else None
                self._wake.wait(pause_after(failures, self.interval) if told is None else told)
