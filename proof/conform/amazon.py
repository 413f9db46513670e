"""Amazon's side of the partner's connection, as the kit plays it: notes all that comes, acks unless told not to.

Rules: nothing is thrown away; each element is noted with its connection and time; numbers of ours are never used twice.
Its framing, ack and number rules are written here for a second time on purpose. What to say when is elsewhere (`kit`,
cases).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError, Message

from partners.ups import ups_pb2 as ups
from proof.conform.frames import BadFrame, Cutter, frame
from proof.conform.reading import strange_fields, why_not
from proof.conform.sockets import Peer, Port, dial
from proof.conform.speech import FEATURE_OF
from proof.conform.verdict import Entry, Way
from proof.conform.wording import in_hex, in_words

# A partner that floods is cut: so much in one case is far more than any partner has to say.
MOST_MESSAGES = 20_000
MOST_BYTES = 256 * 1024 * 1024
_CAP = 16 * 1024 * 1024
_PAUSES = (0.05, 0.5)

START = "UAstart"
LOAD = "UALoadRequest"
DELIVERED = "UADelivered"
ERROR = "Err"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that the partner said; `ship` is None where it names none, `number` 0 where it has none."""

    kind: str
    number: int
    ship: int | None
    content: bytes
    connection: int
    at: float
    message: Message
    # How often the partner had been killed.
    life: int = 0


@dataclass(slots=True, eq=False)
class Partner:
    """One connection with the partner."""

    number: int
    peer: Peer
    opened_at: float
    incoming: Cutter = field(default_factory=lambda: Cutter(_CAP))
    outgoing: Cutter = field(default_factory=lambda: Cutter(1 << 40))
    messages: list[Message] = field(default_factory=list)
    # As they came.
    bodies: list[bytes] = field(default_factory=list)
    started_at: float | None = None
    ended_at: float | None = None
    # Whether we ended it.
    cut: bool = False
    # The features that both sides named.
    features: frozenset[str] = frozenset()
    # Why what came cannot be read, if it cannot.
    bad: str = ""

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.ended_at is not None


