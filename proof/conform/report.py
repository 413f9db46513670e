"""Outcomes as text for people and as JUnit XML for machines."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from proof.conform.cases import Case, Level
from proof.conform.runner import Outcome

DOCUMENT = "docs/ups-protocol.md"


def listed(case: Case) -> str:
    """A case in the list."""
    return f"{case.id:7} {case.level:6} {case.title}"


def line(outcome: Outcome) -> str:
    """How one case went; a failure with all that is needed to repair it."""
    word = "ok" if outcome.passed else "FAILED" if outcome.case.level is Level.MUST else "should"
    first = f"{word:7}{listed(outcome.case)}  ({outcome.seconds:.1f} s)"
    return first if outcome.passed else "\n".join([first, *explained(outcome)])


def explained(outcome: Outcome) -> list[str]:
    """What was expected, what came, what had been sent, and where it is written."""
    return [
        f"         expected: {outcome.expected}",
        f"         but:      {outcome.came}",
        f"         see:      {DOCUMENT}, {outcome.case.section}",
        *(f"         | {entry}" for entry in outcome.trace),
    ]


def summary(outcomes: Sequence[Outcome], *, of: int, strict: bool) -> str:
    """The last line; `of` cases were to be played."""
    failed = [outcome for outcome in outcomes if outcome.counts(strict=strict)]
    others = [outcome for outcome in outcomes if not outcome.passed and not outcome.counts(strict=strict)]
    played = f"{of} cases" if len(outcomes) == of else f"{len(outcomes)} of {of} cases, then given up: nobody is there"
    words = [played, f"{sum(outcome.passed for outcome in outcomes)} passed", f"{len(failed)} failed"]
    if others:
        words.append(f"{len(others)} SHOULD not kept")
    if failed:
        words.append("failed: " + " ".join(outcome.case.id for outcome in failed))
    return ", ".join(words)


def write_junit(path: Path, outcomes: Sequence[Outcome], *, strict: bool) -> None:
    """Writes JUnit XML. Raises OSError."""
    failures = sum(outcome.counts(strict=strict) for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": "minimart conform ups",
            "tests": str(len(outcomes)),
            "failures": str(failures),
            "errors": "0",
            "skipped": "0",
            "time": f"{seconds:.3f}",
        },
    )
    for outcome in outcomes:
        about = {"classname": f"ups.{outcome.case.section}", "name": f"{outcome.case.id} {outcome.case.title}"}
        entry = ElementTree.SubElement(suite, "testcase", {**about, "time": f"{outcome.seconds:.3f}"})
        if outcome.passed:
            continue
        text = "\n".join(explained(outcome))
        if outcome.counts(strict=strict):
            ElementTree.SubElement(entry, "failure", {"message": outcome.expected}).text = text
        else:
            ElementTree.SubElement(entry, "system-out").text = text
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
