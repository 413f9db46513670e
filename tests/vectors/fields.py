"""Vectors of each message and each field of both partners' contracts."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.vectors.encoding import (
    FIXED32,
    FIXED64,
    INTEGERS,
    LENGTH,
    VARINT,
    Value,
    canonical,
    chunk,
    frame,
    full,
    least,
    one,
    parts,
    tag,
    varint,
)
from tests.vectors.vector import MESSAGES, MISSING_FIELD, OK, Vector

LENGTHS = (0, 1, 127, 128, 16_383, 16_384)
STEPS = (0, 1, 127, 128, 16_383, 16_384, -1)
ENDS = {
    FieldDescriptor.TYPE_INT32: (2**31 - 1, -(2**31)),
    FieldDescriptor.TYPE_INT64: (2**31, 2**53 + 1, 2**63 - 1, -(2**63)),
    FieldDescriptor.TYPE_UINT32: (2**31, 2**32 - 1),
}


def vectors() -> Iterator[Vector]:
    for name, message in MESSAGES.items():
        yield from of_message(name, message)
        for field in message.fields:
            yield from of_field(name, message, field)


def accepted(id: str, section: str, name: str, *bodies: tuple[bytes, bytes]) -> Vector:
    """Bodies that are accepted, each with its canonical form, all in one read."""
    stream = b"".join(frame(body) for body, _ in bodies)
    return Vector(id, section, name, (stream,), OK, tuple((name, form) for _, form in bodies))


def of_message(name: str, message: Descriptor) -> Iterator[Vector]:
    small, large = canonical(message, least(message)), canonical(message, full(message))
    yield accepted(f"{name}/least", "3.1", name, (small, small))
    yield accepted(f"{name}/full", "3.1", name, (large, large))
    backwards = b"".join(reversed(list(parts(message, least(message)))))
    yield accepted(f"{name}/fields-in-another-order", "3.3", name, (backwards, small))
    unknown = {
        "varint": tag(100, VARINT) + varint(-1),
        "fixed64": tag(101, FIXED64) + bytes(8),
        "bytes": chunk(536_870_911, b"\xff\x00"),
        "fixed32": tag(103, FIXED32) + bytes(4),
    }
    for what, extra in unknown.items():
        yield accepted(f"{name}/unknown-{what}", "2.12", name, (extra + small, small), (small + extra, small))
    if small:
        yield Vector(f"{name}/empty", "2.7", name, (frame(b""),), MISSING_FIELD, ())
    else:
        yield accepted(f"{name}/empty", "2.5", name, (b"", b""))


def of_field(name: str, message: Descriptor, field: FieldDescriptor) -> Iterator[Vector]:
    here = f"{name}.{field.name}"
    rest = {key: value for key, value in least(message).items() if key != field.name}

    def alone(value: object) -> tuple[bytes, bytes]:
        """The least message with this value in the field."""
        made: Value = {**rest, field.name: [value] if field.is_repeated else value}
        body = canonical(message, made)
        return body, body

    if field.is_required:
        body = canonical(message, rest)
        yield Vector(f"{here}/missing", "2.7", name, (frame(body),), MISSING_FIELD, ())
    wrong = chunk(field.number, b"") if field.type in INTEGERS else tag(field.number, VARINT) + varint(1)
    for what, bad in (("another-type", wrong), ("fixed32", tag(field.number, FIXED32) + bytes(4))):
        body = bad + canonical(message, rest)
        if field.is_required:
            yield Vector(f"{here}/{what}", "2.7", name, (frame(body),), MISSING_FIELD, ())
        else:
            yield accepted(f"{here}/{what}", "2.12", name, (body, canonical(message, rest)))
    if field.type in ENDS:
        yield accepted(f"{here}/steps", "2.13", name, *(alone(value) for value in STEPS if unsigned_fits(field, value)))
        yield accepted(f"{here}/ends", "2.13", name, *(alone(value) for value in ENDS[field.type]))
    if field.type == FieldDescriptor.TYPE_BOOL:
        yield accepted(f"{here}/both", "2.13", name, alone(0), alone(1))
    if field.type == FieldDescriptor.TYPE_STRING:
        yield accepted(f"{here}/lengths", "2.13", name, *(alone("x" * length) for length in LENGTHS))
        words = ("caf\u00e9", "\u6f22\u5b57", "\U0001f69a", "a\0b", "two\nlines")
        yield accepted(f"{here}/words", "2.14", name, *(alone(word) for word in words))
        yield accepted(
            f"{here}/no-utf8", "2.14", name, *(alone(bad) for bad in (b"\xff", b"\xc0\x80", b"ab\xed\xa0\x80"))
        )
    if not field.is_repeated and field.type != FieldDescriptor.TYPE_MESSAGE:
        last = full(message)[field.name]
        early = one(field, "early" if field.type == FieldDescriptor.TYPE_STRING else 0)
        yield accepted(f"{here}/twice", "2.13", name, (early + alone(last)[0], alone(last)[1]))
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        yield from of_element(name, message, field)


def of_element(name: str, message: Descriptor, field: FieldDescriptor) -> Iterator[Vector]:
    """An element in its place: many of them, and one that lacks a required field behind one that does not."""
    here, element = f"{name}.{field.name}", field.message_type
    rest = canonical(message, {key: value for key, value in least(message).items() if key != field.name})
    good = chunk(field.number, canonical(element, least(element)))
    before = b"".join(part for part in parts(message, least(message)) if part[0] >> 3 < field.number)
    after = rest[len(before) :]
    # Copies of what is there once at most are merged into one.
    kept = good * 50 if field.is_repeated else good
    yield accepted(f"{here}/fifty", "3.3", name, (good * 50 + rest, before + kept + after))
    for lacking in (inner for inner in element.fields if inner.is_required):
        value = {key: item for key, item in least(element).items() if key != lacking.name}
        body = rest + (good if field.is_repeated else b"") + chunk(field.number, canonical(element, value))
        yield Vector(f"{here}.{lacking.name}/missing", "2.7", name, (frame(body),), MISSING_FIELD, ())
    body = rest + tag(field.number, LENGTH) + varint(5)
    yield Vector(f"{here}/beyond-the-end", "2.7", name, (frame(body),), "bad-message", ())


def unsigned_fits(field: FieldDescriptor, value: int) -> bool:
    return value >= 0 or field.type != FieldDescriptor.TYPE_UINT32
