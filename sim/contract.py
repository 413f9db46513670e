"""The contract with UPS as the stand-ins tell and compare it: lines, a fingerprint, the first difference in words.

Rules (docs/ups-protocol.md 12): only the base and what is on is compared; names may differ; lines that only the other
side has are no difference; a line that is none is not looked at. Written apart from `ups_bridge.contract` on purpose: a
mistake in both would be invisible.
"""

import hashlib
from collections.abc import Collection, Iterable
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from partners.ups import ups_pb2 as contract

_SCALARS = {value: name[5:].lower() for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
_FEATURE_OF = {
    "contract": "contract",
    "redirects": "redirect",
    "redirectAnswers": "redirect",
    "cancels": "cancel",
    "cancelAnswers": "cancel",
    "accountChecks": "account-check",
    "accountAnswers": "account-check",
    "deliveryStarted": "delivery-started",
    "truckPositions": "truck-position",
}
_FIRST_OF_THE_EXTENSION = 10
_SHOWN = 40


class Line(NamedTuple):
    """One field that can be reached from a root."""

    root: str
    path: str
    label: str
    type: str
    names: str

    def is_spoken(self, on: Collection[str]) -> bool:
        """Whether it is of the base, or of a feature that is on."""
        if int(self.path.partition(".")[0]) < _FIRST_OF_THE_EXTENSION:
            return True
        features = [_FEATURE_OF[name] for name in self.names.split(".") if name in _FEATURE_OF]
        return features[0] in on if features else bool(on)


@cache
def our_lines() -> tuple[Line, ...]:
    """What we speak."""
    found: list[Line] = []
    for root in ("UAstart", "AUCommand", "UACommand"):
        _describe(contract.DESCRIPTOR.message_types_by_name[root], root, [], [], found)
    return tuple(found)


def _describe(message: Descriptor, root: str, numbers: list[str], names: list[str], into: list[Line]) -> None:
    for number, field in sorted((field.number, field) for field in message.fields):
        path, named = [*numbers, str(number)], [*names, field.name]
        label = "repeated" if field.is_repeated else "required" if field.is_required else "optional"
        into.append(Line(root, ".".join(path), label, _SCALARS[field.type], ".".join(named)))
        if field.message_type is not None:
            _describe(field.message_type, root, path, named, into)


def our_contract() -> contract.Contract:
    """The same as it is sent."""
    return contract.Contract(fingerprint=_fingerprint(our_lines()), fields=[" ".join(line) for line in our_lines()])


def _fingerprint(lines: Iterable[Line]) -> str:
    hashed = hashlib.sha256()
    for line in lines:
        hashed.update(" ".join(line[:4]).encode() + b"\n")
    return hashed.hexdigest()[:16]


def difference(theirs: contract.Contract, on: Collection[str]) -> str:
    """The first difference, said to the other side; empty: none."""
    spoken = [line for line in our_lines() if line.is_spoken(on)]
    told = _text(theirs.fingerprint)
    if told in (_fingerprint(our_lines()), _fingerprint(spoken)):
        return ""
    lines = [Line(*words) for text in theirs.fields if len(words := _text(text).split(" ")) == 5]
    if not lines:
        return f"your fingerprint is {told[:_SHOWN]!r}, ours is {_fingerprint(our_lines())!r}, and you name no fields"
    named, placed = {(line.root, line.names): line for line in lines}, {line[:2]: line for line in lines}
    for ours in spoken:
        name = f"{ours.root}.{ours.names}"
        same_name, same_place = named.get((ours.root, ours.names)), placed.get(ours[:2])
        if same_name is not None and same_name.path != ours.path:
            return f"your {name} is field {same_name.path[:_SHOWN]!s}, ours is {ours.path}"
        if same_place is None:
            return f"you have no {name}, ours is field {ours.path}"
        if same_place.label != ours.label:
            return f"your {name} is {same_place.label[:_SHOWN]}, ours is {ours.label}"
        if same_place.type != ours.type:
            return f"your {name} is {same_place.type[:_SHOWN]}, ours is {ours.type}"
    return ""


def _text(came: str | bytes) -> str:
    """Of text that is no UTF-8 protobuf gives the bytes; nothing that a terminal would obey is left."""
    text = came.decode(errors="replace") if isinstance(came, bytes) else came
    return "".join(letter if letter.isprintable() else "?" for letter in text)
