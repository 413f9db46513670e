"""A small model of a peer that keeps the contract of seqnums and acks, written without looking at `wire.session`."""

from collections import Counter, deque
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from wire.outgoing import Outgoing
from wire.session import Policy, Session, Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """What the peer says with one tick."""

    acks: list[int]
    numbers: list[int]


class TickingPeer:
    """Does each element once, acks every copy it got with its next tick, and says numbered things of its own.

    Elements are the decimal digits of their number. `loss` drops single elements, `frame_loss` whole frames. With
    `per_tick` it is slow: it comes to so many elements in a tick, one after the other, copies included.
    """

    def __init__(self, rng: Random, tick: float, loss: float = 0.0, frame_loss: float = 0.0) -> None:
        self.rng = rng
        self.tick = tick
        self.loss = loss
        self.frame_loss = frame_loss
        self.done: Counter[int] = Counter()
        self.copies: Counter[int] = Counter()
        self.sent_at: dict[int, list[float]] = {}
        self.per_tick = 0
        self.to_do: deque[int] = deque()
        self.acks: list[int] = []
        self.to_say: dict[int, int] = {}

    def watch(self, frame: Outgoing, now: float) -> None:
        """Note what is sent, whether or not it arrives."""
        numbers = [int(element) for element in frame.elements]
        assert len(set(numbers)) == len(numbers), "one frame holds two copies of an element"
        for number in numbers:
            self.sent_at.setdefault(number, []).append(now)

    def take(self, frame: Outgoing) -> None:
        if self.rng.random() < self.frame_loss:
            return
        for number in map(int, frame.elements):
            if self.rng.random() >= self.loss:
                self.to_do.append(number)
        if not self.per_tick:
            self.work(len(self.to_do))
        for number in frame.acks:
            self.to_say.pop(number, None)

    def work(self, count: int) -> None:
        for _ in range(min(count, len(self.to_do))):
            number = self.to_do.popleft()
            self.copies[number] += 1
            if self.copies[number] == 1:
                self.done[number] += 1
            self.acks.append(number)

    def speak(self) -> tuple[list[int], list[int]]:
        """The acks and the numbers said with this tick."""
        self.work(self.per_tick)
        acks, self.acks = self.acks, []
        return acks, list(self.to_say)


def element(number: int) -> bytes:
    return str(number).encode()


class Bench:
    """A session and a peer in virtual time, with the tick as the unit.

    `unruly`: every frame, either way, takes up to so many ticks and may come twice, and so in any order.
    """

    def __init__(
        self,
        seed: int,
        loss: float = 0.0,
        frame_loss: float = 0.0,
        policy: Policy | None = None,
        unruly: float = 0.0,
    ) -> None:
        self.rng = Random(seed)
        self.policy = policy or Policy(tick=6.0)
        self.now = 1000.0
        self.session = Session(self.policy, self.now, Random(seed + 1))
        self.peer = TickingPeer(self.rng, self.policy.tick, loss, frame_loss)
        self.next_tick = self.now + self.rng.random() * self.policy.tick
        self.mute = False
        self.unruly = unruly * self.policy.tick
        self.under_way: list[tuple[float, int, Outgoing | Said]] = []
        self.sent = 0
        self.events: list[int] = []
        self.acked: list[int] = []

    def carry(self, what: Outgoing | Said) -> None:
        """Put something on the wire."""
        if not self.unruly:
            self.arrive(what)
            return
        for _ in range(2 if self.rng.random() < 0.3 else 1):
            self.sent += 1
            heappush(self.under_way, (self.now + self.unruly * self.rng.random(), self.sent, what))

    def arrive(self, what: Outgoing | Said) -> None:
        if isinstance(what, Outgoing):
            self.peer.take(what)
        else:
            self.acked += self.session.acked(what.acks, self.now)
            self.hear(what.numbers)

    def flush(self) -> None:
        for frame in self.session.outgoing(self.now):
            self.peer.watch(frame, self.now)
            self.carry(frame)

    def step(self, until: float) -> None:
        """Go to the next thing that happens, at most to `until`."""
        self.flush()
        times = [until, self.next_tick]
        if self.session.next_timer is not None:
            times.append(self.session.next_timer)
        if self.under_way:
            times.append(self.under_way[0][0])
        self.now = max(self.now, min(times))
        while self.under_way and self.under_way[0][0] <= self.now:
            self.arrive(heappop(self.under_way)[2])
        if self.now >= self.next_tick:
            self.next_tick += self.policy.tick
            acks, said = self.peer.speak()
            if (acks or said) and not self.mute:
                self.carry(Said(acks, said))
        self.flush()

    def hear(self, numbers: list[int]) -> None:
        new = [number for number in numbers if self.session.receive(number, self.now) is Verdict.NEW]
        self.events += new
        self.session.confirm(new, self.now)

    def run_until_acked(self, ticks: float = 10_000) -> float:
        """How many ticks it takes until the window is empty."""
        began = self.now
        while self.session.unacked_count:
            assert self.now < began + ticks * self.policy.tick, "the window does not empty"
            self.step(self.now + ticks * self.policy.tick)
        return (self.now - began) / self.policy.tick

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.session.send(number, element(number), self.now)
