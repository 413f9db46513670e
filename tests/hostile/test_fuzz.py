"""The fuzz target runs, covers what it shall cover, and bites."""

import os
import re
import subprocess
import sys
from pathlib import Path

SECONDS = 10
LEAST_EDGES = 200
BROKEN = """
import sys
import tests.hostile.fuzz as fuzz

def broken(data):
    assert data[:2] != b"\\x30\\x31"

fuzz.TARGETS = (broken,)
fuzz.main(sys.argv[1:])
"""


def fuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments, f"-artifact_prefix={folder}/"],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_seconds_of_fuzzing_find_nothing(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "-m", "tests.hostile.fuzz", f"-max_total_time={SECONDS}", "-seed=1")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{list(tmp_path.iterdir())}"
    covered = re.findall(r"DONE +cov: (\d+)", done.stderr)
    assert covered, done.stderr
    assert int(covered[0]) >= LEAST_EDGES


def test_a_broken_rule_is_found_and_its_input_kept(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "-c", BROKEN, "-runs=2000000", "-seed=1")
    assert done.returncode != 0
    assert "AssertionError" in done.stdout + done.stderr
    (kept,) = tmp_path.glob("crash-*")
    assert kept.read_bytes()[1:3] == b"01"
