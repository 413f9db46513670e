"""The conformance kit bites: each mistake that is planted in a UPS is named by the case that should name it."""

import asyncio
from pathlib import Path

from proof.conform.catalogue import CASES
from proof.conform.faulty.planted import FAULTS, with_table
from proof.conform.patience import Patience
from proof.conform.verdict import Outcome
from tests.proof.conforming import TICK, Impatient, outcomes_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
NAMING = tuple(dict.fromkeys(fault.named_by[0] for fault in FAULTS))
# Each has sockets and timers in this one process.
AT_ONCE = 10


def told(outcome: Outcome) -> str:
    return f"{outcome.case.id}: {outcome.expected}; {outcome.came}; {outcome.skipped}"


def test_each_planted_fault_is_named_by_its_case_which_passes_without_it() -> None:
    found: dict[str, Outcome] = {}
    missed: list[str] = []

    async def play_all() -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def broken(name: str) -> None:
            fault = next(fault for fault in FAULTS if fault.name == name)
            async with room:
                (found[name],) = (await outcomes_of(fault.named_by[:1], fault, Impatient(TICK, resend=2.0))).values()

        async def sound(id: str) -> None:
            async with room:
                (outcome,) = (await outcomes_of([id], None, Patience(TICK))).values()
            if not outcome.passed:
                missed.append(f"without any fault {told(outcome)}")

        await asyncio.gather(*map(sound, NAMING), *(broken(fault.name) for fault in FAULTS))

    asyncio.run(play_all())
    for fault in FAULTS:
        outcome = found[fault.name]
        # Who is not there at all is named by a case about being there.
        if not outcome.expected or (outcome.alone and not outcome.case.id.startswith("4.")):
            missed.append(f"{fault.name} is not named by {told(outcome)}")
    assert not missed, "\n".join(missed)


def test_every_fault_names_cases_that_there_are() -> None:
    assert len(FAULTS) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {id for fault in FAULTS for id in fault.named_by} <= {case.id for case in CASES}


def test_the_table_of_the_document_is_that_of_the_faults() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(text) == text, f"python -m proof.conform.faulty.planted --write {DOCUMENT.name} makes it anew"
