"""UPS's side of the connection with Amazon, as the kit plays it: notes all that comes, acks unless told not to.

Rules: nothing is thrown away; each element is noted with its connection and time; numbers of ours are never used twice
unless a case wants it. Framing, acks and numbers are written here for a second time on purpose. What to say when is
elsewhere (`kit`, cases).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError, Message

from partners.ups import ups_pb2 as ups
from proof.conform.frames import BadFrame, Cutter, frame
from proof.conform.reading import strange_fields, why_not
from proof.conform.sockets import Peer, dial
from proof.conform.verdict import Entry, Way
from proof.conform.wording import in_hex, in_words

# An Amazon that floods is cut: so much in one case is far more than any has to say.
MOST_MESSAGES = 20_000
MOST_BYTES = 256 * 1024 * 1024
_CAP = 16 * 1024 * 1024
_DIAL_SECONDS = 5.0

PICKUP, DELIVER, ERROR, HELLO = "AUPickupRequest", "AUDeliverRequest", "Err", "AUHello"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that Amazon said; `ship` is None where it names none, `number` 0 where it has none."""

    kind: str
    number: int
    ship: int | None
    content: bytes
    line: int
    at: float
    message: Message


@dataclass(slots=True, eq=False)
class Line:
    """One connection that we made."""

    number: int
    peer: Peer
    incoming: Cutter = field(default_factory=lambda: Cutter(_CAP))
    messages: list[ups.AUCommand] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    # What we named in the newest UAstart; None: nothing announced yet.
    features: tuple[str, ...] | None = None
    # Whether any UAstart on it named a feature.
    extended: bool = False
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    # Whether we ended it.
    cut: bool = False
    # Why what came cannot be read, if it cannot.
    bad: str = ""


