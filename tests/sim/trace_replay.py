"""Replays a recorded conversation against the world model and compares the two element by element.

The client's side is played at its recorded times (open loop); the seqnums it acks are mapped by content: the n-th
element of some content in the recording is the n-th of that content in the model. Places of a driving truck depend on
the moment of sending, so they stay out of an element's identity and are compared by distance.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from google.protobuf import text_format

from partners.world import world_amazon_pb2, world_ups_pb2
from sim.world.model import Close, Quirks, Rules, Send, Side, WorldModel

TRACES = Path(__file__).parent.parent / "traces"
_LINE = re.compile(r"^\s*(\d+\.\d+) ([AU]) (>>|<<) (?:(\w+)\{(.*)\}|\{(EOF|RAW \w+)\})$")
_SIDES = {"A": Side.AMAZON, "U": Side.UPS}
_REPLIES = {
    Side.AMAZON: (world_amazon_pb2.AConnected, world_amazon_pb2.AResponses),
    Side.UPS: (world_ups_pb2.UConnected, world_ups_pb2.UResponses),
}


@dataclass(frozen=True)
class Line:
    at: float
    side: Side
    incoming: bool
    """From the world to the client."""
    message: Any
    raw: str | None
    old: bool
    """Came on the connection before the newest one."""


@dataclass(frozen=True)
class Seen:
    """One element that a client got; `copy` counts the sendings of the same seqnum."""

    at: float
    side: Side
    old: bool
    kind: str
    content: str
    ordinal: int
    copy: int
    place: tuple[int, int] | None

    @property
    def key(self) -> tuple[Side, bool, str, str, int, int]:
        return (self.side, self.old, self.kind, self.content, self.ordinal, self.copy)


@dataclass
class Account:
    """All that the clients of one conversation got, in order, with a name for each seqnum."""

    seen: list[Seen] = field(default_factory=list)
    seqnums: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """(kind, content, ordinal) -> seqnum."""
    names: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    _copies: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _ordinals: dict[tuple[Any, ...], int] = field(default_factory=lambda: defaultdict(int))

    def take(self, at: float, side: Side, old: bool, message: Any) -> None:
        """Note each element of a message."""
        if message is None:
            self._note(at, side, old, "EOF", "")
        elif message.DESCRIPTOR.name.endswith("Connected"):
            self._note(at, side, old, "connected", text_format.MessageToString(message, as_one_line=True))
        else:
            self._take_response(at, side, old, message)

    def _take_response(self, at: float, side: Side, old: bool, message: Any) -> None:
        for descriptor, value in message.ListFields():
            if descriptor.name == "finished":
                self._note(at, side, old, "finished", str(value))
            elif descriptor.name == "acks":
                for ack in value:
                    self._note(at, side, old, "ack", str(ack))
            else:
                for element in value:
                    self._take_element(at, side, old, descriptor.name, element)

    def _take_element(self, at: float, side: Side, old: bool, kind: str, element: Any) -> None:
        bare = type(element)()
        bare.CopyFrom(element)
        bare.ClearField("seqnum")
        place = None
        if kind == "truckstatus":
            place = (bare.x, bare.y)
            bare.ClearField("x")
            bare.ClearField("y")
        content = text_format.MessageToString(bare, as_one_line=True)
        self._copies[element.seqnum] += 1
        # A status is a new answer for each question; its content may change between two sendings.
        name = (side, kind) if kind in ("truckstatus", "packagestatus") else (side, kind, content)
        if element.seqnum not in self.names:
            self._ordinals[name] += 1
            known = (str(name), "", self._ordinals[name])
            self.names[element.seqnum] = known
            self.seqnums[known] = element.seqnum
        ordinal = self.names[element.seqnum][2]
        self.seen.append(Seen(at, side, old, kind, content, ordinal, self._copies[element.seqnum], place))

    def _note(self, at: float, side: Side, old: bool, kind: str, content: str) -> None:
        name = (side, kind, content)
        self._ordinals[name] += 1
        self.seen.append(Seen(at, side, old, kind, content, self._ordinals[name], 1, None))


def read_trace(name: str) -> list[Line]:
    """Give the lines of a recorded conversation, remarks left out."""
    return list(_lines((TRACES / f"{name}.txt").read_text()))


def _lines(text: str) -> Iterator[Line]:
    old = False
    for raw in text.splitlines():
        if raw in ("old:", "new:"):
            old = raw == "old:"
            continue
        found = _LINE.match(raw)
        if found is None:
            continue
        at, letter, arrow, kind, content, special = found.groups()
        message = None
        if kind is not None:
            module = world_amazon_pb2 if letter == "A" else world_ups_pb2
            message = getattr(module, kind)()
            text_format.Parse(content, message)
        yield Line(float(at), _SIDES[letter], arrow == "<<", message, special, old)


def recorded(lines: list[Line]) -> Account:
    """What the clients got in the recording."""
    account = Account()
    for line in lines:
        if line.incoming:
            account.take(line.at, line.side, line.old, line.message)
    return account


def replayed(lines: list[Line], rules: Rules, quirks: Quirks, truth: Account) -> Account:
    """What the clients get from the model when they do what they did in the recording."""
    return _Player(rules, quirks, truth).play(lines)


class _Player:
    def __init__(self, rules: Rules, quirks: Quirks, truth: Account) -> None:
        self.model = WorldModel(rules, Random(0), quirks)
        self.truth = truth
        self.account = Account()
        self.newest: dict[Side, int] = {}
        self.sides: dict[int, Side] = {}
        self.connected: set[int] = set()
        self.gone: set[int] = set()
        self.late_acks: list[tuple[Side, tuple[str, str, int]]] = []

    def play(self, lines: list[Line]) -> Account:
        for line in lines:
            self._run_to(line.at)
            if not line.incoming:
                self._say(line)
                self._collect()
        self._run_to(lines[-1].at + self.model.rules.tick + self.model.rules.poll)
        return self.account

    def _run_to(self, moment: float) -> None:
        while (due := self.model.next_timer()) is not None and due <= moment:
            self.model.advance(due)
            self._collect()

    def _say(self, line: Line) -> None:
        if line.raw is not None:
            self.model.bad_bytes(self.newest[line.side], line.at)
            return
        gone = self.newest.get(line.side) in self.gone
        if gone or line.message.DESCRIPTOR.name.endswith("Connect"):
            number = self.model.accept(line.side, line.at)
            self.newest[line.side] = number
            self.sides[number] = line.side
        message = type(line.message)()
        message.CopyFrom(line.message)
        if getattr(message, "acks", None):
            named = [self.truth.names[ack] for ack in message.acks]
            del message.acks[:]
            for name in named:
                if name in self.account.seqnums:
                    message.acks.append(self.account.seqnums[name])
                else:
                    self.late_acks.append((line.side, name))
        self.model.receive(self.newest[line.side], message.SerializePartialToString(), line.at)

    def _collect(self) -> None:
        for output in self.model.outputs():
            side = self.sides[output.connection]
            old = output.connection != self.newest[side]
            if isinstance(output, Close):
                self.account.take(output.at, side, old, None)
                self.gone.add(output.connection)
                continue
            assert isinstance(output, Send)
            first, later = _REPLIES[side]
            message = (later if output.connection in self.connected else first)()
            message.MergeFromString(output.body)
            if isinstance(message, first) and message.result == "connected!":
                self.connected.add(output.connection)
            self.account.take(output.at, side, old, message)
        self._send_late_acks()

    def _send_late_acks(self) -> None:
        for side, name in list(self.late_acks):
            if name in self.account.seqnums:
                self.late_acks.remove((side, name))
                commands = world_amazon_pb2.ACommands() if side is Side.AMAZON else world_ups_pb2.UCommands()
                commands.acks.append(self.account.seqnums[name])
                self.model.receive(self.newest[side], commands.SerializeToString(), self.model.now)
