"""Some seeds of each profile, the same each time and others each time: every guarantee holds."""

import random

import pytest

from proof.simulation.room import run_seed

FRESH = random.SystemRandom().randrange(10**6, 10**9)


def hold(seed: int, profile: str) -> None:
    result = run_seed(seed, profile)
    said = "; ".join(f"{guarantee}: {words}" for guarantee, words in result.violations)
    assert result.good, f"{said}; minimart simulate --seeds {seed} --profile {profile} --only-faults to look at it"


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_guarantees_hold_under_the_same_harsh_seeds(first: int) -> None:
    for seed in range(first, first + 10):
        hold(seed, "harsh")


@pytest.mark.parametrize("first", range(0, 20, 10))
def test_guarantees_hold_under_the_same_mild_seeds(first: int) -> None:
    for seed in range(first, first + 10):
        hold(seed, "mild")


@pytest.mark.parametrize("part", range(3))
def test_guarantees_hold_under_fresh_seeds(part: int) -> None:
    for seed in range(10):
        hold(FRESH + 10 * part + seed, "harsh")
