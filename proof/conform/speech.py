"""What Amazon says of the extension: the hello, and the contract as lines and as a fingerprint (sections 11 and 12).

Rules: the lines are made here from the messages for a second time on purpose; nothing of the bridge is used.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from partners.ups import ups_pb2 as ups

REDIRECT, CANCEL, ACCOUNT, STARTED = "redirect", "cancel", "account-check", "delivery-started"
POSITION, CONTRACT = "truck-position", "contract"
FEATURES = (REDIRECT, CANCEL, ACCOUNT, STARTED, POSITION, CONTRACT)
# The elements that UPS may send, by the features they belong to.
FEATURE_OF = {
    "UARedirectAnswer": REDIRECT,
    "UACancelAnswer": CANCEL,
    "UAAccountAnswer": ACCOUNT,
    "UADeliveryStarted": STARTED,
    "UATruckPosition": POSITION,
}
ROOTS = (ups.UAstart.DESCRIPTOR, ups.AUCommand.DESCRIPTOR, ups.UACommand.DESCRIPTOR)
FIRST_OF_THE_EXTENSION = 10
_TYPES = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_MESSAGE: "message",
}


def hello(features: Sequence[str], contract: Sequence[str] | None = None) -> ups.AUCommand:
    """The answer to a UAstart that names features; `contract`: other lines than our own."""
    said = ups.AUHello(features=features)
    if CONTRACT in features:
        lines = contract_lines() if contract is None else contract
        said.contract.CopyFrom(ups.Contract(fingerprint=fingerprint(lines), fields=lines))
    return ups.AUCommand(hello=said)


def contract_lines(*, base_only: bool = False) -> list[str]:
    """The fields of the contract (12.1); of the base alone, or with the extension."""
    return [line for root in ROOTS for line in _lines(root.name, root, "", "", base_only)]


def _lines(root: str, message: Descriptor, path: str, names: str, base_only: bool) -> Iterator[str]:
    for one in sorted(message.fields, key=lambda field: field.number):
        if base_only and one.number >= FIRST_OF_THE_EXTENSION:
            continue
        here, named = f"{path}{one.number}", f"{names}{one.name}"
        label = "repeated" if one.is_repeated else "required" if one.is_required else "optional"
        yield f"{root} {here} {label} {_TYPES[one.type]} {named}"
        if one.message_type is not None:
            yield from _lines(root, one.message_type, f"{here}.", f"{named}.", base_only)


def fingerprint(lines: Iterable[str]) -> str:
    """12.2: over the lines without their names."""
    hashed = "".join(line.rpartition(" ")[0] + "\n" for line in lines)
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]
