"""What processes use of the machine, and which belong to one. For the benches: it needs psutil, a test package."""

import contextlib

import psutil


def cpu_seconds(pid: int, *, alone: bool = False) -> float:
    """What a process and, unless `alone`, those that it started have used of the processors so far."""
    used = 0.0
    for one in (pid, *(() if alone else descendants(pid))):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(one).cpu_times()
            used += times.user + times.system
    return used


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []
