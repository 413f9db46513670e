"""A run as text for people, while it goes on and at its end."""

from proof.conform.cases import Case
from proof.conform.verdict import DOCUMENT, Outcome, Run, Verdict

_WORDS = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_KEPT: "should",
    Verdict.KNOWN: "known",
    Verdict.SURPRISE: "passed!",
    Verdict.NOT_APPLICABLE: "n/a",
}


def listed(case: Case) -> str:
    """A case in the list."""
    return f"{case.id:8} {case.level:6} {case.title}"


def line(outcome: Outcome, verdict: Verdict) -> str:
    """How one case went; a failure with all that is needed to repair it."""
    first = f"{_WORDS[verdict]:8}{listed(outcome.case)}  ({outcome.seconds:.1f} s)"
    if outcome.skipped:
        return f"{first}\n         {outcome.skipped}"
    return "\n".join([first, *explained(outcome)]) if outcome.expected else first


def explained(outcome: Outcome) -> list[str]:
    """What was sent, what was expected, what came, where it is written, and what went over the wire."""
    first, *more = outcome.sent
    return [
        f"         sent:     {first}",
        *(f"                   {text}" for text in more),
        f"         expected: {outcome.expected}",
        f"         but:      {outcome.came}",
        f"         see:      {DOCUMENT}, {outcome.case.section}",
        *(f"         | {entry}" for entry in outcome.trace),
    ]


def summary(run: Run) -> str:
    """The last lines."""
    counts, of = run.counts, len(run.cases)
    played = f"{of} cases"
    if run.unplayed:
        played = f"{len(run.outcomes)} of {of} cases, then given up: nobody is there"
    words = [played, f"{counts[Verdict.PASSED]} passed", f"{counts[Verdict.FAILED]} failed"]
    words += [
        f"{counts[verdict]} {verdict}"
        for verdict in (Verdict.NOT_KEPT, Verdict.KNOWN, Verdict.SURPRISE, Verdict.NOT_APPLICABLE)
        if counts[verdict]
    ]
    lines = [f"{', '.join(words)} ({run.seconds:.0f} s)"]
    for verdict in (Verdict.FAILED, Verdict.NOT_KEPT, Verdict.SURPRISE):
        ids = [outcome.case.id for outcome in run.outcomes if run.verdict(outcome) is verdict]
        if ids:
            lines.append(f"{verdict}: {' '.join(ids)}")
    return "\n".join(lines)
