"""Partners' messages made from their descriptors: with every field, and without each one that must be there."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

# Stands in the texts; `no_utf8` makes of it what no text can be.
TEXT = "\u00ff"


def complete(kind: type[Message]) -> Any:
    """A message with every field, each list with one element, and 1 for every number."""
    return kind(**{field.name: _value(field) for field in kind.DESCRIPTOR.fields})


def _value(field: FieldDescriptor) -> Any:
    value: Any = 1
    if field.message_type is not None:
        value = complete(GetMessageClass(field.message_type))
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        value = TEXT
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        value = True
    return [value] if field.is_repeated else value


def incomplete(kind: type[Message]) -> Iterator[tuple[str, Any]]:
    """Such messages, each without one field that must be there, at any depth; with that field's name."""
    whole = complete(kind)
    for field in kind.DESCRIPTOR.fields:
        if field.is_required:
            lacking = kind.FromString(whole.SerializeToString())
            lacking.ClearField(field.name)
            yield field.full_name, lacking
        if field.message_type is not None:
            for name, inner in incomplete(GetMessageClass(field.message_type)):
                lacking = kind.FromString(whole.SerializeToString())
                lacking.ClearField(field.name)
                place = getattr(lacking, field.name)
                (place.add() if field.is_repeated else place).MergeFrom(inner)
                yield name, lacking


def no_utf8(body: bytes) -> bytes:
    """The bytes of a message, with no text in them that is one."""
    return body.replace(TEXT.encode(), b"\xff\xff")
