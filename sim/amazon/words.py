"""Messages as people read them in the live view: a line for each element, the acks in one."""

from collections.abc import Iterator

from google.protobuf.message import Message

from partners.ups import ups_pb2 as ups

_SHOWN_ACKS = 12


def spoken(message: Message) -> Iterator[str]:
    """What a UAstart, AUCommand or UACommand says, a line for each thing; one that says nothing is a line as well."""
    if isinstance(message, ups.UAstart):
        features = f" features {' '.join(message.features)}" if message.features else ""
        contract = f" contract {message.contract.fingerprint}" if message.HasField("contract") else ""
        yield f"UAstart #{message.seqnum} world {message.worldid}{features}{contract}"
        return
    silent = True
    for descriptor, value in message.ListFields():
        silent = False
        if descriptor.name == "acks":
            more = f" and {len(value) - _SHOWN_ACKS} more" if len(value) > _SHOWN_ACKS else ""
            yield f"acks {' '.join(f'#{number}' for number in value[:_SHOWN_ACKS])}{more}"
        else:
            for one in value if descriptor.is_repeated else [value]:
                yield _element(one)
    if silent:
        yield "nothing (an empty message)"


def _element(one: Message) -> str:
    number = f" #{one.seqNum}" if "seqNum" in one.DESCRIPTOR.fields_by_name else ""  # type: ignore[attr-defined]
    return f"{type(one).__name__}{number} {_content(one)}".rstrip()


def _content(one: Message) -> str:
    if isinstance(one, ups.AUPickupRequest):
        account = f" for {one.upsName!r}" if one.upsName else ""
        place = f"warehouse {one.warehouseId} at ({one.x}, {one.y})"
        return f"ship {one.shipId} {place} to ({one.destinationX}, {one.destinationY}) {one.items!r}{account}"
    if isinstance(one, ups.AUHello):
        contract = f" contract {one.contract.fingerprint}" if one.HasField("contract") else ""
        return f"features {' '.join(one.features) or 'none'}{contract}"
    if isinstance(one, ups.Err):
        return f"about #{one.originSeqNum}: {one.err!r}"
    words = []
    for descriptor, value in one.ListFields():
        if descriptor.name == "originSeqNum":
            words.append(f"about #{value}")
        elif descriptor.name == "accepted":
            words.append("accepted" if value else "refused")
        elif descriptor.name == "known":
            words.append("known" if value else "unknown")
        elif descriptor.name != "seqNum":
            name = {"shipId": "ship", "truckId": "truck", "shipIds": "ships", "upsName": "account"}.get(
                descriptor.name, descriptor.name
            )
            shown = list(value) if descriptor.is_repeated else value
            words.append(f"{name} {shown!r}" if isinstance(shown, str) else f"{name} {shown}")
    return " ".join(words)
