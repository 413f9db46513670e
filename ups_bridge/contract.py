"""What a side speaks, as lines and as a fingerprint, and the first difference in plain words.

Rules (docs/ups-protocol.md 12): a line is root, path of numbers, label, type and path of names; the fingerprint leaves
the names out, so names may differ; a difference is looked for in our lines of the base and of the features that are on,
and lines that only the partner has are none.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from partners.ups import ups_pb2 as ups
from ups_bridge import features

FIRST_OF_THE_EXTENSION = 10
# Of a partner's lines; a whole contract has fewer than a hundred.
MAX_LINES = 1000
MAX_LINE = 300
_DIGITS = 16
_SHOWN = 40

_TYPES = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_MESSAGE: "message",
}

# Root and path -> the feature that brings the field and everything in it; without an entry: any feature.
_FEATURES = {
    ("UAstart", "11"): features.CONTRACT,
    ("AUCommand", "10.2"): features.CONTRACT,
    ("AUCommand", "11"): features.REDIRECT,
    ("AUCommand", "12"): features.CANCEL,
    ("AUCommand", "13"): features.ACCOUNT_CHECK,
    ("UACommand", "11"): features.REDIRECT,
    ("UACommand", "12"): features.CANCEL,
    ("UACommand", "13"): features.ACCOUNT_CHECK,
    ("UACommand", "14"): features.DELIVERY_STARTED,
    ("UACommand", "15"): features.TRUCK_POSITION,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One field that can be reached from a root."""

    root: str
    path: str
    label: str
    type: str
    names: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """A line as it came; None: it is none."""
        if len(text) > MAX_LINE or not text.isprintable():
            return None
        words = text.split(" ")
        return cls(*words) if len(words) == 5 else None

    def __str__(self) -> str:
        return f"{self.root} {self.path} {self.label} {self.type} {self.names}"

    def spoken(self, on: Collection[str]) -> bool:
        """Whether both sides speak this field where the features `on` are on."""
        numbers = self.path.split(".")
        if int(numbers[0]) < FIRST_OF_THE_EXTENSION:
            return True
        for depth in range(1, len(numbers) + 1):
            feature = _FEATURES.get((self.root, ".".join(numbers[:depth])))
            if feature is not None:
                return feature in on
        return bool(on)


def _lines(root: str, message: Descriptor, path: str = "", names: str = "") -> Iterator[Line]:
    for field in sorted(message.fields, key=lambda field: field.number):
        here, named = f"{path}{field.number}", f"{names}{field.name}"
        label = "repeated" if field.is_repeated else "required" if field.is_required else "optional"
        yield Line(root, here, label, _TYPES[field.type], named)
        if field.message_type is not None:
            yield from _lines(root, field.message_type, f"{here}.", f"{named}.")


def fingerprint(lines: Iterable[Line]) -> str:
    """Sixteen hex digits that say numbers, labels and types."""
    text = "".join(f"{line.root} {line.path} {line.label} {line.type}\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


LINES = tuple(
    line
    for message in (ups.UAstart, ups.AUCommand, ups.UACommand)
    for line in _lines(message.__name__, message.DESCRIPTOR)
)
FINGERPRINT = fingerprint(LINES)


def ours() -> ups.Contract:
    """Our contract as it is told to a partner."""
    return ups.Contract(fingerprint=FINGERPRINT, fields=[str(line) for line in LINES])


def difference(their_fingerprint: str, their_lines: Iterable[str], on: Collection[str]) -> str:
    """The first difference in plain words, said to the partner; empty: none."""
    shared = [line for line in LINES if line.spoken(on)]
    if their_fingerprint in (FINGERPRINT, fingerprint(shared)):
        return ""
    theirs = [line for line in (Line.read(text) for text in their_lines) if line is not None]
    if not theirs:
        shown = "".join(letter if letter.isprintable() else "?" for letter in their_fingerprint[:_SHOWN])
        return f"your fingerprint is {shown}, ours is {FINGERPRINT}, and you name no fields"
    by_path = {(line.root, line.path): line for line in theirs}
    by_names = {(line.root, line.names): line for line in theirs}
    for line in shared:
        name = f"{line.root}.{line.names}"
        same_name, same_path = by_names.get((line.root, line.names)), by_path.get((line.root, line.path))
        if same_name is not None and same_name.path != line.path:
            return f"your {name} is field {same_name.path}, ours is {line.path}"
        if same_path is None:
            return f"you have no {name}, ours is field {line.path}"
        if (same_path.label, same_path.type) != (line.label, line.type):
            return f"your {name} is {_how(same_path, line)}, ours is {_how(line, same_path)}"
    return ""


def _how(line: Line, other: Line) -> str:
    """The label, the type, or both: what is not the same."""
    words = [word for word, same in ((line.label, other.label), (line.type, other.type)) if word != same]
    return " ".join(words)
