"""Two use cases in two threads on two PostgreSQL connections, one statement at a time, in a chosen order.

Rules: each side stops before every SQL statement and before every commit, and goes on when the schedule says so; a
side that waits for a lock lets the other one go on; a schedule is where the running side is pre-empted, after that each
runs as far as it can. Both waiting at once is a deadlock: it is noted, and PostgreSQL is left to end it. What is run,
and what must hold afterwards, is elsewhere (pairs, test_pairs).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import ExceptionContext

from db.engine import read_only

COMMIT = "COMMIT"
DEADLINE_SECONDS = 120.0
# Between two looks whether a side waits for a lock.
LOOK_SECONDS = 0.002
# PostgreSQL: serialization_failure, deadlock_detected.
LOST_RACES = ("40001", "40P01")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`first` (0 or 1) begins; each turn is how many stops the running side passes before it is the other one's."""

    first: int
    turns: tuple[int, ...] = ()

    def __str__(self) -> str:
        names = ("AB", "BA")[self.first] * len(self.turns)
        return (
            " ".join(f"{name}{turn}" for name, turn in zip(names, self.turns, strict=False)) + f" then {self._last()}"
        )

    def _last(self) -> str:
        return "AB"[(self.first + len(self.turns)) % 2]


@dataclass(slots=True)
class Ending:
    """How a side ended: what it returned or raised, the statements that it made, and the races that it lost."""

    answer: Any = None
    error: Exception | None = None
    statements: list[str] = field(default_factory=list)
    lost_races: list[str] = field(default_factory=list)


