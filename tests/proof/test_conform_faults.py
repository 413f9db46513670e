"""The conformance kit bites: each mistake that is planted in a UPS is named by the case that should name it."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from proof.conform.amazon import Amazon
from proof.conform.catalogue import CASES
from proof.conform.faulty.planted import FAULTS, with_table
from proof.conform.faulty.victim import Fault, FaultyDialler, Victim
from proof.conform.kit import Kit
from proof.conform.patience import Patience
from proof.conform.play import play
from proof.conform.program import Program
from proof.conform.speech import FEATURES
from proof.conform.verdict import Outcome
from proof.conform.world import World
from sim.links import Link
from sim.ups.model import Settings, UpsModel

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
HOST = "127.0.0.1"
TICK = 0.1


class Impatient(Patience):
    """A fault is shown by what does not come: that need not be waited for as long as for a slow partner."""

    @property
    def trip(self) -> float:
        return 5.0


class InThisProcess(Program):
    """A UPS with a fault that is started, killed and started again without a process."""

    def __init__(self, fault: Fault | None, amazon: int, world: int) -> None:
        self.fault = fault
        self.addresses = {Link.WORLD: (HOST, world), Link.SHOP: (HOST, amazon)}
        self.dialler: FaultyDialler | None = None
        self.closing: list[asyncio.Task[None]] = []

    def start(self, **values: str) -> None:
        world_id, number = int(values["world_id"]) or None, int(values["number"]) if int(values["world_id"]) else 1
        settings = Settings(tick=TICK, join=world_id, first_number=number, first_news=number, features=FEATURES)
        model = UpsModel(settings, Random(1))
        self.dialler = FaultyDialler(model, self.addresses)
        if self.fault is not None:
            self.fault.plant(Victim(model, self.dialler))
        self.dialler.start()

    @property
    def ended(self) -> str:
        return ""

    def kill(self) -> None:
        if self.dialler is not None:
            self.closing.append(asyncio.get_running_loop().create_task(self.dialler.close()))
            self.dialler = None

    async def stop(self) -> None:
        self.kill()
        await asyncio.gather(*self.closing)


async def outcome_of(case_id: str, fault: Fault | None, patience: Patience) -> Outcome:
    first = 1_800_000_000 << 20
    amazon, world = Amazon(first), World(TICK)
    program = InThisProcess(fault, await amazon.open(HOST, 0), await world.open(HOST, 0))
    kit = Kit(amazon, world, patience, first, program)
    kit.start()
    try:
        return await play(kit, next(case for case in CASES if case.id == case_id))
    finally:
        await program.stop()
        await kit.close()
        await amazon.close()
        await world.close()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_named_by_its_case(fault: Fault) -> None:
    outcome = asyncio.run(outcome_of(fault.named_by[0], fault, Impatient(TICK, resend=2.0)))
    assert outcome.expected, f"{fault.named_by[0]} found nothing: {outcome}"
    assert not outcome.alone or fault.named_by[0].startswith("4."), outcome


@pytest.mark.parametrize("naming", ["2.4b", "2.9b", "4.10a", "5.3a", "5.6b", "6.7c", "8.4c", "11.3.4a", "12.2a"])
def test_without_the_fault_the_same_case_passes(naming: str) -> None:
    outcome = asyncio.run(outcome_of(naming, None, Patience(TICK)))
    assert outcome.passed, f"{outcome.expected}; {outcome.came}; {outcome.skipped}"


def test_every_fault_names_cases_that_there_are() -> None:
    assert len(FAULTS) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {id for fault in FAULTS for id in fault.named_by} <= {case.id for case in CASES}


def test_the_table_of_the_document_is_that_of_the_faults() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(text) == text, f"python -m proof.conform.faulty.planted --write {DOCUMENT.name} makes it anew"
