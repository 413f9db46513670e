"""Runs vectors as our side reads a stream: wire.framing, the generated messages and the bridges' codecs.

`python -m tests.vectors.runner FILE...` writes a line for each vector, as the Java runner does.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from tests.vectors.vector import (
    BAD_LENGTH,
    BAD_MESSAGE,
    CAP,
    CUT,
    FROM_UPS,
    MESSAGES,
    MISSING_FIELD,
    OK,
    TOO_LARGE,
    Read,
    brief,
    read_file,
)
from ups_bridge import codec as ups_codec
from wire.errors import BadFrames, BadMessage, EndInsideFrame, FrameTooLarge
from wire.framing import Framer
from world_bridge import codec as world_codec

CLASSES: dict[str, type[Message]] = {name: GetMessageClass(message) for name, message in MESSAGES.items()}


class Refused(Exception):
    """A body is not the message that it should be."""

    def __init__(self, verdict: str) -> None:
        self.verdict = verdict
        super().__init__(verdict)


def told(vector: Read) -> tuple[str, ...]:
    """The verdict on a vector and the messages accepted before it."""
    accepted: list[str] = []
    verdict = OK
    try:
        for body in frames(vector.reads):
            accepted.append(taken(vector.kind, body))
    except Refused as refused:
        verdict = refused.verdict
    except EndInsideFrame:
        verdict = CUT
    except FrameTooLarge:
        verdict = TOO_LARGE
    except BadFrames:
        verdict = BAD_LENGTH
    return (verdict, *accepted)


def frames(reads: tuple[bytes, ...]) -> Iterator[bytes]:
    """The bodies as the bridges get them: those in front of bad bytes first."""
    framer = Framer(CAP)
    for read in reads:
        try:
            yield from framer.receive(read)
        except BadFrames as error:
            yield from error.frames
            raise
    framer.end()


def taken(kind: str, body: bytes) -> str:
    """Name and canonical bytes of one body. Raises Refused."""
    if kind == FROM_UPS:
        kind = "UACommand" if ups_codec.decode_announcement(body) is None else "UAstart"
    message = parsed(kind, body)
    message.DiscardUnknownFields()
    return f"{kind}:{brief(message.SerializeToString(deterministic=True))}"


def parsed(kind: str, body: bytes) -> Message:
    """The message, as the codec of its kind takes it. Raises Refused; a codec that disagrees is an AssertionError."""
    message = CLASSES[kind]()
    verdict = OK
    try:
        message.ParseFromString(body)
    except DecodeError:
        verdict = BAD_MESSAGE
    else:
        if not message.IsInitialized():
            verdict = MISSING_FIELD
    check_codec(kind, body, message, verdict)
    if verdict != OK:
        raise Refused(verdict)
    return message


def check_codec(kind: str, body: bytes, message: Any, verdict: str) -> None:
    """The codec that reads this kind in our services says the same."""
    if kind == "UAstart":
        assert (ups_codec.decode_announcement(body) is not None) == (verdict == OK)
        return
    codec = CODECS.get(kind)
    if codec is None:
        return
    try:
        said = codec(body)
    except BadMessage:
        assert verdict != OK, f"the codec refuses {kind} {body.hex()}"
    else:
        # The world's answer to a malformed connect lacks its world id.
        tolerated = kind == "AConnected" and message.HasField("result")
        assert verdict == OK or tolerated, f"the codec takes {kind} {body.hex()}"
        if verdict == OK and hasattr(message, "acks"):
            assert said.acks == tuple(message.acks)
            # Where trucks are is no event: it has no number.
            elements = len(said.events) + len(getattr(said, "trucks", ()))
            assert elements == sum(len(value) for field, value in message.ListFields() if field.message_type)


CODECS: dict[str, Callable[[bytes], Any]] = {
    "UACommand": ups_codec.decode_command,
    "AResponses": world_codec.decode_responses,
    "AConnected": world_codec.decode_connected,
}


def main() -> None:
    for name in sys.argv[1:]:
        for vector in read_file(name):
            sys.stdout.write("\t".join((vector.id, *told(vector))) + "\n")


if __name__ == "__main__":
    main()
