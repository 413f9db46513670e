"""Frames and varints as section 2 of the document has them, written here for a second time on purpose.

Rules: nothing of `wire` is used, since a mistake in both ends would not be seen; a length is read in up to five bytes;
what is odd but allowed is noted, not refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH_BYTES = 5
VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5
# As deep as protobuf reads.
_DEEPEST = 100


class BadFrame(Exception):
    """These bytes are no frame; the message says why."""


def varint(number: int, size: int = 0) -> bytes:
    """A number in base 128, its lowest group first; `size`: in so many bytes at least. Below zero: as int64."""
    number &= (1 << 64) - 1
    made = bytearray()
    while True:
        rest = number >> 7
        more = rest or len(made) + 1 < size
        made.append((number & 0x7F) | (0x80 if more else 0))
        if not more:
            return bytes(made)
        number = rest


def frame(body: bytes, length_bytes: int = 0) -> bytes:
    """A body with its length in front; `length_bytes`: a longer form of it."""
    return varint(len(body), length_bytes) + body


class Cutter:
    """Cuts a stream of bytes into bodies; `cap` is the longest that is taken. `odd` counts lengths in a longer form."""

    def __init__(self, cap: int) -> None:
        self.odd = 0
        self._cap = cap
        self._kept = bytearray()

    @property
    def inside(self) -> bool:
        """Whether part of a frame has come and the rest has not."""
        return bool(self._kept)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Gives the bodies that are whole now. Raises BadFrame behind the last good one."""
        self._kept += data
        while self._kept:
            length, size = 0, 0
            for byte in self._kept[:MAX_LENGTH_BYTES]:
                length |= (byte & 0x7F) << (7 * size)
                size += 1
                if byte < 0x80:
                    break
            else:
                if size == MAX_LENGTH_BYTES:
                    raise BadFrame(f"a length that does not end within {MAX_LENGTH_BYTES} bytes")
                return
            if length > self._cap:
                raise BadFrame(f"a frame of {length:,} bytes")
            if len(self._kept) < size + length:
                return
            self.odd += size > len(varint(length))
            body = bytes(self._kept[size : size + length])
            del self._kept[: size + length]
            yield body


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message as it is on the wire. `short`: every varint in it took as few bytes as it can."""

    number: int
    kind: int
    content: bytes
    short: bool


def fields(body: bytes) -> list[Field]:
    """The fields of one level, of every wire type. Raises BadFrame."""
    found, _ = _level(body, 0, None, 0)
    return found


def _level(body: bytes, at: int, group: int | None, depth: int) -> tuple[list[Field], int]:
    """The fields from `at` on, to the end of the body or of this group; and where that is."""
    found: list[Field] = []
    while at < len(body):
        key, at, short = _read(body, at)
        number, kind = key >> 3, key & 7
        if kind == END_GROUP and number == group:
            return found, at
        begin = at
        if kind == VARINT:
            value, at, brief = _read(body, at)
            content, short = varint(value), short and brief
        elif kind == BYTES:
            length, begin, brief = _read(body, at)
            at, short = begin + length, short and brief
            content = body[begin:at]
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
            content = body[begin:at]
        elif kind == GROUP and depth < _DEEPEST:
            inner, at = _level(body, at, number, depth + 1)
            content, short = body[begin:at], short and all(one.short for one in inner)
        else:
            raise BadFrame(f"a field of type {kind}")
        if at > len(body):
            raise BadFrame("a field that ends behind the message")
        found.append(Field(number, kind, content, short))
    if group is not None:
        raise BadFrame(f"group {group} without an end")
    return found, at


def _read(body: bytes, at: int) -> tuple[int, int, bool]:
    value = size = 0
    while at + size < len(body) and size < 10:
        byte = body[at + size]
        value |= (byte & 0x7F) << (7 * size)
        size += 1
        if byte < 0x80:
            value &= (1 << 64) - 1
            return value, at + size, size == len(varint(value))
    raise BadFrame("a varint without an end")
