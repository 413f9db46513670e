"""TCP between our bridges and the partners: connections as byte streams in virtual time.

Rules: bytes of one direction arrive in order or not at all; connections do not wait for one another; a process that
dies has its connections closed by the kernel; nobody is told of a half-open one. The cutting into frames is the
receiver's own business. Latencies come from the run's generator, faults from the injector.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from proof.simulation import wording
from proof.simulation.faults import Kind
from proof.simulation.injection import FrameFate, Injector
from proof.simulation.scheduler import SECOND, Process, Scheduler
from proof.simulation.trace import Trace

DIAL_SECONDS = 5.0
# How often a write arrives in two reads.
SPLIT = 0.1
# After about so long a side with keepalive notices that nobody is there.
KEEPALIVE_SECONDS = 20.0


@dataclass(slots=True, eq=False)
class End:
    """One side of a connection. `link`: "world" or "ups" where our bridge is a side, "fleet" between the partners."""

    process: Process
    link: str
    # "world>", "world<" and so on: what leaves here.
    direction: str
    data: Callable[[bytes], None] = lambda _: None
    ended: Callable[[str], None] = lambda _: None
    peer: "End" = field(init=False)
    open: bool = True
    mute: bool = False
    # The connection is broken, and this side may not know yet: what it writes goes nowhere.
    gone: bool = False
    # The life of its process that it belongs to.
    life: int = field(init=False)
    _clear_at: float = 0.0

    def __post_init__(self) -> None:
        self.life = self.process.life

    @property
    def lives(self) -> bool:
        """Whether the life of its process still lasts: another one knows nothing of this connection."""
        return self.life == self.process.life


Accept = Callable[[End], None]


class Network:
    """All listening places and connections."""

    def __init__(self, scheduler: Scheduler, injector: Injector, rng: Random, trace: Trace, beginning: float) -> None:
        self._scheduler = scheduler
        self._injector = injector
        self._rng = rng
        self._trace = trace
        self._beginning = beginning
        self._listening: dict[str, tuple[Process, Accept]] = {}
        self._ends: dict[End, None] = {}
        # Links on which connecting does not work, and until when.
        self.refusing: dict[str, float] = {}

    def listen(self, place: str, process: Process, accept: Accept) -> None:
        """From now on connections to `place` reach `process`."""
        self._listening[place] = (process, accept)

    def dial(
        self, place: str, process: Process, link: str, opened: Callable[[End], None], failed: Callable[[str], None]
    ) -> None:
        """Connects `process` to `place`; one of the two is called in its life."""
        scheduler = self._scheduler

        def arrive() -> None:
            listening = self._listening.get(place)
            if scheduler.time < self.refusing.get(link, 0.0):
                self._injector.hit(Kind.REFUSE)
                scheduler.after(DIAL_SECONDS, process, lambda: failed("timed out"))
            elif listening is None or not listening[0].alive:
                scheduler.after(self._latency(), process, lambda: failed("refused"))
            elif process.life == life:
                server, accept = listening
                ours, theirs = self._connect(process, server, link, place)
                scheduler.at(scheduler.time, server, lambda: accept(theirs))
                # Whoever accepted may be dead by then.
                know = self._latency()
                scheduler.after(know, process, lambda: opened(ours) if ours.open else failed("connection reset"))

        life = process.life
        scheduler.after(self._latency(), None, arrive)

    def send(self, end: End, frames: list[bytes]) -> None:
        """Writes frames, each complete with its length."""
        if not end.open or end.gone:
            return
        if self._trace.on:
            to = end.peer.process.name
            for frame in frames:
                self._say(end, to, wording.words(end.direction, frame))
        whole: list[bytes] = []
        for frame in frames:
            fate = self._injector.frame(end.direction, frame)
            if fate is None:
                whole.append(frame)
            elif self._suffer(end, whole, fate):
                return
        if whole:
            self._carry(end, b"".join(whole), 0.0)

    def write(self, end: End, data: bytes) -> None:
        """Writes bytes that are no frames."""
        if end.open and not end.gone:
            self._carry(end, data, 0.0)

    def _suffer(self, end: End, whole: list[bytes], fate: FrameFate) -> bool:
        """Carries out a frame's fate after the frames before it; whether the connection is gone."""
        if whole:
            self._carry(end, b"".join(whole), 0.0)
            whole.clear()
        if fate.cut is not None:
            self._carry(end, fate.cut, 0.0)
            self._say(end, "", "the connection breaks inside a frame")
            self._break(end, "connection reset", after_data=True)
            return True
        if not fate.copies and self._trace.on:
            self._say(end, "", "the frame is lost")
        for data, late in fate.copies:
            self._carry(end, data, late)
        return False

    def close(self, end: End) -> None:
        """Closes in good order: what was written arrives before the end."""
        if end.open:
            end.open = False
            self._ends.pop(end, None)
            if not end.mute:
                at = max(self._scheduler.time + self._latency(), end._clear_at)
                peer = end.peer
                self._scheduler.at(at, peer.process, lambda: self._end(peer, "the peer closed the connection"))

    def reset(self, link: str) -> bool:
        """Breaks every live connection of a link; whether there was one."""
        ends = [end for end in self._ends if end.link == link and end.open]
        for end in ends:
            self._break(end, "connection reset")
        return bool(ends)

    def half_open(self, link: str) -> list[End]:
        """From now on nothing passes on the link's connections, and only a side with keepalive will notice."""
        ends = [end for end in self._ends if end.link == link and end.open and not end.mute]
        for end in ends:
            end.mute = True
            if end.process.name.startswith(link):
                self._injector.note(end.process.name, "the connection is half-open")
        for end in ends:
            if end.process.name.removesuffix(SECOND).endswith("_bridge"):
                late = KEEPALIVE_SECONDS * self._rng.uniform(0.8, 1.2)
                self._scheduler.after(late, end.process, lambda end=end: self._end(end, "timed out"))  # type: ignore[misc]
        return ends

    def notice(self, ends: list[End]) -> None:
        """The sides of half-open connections that still wait are told."""
        for end in ends:
            if end.open and end.lives:
                self._scheduler.at(
                    self._scheduler.time,
                    end.process,
                    lambda end=end: self._end(end, "connection reset"),  # type: ignore[misc]
                )

    def died(self, process: Process) -> None:
        """The kernel closes the connections of a process that is gone."""
        for end in [end for end in self._ends if end.process is process]:
            self._break(end, "connection reset")

    def _connect(self, process: Process, server: Process, link: str, place: str) -> tuple[End, End]:
        dials = ">" if place.startswith("world") else "<"
        answers = "<" if dials == ">" else ">"
        ours, theirs = End(process, link, f"{link}{dials}"), End(server, link, f"{link}{answers}")
        ours.peer, theirs.peer = theirs, ours
        self._ends[ours] = self._ends[theirs] = None
        return ours, theirs

    def _carry(self, end: End, data: bytes, late: float) -> None:
        at = max(self._scheduler.time + self._latency() + late, end._clear_at)
        end._clear_at = at
        peer = end.peer
        if end.mute:
            return
        if len(data) > 1 and self._rng.random() < SPLIT:
            # What was written in one go need not be read in one go.
            half = self._rng.randrange(1, len(data))
            first, data = data[:half], data[half:]
            self._scheduler.at(at, peer.process, lambda: self._arrive(peer, first))
            end._clear_at = at = at + self._latency()
        self._scheduler.at(at, peer.process, lambda: self._arrive(peer, data))

    def _arrive(self, end: End, data: bytes) -> None:
        if end.open and not end.mute and end.lives:
            end.data(data)

    def _break(self, end: End, reason: str, *, after_data: bool = False) -> None:
        """Both sides hear of it, a little later; what is on the way may come first, or with `after_data` will."""
        for side in (end, end.peer):
            self._ends.pop(side, None)
            side.gone = True
            if side.open and not side.mute:
                at = max(self._scheduler.time + self._latency(), side.peer._clear_at if after_data else 0.0)
                self._scheduler.at(at, side.process, lambda side=side: self._end(side, reason))  # type: ignore[misc]

    def _end(self, end: End, reason: str) -> None:
        if end.open:
            end.open = False
            self._ends.pop(end, None)
            if end.lives:
                end.ended(reason)

    def _latency(self) -> float:
        return self._rng.uniform(0.001, 0.03)

    def _say(self, end: End, to: str, words: str) -> None:
        if self._trace.on:
            at = self._scheduler.time - self._beginning
            if to:
                self._trace.message(at, end.process.name, to, words)
            else:
                self._trace.note(at, end.process.name, words)
