"""One budget of time that several steps share."""

from typing import Protocol


class Clock(Protocol):
    """Where the time comes from: real in production, virtual in a simulation."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class Deadline:
    """`seconds` from now on, by `clock`; each step asks what is left of it."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.now() + seconds

    def left(self) -> float:
        """Seconds left, never negative: fit for use as a timeout."""
        return max(0.0, self._at - self._clock.now())

    @property
    def expired(self) -> bool:
        """True from the moment on at which nothing is left."""
        return self._clock.now() >= self._at
