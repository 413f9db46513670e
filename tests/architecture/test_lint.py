"""What `make lint` checks is checked with every run of the tests, one test per tool; and the contract check bites."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).parent / "buf"


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["ruff", "format", "mypy", "buf", "breaking", "gen"])
def test_lint_is_content(tool: str) -> None:
    done = run("make", "--no-print-directory", f"lint-{tool}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("contract", "before", "after"),
    [
        ("partners/ups/ups.proto", "repeated int64 acks = 3", "repeated int64 acks = 8"),
        ("shop/orders/v1/orders.proto", "int64 total_cents = 2", "int32 total_cents = 2"),
    ],
)
def test_a_broken_contract_is_found(tmp_path: Path, contract: str, before: str, after: str) -> None:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    path = tmp_path / "proto" / contract
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    done = run(BUF, "breaking", "--against", ROOT / "proto" / "baseline.binpb", cwd=tmp_path)
    assert done.returncode != 0
    assert contract in done.stdout
