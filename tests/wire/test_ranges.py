"""A range set is a set of integers, and its memory is its gaps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.ranges import RangeSet

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 20)


@given(st.lists(NUMBERS), st.lists(NUMBERS))
def test_it_is_a_set_of_integers(numbers: list[int], others: list[int]) -> None:
    ranges, model = RangeSet(), set[int]()
    for number in numbers:
        assert ranges.add(number) == (number not in model)
        model.add(number)
        assert len(ranges) == len(model)
    for number in numbers + others:
        assert (number in ranges) == (number in model)


@given(st.lists(st.integers(-30, 30)))
def test_ranges_are_merged_and_rising(numbers: list[int]) -> None:
    ranges = RangeSet()
    for number in numbers:
        ranges.add(number)
    pairs = list(ranges)
    assert {n for first, last in pairs for n in range(first, last + 1)} == set(numbers)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(pairs))


@given(st.permutations(list(range(50))))
def test_numbers_without_gaps_end_as_one_range(numbers: list[int]) -> None:
    ranges = RangeSet()
    for number in numbers:
        ranges.add(number)
    assert list(ranges) == [(0, 49)]


@given(st.lists(st.integers(0, 400)), st.integers(1, 20))
def test_with_a_limit_it_forgets_the_lowest_and_never_invents(numbers: list[int], limit: int) -> None:
    ranges, model = RangeSet(limit), set[int]()
    for number in numbers:
        ranges.add(number)
        model.add(number)
        assert ranges.ranges <= limit
    kept = {n for first, last in ranges for n in range(first, last + 1)}
    assert kept <= model


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_ranges is 0"):
        RangeSet(0)
