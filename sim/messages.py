"""Reading a protobuf message the way the real peers do: whole, or not at all."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

MessageT = TypeVar("MessageT", bound=Message)


def parse(kind: type[MessageT], body: bytes) -> MessageT | None:
    """Give `body` as a message, or None when it is no such message or lacks a required field."""
    message = kind()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return message if message.IsInitialized() else None
