"""What came, held against the contract as it is on the wire: which fields are strange or missing, in plain words.

Rules: nothing here judges, since unknown fields are allowed (2.12); it is said beside what was expected, with the
numbers of the fields, because most days between two teams are lost to a number that differs.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from proof.conform.frames import BYTES, FIXED32, FIXED64, GROUP, VARINT, BadFrame, Field, fields
from proof.conform.wording import in_hex

_CAME = {
    VARINT: "a number",
    FIXED64: "eight bytes",
    BYTES: "text or a message",
    GROUP: "a group",
    FIXED32: "four bytes",
}
_MOST = 5

# protobuf's types name its two implementations of this one apart.
Descriptor = Any


def every_field(body: bytes, kind: Descriptor) -> Iterator[Field]:
    """The fields of a body and of the messages in it that the contract knows. Raises BadFrame."""
    for one in fields(body):
        yield one
        known = kind.fields_by_number.get(one.number)
        if known is not None and known.message_type is not None and one.kind == BYTES:
            yield from every_field(one.content, known.message_type)


def strange_fields(message: Message) -> list[str]:
    """What came where the contract has nothing, or something else; each once."""
    return list(dict.fromkeys(_strange(message)))


def _strange(message: Message) -> Iterator[str]:
    about: Descriptor = message.DESCRIPTOR
    unknown: Any
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        came, known = _CAME.get(unknown.wire_type, "something"), about.fields_by_number.get(unknown.field_number)
        if known is None:
            ours = ", ".join(f"{one.name} {one.number}" for one in about.fields)
            yield f"{about.name} has no field {unknown.field_number}, in which {came} came: its fields are {ours}"
        else:
            yield f"{about.name}.{known.name}, field {known.number}, is {_type(known)}, and {came} came in it"
    for one, value in message.ListFields():
        if one.message_type is not None:
            for inner in value if one.is_repeated else [value]:
                yield from _strange(inner)


def _type(field: Descriptor) -> str:
    return f"a message {field.message_type.name}" if field.message_type is not None else _CAME[_WIRE[field.type]]


_WIRE = {
    FieldDescriptor.TYPE_INT32: VARINT,
    FieldDescriptor.TYPE_INT64: VARINT,
    FieldDescriptor.TYPE_BOOL: VARINT,
    FieldDescriptor.TYPE_STRING: BYTES,
}


def why_not(kind: type[Message], body: bytes) -> str:
    """Why a body is no complete message of a kind, with field numbers; empty: it is one."""
    message = kind()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return f"it cannot be read as {kind.__name__}: {_raw(body, kind.DESCRIPTOR)}"
    lacking = list(dict.fromkeys(_lacking(message)))
    return in_short([*lacking, *strange_fields(message)]) if lacking else ""


def _lacking(message: Message) -> Iterator[str]:
    for one in message.DESCRIPTOR.fields:
        if one.is_required and not message.HasField(one.name):
            yield f"{message.DESCRIPTOR.name} lacks {one.name}, which is field {one.number}"
    for one, value in message.ListFields():
        if one.message_type is not None:
            for inner in value if one.is_repeated else [value]:
                yield from _lacking(inner)


def _raw(body: bytes, kind: Descriptor) -> str:
    try:
        found = [f"{_CAME[one.kind]} in field {one.number}" for one in every_field(body, kind)]
    except BadFrame as error:
        return f"{error} is in {in_hex(body)}"
    return f"what came is {in_short(dict.fromkeys(found), ', ')}"


def in_short(words: Iterable[str], between: str = "; ") -> str:
    """The first few of many."""
    words = list(words)
    more = f"{between}and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return between.join(words[:_MOST]) + more
