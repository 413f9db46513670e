"""The rules that tests/conftest.py sets for all tests: where it counts, a skipped test is a failed one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {
    "by a mark": "import pytest\n@pytest.mark.skip(reason='later')\ndef test_it(): pass\n",
    "in the test": "import pytest\ndef test_it(): pytest.skip('later')\n",
    "as a file": "import pytest\npytest.skip('later', allow_module_level=True)\n",
}


def run(path: Path, ci: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", path]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "CI": ci}, timeout=60
    )


@pytest.mark.parametrize("how", SKIPPED)
def test_a_skip_fails_where_it_counts_and_only_there(tmp_path: Path, how: str) -> None:
    path = tmp_path / "test_skipped.py"
    path.write_text(SKIPPED[how])
    counted = run(path, "true")
    assert counted.returncode in (1, 2), counted.stdout
    assert "skipped, which counts as failed here" in counted.stdout
    # Exit code 5: nothing ran, since the whole file was skipped.
    assert run(path, "").returncode in (0, 5)
