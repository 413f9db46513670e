"""The time of a process that owns no database: steady, and close to the wall's."""

import time


class SteadyClock:
    """Seconds since the Unix epoch as they were at the start, and from there on by the steady clock.

    A wall clock that is set while the process runs can neither fire all timers at once nor stop them.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._offset + time.monotonic()
