"""The pace of a hundred orders, in virtual time, is held in every run of the tests: it depends on no machine."""

import statistics

import pytest

from proof.bench_pace import ELEMENTS_LIMIT, LIMITS, minimum_once, ours_once

SEEDS = range(7)


@pytest.mark.parametrize("loss", LIMITS)
def test_a_hundred_orders_take_little_longer_than_with_a_shop_that_never_thinks(loss: int) -> None:
    ours = [ours_once(loss, seed) for seed in SEEDS]
    least = statistics.mean(minimum_once(loss, seed).seconds for seed in SEEDS)
    assert statistics.mean(pace.seconds for pace in ours) <= LIMITS[loss] * least
    if not loss:
        assert max(pace.elements for pace in ours) <= ELEMENTS_LIMIT
