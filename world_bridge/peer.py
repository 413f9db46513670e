"""One connection to a world: how far it has come, its session, what was asked and what is held back.

Rules: until orders_svc opens the connection, only answers to what it asked are reported and acked, everything else is
held back in the order in which it came, as far as there is room, and beyond that as if it had been lost: to stop
reading would keep the answers out, too; a question is settled when it is acked and answered. Deliberately elsewhere:
which connection there is, and when (world_bridge.core).
"""

from dataclasses import dataclass, field
from enum import Enum

from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from wire.session import Session, Verdict
from world_bridge.codec import Said, encode_command


class Phase(Enum):
    """How far a connection has come; the value is what people are told."""

    PLANNED = "waiting longer than a tick before connecting"
    DIALLING = "connecting to the world"
    GREETING = "waiting for the world's answer to the connect message"
    JUDGED = "waiting for orders_svc to judge the world's answer"
    ASKING = "asking the world what must be known first"
    OPEN = "open"


@dataclass(slots=True)
class Question:
    """A command that must be acked and answered before the connection is opened."""

    command: bridge.Command
    acked: bool = False
    answered: bool = False

    def is_answered_by(self, event: pb.PeerEvent) -> bool:
        """Whether `event` is the result or the error of this command; `arrived` is known by its content alone."""
        command, body = self.command, event.WhichOneof("body")
        if body == "command_failed":
            return event.command_failed.command_id == command.command_id
        kind = command.WhichOneof("body")
        if body == "package_status":
            return kind == "query_package" and command.query_package.shipment_id == event.package_status.shipment_id
        if body == "packed":
            return kind == "pack" and command.pack.shipment_id == event.packed.shipment_id
        if body == "loaded":
            return kind == "load" and command.load.shipment_id == event.loaded.shipment_id
        if body == "arrived" and kind == "buy" and command.buy.warehouse_id == event.arrived.warehouse_id:
            return _content(command.buy.things) == _content(event.arrived.things)
        return False


@dataclass(slots=True)
class Peer:
    """A connection to the world that `dial` names. `deadline` is when its phase has lasted too long."""

    number: int
    dial: pb.Dial
    candidate_id: int | None
    session: Session
    max_held: int
    phase: Phase = Phase.PLANNED
    deadline: float | None = None
    # What the world called itself.
    world_id: int | None = None
    # The socket is gone, but orders_svc has still to answer for it.
    lost: bool = False
    questions: dict[int, Question] = field(default_factory=dict)
    held: list[pb.PeerEvent] = field(default_factory=list)

    @property
    def world_epoch(self) -> int:
        """Our own counter of worlds, from the directive to dial."""
        return self.dial.world_epoch

    def ask(self, commands: list[bridge.Command], now: float) -> None:
        """Send these first. Raises ValueError for one that is not for the world."""
        self.phase = Phase.ASKING
        self.deadline = None
        self.questions = {command.command_id: Question(command) for command in commands}
        for command in commands:
            self.session.send(command.command_id, encode_command(command), now)

    def take(self, said: Said, now: float) -> tuple[list[int], list[pb.PeerEvent]]:
        """Take what the world said; give the command ids it acked and the events to report now."""
        acked = self.session.acked(said.acks, now)
        for command_id in acked:
            if command_id in self.questions:
                self.questions[command_id].acked = True
        if self.phase is Phase.OPEN:
            return acked, [one for one in said.events if self.session.receive(one.seqnum, now) is Verdict.NEW]
        answers: list[pb.PeerEvent] = []
        for event in said.events:
            question = self._question_for(event)
            if question is None and len(self.held) >= self.max_held:
                continue
            if self.session.receive(event.seqnum, now) is not Verdict.NEW:
                continue
            if question is None:
                self.held.append(event)
            else:
                question.answered = True
                answers.append(event)
        return acked, answers

    def _question_for(self, event: pb.PeerEvent) -> Question | None:
        unanswered = (question for question in self.questions.values() if not question.answered)
        return next((question for question in unanswered if question.is_answered_by(event)), None)

    @property
    def all_acked(self) -> bool:
        """Whether every question reached the world."""
        return all(question.acked for question in self.questions.values())

    @property
    def all_settled(self) -> bool:
        """Whether every question is acked and answered."""
        return self.all_acked and all(question.answered for question in self.questions.values())

    def open(self) -> list[pb.PeerEvent]:
        """Open the connection; give what was held back, by seqnum."""
        self.phase = Phase.OPEN
        self.deadline = None
        self.questions = {}
        held, self.held = self.held, []
        return sorted(held, key=lambda event: event.seqnum)


def _content(things: object) -> list[tuple[int, int]]:
    return sorted((thing.offer_id, thing.count) for thing in things)  # type: ignore[attr-defined]
