"""Cases of the conformance kit played in this process, against the stand-in UPS with a fault or without one.

Rules: each play has an Amazon, a world and a UPS of its own, so many can go on at the same time: what takes long is
waiting, and that costs nothing.
"""

import asyncio
from collections.abc import Sequence
from random import Random

from proof.conform.amazon import Amazon
from proof.conform.cases import chosen
from proof.conform.catalogue import CASES
from proof.conform.faulty.victim import Fault, FaultyDialler, Victim
from proof.conform.kit import Kit
from proof.conform.patience import Patience
from proof.conform.play import play_cases
from proof.conform.program import Program
from proof.conform.speech import FEATURES
from proof.conform.verdict import Outcome
from proof.conform.world import World
from sim.links import Link
from sim.ups.model import Settings, UpsModel

HOST = "127.0.0.1"
TICK = 0.1


class Impatient(Patience):
    """A fault is shown by what does not come: that need not be waited for as long as for a slow partner."""

    @property
    def coming(self) -> float:
        return 12.0

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


async def outcomes_of(only: Sequence[str], fault: Fault | None, patience: Patience) -> dict[str, Outcome]:
    """How these cases go, one after the other, by their ids."""
    first = 1_800_000_000 << 20
    amazon, world = Amazon(first), World(TICK)
    program = InThisProcess(fault, await amazon.open(HOST, 0), await world.open(HOST, 0))
    kit = Kit(amazon, world, patience, first, program)
    kit.start()
    try:
        outcomes = await play_cases([kit], chosen(CASES, only), lambda _: None)
        return {outcome.case.id: outcome for outcome in outcomes}
    finally:
        await program.stop()
        await kit.close()
        await amazon.close()
        await world.close()
