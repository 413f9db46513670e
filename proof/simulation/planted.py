"""Planted bugs: each is applied to a copy of the tree, and the simulation must catch it.

So the checkers are seen to bite. A bug is a file of proof/planted: what it is in a line, "Breaks:" with the guarantee,
and a patch. Rules: a patch that does not apply is a failure, for then docs/planted-bugs.md speaks of code that is gone;
the tree itself is never touched. `make test` begins at the seed that the table names, and needs it alone as long as
what a seed means has not changed.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from proof.config import inherited

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "proof" / "planted"
TABLE = ROOT / "docs" / "planted-bugs.md"
PACKAGES = ("db", "gen", "mesh", "orders_svc", "proof", "sim", "ups_bridge", "wire", "world_bridge")
MOST_SEEDS = 2000
PROFILE = "harsh"
HEAD = f"""# Planted bugs

A checker that never bites proves nothing. Each bug below is a patch in proof/planted. `minimart simulate --planted`
puts it in a copy of the tree and lets {PROFILE} seeds run, from 0 on, until a guarantee is seen broken. One that is
not caught within {MOST_SEEDS} seeds, or a patch that no longer applies, fails the run. `make test` has each of them
caught again, beginning with the seed that did it here; without a bug every one of these seeds keeps every guarantee.
When the code under a patch changes, the patch is made anew with the change, not dropped; `minimart simulate --planted
--table` then makes this table anew.

"Breaks" is what the bug is about; "seen as" is the guarantee whose check was the first to notice, often a later effect.
The seed that caught a bug is one less than the number of seeds, as seeds begin at 0.

| bug | what it does | breaks | seen as | seeds until caught |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: its name, what it is, and the guarantee that it breaks."""

    name: str
    what: str
    breaks: str
    patch: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the hunt said. `seeds`: how many from 0 on are needed; None: not caught, and `words` says why."""

    bug: Bug
    seeds: int | None
    guarantee: str
    words: str


def bugs(folder: Path = FOLDER) -> list[Bug]:
    """All planted bugs, by name."""
    found = []
    for patch in sorted(folder.glob("*.patch")):
        what, breaks = patch.read_text(encoding="utf-8").splitlines()[:2]
        found.append(Bug(patch.stem, what, breaks.removeprefix("Breaks: "), patch))
    return found


def apply(bug: Bug, copy: Path, *, check: bool = False) -> str | None:
    """Applies a bug to a copy of the tree, or only looks whether it can; gives why not, if not."""
    done = subprocess.run(  # noqa: S603 - our own command line
        ["git", "apply", "--whitespace=nowarn", *(["--check"] if check else []), str(bug.patch)],  # noqa: S607 - wherever git is
        cwd=copy,
        env={**inherited(), "GIT_CEILING_DIRECTORIES": str(copy.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else f"does not apply: {' '.join(done.stderr.split())[:200]}"


def copy_tree(into: Path) -> None:
    """The packages that the simulation uses."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, into / package, ignore=shutil.ignore_patterns("planted"))


def caught_in(table: Path = TABLE) -> dict[str, int]:
    """How many seeds each bug took, as the table says."""
    rows = [line.split("|") for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): int(row[5]) for row in rows}


def hunt(bug: Bug, first: int = 0, most: int = MOST_SEEDS) -> Outcome:
    """Plants one bug in a copy and lets at most so many seeds run, from `first` on, until it is caught."""
    with tempfile.TemporaryDirectory(prefix=f"planted-{bug.name}-") as folder:
        copy = Path(folder).resolve() / "tree"
        copy.mkdir()
        copy_tree(copy)
        reason = apply(bug, copy)
        if reason is not None:
            return Outcome(bug, None, "", reason)
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "proof.simulation.hunt", str(copy), str(first), str(most), PROFILE],
            cwd=copy,
            env={**inherited(), "PYTHONPATH": f"{copy}:{copy / 'gen'}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return Outcome(bug, None, "", f"the hunt failed: {' '.join(done.stderr.split())[-300:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        if said["seed"] is None:
            return Outcome(bug, None, "", f"not caught in {most} seeds from {first} on")
        return Outcome(bug, said["seed"] + 1, said["guarantee"], said["words"])


def hunt_all(chosen: list[Bug], jobs: int) -> Iterator[Outcome]:
    """Hunts all, some at a time; gives the outcomes in the order of the names."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(hunt, chosen)


def table(outcomes: list[Outcome]) -> str:
    """docs/planted-bugs.md, as these outcomes make it."""
    rows = ((one.bug.name, one.bug.what, one.bug.breaks, one.guarantee, one.seeds) for one in outcomes)
    return HEAD + "".join(
        f"| `{name}` | {what} | {breaks} | {seen} | {seeds} |\n" for name, what, breaks, seen, seeds in rows
    )


def run(only: str | None, jobs: int, write: bool) -> int:
    """Hunts planted bugs and says how it went; 0: all were caught. `write`: the table is made anew."""
    chosen = [bug for bug in bugs() if only in (None, bug.name)]
    if not chosen:
        raise click.UsageError(f"there is no planted bug {only!r}" if only else "no bugs are planted")
    missed = 0
    outcomes = []
    for outcome in hunt_all(chosen, jobs):
        outcomes.append(outcome)
        if outcome.seeds is None:
            missed += 1
            click.echo(f"MISSED {outcome.bug.name}: {outcome.words}")
        else:
            click.echo(f"{outcome.bug.name}: {outcome.seeds} seeds, {outcome.guarantee}: {outcome.words[:120]}")
    if write and only is None and not missed:
        TABLE.write_text(table(outcomes), encoding="utf-8")
    click.echo(f"{len(chosen) - missed} of {len(chosen)} planted bugs were caught")
    return 1 if missed else 0
