"""How long to wait before the next try: exponential, with a cap and jitter.

Rules: no clock and no hidden randomness, the delays come from the `rng` argument; a delay is never zero and never above
the cap. Re-sends of commands are deliberately elsewhere (`wire.session`): they stay flat while the peer lives.
"""

from random import Random


class Backoff:
    """The delays of one thing that is tried again and again, in seconds.

    The n-th delay is drawn evenly from the upper `jitter` part of min(cap, first * factor**n).
    """

    __slots__ = ("_rng", "attempts", "cap", "factor", "first", "jitter")

    def __init__(
        self, rng: Random, first: float = 0.1, cap: float = 5.0, factor: float = 2.0, jitter: float = 0.5
    ) -> None:
        if not (0 < first <= cap and factor >= 1 and 0 <= jitter < 1):
            raise ValueError(f"no backoff: first={first} cap={cap} factor={factor} jitter={jitter}")
        self.first = first
        self.cap = cap
        self.factor = factor
        self.jitter = jitter
        self.attempts = 0
        self._rng = rng

    def next(self) -> float:
        """Give the delay before the next try, and count the try."""
        whole = self.first
        for _ in range(self.attempts):
            whole *= self.factor
            if whole >= self.cap:
                whole = self.cap
                break
        else:
            self.attempts += 1
        return whole * (1 - self.jitter * self._rng.random())

    def reset(self) -> None:
        """Say that a try succeeded: the next delay is the first again."""
        self.attempts = 0
