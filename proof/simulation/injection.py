"""Makes the faults of a plan happen: on frames, on calls, on the disk, and at exact points of a process's life.

Rules: each fault draws from a generator of its own; a fault counts as hit when it changed something; nothing is
injected after the healing. What happens to whole processes is elsewhere (`trouble`); this only answers questions.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from proof.simulation import wording
from proof.simulation.database import unavailable
from proof.simulation.faults import Fault, Kind
from proof.simulation.scheduler import SECOND, Crashed, Process


@dataclass(slots=True)
class FrameFate:
    """What becomes of one frame: the copies that arrive, each so many seconds late; or the connection breaks."""

    copies: list[tuple[bytes, float]]
    # The connection breaks after these bytes of the frame.
    cut: bytes | None = None


@dataclass(slots=True)
class CallFate:
    """What becomes of one call; delays in seconds."""

    request_lost: bool = False
    answer_lost: bool = False
    request_delay: float = 0.0
    answer_delay: float = 0.0
    # Executed again, so many seconds after the first time.
    again_after: float | None = None


@dataclass(slots=True)
class _Live:
    fault: Fault
    rng: Random
    done: bool = False
    passed: int = 0


_FRAMES = (Kind.LOSE, Kind.DUPLICATE, Kind.DELAY, Kind.FLIP, Kind.CUT)
_CALLS = (Kind.RPC_LOSE, Kind.RPC_MUTE, Kind.RPC_DELAY, Kind.RPC_TWICE)
_DISK = (Kind.DISK_BUSY, Kind.COMMIT_FAILS, Kind.COMMIT_UNSURE)
# A crash at a point without an end of its own: the service is down for so long.
DOWN_SECONDS = 4.0


@dataclass(slots=True)
class Injector:
    """The faults that are live at a moment. `now` gives seconds since the beginning; `hits` counts what happened."""

    seed: int
    plan: Sequence[Fault]
    now: Callable[[], float]
    note: Callable[[str, str], None]
    hits: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    healed: bool = False
    _frames: dict[str, list[_Live]] = field(default_factory=lambda: defaultdict(list))
    _calls: dict[str, list[_Live]] = field(default_factory=lambda: defaultdict(list))
    _crashes: dict[str, list[_Live]] = field(default_factory=lambda: defaultdict(list))
    _disk: list[_Live] = field(default_factory=list)

    def __post_init__(self) -> None:
        for fault in self.plan:
            live = _Live(fault, self.rng_of(fault))
            if fault.kind in _FRAMES:
                self._frames[fault.where].append(live)
            elif fault.kind in _CALLS:
                self._calls[fault.where].append(live)
            elif fault.kind is Kind.CRASH_POINT:
                self._crashes[fault.where].append(live)
            elif fault.kind in _DISK:
                self._disk.append(live)

    def rng_of(self, fault: Fault) -> Random:
        """The generator of one fault."""
        return Random(f"fault {self.seed} {fault.number}")

    def hit(self, kind: Kind, times: int = 1) -> None:
        """Counts a fault that changed something."""
        if times:
            self.hits[kind.name] += times

    def heal(self) -> None:
        """Nothing more goes wrong."""
        self.healed = True
        self._frames.clear()
        self._calls.clear()
        self._crashes.clear()
        self._disk.clear()

    def frame(self, direction: str, data: bytes) -> FrameFate | None:
        """What becomes of a frame; None: it arrives as it should."""
        lives = self._frames.get(direction)
        if not lives:
            return None
        now = self.now()
        fate: FrameFate | None = None
        for live in lives:
            fault = live.fault
            if now < fault.at or live.done or (fault.until > fault.at and now > fault.until):
                continue
            fate = fate or FrameFate([(data, 0.0)])
            if fault.kind is Kind.LOSE:
                if live.rng.random() < fault.size:
                    fate.copies = []
                    self.hit(fault.kind)
            elif fault.kind is Kind.DUPLICATE:
                if fate.copies and live.rng.random() < fault.size:
                    fate.copies.append((data, live.rng.uniform(0.0, 2.0)))
                    self.hit(fault.kind)
            elif fault.kind is Kind.DELAY:
                if live.rng.random() < 0.5:
                    late = live.rng.uniform(0.0, fault.size)
                    fate.copies = [(copy, before + late) for copy, before in fate.copies]
                    self.hit(fault.kind)
            elif fault.kind is Kind.FLIP:
                live.done = True
                flipped = wording.flip(direction, data, live.rng)
                if flipped is not None:
                    fate.copies = [(flipped, 0.0)]
                    self.hit(fault.kind)
            elif len(data) > 1:
                live.done = True
                fate.cut = data[: live.rng.randrange(1, len(data))]
                self.hit(fault.kind)
        return fate

    def call(self, route: str) -> CallFate | None:
        """What becomes of a call between our services; None: nothing."""
        lives = self._calls.get(route)
        if not lives:
            return None
        now = self.now()
        fate: CallFate | None = None
        for live in lives:
            fault, rng = live.fault, live.rng
            if not fault.at <= now <= fault.until:
                continue
            fate = fate or CallFate()
            if fault.kind is Kind.RPC_DELAY:
                fate.request_delay += rng.uniform(0.0, fault.size)
                fate.answer_delay += rng.uniform(0.0, fault.size)
                self.hit(fault.kind)
            elif rng.random() < fault.size:
                self.hit(fault.kind)
                if fault.kind is Kind.RPC_LOSE:
                    fate.request_lost = True
                elif fault.kind is Kind.RPC_MUTE:
                    fate.answer_lost = True
                else:
                    fate.again_after = rng.uniform(0.0, rng.choice((1.0, 10.0, 40.0)))
        return fate

    def point(self, process: Process, name: str) -> None:
        """`process` passes a point at which it may die. Raises Crashed."""
        self.points[f"{process.name}: {name}"] += 1
        lives = self._crashes.get(f"{process.name.removesuffix(SECOND)}: {name}")
        if not lives:
            return
        now = self.now()
        for live in lives:
            if now < live.fault.at or live.done:
                continue
            live.passed += 1
            if live.passed >= live.fault.size:
                live.done = True
                self.hit(Kind.CRASH_POINT)
                self.hits[f"CRASH_POINT {live.fault.where}"] += 1
                self.note(process.name, f"dies {name}")
                raise Crashed

    def disk(self, kind: Kind) -> None:
        """The database is used. Raises OperationalError where it shall not work."""
        for live in self._disk:
            fault = live.fault
            if fault.kind is kind and fault.at <= self.now() <= fault.until and live.rng.random() < fault.size:
                self.hit(kind)
                self.note("orders_svc", kind.value)
                if kind is Kind.DISK_BUSY:
                    raise unavailable("BEGIN IMMEDIATE", "database is locked")
                raise unavailable("COMMIT", "disk I/O error")
