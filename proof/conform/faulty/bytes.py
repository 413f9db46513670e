"""Mistakes with bytes: frames, lengths, what is in a body, who writes."""

import asyncio
from typing import ClassVar

from google.protobuf.message import DecodeError

from partners.ups import ups_pb2 as ups
from proof.conform.faulty.victim import Faults, Victim
from proof.conform.frames import BYTES, fields, frame, varint
from wire.errors import FrameTooLong
from wire.framing import Framer

bytes_ = Faults()


class _Naive:
    """Reads as a first attempt does: `parse` cuts what came, and says what is left."""

    caps: ClassVar[int] = 1 << 62
    length_bytes: ClassVar[int] = 10

    def __init__(self) -> None:
        self.kept = b""
        self.rest = b""

    def receive(self, data: bytes) -> list[bytes]:
        """Gives the bodies."""
        self.kept += data
        found = []
        while (head := self.length()) is not None:
            size, length = head
            if len(self.kept) < size + length:
                break
            found.append(self.kept[size : size + length])
            self.kept = self.kept[size + length :]
        return found

    def length(self) -> tuple[int, int] | None:
        """How long the length is, and what it says."""
        value = 0
        for at, byte in enumerate(self.kept[: self.length_bytes]):
            value |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:
                return at + 1, value
        return None

    def end(self) -> None:
        """The stream is over."""


class _HalfFrames(_Naive):
    """One read for the body: what is there is taken for all of it."""

    def receive(self, data: bytes) -> list[bytes]:
        self.kept = data
        found = []
        while (head := self.length()) is not None:
            size, length = head
            found.append(self.kept[size : size + length])
            self.kept = self.kept[size + length :]
        return found


class _FirstOnly(_Naive):
    """A new reader for each message: what it read ahead is gone."""

    def receive(self, data: bytes) -> list[bytes]:
        found = super().receive(data)[:1]
        if found:
            self.kept = b""
        return found


class _OneByte(_Naive):
    """A length is a byte."""

    def length(self) -> tuple[int, int] | None:
        return (1, self.kept[0]) if self.kept else None


class _Shortest(_Naive):
    """A length in a longer form is an error."""

    def receive(self, data: bytes) -> list[bytes]:
        head = self.length()
        self.kept += data
        head = self.length()
        if head is not None and len(varint(head[1])) < head[0]:
            raise FrameTooLong(head[1], 0)
        data, self.kept = self.kept, b""
        return super().receive(data)


class _TakesTheRest(_Naive):
    """What has come when the stream ends is a message."""

    def end(self) -> None:
        head = self.length()
        self.rest = self.kept[head[0] :] if head is not None else b""


@bytes_.plant("half-frames", "one `recv` for a body: what is there is taken for all of it", "2.4b", "2.4c")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = _HalfFrames


@bytes_.plant("reader-per-message", "a new `CodedInputStream` for each message: what it read ahead is gone", "2.4a")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = _FirstOnly


@bytes_.plant("length-of-one-byte", "the loop that reads a length ends at the first byte", "2.6b", "2.4c")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = _OneByte


@bytes_.plant("no-cap", "2 GiB are waited for when they are announced", "2.6f", "2.6h")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = lambda: Framer(1 << 40)


@bytes_.plant("endless-length", "a length may have any number of bytes", "2.3b", "2.3h")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = _Naive


@bytes_.plant("small-cap", "a body above 64 KiB is refused", "2.6e")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = lambda: Framer(64 * 1024)


@bytes_.plant("takes-a-cut-frame", "at the end of the stream what came of a frame is taken for all of it", "2.9b")
def _(ups_: Victim) -> None:
    ups_.dialler.make_framer = _TakesTheRest


@bytes_.plant("empty-is-the-end", "a frame of no bytes is taken for the end of the connection", "2.5a")
def _(ups_: Victim) -> None:
    ups_.hear(lambda body: [body] if body else None)


@bytes_.plant("two-writers", "two threads write one socket: now and then a frame is inside another one", "2.10a")
def _(ups_: Victim) -> None:
    ups_.memory["count"] = 0

    def say(body: bytes) -> list[bytes]:
        ups_.memory["count"] += 1
        data = frame(body)
        half = len(data) // 2
        return [data[:half], frame(b""), data[half:]] if ups_.memory["count"] % 4 == 0 else [data]

    ups_.dialler.say = say


@bytes_.plant("unknown-fields", "a message with a field that is not known is thrown away", "2.12a")
def _(ups_: Victim) -> None:
    ups_.hear(lambda body: [] if any(one.number > 15 for one in fields(body)) else [body])


