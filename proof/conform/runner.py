"""Runs cases against one partner and notes how each went."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proof.conform.cases import Case, CaseFailed, Level, NobodyThereError
from proof.conform.catalogue_frames import frames
from proof.conform.catalogue_jobs import jobs
from proof.conform.catalogue_links import links
from proof.conform.catalogue_numbers import numbers
from proof.conform.kit import Kit

CASES: tuple[Case, ...] = (*links.cases, *frames.cases, *numbers.cases, *jobs.cases)
_TRACED = 30
# So many cases in a row without a partner end the run.
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went; `expected` is empty if it passed; `alone`: nobody was there; `trace`: what was sent and came."""

    case: Case
    seconds: float
    expected: str = ""
    came: str = ""
    alone: bool = False
    trace: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the partner did as expected."""
        return not self.expected

    def counts(self, *, strict: bool) -> bool:
        """Whether it is a failure of the run: a SHOULD counts only when strict."""
        return not self.passed and (strict or self.case.level is Level.MUST)


async def run_cases(kit: Kit, cases: Iterable[Case], tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Plays the cases one after the other, as long as there is a partner; `tell` hears of each at once."""
    outcomes = []
    for case in cases:
        outcome = await _play(kit, case)
        outcomes.append(outcome)
        tell(outcome)
        if len(outcomes) >= _TRIES and all(one.alone for one in outcomes[-_TRIES:]):
            break
    return outcomes


async def _play(kit: Kit, case: Case) -> Outcome:
    loop = asyncio.get_running_loop()
    kit.amazon.trace.clear()
    began = loop.time()
    try:
        await kit.settle()
        await case.play(kit)
    except CaseFailed as failure:
        trace = tuple(kit.amazon.trace[-_TRACED:])
        alone = isinstance(failure, NobodyThereError)
        return Outcome(case, loop.time() - began, failure.expected, failure.came, alone, trace)
    return Outcome(case, loop.time() - began)
