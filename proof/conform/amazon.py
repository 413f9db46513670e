"""Amazon's side of the partner's connection, as the kit plays it: notes all that comes, acks unless told not to.

Rules: nothing is thrown away; each element is noted with its connection and time; numbers of ours are never used twice.
Its ack and number rules are written here for a second time on purpose. What to say when is elsewhere (`kit`, cases).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError, Message

from partners.ups import ups_pb2 as ups
from proof.conform.verdict import Entry, Way
from proof.conform.wording import in_hex, in_words
from wire.errors import BadFrames, ProtocolError
from wire.link import Connection, Limits, Listener, listen

_LIMITS = Limits(max_frame=64 * 1024 * 1024, queue_bytes=64 * 1024 * 1024)

START, LOAD, DELIVERED, ERROR = "UAstart", "UALoadRequest", "UADelivered", "Err"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that the partner said; `ship` is None for UAstart and Err."""

    kind: str
    number: int
    ship: int | None
    content: bytes
    connection: int
    at: float
    message: Message


@dataclass(slots=True, eq=False)
class Partner:
    """One connection that the partner made."""

    number: int
    connection: Connection
    opened_at: float
    messages: list[Message] = field(default_factory=list)
    started_at: float | None = None
    ended: bool = False
    # Why what came cannot be read, if it cannot.
    bad: str = ""


class Amazon:
    """The port that the partner dials. `on_element` hears of each element, copies included, before its ack goes out."""

    def __init__(self, first_number: int) -> None:
        self.partners: list[Partner] = []
        self.elements: list[Element] = []
        self.acks: defaultdict[int, list[float]] = defaultdict(list)
        # Kinds of elements that are not acked for the time being.
        self.holding: set[str] = set()
        self.trace: list[Entry] = []
        self.changed = asyncio.Event()
        self.on_element: Callable[[Element], None] = lambda _: None
        self._next_number = first_number
        self._unacked: dict[int, bytes] = {}
        self._held_back: list[tuple[Partner, bytes]] | None = None
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._listener: Listener | None = None
        self._address = ("", 0)

    # The port.

    async def open(self, host: str, port: int) -> int:
        """Listens; gives the port. Raises OSError."""
        self._listener = await listen(host, port, self._serve, _LIMITS)
        self._address = (host, self._listener.port)
        return self._listener.port

    async def close(self) -> None:
        """Ends every connection and stops listening."""
        if self._listener is not None:
            await self._listener.close()
            self._listener = None

    async def open_again(self) -> None:
        """Listens on the same port as before."""
        await self.open(*self._address)

    @property
    def live(self) -> Partner | None:
        """The newest connection that has announced a world and has not ended."""
        started = [partner for partner in self.partners if partner.started_at is not None and not partner.ended]
        return max(started, key=lambda partner: partner.started_at or 0.0, default=None)

    # What we say.

    def number(self) -> int:
        """A number of ours that was not used before."""
        self._next_number += 1
        return self._next_number

    def say(self, number: int, command: ups.AUCommand) -> None:
        """Sends an element until it is acked."""
        self._unacked[number] = command.SerializeToString()
        self.send(command)

    def send(self, command: ups.AUCommand) -> None:
        """Sends a message once, on the live connection; without one, not at all."""
        if self.live is not None:
            self.note(in_words(command), Way.SENT)
            self._write(self.live, command.SerializeToString())

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as they are."""
        if self.live is not None:
            self.note(in_hex(data), Way.SENT)
            self.live.connection.send_bytes(data)

    def repeat_unacked(self) -> None:
        """Sends again what was said and not acked."""
        for body in list(self._unacked.values()):
            if self.live is not None:
                self._write(self.live, body)

    def release(self) -> None:
        """Acks what was held back, and holds nothing back any more."""
        self.holding.clear()
        if self.live is not None:
            numbers = dict.fromkeys(element.number for element in self.elements)
            self.send(ups.AUCommand(acks=list(numbers)[-1000:]))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets nothing else go out meanwhile: a frame is being sent in pieces."""
        self._held_back = []
        try:
            yield
        finally:
            held_back, self._held_back = self._held_back or [], None
            for partner, body in held_back:
                self._write(partner, body)

    def hang_up(self) -> None:
        """Cuts the live connection."""
        if self.live is not None:
            self.note("cut the connection")
            self.live.connection.abort(ConnectionResetError("cut"))

    def note(self, text: str, way: Way = Way.NOTE) -> None:
        """Writes down for a report what happens."""
        self.trace.append(Entry(self._loop.time() - self._began_at, way, text))

    # What the partner says.

    async def _serve(self, connection: Connection) -> None:
        partner = Partner(len(self.partners) + 1, connection, self._loop.time())
        self.partners.append(partner)
        self.note(f"connection {partner.number} from {connection.peer}")
        self.changed.set()
        try:
            while bodies := await connection.receive():
                for body in bodies:
                    self._take(partner, body)
        except BadFrames as error:
            partner.bad = str(error)
        except (ProtocolError, OSError):
            pass
        finally:
            partner.ended = True
            self.note(f"connection {partner.number} ended {partner.bad}".rstrip())
            self.changed.set()

    def _take(self, partner: Partner, body: bytes) -> None:
        start = _parse(ups.UAstart(), body)
        message = start or _parse(ups.UACommand(), body)
        if message is None:
            partner.bad = f"it sent what is no message: {in_hex(body)}"
            self.note(partner.bad)
            partner.connection.abort(ConnectionResetError("no message"))
            return
        self.note(in_words(message), Way.CAME)
        partner.messages.append(message)
        if isinstance(message, ups.UAstart):
            fresh = partner.started_at is None
            partner.started_at = partner.started_at or self._loop.time()
            self._hear(partner, START, message.seqnum, None, message)
            if fresh:
                self.repeat_unacked()
        elif isinstance(message, ups.UACommand):
            for number in message.acks:
                self.acks[number].append(self._loop.time())
                self._unacked.pop(number, None)
            for load in message.loadRequests:
                self._hear(partner, LOAD, load.seqNum, load.shipId, load)
            for delivered in message.delivered:
                self._hear(partner, DELIVERED, delivered.seqNum, delivered.shipId, delivered)
            for error in message.error:
                self._hear(partner, ERROR, error.seqNum, None, error)
        self.changed.set()

    def _hear(self, partner: Partner, kind: str, number: int, ship: int | None, message: Message) -> None:
        content = message.SerializeToString(deterministic=True)
        element = Element(kind, number, ship, content, partner.number, self._loop.time(), message)
        self.elements.append(element)
        self.on_element(element)
        if kind not in self.holding:
            self._write(partner, ups.AUCommand(acks=[number]).SerializeToString())

    def _write(self, partner: Partner, body: bytes) -> None:
        if self._held_back is not None:
            self._held_back.append((partner, body))
            return
        try:
            partner.connection.send(body)
        except ProtocolError as error:
            partner.connection.abort(error)


def _parse(message: ups.UAstart | ups.UACommand, body: bytes) -> Message | None:
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return message if message.IsInitialized() else None
