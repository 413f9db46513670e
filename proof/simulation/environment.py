"""What every part of a run stands on: time, chance, the network, calls, the database, faults, and processes that die.

Rules: it knows none of the parts; who needs another part is given it by `room`, which alone knows them all.
"""

from collections.abc import Callable, Sequence
from random import Random

from proof.simulation.book import DatabaseBook
from proof.simulation.calls import Calls
from proof.simulation.database import BEGINNING, Database, Disk
from proof.simulation.faults import Fault, Profile
from proof.simulation.injection import DOWN_SECONDS, Injector
from proof.simulation.network import Network
from proof.simulation.scheduler import Process, Scheduler
from proof.simulation.setups import Setup
from proof.simulation.trace import Trace
from proof.simulation.violations import bug


class SkewedClock:
    """The service's own idea of the time: the virtual one, and what jumps have added to it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.offset = 0.0
        # How often it was found to have jumped.
        self.found = 0
        self._told = 0.0
        # The furthest that it ever went ahead, and that it ever fell behind.
        self.furthest = self.furthest_behind = 0.0

    def jump(self, seconds: float) -> None:
        """Goes wrong by so much."""
        self.offset += seconds
        self.furthest = max(self.furthest, self.offset)
        self.furthest_behind = max(self.furthest_behind, -self.offset)

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        if self.offset != self._told:
            self.found += 1
            self._told = self.offset
        return self._now() + self.offset


class Environment:
    """That of one run. `disk` is told of the transactions of the orders service."""

    def __init__(
        self,
        database: Database,
        disk: Disk,
        seed: int,
        profile: Profile,
        setup: Setup,
        faults: Sequence[Fault],
        *,
        traced: bool,
    ) -> None:
        self.seed = seed
        self.profile = profile
        self.setup = setup
        self.trace = Trace(traced)
        self.scheduler = Scheduler(BEGINNING)
        self.scheduler.died = lambda process: self.kill(process, DOWN_SECONDS)
        self.clock = SkewedClock(self.scheduler.now)
        self.injector = Injector(seed, faults, lambda: self.scheduler.time - BEGINNING, self.say)
        self.network = Network(self.scheduler, self.injector, Random(f"network {seed}"), self.trace, BEGINNING)
        self.calls = Calls(self.scheduler, self.injector, Random(f"calls {seed}"), self.trace, BEGINNING, bug)
        self.engine = database.engine
        self.db = DatabaseBook(database.begin_run(setup.warehouses, self.clock, disk))
        # In the order in which they came.
        self.processes: list[Process] = []

    def process(self, name: str, start: Callable[[], None] | None = None) -> Process:
        """A new process; `start` gives it another life after it was killed."""
        process = Process(name, start)
        self.processes.append(process)
        return process

    def kill(self, process: Process, down: float) -> None:
        """Ends a process, and has it started again after `down` seconds."""
        if not process.alive:
            return
        self.say(process.name, f"is killed, and back in {down:.1f} s")
        self.end(process)
        life = process.life
        self.scheduler.after(down, None, lambda: self._start_again(process, life))

    def end(self, process: Process) -> None:
        """Ends a process as kill -9 does."""
        process.end()
        self.network.died(process)
        self.calls.died(process)

    def _start_again(self, process: Process, life: int) -> None:
        """Starts a process that was killed, unless that has happened already."""
        if process.alive or process.life != life:
            return
        self.say(process.name, "starts")
        if process.start is not None:
            process.start()

    def say(self, who: str, words: str) -> None:
        """A note for the trace."""
        if self.trace.on:
            self.trace.note(self.scheduler.time - BEGINNING, who, words)
