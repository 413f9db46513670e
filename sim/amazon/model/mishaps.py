"""Faults that the mock Amazon makes on purpose: what gets lost, comes twice, comes late; when lines end.

Rules: nothing is lost for good, since what is lost is said again; a loss takes single elements and acks out of a
message; UAstart and hello are never lost; chance comes from one generator.
"""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from google.protobuf.message import Message

from partners.ups import ups_pb2 as pb
from sim.agenda import Agenda
from sim.amazon.model.settings import Faults

MessageT = TypeVar("MessageT", bound=Message)
Put = Callable[[int, pb.AUCommand, str], None]


class Mishaps:
    """Stands between the model and its live connection; `put` sends."""

    def __init__(self, faults: Faults, rng: Random, agenda: Agenda, put: Put) -> None:
        self.faults = faults
        self._rng = rng
        self._agenda = agenda
        self._put = put
        self._armed = False
        self._plan: list[Callable[[float], None]] = []

    def begin(self, now: float, cut: Callable[..., None], restart: Callable[[float], None]) -> None:
        """Plan the ends of lines, each about as often as it was told; they begin once there is a world."""
        self._every(lambda: self.faults.cut_every, lambda: cut(hard=False), now)
        self._every(lambda: self.faults.reset_every, lambda: cut(hard=True), now)
        self._every(lambda: self.faults.restart_every, lambda: restart(self.faults.down), now)

    def steady(self) -> None:
        """There is a world: faults may begin."""
        self._armed = True

    def _every(self, seconds: Callable[[], float], do: Callable[[], None], now: float) -> None:
        if seconds() <= 0:
            return

        def happen(then: float) -> None:
            if self._armed:
                do()
            self._agenda.later(then + seconds() * self._rng.uniform(0.5, 1.5), happen)

        self._agenda.later(now + seconds() * self._rng.uniform(0.5, 1.5), happen)

    def send(self, line: int, command: pb.AUCommand, now: float) -> None:
        """Sends a message: now or late, once or twice."""
        remark = ""
        for _ in range(2 if self._rng.random() < self.faults.duplicate else 1):
            late = self._rng.uniform(0, self.faults.delay) if self.faults.delay else 0.0
            if late:
                words = f"{remark}   [{late:.1f} s late on purpose]"
                self._agenda.later(now + late, self._putting(line, command, words))
            else:
                self._put(line, command, remark)
            remark = "   [twice on purpose]"

    def _putting(self, line: int, command: pb.AUCommand, remark: str) -> Callable[[float], None]:
        return lambda _: self._put(line, command, remark)

    def sieved(self, message: MessageT) -> tuple[MessageT | None, MessageT | None]:
        """What is left of a message, and what is lost of it; None: nothing."""
        if not self.faults.loss or not message.ByteSize():
            return message, None
        kept, lost = type(message)(), type(message)()
        for descriptor, value in message.ListFields():
            if not descriptor.is_repeated:
                getattr(kept, descriptor.name).CopyFrom(value)
                continue
            for one in value:
                target = lost if self._rng.random() < self.faults.loss else kept
                getattr(target, descriptor.name).append(one)
        return (kept if kept.ByteSize() else None), (lost if lost.ByteSize() else None)
