"""Protobuf's wire format written by hand, so that vectors do not come from the parsers that they are held against.

A value is a plain dict: field name -> int, str, bytes, dict (a message) or a list of those. `canonical` gives the one
form that both runners reduce an accepted message to: known fields only, by number, shortest varints, `acks` unpacked.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Value = dict[str, Any]

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
INTEGERS = (
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_BOOL,
)
_MASK = (1 << 64) - 1


def varint(number: int, size: int = 0) -> bytes:
    """The number, a negative one as 64 bits; in at least `size` bytes."""
    number &= _MASK
    out = bytearray()
    while number > 0x7F or len(out) + 1 < size:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def chunk(number: int, data: bytes) -> bytes:
    """A field of bytes with their length."""
    return tag(number, LENGTH) + varint(len(data)) + data


def frame(body: bytes, size: int = 0) -> bytes:
    return varint(len(body), size) + body


def one(field: FieldDescriptor, value: Any) -> bytes:
    """One value of a field, with its tag."""
    if field.type in INTEGERS:
        return tag(field.number, VARINT) + varint(int(value))
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return chunk(field.number, canonical(field.message_type, value))
    return chunk(field.number, value if isinstance(value, bytes) else value.encode())


def parts(message: Descriptor, value: Value) -> Iterator[bytes]:
    """The fields of a message, each with its tag, in canonical order."""
    for field in sorted(message.fields, key=lambda field: field.number):
        if field.name in value:
            for item in value[field.name] if field.is_repeated else [value[field.name]]:
                yield one(field, item)


def canonical(message: Descriptor, value: Value) -> bytes:
    return b"".join(parts(message, value))


def least(message: Descriptor) -> Value:
    """A message with nothing but what is required."""
    return {field.name: sample(field) for field in message.fields if field.is_required}


def full(message: Descriptor) -> Value:
    """A message with every field; two of each repeated one."""
    return {
        field.name: [sample(field, 1), sample(field, 2)] if field.is_repeated else sample(field)
        for field in message.fields
    }


def sample(field: FieldDescriptor, salt: int = 0) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return full(field.message_type)
    if field.type == FieldDescriptor.TYPE_STRING:
        return f"{field.name} {salt}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return 1
    return field.number * 100 + salt
