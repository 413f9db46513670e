"""Many seeds: run on several processes of ours, added up, and held against what such a run must have met.

Rules: the sums do not depend on the number of processes; a fault, a crash point or a move of the lifecycle that a
large run never met is a failure of the run, since it proves nothing about it.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from proof.simulation import coverage
from proof.simulation.faults import Kind, crash_points
from proof.simulation.room import Result, run_seed

CHUNK = 10
# From so many harsh seeds on, everything must have been met: the rarest of it comes twice in a thousand.
LARGE = 2000


@dataclass(frozen=True, slots=True)
class Broken:
    """A seed that broke a guarantee."""

    seed: int
    violations: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Sums:
    """What a number of seeds added up to. Times: `cpu` in seconds of processors, `virtual` in virtual seconds."""

    seeds: int = 0
    broken: list[Broken] = field(default_factory=list)
    cpu: float = 0.0
    virtual: float = 0.0
    longest_settling: float = 0.0
    events: int = 0
    commits: int = 0
    # Parcels that UPS, wrongly, called delivered.
    excused: int = 0
    # Attempts that were delivered although their parcel was sent anew, by why it was.
    twice: Counter[str] = field(default_factory=Counter)
    shipments: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Adds one run."""
        self.seeds += 1
        if not result.good:
            self.broken.append(Broken(result.seed, tuple(result.violations)))
        self.virtual += result.seconds
        self.longest_settling = max(self.longest_settling, result.settled_after)
        self.events += result.events
        self.commits += result.commits
        self.excused += result.excused
        self.twice += result.twice
        self.shipments += result.orders
        self.hits += result.hits
        self.passed += result.points
        self.transitions += result.transitions

    def merge(self, other: "Sums") -> None:
        """Adds what another process added up."""
        self.seeds += other.seeds
        self.broken += other.broken
        self.cpu += other.cpu
        self.virtual += other.virtual
        self.longest_settling = max(self.longest_settling, other.longest_settling)
        self.events += other.events
        self.commits += other.commits
        self.excused += other.excused
        self.twice += other.twice
        self.shipments += other.shipments
        self.hits += other.hits
        self.passed += other.passed
        self.transitions += other.transitions

    def faults(self) -> dict[str, int]:
        """Hits per kind of fault."""
        return {kind.name: self.hits[kind.name] for kind in Kind}

    def crashes(self) -> dict[str, int]:
        """Deaths per crash point."""
        return {point: self.hits[f"CRASH_POINT {point}"] for point in crash_points()}

    def moves(self) -> dict[str, int]:
        """How often each entry of the lifecycle table was used."""
        return {move: self.transitions[move] for move in coverage.all_transitions()}

    def never_met(self) -> list[str]:
        """What these seeds prove nothing about."""
        everything = {**self.faults(), **self.crashes(), **self.moves()}
        return [name for name, count in everything.items() if not count and name not in coverage.UNREACHABLE]

    def impossible(self) -> list[str]:
        """What was met and cannot be."""
        return [name for name in coverage.UNREACHABLE if self.transitions[name]]


def run_some(seeds: Iterable[int], profile: str, orders: int | None) -> Sums:
    """Runs seeds one after another in this process."""
    sums = Sums()
    began = time.process_time()
    for seed in seeds:
        sums.add(run_seed(seed, profile, orders=orders))
    sums.cpu = time.process_time() - began
    return sums


def run_many(seeds: range, profile: str, orders: int | None, jobs: int) -> Iterator[Sums]:
    """Runs seeds on `jobs` processes; gives the sums of each part as it is done, in the order of the seeds."""
    parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if jobs == 1:
        for part in parts:
            yield run_some(part, profile, orders)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_some, part, profile, orders) for part in parts]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
