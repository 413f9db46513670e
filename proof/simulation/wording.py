"""The partners' frames in words, and bits flipped so that the receiver can notice.

The partners' protocols have no checksum: a flip that turns a message into another valid one could be noticed by
nobody, so such a flip is drawn again. Rules: a frame here is its length and its body, as on the wire.
"""

from random import Random
from typing import Any

from google.protobuf.message import Message

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world
from partners.world import world_ups_pb2 as fleet
from sim.messages import parse

_KINDS: dict[str, tuple[type[Message], ...]] = {
    "world>": (world.AConnect, world.ACommands),
    "world<": (world.AConnected, world.AResponses),
    "ups>": (ups.AUCommand,),
    "ups<": (ups.UAstart, ups.UACommand),
    # Between the partners: never tampered with.
    "fleet>": (fleet.UConnect, fleet.UCommands),
    "fleet<": (fleet.UConnected, fleet.UResponses),
}
_TRIES = 40


def body_of(frame: bytes) -> bytes:
    """The body of a frame."""
    at = 0
    while frame[at] >= 0x80:
        at += 1
    return frame[at + 1 :]


def flip(direction: str, frame: bytes, rng: Random) -> bytes | None:
    """The frame with one bit of its body flipped so that no message of this direction is left; None: impossible."""
    body = body_of(frame)
    head = frame[: len(frame) - len(body)]
    for _ in range(_TRIES if body else 0):
        changed = bytearray(body)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        if all(parse(kind, bytes(changed)) is None for kind in _KINDS[direction]):
            return head + bytes(changed)
    return None


def acks_of(link: str, body: bytes) -> tuple[int, ...]:
    """The numbers that a body of ours acks."""
    message = parse(world.ACommands, body) if link == "world" else parse(ups.AUCommand, body)
    return () if message is None else tuple(message.acks)


def words(direction: str, frame: bytes) -> str:
    """What a frame says, in short."""
    body = body_of(frame)
    for kind in _KINDS[direction]:
        message = parse(kind, body)
        if message is not None:
            return f"{kind.__name__} {short(message)}"
    return f"{len(body)} bytes that are no message"


def short(message: Message) -> str:
    """A message on one line: the fields that are set, in their order."""
    return _value(message)


def _value(value: Any) -> str:
    if isinstance(value, Message):
        return "{" + ", ".join(f"{field.name}: {_value(part)}" for field, part in value.ListFields()) + "}"
    if isinstance(value, str):
        return value.strip().splitlines()[0][:60] if value.strip() else '""'
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if not isinstance(value, int | float | bool):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return str(value)
