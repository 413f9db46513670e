"""A run fulfils what is ordered, ends at rest, and is the same each time, byte for byte."""

import subprocess
import sys

import pytest

from proof.simulation.room import run_seed

SAME = """
import hashlib
from proof.simulation.room import run_seed
run_seed(2, "mild")
result = run_seed(11, "harsh", traced=True)
print(hashlib.sha256(result.trace.text().encode()).hexdigest(), result.violations)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_faults_everything_is_delivered(seed: int) -> None:
    result = run_seed(seed, "calm")
    assert result.violations == []
    assert set(result.orders) <= {"delivered", "cancelled"}
    assert not result.hits


def test_the_same_seed_gives_the_same_trace_whatever_ran_before() -> None:
    first = run_seed(7, "harsh", traced=True)
    run_seed(8, "mild")
    second = run_seed(7, "harsh", traced=True)
    assert first.trace.lines
    assert first.trace.text() == second.trace.text()


def test_the_same_seed_gives_the_same_trace_in_another_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", SAME], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        ).stdout
        for hash_seed in ("0", "1", "77")
    }
    assert len(told) == 1
