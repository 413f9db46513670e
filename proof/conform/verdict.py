"""How cases went, and what a run comes to: the same for whichever side is checked.

Rules: a MUST that is not kept is a failure, a SHOULD only when strict; what is expected to fail is none, and when it
passes that is said (a failure when strict); a case that does not apply is neither passed nor failed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from proof.conform.cases import Case, Level

DOCUMENT = "docs/ups-protocol.md"


class Verdict(StrEnum):
    """What one outcome is to the run."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_KEPT = "SHOULD not kept"
    KNOWN = "failed as expected"
    SURPRISE = "passed unexpectedly"
    NOT_APPLICABLE = "not applicable"


class Way(StrEnum):
    """Which way an entry of a trace went."""

    SENT = "sent"
    CAME = "came"
    NOTE = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of what happened, `at` seconds after the beginning of the run."""

    at: float
    way: Way
    text: str

    def __str__(self) -> str:
        return f"{self.at:9.3f} s  {self.way:4}  {self.text}"


def newest(trace: Sequence[Entry]) -> str:
    """What came last, in words."""
    came = [entry.text for entry in trace if entry.way is Way.CAME]
    return f"the last that came: {came[-1]}" if came else "nothing came at all"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went. `expected` is empty unless it failed, `skipped` unless it did not apply.

    `alone`: it failed because nobody came; `trace`: the end of what happened, of a failure only.
    """

    case: Case
    seconds: float
    expected: str = ""
    came: str = ""
    skipped: str = ""
    alone: bool = False
    trace: tuple[Entry, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the partner did as expected."""
        return not self.expected and not self.skipped

    @property
    def sent(self) -> list[str]:
        """What the kit itself said last before the case failed."""
        return [entry.text for entry in self.trace if entry.way is Way.SENT][-3:] or ["nothing"]


@dataclass(frozen=True)
class Run:
    """A whole run of `cases` against one partner; `known` are the ids that may fail, with the reasons."""

    side: str
    cases: Sequence[Case]
    outcomes: Sequence[Outcome]
    strict: bool = False
    known: Mapping[str, str] = field(default_factory=dict)
    # Seconds since the epoch, and how long.
    began_at: float = 0.0
    seconds: float = 0.0
    # What was checked, in a line.
    subject: str = ""

    @property
    def name(self) -> str:
        """The command that ran."""
        return f"minimart conform {self.side}"

    def verdict(self, outcome: Outcome) -> Verdict:
        """What an outcome is to this run."""
        return judge(outcome, strict=self.strict, known=self.known)

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """How many there are of each."""
        return Counter(self.verdict(outcome) for outcome in self.outcomes)

    @property
    def unplayed(self) -> int:
        """How many cases were left when nobody was there any more."""
        return len(self.cases) - len(self.outcomes)

    def failures(self) -> list[Outcome]:
        """What makes the run a failure."""
        bad = {Verdict.FAILED, Verdict.SURPRISE} if self.strict else {Verdict.FAILED}
        return [outcome for outcome in self.outcomes if self.verdict(outcome) in bad]

    @property
    def exit_code(self) -> int:
        """0 for success, 1 for failures or a partner that went away."""
        return int(bool(self.failures()) or self.unplayed > 0)


def judge(outcome: Outcome, *, strict: bool, known: Mapping[str, str]) -> Verdict:
    """What an outcome is."""
    if outcome.skipped:
        return Verdict.NOT_APPLICABLE
    expected_to_fail = outcome.case.id in known
    if outcome.passed:
        return Verdict.SURPRISE if expected_to_fail else Verdict.PASSED
    if expected_to_fail:
        return Verdict.KNOWN
    return Verdict.FAILED if strict or outcome.case.level is Level.MUST else Verdict.NOT_KEPT
