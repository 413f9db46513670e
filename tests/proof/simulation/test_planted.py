"""The planted bugs: their patches apply, the table speaks of all of them, and each is caught again.

With the seed of the table, which does it as long as the code does in it what it did then; or with another one.
"""

from pathlib import Path

import pytest

from proof.simulation import planted

BUGS = planted.bugs()
CAUGHT_IN = planted.caught_in()


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 30


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("copy") / "tree"
    tree.mkdir()
    planted.copy_tree(tree)
    return tree


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_its_patch_applies(bug: planted.Bug, copy: Path) -> None:
    assert planted.apply(bug, copy, check=True) is None
    assert bug.what.endswith(".")
    assert bug.breaks in {"G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"}


def test_the_table_speaks_of_all_of_them_and_of_no_others() -> None:
    rows = [
        line.split("|") for line in planted.TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    told = {row[1].strip().strip("`"): row[2].strip() for row in rows}
    assert told == {bug.name: bug.what for bug in BUGS}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_it_is_caught_again(bug: planted.Bug) -> None:
    known = CAUGHT_IN[bug.name] - 1
    outcome = planted.hunt(bug, known, most=1)
    if outcome.seeds is None:
        outcome = planted.hunt(bug)
    assert outcome.seeds is not None, outcome.words


def test_a_patch_that_does_not_apply_is_a_failure(tmp_path: Path, copy: Path) -> None:
    patch = tmp_path / "stale.patch"
    gone = "--- a/wire/framing.py\n+++ b/wire/framing.py\n@@ -1,1 +1,1 @@\n-gone\n+new\n"
    patch.write_text(f"Of code that is gone.\nBreaks: G1\n\n{gone}")
    (bug,) = planted.bugs(tmp_path)
    assert "does not apply" in (planted.apply(bug, copy) or "")
