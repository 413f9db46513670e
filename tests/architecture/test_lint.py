"""What `make lint` checks is checked with every run of the tests, one test per tool; and the contract check bites."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEW_FIELD = "  required int64 worldid = 1;\n  optional string planted = 99;"


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["ruff", "format", "mypy", "buf", "breaking", "gen"])
def test_lint_is_content(tool: str) -> None:
    done = run("make", "--no-print-directory", f"lint-{tool}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """A copy of the contracts, to be changed."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def change(root: Path, contract: str, before: str, after: str) -> None:
    path = root / "proto" / contract
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def check(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, ROOT / "proto" / "breaking.py", "--root", root, *options)


@pytest.mark.parametrize(
    ("contract", "before", "after"),
    [
        ("partners/ups/ups.proto", "repeated int64 acks = 3", "repeated int64 acks = 8"),
        ("shop/orders/v1/orders.proto", "int64 total_cents = 2", "int32 total_cents = 2"),
    ],
)
def test_who_breaks_a_contract_is_told_what_and_what_to_do_instead(
    contracts: Path, contract: str, before: str, after: str
) -> None:
    change(contracts, contract, before, after)
    done = check(contracts)
    assert done.returncode == 1
    assert f"proto/{contract}:" in done.stdout
    assert "a number or name of its own" in done.stdout
    assert "make baseline FORCE=1" in done.stdout


def test_a_promise_is_given_up_only_by_force(contracts: Path) -> None:
    baseline = contracts / "proto" / "baseline.binpb"
    was = baseline.read_bytes()
    change(contracts, "partners/ups/ups.proto", "repeated int64 acks = 3", "repeated int64 acks = 8")
    refused = check(contracts, "--accept")
    assert refused.returncode == 1
    assert "was left as it was" in refused.stdout
    assert baseline.read_bytes() == was
    assert check(contracts, "--accept", "--force").returncode == 0
    assert check(contracts).returncode == 0


def test_what_is_new_has_to_be_in_the_baseline(contracts: Path) -> None:
    change(contracts, "partners/ups/ups.proto", "  required int64 worldid = 1;", NEW_FIELD)
    done = check(contracts)
    assert done.returncode == 1
    assert "Nothing is broken. Run `make baseline`" in done.stdout
    assert check(contracts, "--accept").returncode == 0
    assert check(contracts).returncode == 0


def test_a_comment_changes_no_contract(contracts: Path) -> None:
    assert check(contracts, "--accept", "--force").returncode == 0
    change(contracts, "partners/ups/ups.proto", "message UAstart {", "// More about it.\nmessage UAstart {")
    done = check(contracts)
    assert done.returncode == 0, done.stdout
