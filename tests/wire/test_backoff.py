"""Delays grow to a cap, with jitter from the generator that was given."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.backoff import Backoff


@given(st.integers(0, 2**32))
def test_delays_grow_to_the_cap_and_start_again_after_success(seed: int) -> None:
    backoff = Backoff(Random(seed), first=0.1, cap=5.0)
    delays = [backoff.next() for _ in range(2000)]
    wholes = [min(5.0, 0.1 * 2**n) for n in range(7)] + [5.0] * 1993
    assert all(0.5 * whole <= delay <= whole for delay, whole in zip(delays, wholes, strict=True))
    backoff.reset()
    assert backoff.next() <= 0.1


def test_the_same_seed_gives_the_same_delays_and_no_jitter_gives_whole_ones() -> None:
    one, other = Backoff(Random(7)), Backoff(Random(7))
    assert [one.next() for _ in range(9)] == [other.next() for _ in range(9)]
    plain = Backoff(Random(7), first=1, cap=8, jitter=0)
    delays = [plain.next() for _ in range(6)]
    assert delays == [1, 2, 4, 8, 8, 8]
    assert all(b >= a for a, b in pairwise(delays))


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 9, "cap": 5}, {"factor": 0.5}, {"jitter": 1}])
def test_what_is_no_backoff_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no backoff"):
        Backoff(Random(1), **wrong)