class _Side:
    """One use case on its thread. `engine` is its own, and only it uses it."""

    def __init__(self, name: str, engine: Engine, work: Callable[[], Any], turned: threading.Condition) -> None:
        self.name = name
        self.ending = Ending()
        self.done = False
        self.at_stop = False
        self.pids: set[int] = set()
        self._turned = turned
        self._may_pass = False
        self._work = work
        self._engine = engine
        self._hooks: list[tuple[str, Callable[..., None]]] = [
            ("before_cursor_execute", self._before_statement),
            ("commit", self._before_commit),
            ("handle_error", self._on_error),
        ]
        self.thread = threading.Thread(target=self._run, name=f"side {name}", daemon=True)

    def start(self) -> None:
        for name, hook in self._hooks:
            event.listen(self._engine, name, hook)
        self.thread.start()

    def forget(self) -> None:
        for name, hook in self._hooks:
            event.remove(self._engine, name, hook)

    def pass_on(self) -> None:
        """Lets it make the statement before which it has stopped. The condition is held."""
        self.at_stop = False
        self._may_pass = True
        self._turned.notify_all()

    def _run(self) -> None:
        try:
            self._stop("begin")
            self.ending.answer = self._work()
        except Exception as error:  # noqa: BLE001 - how it ended is judged by whoever made the schedule
            self.ending.error = error
        with self._turned:
            self.done = True
            self._turned.notify_all()

    def _before_statement(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        self.pids.add(connection.connection.driver_connection.info.backend_pid)  # type: ignore[union-attr]
        self._stop(statement)

    def _before_commit(self, _connection: Connection) -> None:
        self._stop(COMMIT)

    def _on_error(self, context: ExceptionContext) -> None:
        code = getattr(context.original_exception, "pgcode", None)
        if code in LOST_RACES:
            self.ending.lost_races.append(code)

    def _stop(self, statement: str) -> None:
        with self._turned:
            self.ending.statements.append(statement)
            self.at_stop = True
            self._turned.notify_all()
            if not self._turned.wait_for(lambda: self._may_pass, DEADLINE_SECONDS):
                raise TimeoutError(f"side {self.name} was forgotten before {statement[:80]}")
            self._may_pass = False


@dataclass(slots=True)
class Outcome:
    """What became of a schedule. `taken` is what really happened: the side and its statement, in order."""

    schedule: Schedule
    endings: tuple[Ending, Ending]
    taken: list[tuple[str, str]]
    deadlocked: bool

    def story(self) -> str:
        """The statements in the order in which they were made."""
        lines = [f"  {side}: {' '.join(statement.split())[:150]}" for side, statement in self.taken]
        return "\n".join([f"schedule: {self.schedule}", *lines])


def run(
    engines: tuple[Engine, Engine],
    works: tuple[Callable[[], Any], Callable[[], Any]],
    schedule: Schedule,
    watcher: Engine,
) -> Outcome:
    """Runs both in lockstep, until both have ended. `watcher` looks who waits for whom, and is used by nobody else."""
    turned = threading.Condition()
    sides = [_Side(name, engine, work, turned) for name, engine, work in zip("AB", engines, works, strict=True)]
    taken: list[tuple[str, str]] = []
    with read_only(watcher).connect() as looking:
        waits = partial(_waits_for_the_other, looking, sides)
        for side in sides:
            side.start()
        try:
            deadlocked = _drive(sides, schedule, turned, waits, taken)
        finally:
            for side in sides:
                side.thread.join(DEADLINE_SECONDS)
                side.forget()
    return Outcome(schedule, (sides[0].ending, sides[1].ending), taken, deadlocked)


def _drive(
    sides: list[_Side],
    schedule: Schedule,
    turned: threading.Condition,
    waits: Callable[[_Side], bool],
    taken: list[tuple[str, str]],
) -> bool:
    """The scheduler: one side at a time passes one stop. Whether both ever waited for each other."""
    give_up_at = time.monotonic() + DEADLINE_SECONDS
    turns = list(schedule.turns)
    running, blocked, deadlocked = schedule.first, [False, False], False
    with turned:
        for side in sides:
            turned.wait_for(lambda side=side: side.at_stop or side.done, DEADLINE_SECONDS)
        # The stop before the beginning is nobody's turn.
        for side in sides:
            side.ending.statements.clear()
            side.pass_on()
            _settle(side, turned, waits, give_up_at)
        freed = False
        while not all(side.done for side in sides):
            # Locks are given up with a commit, or by who is done.
            if freed or all(blocked) or any(side.done for side in sides):
                for number, side in enumerate(sides):
                    if blocked[number]:
                        blocked[number] = _settle(side, turned, waits, give_up_at)
            if all(blocked):
                # Both wait: PostgreSQL ends one of them after its deadlock_timeout.
                deadlocked = True
                turned.wait(LOOK_SECONDS)
                continue
            if turns and turns[0] <= 0:
                turns.pop(0)
                running = 1 - running
            if sides[running].done or blocked[running]:
                running = 1 - running
                turns.clear()
            if sides[running].done or blocked[running]:
                # The one that is left waits for a lock that was just given up.
                turned.wait(LOOK_SECONDS)
                continue
            side = sides[running]
            taken.append((side.name, side.ending.statements[-1]))
            if turns:
                turns[0] -= 1
            freed = side.ending.statements[-1] == COMMIT
            side.pass_on()
            blocked[running] = _settle(side, turned, waits, give_up_at)
    return deadlocked


def _settle(side: _Side, turned: threading.Condition, waits: Callable[[_Side], bool], give_up_at: float) -> bool:
    """Until a side is at its next stop, has ended (False), or waits for a lock (True)."""
    while not turned.wait_for(lambda: side.at_stop or side.done, LOOK_SECONDS):
        turned.release()
        try:
            found = waits(side)
        finally:
            turned.acquire()
        if found and not (side.at_stop or side.done):
            return True
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"side {side.name} does not come on: {side.ending.statements[-1][:200]}")
    return False


def _waits_for_the_other(watcher: Connection, sides: list[_Side], side: _Side) -> bool:
    """Not for anybody else: who is held up by PostgreSQL's own vacuum comes on without the other side."""
    (other,) = (one for one in sides if one is not side)
    return bool(watcher.execute(_WAITING, {"pids": list(side.pids), "others": list(other.pids)}).scalar_one())


_WAITING = text(
    "select count(*) > 0 from unnest(cast(:pids as int[])) pid where pg_blocking_pids(pid) && cast(:others as int[])"
)


def schedules(lengths: tuple[int, int], preemptions: int) -> Iterator[Schedule]:
    """Every schedule of two sides with so many statements (commits included), at most `preemptions` of them."""
    for first in (0, 1):
        yield from _extend(first, lengths, (), preemptions)


def _extend(first: int, lengths: tuple[int, int], turns: tuple[int, ...], left: int) -> Iterator[Schedule]:
    yield Schedule(first, turns)
    if not left:
        return
    mine = (first + len(turns)) % 2
    passed = sum(turn for at, turn in enumerate(turns) if (first + at) % 2 == mine)
    for turn in range(1, lengths[mine] - passed):
        yield from _extend(first, lengths, (*turns, turn), left - 1)
