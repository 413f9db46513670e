"""Virtual time, processes that die and stand still, and calls that wait."""

import gc
from contextvars import ContextVar
from typing import cast
from weakref import WeakSet

import pytest
from greenlet import getcurrent

from proof.simulation.scheduler import Crashed, Process, Scheduler, Stuck, Task, VirtualCondition, Waiting


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(100.0)


def alive(name: str = "one") -> Process:
    process = Process(name)
    process.begin()
    return process


def run(scheduler: Scheduler, until: float = 200.0) -> None:
    scheduler.run(until, lambda: False)


def test_things_happen_in_the_order_of_their_time_and_then_of_their_entry(scheduler: Scheduler) -> None:
    told: list[str] = []
    scheduler.at(103.0, None, lambda: told.append("c"))
    scheduler.at(101.0, None, lambda: told.append("a"))
    scheduler.at(101.0, None, lambda: told.append("b"))
    run(scheduler)
    assert told == ["a", "b", "c"]
    assert scheduler.time == 200.0


def test_what_was_meant_for_a_life_that_ended_does_not_happen(scheduler: Scheduler) -> None:
    process, told = alive(), []
    scheduler.at(101.0, process, lambda: told.append("before"))
    scheduler.at(103.0, process, lambda: told.append("in vain"))
    scheduler.at(102.0, None, process.end)
    scheduler.at(104.0, None, process.begin)
    run(scheduler)
    assert told == ["before"]


def test_nothing_is_done_by_a_process_that_is_down(scheduler: Scheduler) -> None:
    process, told = alive(), []
    process.end()
    scheduler.at(101.0, process, lambda: told.append("by a dead one"))
    run(scheduler)
    assert told == []


def test_a_paused_process_does_later_what_came_meanwhile(scheduler: Scheduler) -> None:
    process, told = alive(), []
    process.paused = True
    for at in (101.0, 102.0):
        scheduler.at(at, process, lambda at=at: told.append((at, scheduler.time)))  # type: ignore[misc]
    scheduler.at(110.0, None, lambda: scheduler.resume(process))
    run(scheduler)
    assert told == [(101.0, 110.0), (102.0, 110.0)]


def test_a_task_waits_while_others_run(scheduler: Scheduler) -> None:
    process, told = alive(), []
    waiting = Waiting(scheduler, process)
    scheduler.at(101.0, process, lambda: scheduler.task(process, "ask", lambda: told.append(waiting.wait())))
    scheduler.at(102.0, process, lambda: told.append("meanwhile"))
    scheduler.at(103.0, None, lambda: waiting.give("the answer"))
    run(scheduler)
    assert told == ["meanwhile", "the answer"]


def test_a_task_of_a_process_that_dies_never_wakes_and_is_tidied_up(scheduler: Scheduler) -> None:
    process, told = alive(), []
    waiting = Waiting(scheduler, process)

    def ask() -> None:
        try:
            told.append(waiting.wait())
        finally:
            told.append("unwound")

    scheduler.at(101.0, process, lambda: scheduler.task(process, "ask", ask))
    scheduler.at(102.0, None, process.end)
    scheduler.at(103.0, None, lambda: waiting.give("too late"))
    run(scheduler)
    assert told == ["unwound"]


def test_a_task_begins_without_the_caller_of_the_last(scheduler: Scheduler) -> None:
    process, told = alive(), []
    caller: ContextVar[str | None] = ContextVar("caller", default=None)

    def serve() -> None:
        told.append(caller.get())
        caller.set("ups_bridge")

    for at in (101.0, 102.0):
        scheduler.at(at, process, lambda: scheduler.task(process, "serve", serve))
    run(scheduler)
    assert told == [None, None]
    assert not process.tasks


def test_at_the_end_nothing_is_held_of_a_run(scheduler: Scheduler) -> None:
    process, tasks = alive(), WeakSet[Task]()

    def look() -> None:
        tasks.add(cast(Task, getcurrent()))

    for _ in range(2):
        scheduler.task(process, "look", look)
    assert len(tasks) == 1
    scheduler.end()
    gc.collect()
    assert not tasks


def test_who_crashes_dies_and_the_others_go_on(scheduler: Scheduler) -> None:
    process, other, told = alive(), alive("other"), []

    def crash() -> None:
        raise Crashed

    scheduler.at(101.0, process, crash)
    scheduler.at(102.0, process, lambda: told.append("in vain"))
    scheduler.at(102.0, other, lambda: told.append("goes on"))
    run(scheduler)
    assert told == ["goes on"]
    assert not process.alive


def test_time_that_stands_still_for_ever_is_noticed() -> None:
    scheduler = Scheduler(0.0, limit=100)

    def again() -> None:
        scheduler.after(0.0, None, again)

    again()
    with pytest.raises(Stuck):
        scheduler.run(1.0, lambda: False)


def test_a_condition_waits_in_virtual_time_until_it_is_told_or_until_it_has_waited_long_enough(
    scheduler: Scheduler,
) -> None:
    process = alive()
    condition = VirtualCondition(scheduler, process)
    facts: set[str] = set()
    told: list[tuple[float, str, bool]] = []

    def wait_for(fact: str, seconds: float) -> None:
        with condition:
            found = condition.wait_for(lambda: fact in facts, seconds)
        told.append((scheduler.time, fact, found))

    def learn(fact: str) -> None:
        facts.add(fact)
        condition.notify_all()

    for fact, seconds in (("early", 9.0), ("never", 5.0), ("known", 0.0)):
        scheduler.task(process, fact, lambda fact=fact, seconds=seconds: wait_for(fact, seconds))  # type: ignore[misc]
    scheduler.at(101.0, process, lambda: learn("another"))
    scheduler.at(103.0, process, lambda: learn("early"))
    run(scheduler)
    assert told == [(100.0, "known", False), (103.0, "early", True), (105.0, "never", False)]
