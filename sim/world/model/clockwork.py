"""Time: regular moments, one heap of timers, and the two threads that look for what is due.

Rules: nothing here reads a clock; a moment counts as reached when it is at most `EPSILON` away, because sums of floats
are not exact; only moments at which there is something to do are kept, so an idle world costs nothing.
"""

import heapq
import math
from collections.abc import Callable
from enum import IntEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

EPSILON = 1e-5


class Kind(IntEnum):
    """What a timer is for; of two at the same moment the smaller goes first."""

    PACKAGES = 0
    TRUCKS = 1
    SEND = 2


class Timer(NamedTuple):
    """A thing to do: `owner` is the connection's number for a send and 0 for a thread."""

    kind: Kind
    owner: int


class Grid:
    """The moments `phase + k * period` for every whole k, in seconds."""

    __slots__ = ("period", "phase")

    def __init__(self, phase: float, period: float) -> None:
        self.phase = phase
        self.period = period

    def at_or_after(self, moment: float) -> float:
        """The first of the moments that is not before `moment`."""
        return self.phase + math.ceil((moment - self.phase - EPSILON) / self.period) * self.period

    def after(self, moment: float) -> float:
        """The first of the moments that is later than `moment`."""
        return self.phase + (math.floor((moment - self.phase + EPSILON) / self.period) + 1) * self.period


class Clockwork:
    """All timers, each at most once; setting one again can only make it earlier."""

    def __init__(self) -> None:
        self._at: dict[Timer, float] = {}
        self._heap: list[tuple[float, Timer]] = []

    def set(self, timer: Timer, at: float) -> None:
        """Have `timer` ring at `at`, or before if it was set so."""
        known = self._at.get(timer)
        if known is None or at < known:
            self._at[timer] = at
            heapq.heappush(self._heap, (at, timer))

    def clear(self, timer: Timer) -> None:
        """Forget `timer`."""
        self._at.pop(timer, None)

    def next(self) -> float | None:
        """When the next timer rings, or None."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> tuple[float, Timer] | None:
        """Take the next timer that rings at `now` or before, with its moment."""
        at = self.next()
        if at is None or at > now + EPSILON:
            return None
        timer = heapq.heappop(self._heap)[1]
        del self._at[timer]
        return at, timer


class Job(Protocol):
    """What a thread finishes: its current `token` tells a job that still stands from one that was replaced."""

    token: int


JobT = TypeVar("JobT", bound=Job)


class PollingThread(Generic[JobT]):
    """One of the world's own threads: at every poll it finishes what is due, again and again until nothing is.

    `finish(job, now)` does the work. A job may be started anew before it is due: the old time is then void.
    """

    def __init__(self, grid: Grid, finish: Callable[[JobT, float], None]) -> None:
        self._grid = grid
        self._finish = finish
        self._jobs: list[tuple[float, int, JobT]] = []
        self._serial = 0

    def start(self, job: JobT, due: float) -> None:
        """Have `job` finished with the first poll at or after `due`; what it was started for before is void."""
        self._serial += 1
        job.token = self._serial
        heapq.heappush(self._jobs, (due, self._serial, job))

    def next_poll(self, now: float) -> float | None:
        """The first poll later than `now` that will find something, or None."""
        self._drop_void()
        if not self._jobs:
            return None
        return max(self._grid.at_or_after(self._jobs[0][0]), self._grid.after(now))

    def poll(self, now: float) -> None:
        """Finish all that is due at `now`, also what becomes due by that."""
        while True:
            self._drop_void()
            if not self._jobs or self._jobs[0][0] > now + EPSILON:
                return
            job = heapq.heappop(self._jobs)[2]
            job.token = 0
            self._finish(job, now)

    def _drop_void(self) -> None:
        while self._jobs and self._jobs[0][2].token != self._jobs[0][1]:
            heapq.heappop(self._jobs)
