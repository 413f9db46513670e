"""A small model of a peer that keeps the contract of seqnums and acks, written without looking at `wire.session`."""

from collections import Counter
from random import Random

from wire.session import Outgoing, Policy, Session, Verdict


class TickingPeer:
    """Does each element once, acks every copy it got with its next tick, and says numbered things of its own.

    Elements are the decimal digits of their number. `loss` drops single elements, `frame_loss` whole frames.
    """

    def __init__(self, rng: Random, tick: float, loss: float = 0.0, frame_loss: float = 0.0) -> None:
        self.rng = rng
        self.tick = tick
        self.loss = loss
        self.frame_loss = frame_loss
        self.done: Counter[int] = Counter()
        self.copies: Counter[int] = Counter()
        self.sent_at: dict[int, list[float]] = {}
        self.acks: list[int] = []
        self.to_say: dict[int, int] = {}

    def take(self, frame: Outgoing, now: float) -> None:
        numbers = [int(element) for element in frame.elements]
        assert len(set(numbers)) == len(numbers), "one frame holds two copies of an element"
        for number in numbers:
            self.sent_at.setdefault(number, []).append(now)
        if self.rng.random() < self.frame_loss:
            return
        for number in numbers:
            if self.rng.random() >= self.loss:
                self.copies[number] += 1
                if self.copies[number] == 1:
                    self.done[number] += 1
                self.acks.append(number)
        for number in frame.acks:
            self.to_say.pop(number, None)

    def speak(self) -> tuple[list[int], list[int]]:
        """The acks and the numbers said with this tick."""
        acks, self.acks = self.acks, []
        return acks, list(self.to_say)


def element(number: int) -> bytes:
    return str(number).encode()


class Bench:
    """A session and a peer in virtual time, with the tick as the unit."""

    def __init__(self, seed: int, loss: float = 0.0, frame_loss: float = 0.0, policy: Policy | None = None) -> None:
        self.rng = Random(seed)
        self.policy = policy or Policy(tick=6.0)
        self.now = 1000.0
        self.session = Session(self.policy, self.now, Random(seed + 1))
        self.peer = TickingPeer(self.rng, self.policy.tick, loss, frame_loss)
        self.next_tick = self.now + self.rng.random() * self.policy.tick
        self.mute = False
        self.events: list[int] = []
        self.acked: list[int] = []

    def flush(self) -> None:
        for frame in self.session.outgoing(self.now):
            self.peer.take(frame, self.now)

    def step(self, until: float) -> bool:
        """Go to the next thing that happens, at most to `until`; True if it was a tick of the peer."""
        self.flush()
        timer = self.session.next_timer
        self.now = min(until, self.next_tick, timer if timer is not None else until)
        ticked = self.now >= self.next_tick
        if ticked:
            self.next_tick += self.policy.tick
            acks, said = self.peer.speak()
            if (acks or said) and not self.mute:
                self.acked += self.session.acked(acks, self.now)
                self.hear(said)
        self.flush()
        return ticked

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
