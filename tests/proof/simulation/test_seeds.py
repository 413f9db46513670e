"""Harsh seeds, most the same each time and some new with each commit, and some mild ones: nothing breaks.

A failure names the seed and the command that looks at it.
"""

import subprocess
import sys
from collections.abc import Iterable

import pytest

from proof.simulation.room import run_seed

# For the workers to share.
IN_ONE = 50
FRESH = range(0, 1000, IN_ONE)
# Seeds that broke a guarantee once (docs/track-record.md).
MENDED = (
    4759,
    1001925,
    5008287,
    5019831,
    5024499,
    5027066,
    7022053,
    9014539,
    9025995,
    9031806,
    20000274,
    20000802,
    21002907,
    23065176,
    30000244,
    30006366,
    30010129,
    40070567,
    60000104,
    80000240,
    73994200015,
    73994200780,
    73994200974,
    73994201875,
    73994202026,
    2073348971535,
)


def hold(seeds: Iterable[int], profile: str) -> None:
    for seed in seeds:
        result = run_seed(seed, profile)
        said = "; ".join(f"{guarantee}: {words}" for guarantee, words in result.violations)
        assert result.good, f"{said}\nlook at it: minimart simulate --seeds {seed} --profile {profile}"


def seeds_of_this_commit() -> int:
    """Where the 1,000 seeds begin that this commit alone has: the same for all workers, and when it is tested again."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
    return 10**9 + int(told[:8] or "0", 16) * len(FRESH) * IN_ONE


@pytest.mark.longest
@pytest.mark.timeout(1500)
def test_guarantees_hold_under_4000_harsh_seeds_which_meet_everything_that_can_go_wrong() -> None:
    command = [sys.executable, "-m", "minimart", "simulate", "--seeds", "0-3999", "--profile", "harsh", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", FRESH)
def test_guarantees_hold_under_harsh_seeds_that_nobody_has_seen(first: int) -> None:
    begin = seeds_of_this_commit() + first
    hold(range(begin, begin + IN_ONE), "harsh")


def test_guarantees_hold_under_seeds_that_broke_them_once() -> None:
    hold(MENDED, "harsh")


@pytest.mark.parametrize("first", range(0, 20, 10))
def test_guarantees_hold_under_mild_seeds(first: int) -> None:
    hold(range(first, first + 10), "mild")
