"""A set of integers kept as merged ranges, so that memory grows with the gaps and not with the numbers.

Rules: adding is logarithmic for numbers that come in order and for numbers inside a known range; the set never claims a
number that was not added. With a limit on the ranges it forgets the lowest ones: what forgetting means is for the user
of the set to say.
"""

from bisect import bisect_right
from collections.abc import Iterator


class RangeSet:
    """Integers of any size and sign, added one at a time.

    `max_ranges` is how many ranges are kept at most; None: all.
    """

    __slots__ = ("_firsts", "_lasts", "forgotten", "max_ranges")

    def __init__(self, max_ranges: int | None = None) -> None:
        if max_ranges is not None and max_ranges < 1:
            raise ValueError(f"max_ranges is {max_ranges}, at least 1 is needed")
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.max_ranges = max_ranges
        self.forgotten = 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self._firsts, self._lasts, strict=True))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Give (first, last) of each range, both inside, in rising order."""
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    @property
    def ranges(self) -> int:
        """How many ranges are kept."""
        return len(self._firsts)

    def add(self, number: int) -> bool:
        """Put `number` in; False if it was in already."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, number)
        if at and number <= lasts[at - 1]:
            return False
        joins_left = at > 0 and lasts[at - 1] == number - 1
        joins_right = at < len(firsts) and firsts[at] == number + 1
        if joins_left and joins_right:
            lasts[at - 1] = lasts[at]
            del firsts[at], lasts[at]
        elif joins_left:
            lasts[at - 1] = number
        elif joins_right:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
            self._forget_lowest()
        return True

    def _forget_lowest(self) -> None:
        """Keep to the limit; an eighth goes at once, so that the cost of moving the rest is rare."""
        if self.max_ranges is None or len(self._firsts) <= self.max_ranges:
            return
        count = max(1, self.max_ranges // 8)
        del self._firsts[:count], self._lasts[:count]
        self.forgotten += count
