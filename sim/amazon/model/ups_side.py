"""The mock Amazon towards UPS: who is live, what is new, what is unacked; features and the contract.

Rules: the newest connection that announced a world is live and the one before is closed; on one connection a number
alone says what is new, across connections world, number, kind and content do; UAstart is counted apart; of the
extension nothing is said that the newest UAstart did not name. What follows from it is elsewhere (`AmazonModel`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.message import Message

from partners.ups import ups_pb2 as pb
from sim.amazon.model.settings import Settings
from sim.contract import difference, our_contract
from sim.messages import parse
from sim.numbers import Outgoing
from sim.ups.model.extension import ACCOUNT_CHECK, CANCEL, CONTRACT, REDIRECT

_FIELDS: dict[type[Message], str] = {
    pb.AUPickupRequest: "pickupRequests",
    pb.AUDeliverRequest: "deliverRequests",
    pb.Err: "error",
    pb.AURedirect: "redirects",
    pb.AUCancel: "cancels",
    pb.AUAccountCheck: "accountChecks",
}
_FEATURE: dict[type[Message], str] = {
    pb.AURedirect: REDIRECT,
    pb.AUCancel: CANCEL,
    pb.AUAccountCheck: ACCOUNT_CHECK,
}

Element = pb.AUPickupRequest | pb.AUDeliverRequest | pb.Err | pb.AURedirect | pb.AUCancel | pb.AUAccountCheck


@dataclass(slots=True)
class _Live:
    """The live connection."""

    line: int
    start: pb.UAstart
    seen: set[int] = field(default_factory=set)
    acks: list[int] = field(default_factory=list)
    hello: bool = False


class UpsSide:
    """The connections of UPS. `announced` is the world of the newest UAstart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outgoing: Outgoing[Element] = Outgoing(settings.first_number, settings.copies * settings.tick + 0.05)
        self._live: _Live | None = None
        self._waiting: dict[int, float] = {}
        self._heard: set[tuple[int, int, str, bytes]] = set()
        self.announced: int | None = None
        # Whether requests wait, since UPS is in another world than we are.
        self.holding = True

    @property
    def live(self) -> int | None:
        """The live connection's line, or None."""
        return None if self._live is None else self._live.line

    @property
    def unacked(self) -> int:
        """How many elements wait for an ack."""
        return len(self._outgoing)

    def is_on(self, feature: str) -> bool:
        """Whether both named a feature."""
        return self._live is not None and feature in self._live.start.features and feature in self._settings.features

    @property
    def difference(self) -> str:
        """Where the contract that UPS told is not ours, in words; empty: nowhere that we know of."""
        if self._live is None or not self.is_on(CONTRACT):
            return ""
        start = self._live.start
        return difference(start.contract, set(start.features) & set(self._settings.features))

    def opened(self, line: int, now: float) -> list[int]:
        """A connection was made; gives those that are to be closed for it."""
        self._waiting[line] = now + self._settings.announce_seconds
        return [self._waiting.popitem()[0]] if len(self._waiting) > self._settings.max_waiting else []

    def lost(self, line: int) -> None:
        """A connection is gone."""
        self._waiting.pop(line, None)
        if self._live is not None and self._live.line == line:
            self._live = None

    def overdue(self, now: float) -> list[int]:
        """Connections on which no UAstart came in time."""
        return [line for line, until in self._waiting.items() if until <= now]

    def start(self, line: int, start: pb.UAstart) -> int | None:
        """Handle a UAstart; gives the line that it puts out of business."""
        self._waiting.pop(line, None)
        before = self._live
        if before is None or before.line != line:
            self._live = _Live(line, start)
            self._outgoing.start_over()
        else:
            before.start = start
        assert self._live is not None
        self._live.acks.append(start.seqnum)
        self._live.hello = bool(start.features)
        self.announced = start.worldid
        return before.line if before is not None and before.line != line else None

    def is_of(self, line: int) -> bool:
        """Whether a line may say something beside UAstart."""
        return self._live is not None and self._live.line == line

    def acked(self, numbers: Iterator[int]) -> None:
        """UPS has these."""
        for number in numbers:
            self._outgoing.acked(number)

    def is_new(self, kind: str, element: Message, number: int) -> bool:
        """Ack an element, and say whether it is new."""
        live = self._live
        assert live is not None
        live.acks.append(number)
        if number in live.seen:
            return False
        live.seen.add(number)
        key = live.start.worldid, number, kind, element.SerializeToString(deterministic=True)
        if key in self._heard:
            return False
        self._heard.add(key)
        return True

    def say(self, element: Element) -> int:
        """Give an element its number, and keep it until it is acked."""
        number = self._outgoing.number()
        element.seqNum = number
        self._outgoing.add(number, element)
        return number

    def withdraw(self, number: int) -> None:
        """Do not say an element again."""
        self._outgoing.acked(number)

    def command(self, now: float) -> pb.AUCommand | None:
        """Everything that is due, with the acks, or None."""
        live = self._live
        if live is None:
            return None
        command = pb.AUCommand(acks=live.acks)
        live.acks.clear()
        if live.hello:
            live.hello = False
            command.hello.features.extend(self._settings.features)
            if self.is_on(CONTRACT):
                command.hello.contract.CopyFrom(our_contract())
        for element in [] if self.holding else self._outgoing.take(now):
            feature = _FEATURE.get(type(element))
            if feature is not None and not self.is_on(feature):
                self._outgoing.acked(element.seqNum)
            else:
                getattr(command, _FIELDS[type(element)]).append(element)
        return command if command.ByteSize() else None

    def next_due(self, now: float) -> float | None:
        """When there is something to send or to close."""
        moments = list(self._waiting.values())
        if self._live is not None:
            if self._live.acks or self._live.hello:
                return now
            due = None if self.holding else self._outgoing.next_due(now)
            moments += [] if due is None else [due]
        return min(moments, default=None)


def read(body: bytes) -> pb.UAstart | pb.UACommand | None:
    """What a body of UPS's is; None: no message."""
    return parse(pb.UAstart, body) or parse(pb.UACommand, body)
