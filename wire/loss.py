"""How many of our elements the peer loses, learned from its acks alone.

A command that was sent in m copies and stayed unanswered lost all m of them; so with a fraction f of such commands
unanswered, one copy is lost with p = f ** (1 / m). The estimate is the likeliest p for what was seen at all m together.
Rules: no clock (the caller says `now`); bounded memory (old samples fade); it rises at once and falls slowly, because
many copies hide the loss that makes them necessary.
"""

from math import ceil, log

_FALL = 0.75  # at most this factor down in one interval
_FADE = 0.85  # what samples still count for after one interval
_FORGOTTEN = 0.1
_LOWEST = 0.01
_HIGHEST = 0.999
_STEPS = 30


class LossEstimate:
    """The loss of single copies, 0 to 1. It outlives connections: loss belongs to the peer.

    `interval` is one round of sending and waiting, in seconds; `memory` the number of samples that count.
    """

    __slots__ = ("_answered", "_at", "_changed", "_fresh", "_interval", "_memory", "_unanswered", "_value", "_weight")

    def __init__(self, max_copies: int, interval: float, memory: int = 256) -> None:
        self._answered = [0.0] * (max_copies + 1)
        self._unanswered = [0.0] * (max_copies + 1)
        self._interval = interval
        self._memory = memory
        self._weight = 0.0
        self._value = 0.0
        self._at = float("-inf")
        self._changed = False
        self._fresh = False

    def answered(self, copies: int) -> None:
        """Count a command that was acked after `copies` copies in this round."""
        self._answered[copies] += 1
        self._fresh = True
        self._count()

    def unanswered(self, copies: int) -> None:
        """Count a command that a whole round with `copies` copies did not get through."""
        self._unanswered[copies] += 1
        self._count()

    def _count(self) -> None:
        self._changed = True
        self._weight += 1
        if self._weight > self._memory:
            self._fade(0.5)

    def _fade(self, factor: float) -> None:
        """Let old samples count less, down to nothing: losses that many copies hid would be believed for ever."""
        self._answered = [count * factor for count in self._answered]
        self._unanswered = [count * factor if count > _FORGOTTEN else 0.0 for count in self._unanswered]
        self._weight = sum(self._answered) + sum(self._unanswered)

    def value(self, now: float) -> float:
        """Give what is believed at `now`."""
        if self._changed:
            self._changed = False
            likeliest = self._likeliest()
            intervals = min(1.0, max(0.0, now - self._at) / self._interval)
            if likeliest >= self._value:
                self._value, self._at = likeliest, now
            elif self._fresh:
                self._value, self._at = max(likeliest, self._value * _FALL**intervals), now
                self._fade(_FADE**intervals)
            self._fresh = False
        return self._value

    def copies(self, now: float, allowed_misses: float) -> int:
        """Give how many copies leave at most the chance `allowed_misses` that none gets through; at most `max_copies`.

        One, as long as next to no loss is seen.
        """
        loss = self.value(now)
        if loss < _LOWEST:
            return 1
        return max(1, min(len(self._answered) - 1, ceil(log(allowed_misses) / log(loss))))

    def _likeliest(self) -> float:
        """Find p where the likelihood's derivative is zero: it only falls with p, so halving finds it."""
        lost = sum(copies * count for copies, count in enumerate(self._unanswered))
        if lost == 0:
            return 0.0
        # One imagined success, so that a single unanswered command is not taken for a loss of everything.
        got = [(copies, count + (copies == 1)) for copies, count in enumerate(self._answered) if count or copies == 1]
        low, high = 0.0, _HIGHEST
        for _ in range(_STEPS):
            p = (low + high) / 2
            if lost > sum(count * copies * p**copies / (1 - p**copies) for copies, count in got):
                low = p
            else:
                high = p
        return high