@bytes_.plant("packed-acks", "packed acks are not read", "2.12b", "2.12c")
def _(ups_: Victim) -> None:
    def without(body: bytes) -> list[bytes]:
        kept = b""
        for one in fields(body):
            if one.kind == BYTES and one.number == 3:
                continue
            content = varint(len(one.content)) + one.content if one.kind == BYTES else one.content
            kept += varint(one.number << 3 | one.kind) + content
        return [kept]

    ups_.hear(without)


@bytes_.plant("int-for-long", "numbers are kept in 32 bits", "5.6a", "5.6e")
def _(ups_: Victim) -> None:
    def make(command: object) -> object:
        def cut(now: float) -> ups.UACommand | None:
            made: ups.UACommand | None = command(now)  # type: ignore[operator]
            if made is not None:
                numbers = [(number + 2**31) % 2**32 - 2**31 for number in made.acks]
                del made.acks[:]
                made.acks.extend(numbers)
            return made

        return cut

    ups_.replace(ups_.shop, "command", make)


@bytes_.plant("unsigned-numbers", "a number below zero is taken for an error", "2.13a")
def _(ups_: Victim) -> None:
    def positive(body: bytes) -> list[bytes]:
        command = _parsed(body)
        return [] if command is not None and any(one.seqNum < 0 for one in command.pickupRequests) else [body]

    ups_.hear(positive)


@bytes_.plant("text-is-utf8", "text that is not UTF-8 fails, and the message with it", "2.14a")
def _(ups_: Victim) -> None:
    def decoded(body: bytes) -> list[bytes]:
        for one in fields(body):
            if one.number == 1 and one.kind == BYTES:
                for inner in fields(one.content):
                    if inner.number == 9:
                        try:
                            inner.content.decode()
                        except UnicodeDecodeError:
                            return []
        return [body]

    ups_.hear(decoded)


@bytes_.plant("missing-field", "a required field that is missing is taken for zero", "2.7b", "2.7d")
def _(ups_: Victim) -> None:
    def filled(body: bytes) -> list[bytes]:
        command = _parsed(body)
        if command is None:
            return [body]
        for wanted in command.pickupRequests:
            wanted.shipId = wanted.shipId or 0
        for go in command.deliverRequests:
            go.shipId = go.shipId or 0
        return [command.SerializePartialToString()]

    ups_.hear(filled)


@bytes_.plant("bad-bytes-skipped", "a body that is no message is skipped, and the connection goes on", "2.7a", "2.7f")
def _(ups_: Victim) -> None:
    ups_.hear(lambda body: [body] if _parsed(body) is not None else [])


@bytes_.plant("packs-acks", "acks are sent packed", "2.12d")
def _(ups_: Victim) -> None:
    def say(body: bytes) -> list[bytes]:
        command = ups.UACommand()
        try:
            command.ParseFromString(body)
        except DecodeError:
            return [frame(body)]
        numbers = b"".join(varint(number) for number in command.acks)
        if not numbers:
            return [frame(body)]
        del command.acks[:]
        return [frame(command.SerializeToString() + b"\x1a" + varint(len(numbers)) + numbers)]

    ups_.dialler.say = say


@bytes_.plant("long-lengths", "each length is written in four bytes", "2.3g")
def _(ups_: Victim) -> None:
    ups_.dialler.say = lambda body: [frame(body, 4)]


@bytes_.plant("reads-when-acked", "the thread that reads waits for the ack of what was said", "2.11a")
def _(ups_: Victim) -> None:
    waiting: list[bytes] = []

    def one_by_one(body: bytes) -> list[bytes]:
        command = _parsed(body)
        if command is None:
            return [body]
        taken = [ups.AUCommand(acks=command.acks).SerializeToString()]
        del command.acks[:]
        waiting.append(command.SerializeToString())
        if not ups_.shop._outgoing._sent:
            taken += waiting
            waiting.clear()
        return taken

    ups_.hear(one_by_one)


@bytes_.plant("closes-in-silence", "a connection on which nothing is said for a second is closed", "4.11a")
def _(ups_: Victim) -> None:
    loop = asyncio.get_running_loop()
    heard = {"at": 0.0}

    def note(body: bytes) -> list[bytes]:
        heard["at"] = loop.time()
        return [body]

    def opened(connection: object) -> None:
        heard["at"] = loop.time()
        look(connection)

    def look(connection: object) -> None:
        if loop.time() - heard["at"] > 1.0:
            connection.abort(ConnectionResetError("silence"))  # type: ignore[attr-defined]
        else:
            loop.call_later(0.1, look, connection)

    ups_.hear(note)
    ups_.dialler.on_open = opened


def _parsed(body: bytes) -> ups.AUCommand | None:
    command = ups.AUCommand()
    try:
        command.ParseFromString(body)
    except DecodeError:
        return None
    return command