class Ups:
    """Dials Amazon. `on_element` hears of each element, copies included, before its ack goes out."""

    def __init__(self, first_number: int) -> None:
        self.lines: list[Line] = []
        self.elements: list[Element] = []
        self.acks: defaultdict[int, list[float]] = defaultdict(list)
        # Acks of numbers that we had not sent when they came: the number and the line.
        self.strange_acks: list[tuple[int, int]] = []
        # Kinds of elements that are not acked for the time being.
        self.holding: set[str] = set()
        self.trace: list[Entry] = []
        # What came since `begin` that the contract has no place for.
        self.strange: list[str] = []
        self.changed = asyncio.Event()
        self.on_element: Callable[[Element], None] = lambda _: None
        self.address = ("", 0)
        self._next_number = first_number
        self._sent: set[int] = set()
        self._unacked: dict[int, bytes] = {}
        self._held_back: list[tuple[Line, bytes]] | None = None
        self._came = [0, 0]
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()

    async def connect(self) -> Line:
        """Makes a connection, on which nothing was said yet. Raises OSError."""
        made: asyncio.Future[Line] = self._loop.create_future()

        async def serve(peer: Peer) -> None:
            line = Line(len(self.lines) + 1, peer)
            line.reading.set()
            self.lines.append(line)
            self.note(f"connection {line.number} to {peer.name}")
            made.set_result(line)
            await self._read(line)

        task = self._loop.create_task(dial(*self.address, serve, _DIAL_SECONDS))
        self._tasks.add(task)
        task.add_done_callback(lambda _: made.cancel())
        try:
            return await made
        except asyncio.CancelledError:
            if not task.done() or task.cancelled():
                raise
            self._tasks.discard(task)
            task.result()
            raise

    async def close(self) -> None:
        """Ends every connection."""
        for line in self.lines:
            line.cut = line.cut or not line.ended
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def live(self) -> Line | None:
        """The newest connection on which a world was announced and which has not ended."""
        return next(
            (line for line in reversed(self.lines) if line.features is not None and not (line.ended or line.cut)), None
        )

    # What we say.

    def number(self) -> int:
        """A number of ours that was not used before."""
        self._next_number += 1
        return self._next_number

    def announce(
        self,
        line: Line,
        world: int,
        number: int | None = None,
        features: Sequence[str] = (),
        contract: ups.Contract | None = None,
    ) -> int:
        """Sends a UAstart; gives its number."""
        number = self.number() if number is None else number
        line.features = tuple(features)
        line.extended = line.extended or bool(features)
        self.send(ups.UAstart(worldid=world, seqnum=number, features=features, contract=contract), line)
        return number

    def say(self, number: int, command: ups.UACommand) -> None:
        """Sends an element until it is acked."""
        self._unacked[number] = command.SerializeToString()
        self.send(command)

    def send(self, message: ups.UAstart | ups.UACommand, line: Line | None = None) -> None:
        """Sends a message once, on the live connection or another one; without one, not at all."""
        line = line or self.live
        if line is not None:
            self.note(in_words(message), Way.SENT)
            self._write(line, message.SerializePartialToString())

    def send_bytes(self, data: bytes, line: Line | None = None) -> None:
        """Sends bytes as they are."""
        line = line or self.live
        if line is not None:
            self.note(in_hex(data), Way.SENT)
            self._send_raw(line, data)

    def repeat_unacked(self) -> None:
        """Sends again what was said and not acked."""
        for body in list(self._unacked.values()):
            if self.live is not None:
                self._write(self.live, body)

    def forget_unacked(self) -> None:
        """Does not say again what was not acked."""
        self._unacked.clear()

    def release(self) -> None:
        """Acks what was held back, and holds nothing back any more."""
        self.holding.clear()
        if self.live is not None:
            numbers = dict.fromkeys(element.number for element in self.elements if element.number)
            self.send(ups.UACommand(acks=list(numbers)[-1000:]))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets nothing else go out meanwhile: a frame is being sent in pieces."""
        self._held_back = []
        try:
            yield
        finally:
            held_back, self._held_back = self._held_back or [], None
            for line, body in held_back:
                self._write(line, body)

    def hang_up(self, line: Line | None = None) -> None:
        """Cuts a connection, the live one if none is named."""
        line = line or self.live
        if line is not None:
            self.note(f"cut connection {line.number}")
            line.cut = True
            line.peer.abort()

    def note(self, text: str, way: Way = Way.NOTE) -> None:
        """Writes down for a report what happens."""
        self.trace.append(Entry(self._loop.time() - self._began_at, way, text))

    def begin(self) -> None:
        """A new case: its own trace, and its own share of messages."""
        self.trace.clear()
        self.strange.clear()
        self._came = [0, 0]
        self.holding.clear()

    def used(self, number: int) -> bool:
        """Whether an element of ours with this number went out."""
        return number in self._sent

    # What Amazon says.

    async def _read(self, line: Line) -> None:
        try:
            while not line.bad and (data := await line.peer.read()):
                self._came[1] += len(data)
                for body in line.incoming.feed(data):
                    self._take(line, body)
                self._check_flood(line)
                await line.reading.wait()
            if line.incoming.inside and not line.cut and not line.bad:
                line.bad = "it ended inside a frame"
        except BadFrame as error:
            line.bad = f"it sent {error}"
        finally:
            line.ended = True
            self.note(f"connection {line.number} ended: {line.bad or ('by us' if line.cut else 'by it')}")
            self.changed.set()

    def _check_flood(self, line: Line) -> None:
        messages, size = self._came
        if messages > MOST_MESSAGES or size > MOST_BYTES:
            line.bad = f"it floods: {messages:,} messages and {size:,} bytes came in one case"
            line.peer.abort()

    def _take(self, line: Line, body: bytes) -> None:
        if line.bad:
            return
        command = ups.AUCommand()
        try:
            command.ParseFromString(body)
            whole = command.IsInitialized()
        except DecodeError:
            whole = False
        if not whole:
            why = why_not(ups.AUCommand, body)
            line.bad = f"it sent what is no AUCommand, {in_hex(body)}: {why}"
            self.strange.append(why)
            self.note(line.bad)
            line.peer.abort()
            return
        self._came[0] += 1
        self.note(in_words(command), Way.CAME)
        self.strange += [words for words in strange_fields(command) if words not in self.strange]
        line.messages.append(command)
        line.bodies.append(body)
        for number in command.acks:
            if number not in self._sent:
                self.strange_acks.append((number, line.number))
            self.acks[number].append(self._loop.time())
            self._unacked.pop(number, None)
        for element in elements_of(command):
            self._hear(line, element)
        self.changed.set()

    def _hear(self, line: Line, message: Message) -> None:
        number, ship = getattr(message, "seqNum", 0), getattr(message, "shipId", None)
        kind, content = type(message).__name__, message.SerializeToString(deterministic=True)
        element = Element(kind, number, ship, content, line.number, self._loop.time(), message)
        self.elements.append(element)
        self.on_element(element)
        if kind not in self.holding and "seqNum" in message.DESCRIPTOR.fields_by_name:
            self._write(line, ups.UACommand(acks=[number]).SerializeToString())

    def _write(self, line: Line, body: bytes) -> None:
        if self._held_back is not None:
            self._held_back.append((line, body))
        else:
            self._send_raw(line, frame(body))

    def _send_raw(self, line: Line, data: bytes) -> None:
        line.peer.write(data)
        # Bytes that are odd on purpose are no frame of ours; what is in them is noted by who made them.
        with suppress(BadFrame):
            for body in Cutter(1 << 40).feed(data):
                self._sent.update(numbers_in(body))

    def note_number(self, number: int) -> None:
        """Counts a number as used: its element goes out in a way that cannot be read here."""
        self._sent.add(number)


def elements_of(command: ups.AUCommand) -> list[Message]:
    """What an AUCommand says beside acks, by rising number; a hello, which has none, first."""
    found: list[Message] = []
    for descriptor, value in command.ListFields():
        if descriptor.message_type is not None:
            found += value if descriptor.is_repeated else [value]
    return sorted(found, key=lambda one: getattr(one, "seqNum", -(2**63)))


def numbers_in(body: bytes) -> set[int]:
    """The numbers of the elements in a body of ours, however odd it is otherwise."""
    start = ups.UAstart()
    with suppress(DecodeError):
        start.MergeFromString(body)
        if start.IsInitialized():
            return {start.seqnum}
    command = ups.UACommand()
    try:
        command.MergeFromString(body)
    except DecodeError:
        return set()
    return {
        one.seqNum
        for descriptor, value in command.ListFields()
        if descriptor.message_type is not None
        for one in value
        if "seqNum" in one.DESCRIPTOR.fields_by_name
    }
