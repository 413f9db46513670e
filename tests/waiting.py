"""Waiting for a condition, with a deadline: the one place where tests let time pass."""

import time
from collections.abc import Callable

WAIT_SECONDS = 150.0


def wait_until(condition: Callable[[], bool], what: str = "it is so", seconds: float = WAIT_SECONDS) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"gave up waiting until {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
