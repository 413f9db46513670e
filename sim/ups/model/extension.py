"""The extension as the UPS stand-in speaks it: the names of its features, and its contract as lines and a fingerprint.

Rules (docs/ups-protocol.md 11, 12). Written apart from `ups_bridge.contract` on purpose: a mistake in both would be
invisible.
"""

import hashlib

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from partners.ups import ups_pb2 as contract

REDIRECT = "redirect"
CANCEL = "cancel"
ACCOUNT_CHECK = "account-check"
DELIVERY_STARTED = "delivery-started"
TRUCK_POSITION = "truck-position"
CONTRACT = "contract"
FEATURES = (REDIRECT, CANCEL, ACCOUNT_CHECK, DELIVERY_STARTED, TRUCK_POSITION, CONTRACT)

_SCALARS = {value: name[5:].lower() for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}


def our_contract() -> contract.Contract:
    """What we speak."""
    fields: list[str] = []
    for root in ("UAstart", "AUCommand", "UACommand"):
        _describe(contract.DESCRIPTOR.message_types_by_name[root], root, [], [], fields)
    hashed = hashlib.sha256()
    for line in fields:
        hashed.update(" ".join(line.split()[:4]).encode() + b"\n")
    return contract.Contract(fingerprint=hashed.hexdigest()[:16], fields=fields)


def _describe(message: Descriptor, root: str, numbers: list[str], names: list[str], into: list[str]) -> None:
    for number, field in sorted((field.number, field) for field in message.fields):
        path, named = [*numbers, str(number)], [*names, field.name]
        label = "repeated" if field.is_repeated else "required" if field.is_required else "optional"
        into.append(f"{root} {'.'.join(path)} {label} {_SCALARS[field.type]} {'.'.join(named)}")
        if field.message_type is not None:
            _describe(field.message_type, root, path, named, into)
