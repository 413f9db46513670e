"""Plays cases and notes how each went: the same for whichever side is checked.

Rules: cases that are independent (each on a ground of its own) go on at the same time, on one ground one after the
other; checks of the whole run are last and look at every ground; a ground on which nobody is there any more is left.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from proof.conform.cases import Case, CaseFailed, NobodyThereError, NotApplicable
from proof.conform.reading import in_short
from proof.conform.verdict import Entry, Outcome

_TRACED = 40
# So many cases in a row without a partner end a ground.
_TRIES = 2


class Ground(Protocol):
    """What a case is played on: one partner, and all that is needed to check it."""

    @property
    def trace(self) -> Sequence[Entry]:
        """What happened since `begin`."""

    @property
    def strange(self) -> Sequence[str]:
        """What came since `begin` that the contract has no place for, in words."""

    async def begin(self) -> None:
        """Puts everything right for the next case. Raises NobodyThereError if there is no partner."""


async def play_cases(
    grounds: Sequence[Ground], cases: Iterable[Case], tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Plays each case on one of the grounds, in the order of the cases as far as it goes; `tell` hears of each at once.

    Gives the outcomes in the order of the cases; those that nobody was there for are missing.
    """
    cases = list(cases)
    waiting = deque(case for case in cases if not case.whole_run)
    outcomes: dict[str, Outcome] = {}

    async def play_on(ground: Ground) -> None:
        alone = 0
        while waiting and alone < _TRIES:
            case = waiting.popleft()
            outcome = await play(ground, case)
            alone = alone + 1 if outcome.alone else 0
            if outcome.alone and len(grounds) > 1 and alone >= _TRIES:
                # Another ground may still have a partner.
                waiting.appendleft(case)
                return
            outcomes[case.id] = outcome
            tell(outcome)

    await asyncio.gather(*(play_on(ground) for ground in grounds))
    if not waiting:
        for case in cases:
            if case.whole_run:
                outcomes[case.id] = worst(await asyncio.gather(*(play(ground, case) for ground in grounds)))
                tell(outcomes[case.id])
    return [outcomes[case.id] for case in cases if case.id in outcomes]


async def play(ground: Ground, case: Case) -> Outcome:
    """Plays one case."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await ground.begin()
        await case.play(ground)
    except NotApplicable as reason:
        return Outcome(case, loop.time() - began, skipped=reason.reason)
    except CaseFailed as failure:
        alone = isinstance(failure, NobodyThereError)
        trace = tuple(ground.trace[-_TRACED:])
        came = in_short([failure.came, *(words for words in ground.strange if words not in failure.came)])
        return Outcome(case, loop.time() - began, failure.expected, came, alone=alone, trace=trace)
    return Outcome(case, loop.time() - began)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """One of several outcomes of the same case: a failure before a pass, a pass before "not applicable"."""
    return min(outcomes, key=lambda outcome: (not outcome.expected, bool(outcome.skipped)))