class Amazon:
    """The port that the partner dials, or the one that dials it (`partner`).

    `on_element` hears of each element, copies included, before its ack goes out; `greeting` is what a UAstart that
    names features is answered with.
    """

    def __init__(self, first_number: int, partner: tuple[str, int] | None = None) -> None:
        self.partners: list[Partner] = []
        self.elements: list[Element] = []
        self.acks: defaultdict[int, list[float]] = defaultdict(list)
        # Acks of numbers that we had not sent when they came: the number and the connection.
        self.strange_acks: list[tuple[int, int]] = []
        # Elements of the extension whose feature was not on: the kind and the connection.
        self.out_of_place: list[tuple[str, int]] = []
        # Kinds of elements that are not acked for the time being, and a sieve for single ones.
        self.holding: set[str] = set()
        self.deaf_to: Callable[[Element], bool] = lambda _: False
        self.trace: list[Entry] = []
        # What came since `begin` that the contract has no place for.
        self.strange: list[str] = []
        self.changed = asyncio.Event()
        self.on_element: Callable[[Element], None] = lambda _: None
        self.greeting: Callable[[ups.UAstart], ups.AUCommand | None] = lambda _: None
        self.life = 0
        # Whether each connection is ended as soon as it is there.
        self.closing_at_once = False
        self.flood = ""
        self.trouble = ""
        self.dials_partner = partner is not None
        self._partner = partner
        self._next_number = first_number
        self._sent: set[int] = set()
        self._unacked: dict[int, bytes] = {}
        self._held_back: list[tuple[Partner, bytes]] | None = None
        self._came = [0, 0]
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._port: Port | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._address = ("", 0)

    # The port.

    async def open(self, host: str, port: int) -> int:
        """Listens, and gives the port; or begins to dial the partner. Raises OSError."""
        self._address = (host, port)
        if self._partner is not None:
            self._dialling = self._loop.create_task(self._dial(self._partner))
            return port
        self._port = Port(self._serve)
        self._address = (host, await self._port.open(host, port))
        return self._address[1]

    async def close(self) -> None:
        """Ends every connection, and neither listens nor dials any more."""
        for partner in self.partners:
            partner.cut = partner.cut or not partner.ended
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
            self._dialling = None
        if self._port is not None:
            await self._port.close()
            self._port = None

    async def open_again(self) -> None:
        """Goes on after `close`, at the same place."""
        await self.open(*self._address)

    @property
    def live(self) -> Partner | None:
        """The newest connection that has announced a world and has not ended."""
        started = [partner for partner in self.partners if partner.started_at is not None and not partner.ended]
        return max(started, key=lambda partner: partner.started_at or 0.0, default=None)

    def check(self) -> None:
        """Raises what went wrong in here, or in a case's own ears, while the partner was heard."""
        if self._port is not None and self._port.failure is not None:
            raise self._port.failure
        if self._dialling is not None and self._dialling.done():
            self._dialling.result()

    # What we say.

    def number(self, gap: int = 0) -> int:
        """A number of ours that was not used before, so many behind the last one."""
        self._next_number += 1 + gap
        return self._next_number

    def say(self, number: int, command: ups.AUCommand) -> None:
        """Sends an element until it is acked."""
        self._unacked[number] = command.SerializeToString()
        self.send(command)

    def keep_saying(self, number: int, command: ups.AUCommand) -> None:
        """Repeats an element until it is acked, without sending it now."""
        self._unacked[number] = command.SerializeToString()

    def send(self, command: ups.AUCommand) -> None:
        """Sends a message once, on the live connection; without one, not at all."""
        if self.live is not None:
            self.note(in_words(command), Way.SENT)
            self._write(self.live, command.SerializeToString())

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as they are."""
        if self.live is not None:
            self.note(in_hex(data), Way.SENT)
            self._send_raw(self.live, data)

    def repeat_unacked(self) -> None:
        """Sends again what was said and not acked."""
        for body in list(self._unacked.values()):
            if self.live is not None:
                self._write(self.live, body)

    def release(self) -> None:
        """Acks what was held back, and holds nothing back any more."""
        self.holding.clear()
        self.deaf_to = lambda _: False
        if self.live is not None:
            numbers = dict.fromkeys(element.number for element in self.elements if element.number)
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
            self.live.cut = True
            self.live.peer.abort()

    def hang_up_gently(self) -> None:
        """Ends what we send on the live connection; what was sent before arrives."""
        if self.live is not None:
            self.note("ended the stream")
            self.live.cut = True
            self.live.peer.end()

    def note(self, text: str, way: Way = Way.NOTE) -> None:
        """Writes down for a report what happens."""
        self.trace.append(Entry(self._loop.time() - self._began_at, way, text))

    def begin(self) -> None:
        """A new case: its own trace, and its own share of messages."""
        self.trace.clear()
        self.strange.clear()
        self._came = [0, 0]
        self.flood = ""
        self.closing_at_once = False
        self.holding.clear()
        self.deaf_to = lambda _: False

    def sent(self, number: int) -> bool:
        """Whether an element of ours with this number went out."""
        return number in self._sent

    # What the partner says.

    async def _dial(self, address: tuple[str, int]) -> None:
        shortest, longest = _PAUSES
        pause = shortest
        while True:
            try:
                await dial(*address, self._serve)
                pause, self.trouble = shortest, ""
            except OSError as error:
                pause = min(2 * pause, longest)
                self.trouble = error.strerror or str(error) or type(error).__name__
            await asyncio.sleep(pause)

    async def _serve(self, peer: Peer) -> None:
        partner = Partner(len(self.partners) + 1, peer, self._loop.time())
        self.partners.append(partner)
        self.note(f"connection {partner.number} with {peer.name}")
        self.changed.set()
        if self.closing_at_once or self.flood:
            partner.cut = True
            peer.abort()
        try:
            while (data := await peer.read()) and not partner.bad:
                self._came[1] += len(data)
                for body in partner.incoming.feed(data):
                    self._take(partner, body)
                    if self._floods(partner):
                        break
            if partner.incoming.inside and not partner.cut and not partner.bad:
                partner.bad = "it ended inside a frame"
        except BadFrame as error:
            partner.bad = f"it sent {error}"
        finally:
            partner.ended_at = self._loop.time()
            self.note(f"connection {partner.number} ended: {partner.bad or ('by us' if partner.cut else 'by it')}")
            self.changed.set()

    def _floods(self, partner: Partner) -> bool:
        messages, size = self._came
        if messages <= MOST_MESSAGES and size <= MOST_BYTES:
            return False
        self.flood = partner.bad = f"it floods: {messages:,} messages and {size:,} bytes came in one case"
        partner.peer.abort()
        return True

    def _take(self, partner: Partner, body: bytes) -> None:
        if partner.bad:
            return
        start = _parse(ups.UAstart(), body)
        message = start or _parse(ups.UACommand(), body)
        if message is None:
            why = why_not(ups.UAstart if partner.started_at is None else ups.UACommand, body)
            partner.bad = f"it sent what is no message, {in_hex(body)}: {why}"
            self.strange.append(why)
            self.note(partner.bad)
            partner.peer.abort()
            return
        self._came[0] += 1
        self.note(in_words(message), Way.CAME)
        self.strange += [words for words in strange_fields(message) if words not in self.strange]
        partner.messages.append(message)
        partner.bodies.append(body)
        if isinstance(message, ups.UAstart):
            fresh = partner.started_at is None
            partner.started_at = partner.started_at or self._loop.time()
            greeting = self.greeting(message)
            partner.features = frozenset(message.features) & frozenset(greeting.hello.features if greeting else ())
            if greeting is not None:
                self.note(in_words(greeting), Way.SENT)
                self._write(partner, greeting.SerializeToString())
            self._hear(partner, START, message.seqnum, None, message)
            if fresh:
                self.repeat_unacked()
        elif isinstance(message, ups.UACommand):
            for number in message.acks:
                if number not in self._sent:
                    self.strange_acks.append((number, partner.number))
                self.acks[number].append(self._loop.time())
                self._unacked.pop(number, None)
            for element in elements_of(message):
                number = getattr(element, "seqNum", 0)
                self._hear(partner, type(element).__name__, number, getattr(element, "shipId", None), element)
        self.changed.set()

    def _hear(self, partner: Partner, kind: str, number: int, ship: int | None, message: Message) -> None:
        content = message.SerializeToString(deterministic=True)
        element = Element(kind, number, ship, content, partner.number, self._loop.time(), message, self.life)
        if kind in FEATURE_OF and FEATURE_OF[kind] not in partner.features:
            self.out_of_place.append((kind, partner.number))
        if not self.deaf_to(element):
            self.elements.append(element)
            self.on_element(element)
            numbered = kind == START or "seqNum" in message.DESCRIPTOR.fields_by_name
            if kind not in self.holding and numbered:
                self._write(partner, ups.AUCommand(acks=[number]).SerializeToString())

    def _write(self, partner: Partner, body: bytes) -> None:
        if self._held_back is not None:
            self._held_back.append((partner, body))
        else:
            self._send_raw(partner, frame(body))

    def _send_raw(self, partner: Partner, data: bytes) -> None:
        with suppress(BadFrame):
            for body in partner.outgoing.feed(data):
                self._sent.update(numbers_in(body))
        partner.peer.write(data)


def numbers_in(body: bytes) -> set[int]:
    """The numbers of the elements in an AUCommand, however odd it is otherwise."""
    command = ups.AUCommand()
    try:
        command.MergeFromString(body)
    except DecodeError:
        return set()
    return {element.seqNum for element in elements_of(command) if hasattr(element, "seqNum")}


def elements_of(command: Message) -> list[Any]:
    """The elements of an AUCommand or UACommand, of all kinds."""
    return [
        element
        for about, value in command.ListFields()
        if about.message_type is not None and about.is_repeated
        for element in value
    ]


def _parse(message: ups.UAstart | ups.UACommand, body: bytes) -> Message | None:
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return message if message.IsInitialized() else None
