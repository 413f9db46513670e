"""Frames: a varint length in front of each body, as protobuf's delimited streams have it.

Rules: any split of the bytes gives the same frames; a length has at most five bytes and is held against the cap before
anything is kept for it; memory is what came, never what was announced; an empty frame is a frame; the end of the
stream inside a frame is an error; a framer that failed stays failed. The cost is linear in the bytes, however slowly
they come.
What a body means is deliberately elsewhere, and so are sockets (`wire.link`).
"""

from collections.abc import Iterable

from wire.errors import BadFrames, EndInsideFrame, FrameTooLarge, FrameTooLong, Unusable, VarintTooLong

DEFAULT_MAX_FRAME = 4 * 1024 * 1024
_MAX_VARINT_BYTES = 5


class Framer:
    """Cuts one stream of bytes into bodies.

    `max_frame` is the cap on one body, in bytes.
    """

    __slots__ = ("_body", "_failure", "_head", "_length", "max_frame")

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME) -> None:
        self.max_frame = max_frame
        self._head = b""
        self._length = -1
        self._body = bytearray()
        self._failure: BadFrames | None = None

    @property
    def failure(self) -> BadFrames | None:
        """Why this framer cannot be used any more, or None."""
        return self._failure

    @property
    def inside_frame(self) -> bool:
        """Whether part of a frame has come and the rest has not."""
        return self._length >= 0 or bool(self._head)

    def receive(self, data: bytes) -> list[bytes]:
        """Give the bodies that are complete with `data`, oldest first.

        Raises `BadFrames` (which holds the bodies before the bad bytes) and, ever after, `Unusable`.
        """
        if self._failure is not None:
            raise Unusable(self._failure)
        frames: list[bytes] = []
        position = 0
        if self._length >= 0:
            position = self._fill_body(data, frames)
        elif self._head:
            data = self._head + data
            self._head = b""
        end = len(data)
        cap = self.max_frame
        # A length of one byte is by far the commonest and costs no call: this is the hot path.
        short = min(cap, 0x7F)
        append = frames.append
        while position < end:
            length = data[position]
            if length <= short:
                start = position + 1
            else:
                start, length = self._read_length(data, position, frames)
                if start < 0:
                    self._head = data[position:]
                    return frames
            stop = start + length
            if stop > end:
                self._length = length
                self._body += data[start:]
                return frames
            append(data[start:stop])
            position = stop
        return frames

    def end(self) -> None:
        """Say that the stream ended. Raises `EndInsideFrame` if that was inside a frame."""
        if self._failure is not None:
            raise Unusable(self._failure)
        if self._length >= 0:
            raise self._fail(EndInsideFrame(self._length - len(self._body), bytes(self._body[:32])))
        if self._head:
            raise self._fail(EndInsideFrame(None, self._head))

    def _fill_body(self, data: bytes, frames: list[bytes]) -> int:
        """Take from `data` what the open body lacks; give the position after it."""
        lacking = self._length - len(self._body)
        if len(data) < lacking:
            self._body += data
            return len(data)
        self._body += data[:lacking]
        frames.append(bytes(self._body))
        self._body = bytearray()
        self._length = -1
        return lacking

    def _read_length(self, data: bytes, position: int, frames: list[bytes]) -> tuple[int, int]:
        """Read the varint at `position`: where the body starts (-1: more bytes are needed) and its length."""
        length = shift = 0
        for at in range(position, min(len(data), position + _MAX_VARINT_BYTES)):
            byte = data[at]
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                if length > self.max_frame:
                    raise self._fail(FrameTooLarge(length, self.max_frame, data[position : position + 32], frames))
                return at + 1, length
            shift += 7
        if len(data) - position >= _MAX_VARINT_BYTES:
            raise self._fail(VarintTooLong(data[position : position + 32], frames))
        return -1, 0

    def _fail(self, failure: BadFrames) -> BadFrames:
        self._failure = failure
        self._head = b""
        self._length = -1
        self._body = bytearray()
        return failure


def encode_length(length: int) -> bytes:
    """Give the varint that goes in front of a body of `length` bytes."""
    out = bytearray()
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out)


_SHORT_LENGTHS = tuple(encode_length(length) for length in range(1 << 14))


def encode_frame(body: bytes, max_frame: int = DEFAULT_MAX_FRAME) -> bytes:
    """Give `body` with its length in front. Raises `FrameTooLong` above the cap, both in bytes."""
    length = len(body)
    if length > max_frame:
        raise FrameTooLong(length, max_frame)
    return (_SHORT_LENGTHS[length] if length < len(_SHORT_LENGTHS) else encode_length(length)) + body


def encode_frames(bodies: Iterable[bytes], max_frame: int = DEFAULT_MAX_FRAME) -> bytes:
    """Give the frames of all `bodies` in order, as one string of bytes for one write."""
    parts: list[bytes] = []
    for body in bodies:
        length = len(body)
        if length > max_frame:
            raise FrameTooLong(length, max_frame)
        parts.append(_SHORT_LENGTHS[length] if length < len(_SHORT_LENGTHS) else encode_length(length))
        parts.append(body)
    return b"".join(parts)
