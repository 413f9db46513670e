"""Virtual time: a heap of things to do, processes that can die or be paused, and calls that wait for an answer.

Rules: of two things at one moment the one that was entered first happens first; what was meant for a life of a process
that has ended is dropped; what is meant for a paused process happens when it wakes, in its order. A call that waits
runs as a greenlet, so that the real code below it needs no change; only one runs at any time.
"""

import heapq
import threading
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

# Ends the name of a second instance of a process.
SECOND = "-b"


class Crashed(BaseException):
    """The process that runs dies here and now. No code of ours may catch it."""


class Stuck(Exception):
    """The simulation does not come to rest: too many things happen without time passing on."""


class Task(greenlet):
    """A call of a process that may wait. `label` says what it is about, for crash points and traces.

    One that is done waits among the `idle` for the next call, since a new greenlet costs more than most calls.
    """

    label = ""

    def __init__(self, hub: greenlet) -> None:
        super().__init__(parent=hub)
        self._hub = hub

    def run(self, idle: "list[Task]", process: "Process", call: Callable[[], None]) -> None:
        """Makes one call after another; the process may die of any."""
        while True:
            try:
                call()
            finally:
                process.tasks.pop(self, None)
            idle.append(self)
            idle, process, call = self._hub.switch()


class Process:
    """A life that can end, begin anew, and stand still. `name` is what traces call it, `start` what begins it anew."""

    def __init__(self, name: str, start: Callable[[], None] | None = None) -> None:
        self.name = name
        self.start = start
        self.life = 0
        self.alive = False
        self.paused = False
        self.backlog: list[tuple[int, Callable[[], None]]] = []
        self.tasks: dict[Task, None] = {}

    @property
    def boot(self) -> str:
        """The nonce of its present start."""
        return f"{self.name}-{self.life}"

    def begin(self) -> None:
        """A new life."""
        self.life += 1
        self.alive = True
        self.paused = False
        self.backlog.clear()

    def end(self) -> None:
        """The life ends; what waits in it never wakes."""
        self.alive = False
        self.life += 1
        self.backlog.clear()
        tasks, self.tasks = self.tasks, {}
        for task in tasks:
            if task is not getcurrent() and not task.dead:
                try:
                    task.throw(Crashed)
                except Crashed:
                    continue


class Waiting:
    """An answer that is not there yet: `wait` in a task, `give` once from anywhere."""

    __slots__ = ("_answer", "_done", "_scheduler", "_task", "process")

    def __init__(self, scheduler: "Scheduler", process: Process) -> None:
        self.process = process
        self._scheduler = scheduler
        self._done = False
        self._answer: Any = None
        self._task: greenlet | None = None

    def wait(self) -> Any:
        """The answer, as soon as it is there; others run meanwhile."""
        if not self._done:
            self._task = getcurrent()
            self._scheduler.hub.switch()
        return self._answer

    def give(self, answer: Any) -> None:
        """Gives the answer; only the first one counts."""
        if self._done:
            return
        self._done, self._answer = True, answer
        if self._task is not None:
            self._scheduler.at(self._scheduler.time, self.process, self._task.switch)


class VirtualCondition(threading.Condition):
    """A condition whose waiters are tasks of `process`, in virtual time; as they share a thread, no lock waits."""

    def __init__(self, scheduler: "Scheduler", process: Process) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._process = process
        self._waiting: list[Waiting] = []

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """The predicate's value as soon as it is true, or after `timeout` seconds, which must be given."""
        assert timeout is not None
        scheduler = self._scheduler
        until = scheduler.time + timeout
        while not predicate() and scheduler.time < until:
            waiting = Waiting(scheduler, self._process)
            self._waiting.append(waiting)
            scheduler.at(until, self._process, lambda waiting=waiting: waiting.give(None))  # type: ignore[misc]
            waiting.wait()
        return predicate()

    def notify_all(self) -> None:
        """Wakes those who wait now."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.give(None)


class Scheduler:
    """The clock and everything that is going to happen. Times in seconds since the epoch."""

    def __init__(self, start: float, limit: int = 400_000) -> None:
        self.time = start
        self.events = 0
        self.limit = limit
        self.died: Callable[[Process], None] = Process.end
        self.hub = getcurrent()
        self._idle: list[Task] = []
        self._heap: list[tuple[float, int, Process | None, int, Callable[[], None]]] = []
        self._serial = 0

    def now(self) -> float:
        """The virtual time."""
        return self.time

    def at(self, when: float, process: Process | None, call: Callable[[], None]) -> None:
        """Has `call` made at `when` in the present life of `process` (None: outside of all)."""
        self._serial += 1
        life = process.life if process is not None else 0
        heapq.heappush(self._heap, (max(when, self.time), self._serial, process, life, call))

    def after(self, delay: float, process: Process | None, call: Callable[[], None]) -> None:
        """The same, `delay` seconds from now."""
        self.at(self.time + delay, process, call)

    def task(self, process: Process, label: str, run: Callable[[], None]) -> None:
        """Runs `run`, which may wait, as a task of `process`; comes back when it waits or is done."""
        task = self._idle.pop() if self._idle else Task(self.hub)
        task.label = label
        # As a new thread begins: without the caller of the last call.
        task.gr_context = None
        process.tasks[task] = None
        task.switch(self._idle, process, run)

    def end(self) -> None:
        """Nothing more is going to happen. Idle tasks end: one that waits is never collected, nor what it holds."""
        for task in self._idle:
            task.throw()
        self._idle.clear()

    def resume(self, process: Process) -> None:
        """A paused process goes on with what came meanwhile."""
        process.paused = False
        backlog, process.backlog = process.backlog, []
        for life, call in backlog:
            self._serial += 1
            heapq.heappush(self._heap, (self.time, self._serial, process, life, call))

    def run(self, until: float, done: Callable[[], bool]) -> bool:
        """Lets time pass until `done()` (True) or until `until` (False). Raises Stuck."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, process, life, call = heapq.heappop(heap)
            self.time = when
            self.events += 1
            if self.events > self.limit:
                raise Stuck(f"more than {self.limit} events")
            if process is None:
                call()
            elif process.life == life and process.alive:
                if process.paused:
                    process.backlog.append((life, call))
                    continue
                self.act(process, call)
            if done():
                return True
        self.time = max(self.time, until)
        return done()

    def act(self, process: Process, call: Callable[[], None]) -> None:
        """Lets `process` do something now; it may die of it."""
        try:
            call()
        except Crashed:
            self.died(process)
