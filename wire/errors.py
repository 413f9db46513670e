"""What can go wrong on a wire, in two polarities: we broke the rule, or the peer did.

Rules: a `LocalProtocolError` is a bug of ours and a `RemoteProtocolError` is bad input; the second ends the one
connection it came from and nothing else. The message is made from the fields. Operating system errors (refused,
reset) are deliberately not here: they stay `OSError`.
"""

from collections.abc import Sequence

HEAD_BYTES = 32


class ProtocolError(Exception):
    """Base of both polarities."""


class LocalProtocolError(ProtocolError):
    """We used an object of this package against its rules."""


class Unusable(LocalProtocolError):
    """The object failed before; `first` is why. It stays failed."""

    def __init__(self, first: BaseException) -> None:
        self.first = first
        super().__init__(f"cannot be used any more, it failed before: {first}")


class WindowFull(LocalProtocolError):
    """More commands were handed to a session than its window holds."""

    def __init__(self, window: int) -> None:
        self.window = window
        super().__init__(f"the window holds {window} commands and is full")


class NumberReused(LocalProtocolError):
    """A number that is in the window was sent again with other content."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"number {number} is in the window with other content")


class NotReceived(LocalProtocolError):
    """A number was confirmed that the session does not hold as received and unconfirmed."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"number {number} was confirmed but is not waiting for it")


class NumberOutOfRange(LocalProtocolError):
    """A number does not fit in 64 bits with sign."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"number {number} is no int64")


class FrameTooLong(LocalProtocolError):
    """We wanted to send a frame or an element that is larger than the cap, both in bytes."""

    def __init__(self, size: int, cap: int) -> None:
        self.size = size
        self.cap = cap
        super().__init__(f"{size} bytes are more than the cap of {cap}")


class WriteQueueFull(LocalProtocolError):
    """The bounded queue towards a peer that reads too slowly is full; sizes in bytes."""

    def __init__(self, queued: int, cap: int) -> None:
        self.queued = queued
        self.cap = cap
        super().__init__(f"{queued} bytes wait to be written, the cap is {cap}")


class RemoteProtocolError(ProtocolError):
    """The peer broke the rule."""


class BadFrames(RemoteProtocolError):
    """The bytes are no frames any more.

    `frames` are the complete frames that came before the bad bytes in the same read: how the peer's bytes were cut
    into reads does not decide which of its frames count. `head` is the first bytes of what could not be read.
    """

    def __init__(self, reason: str, head: bytes = b"", frames: Sequence[bytes] = ()) -> None:
        self.reason = reason
        self.head = bytes(head[:HEAD_BYTES])
        self.frames = tuple(frames)
        super().__init__(f"{reason} (head {self.head.hex(' ') or 'empty'})")


class FrameTooLarge(BadFrames):
    """The peer announced a frame above the cap; sizes in bytes."""

    def __init__(self, size: int, cap: int, head: bytes, frames: Sequence[bytes] = ()) -> None:
        self.size = size
        self.cap = cap
        super().__init__(f"a frame of {size} bytes was announced, the cap is {cap}", head, frames)


class VarintTooLong(BadFrames):
    """The length in front of a frame does not end within five bytes."""

    def __init__(self, head: bytes, frames: Sequence[bytes] = ()) -> None:
        super().__init__("the length in front of a frame does not end within 5 bytes", head, frames)


class EndInsideFrame(BadFrames):
    """The stream ended inside a frame; `missing` bytes of its body never came (None: not even its length did)."""

    def __init__(self, missing: int | None, head: bytes) -> None:
        self.missing = missing
        what = "its length" if missing is None else f"{missing} bytes"
        super().__init__(f"the stream ended inside a frame, {what} did not come", head)


class BadMessage(RemoteProtocolError):
    """A frame's body is not the message that it should be; `head` is its first bytes."""

    def __init__(self, reason: str, body: bytes) -> None:
        self.reason = reason
        self.head = bytes(body[:HEAD_BYTES])
        super().__init__(f"{reason} (head {self.head.hex(' ') or 'empty'})")


class PeerDoesNotRead(RemoteProtocolError):
    """Nothing could be written to the peer for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the peer took nothing for {seconds:g} s")


class PeerSilent(RemoteProtocolError):
    """Nothing came from the peer for `seconds`, where something had to come."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"nothing came from the peer for {seconds:g} s")
