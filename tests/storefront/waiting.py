"""Waiting for something to become true, with a deadline."""

import select
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 150.0) -> None:
    """Returns as soon as `condition` holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        select.select([], [], [], 0.01)
