"""The UPS contract's messages to and from ours: bridge.v1.Command into AUCommand, UAstart and UACommand into PeerEvent.

Rules: an element is the bytes of an AUCommand that holds it alone, so that a frame is elements and acks put one after
the other; events come out in the order of their seqnums; required fields are checked, Python's parser does not. UAstart
is told from UACommand by its content: no UACommand is a complete UAstart. Anything else is a `BadMessage`; of more
elements than anybody has room for, the rest is as if it had been lost. Truck positions are no events: they have no
number, and the latest counts. When to send what is deliberately elsewhere (ups_bridge.core).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from google.protobuf.message import DecodeError

from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from ups_bridge import contract
from ups_bridge import features as extension
from wire.errors import BadMessage

MAX_TEXT = 1000
# Of one message; a session has room for no more (wire.session.Policy.max_unconfirmed).
MAX_EVENTS = 20_000
# Trucks in one message, and parcels that are named with one truck.
MAX_TRUCKS = 1000
MAX_ABOARD = 100
# Features of one announcement that are looked at.
MAX_FEATURES = 100


@dataclass(frozen=True, slots=True)
class Announcement:
    """A UAstart: the world that the UPS side is in, and what it speaks."""

    world_id: int
    seqnum: int
    # Those that both sides speak, by name.
    features: tuple[str, ...] = ()
    # Whether it named any feature, known or not: then it is answered by a hello.
    extended: bool = False
    # The first difference between its contract and ours, in words.
    difference: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One UACommand: the numbers it acks, its events by seqnum, and where trucks are."""

    acks: tuple[int, ...]
    events: tuple[pb.PeerEvent, ...]
    trucks: tuple[pb.TruckPosition, ...] = ()


def encode_command(command: bridge.Command) -> bytes:
    """Give a command as an element, its id as the seqNum. Raises ValueError for a body that is not for UPS."""
    kind, seqnum = command.WhichOneof("body"), command.command_id
    commands = ups.AUCommand()
    if kind == "request_truck":
        asked = command.request_truck
        request = commands.pickupRequests.add(
            seqNum=seqnum,
            shipId=asked.shipment_id,
            warehouseId=asked.warehouse_id,
            x=asked.warehouse_x,
            y=asked.warehouse_y,
            destinationX=asked.destination_x,
            destinationY=asked.destination_y,
            items=asked.items,
        )
        if asked.ups_account:
            request.upsName = asked.ups_account
    elif kind == "deliver":
        commands.deliverRequests.add(seqNum=seqnum, shipId=command.deliver.shipment_id)
    elif kind == "redirect":
        there = command.redirect
        commands.redirects.add(seqNum=seqnum, shipId=there.shipment_id, x=there.x, y=there.y)
    elif kind == "cancel_job":
        commands.cancels.add(seqNum=seqnum, shipId=command.cancel_job.shipment_id)
    elif kind == "check_account":
        commands.accountChecks.add(seqNum=seqnum, upsName=command.check_account.ups_account)
    else:
        raise ValueError(f"{kind or 'nothing'} is not for UPS")
    return commands.SerializeToString()


def encode_frame(elements: Iterable[bytes], acks: Iterable[int]) -> bytes:
    """Give the body of one AUCommand with all of it."""
    tail = ups.AUCommand(acks=acks).SerializeToString()
    return b"".join([*elements, tail])


def encode_hello(announcement: Announcement) -> bytes:
    """Give the answer to a UAstart that names features, as an element without a number."""
    hello = ups.AUHello(features=extension.SPOKEN)
    if extension.CONTRACT in announcement.features:
        hello.contract.CopyFrom(contract.ours())
    return ups.AUCommand(hello=hello).SerializeToString()


def feature_of(element: bytes) -> str | None:
    """The feature without which an element of `encode_command` is not sent; None: it is of the base."""
    command = ups.AUCommand.FromString(element)
    if command.redirects:
        return extension.REDIRECT
    if command.cancels:
        return extension.CANCEL
    return extension.ACCOUNT_CHECK if command.accountChecks else None


def asks_for_truck(element: bytes, ship_id: int) -> bool:
    """Whether an element of `encode_command` asks for a truck for this package."""
    return any(one.shipId == ship_id for one in ups.AUCommand.FromString(element).pickupRequests)


def decode_announcement(body: bytes) -> Announcement | None:
    """Read a UAstart; None: it is something else."""
    try:
        start = ups.UAstart.FromString(body)
    except DecodeError:
        return None
    if not start.IsInitialized():
        return None
    if not start.features:
        return Announcement(start.worldid, start.seqnum)
    named = {_text(name) for name in islice(start.features, MAX_FEATURES)}
    on = tuple(name for name in extension.SPOKEN if name in named)
    difference = ""
    if extension.CONTRACT in on and start.HasField("contract"):
        lines = [_text(line) for line in islice(start.contract.fields, contract.MAX_LINES)]
        difference = contract.difference(_text(start.contract.fingerprint), lines, on)[:MAX_TEXT]
    return Announcement(start.worldid, start.seqnum, on, extended=True, difference=difference)


def announced(announcement: Announcement, number: int) -> pb.PeerEvent:
    """Give an announcement as an event; `number`: which one it is of all that were reported."""
    world = pb.WorldAnnounced(world_id=announcement.world_id, features=announcement.features, announcement_no=number)
    return pb.PeerEvent(seqnum=announcement.seqnum, world_announced=world)


def decode_command(body: bytes) -> Said:
    """Read a UACommand."""
    try:
        command = ups.UACommand.FromString(body)
    except DecodeError:
        raise BadMessage("no UACommand", body) from None
    if not command.IsInitialized():
        raise BadMessage("a UACommand without a required field", body)
    told = chain(
        (_truck(one) for one in command.loadRequests),
        (pb.PeerEvent(seqnum=one.seqNum, delivered=pb.Delivered(shipment_id=one.shipId)) for one in command.delivered),
        (_failed(one) for one in command.error),
        (_redirected(one) for one in command.redirectAnswers),
        (_cancelled(one) for one in command.cancelAnswers),
        (_account(one) for one in command.accountAnswers),
        (_started(one) for one in command.deliveryStarted),
    )
    events = list(islice(told, MAX_EVENTS))
    events.sort(key=lambda event: event.seqnum)
    trucks = tuple(_position(one) for one in command.truckPositions[-MAX_TRUCKS:])
    return Said(tuple(command.acks), tuple(events), trucks)


def answered(events: Iterable[pb.PeerEvent]) -> list[int]:
    """The commands of ours that events refuse or answer."""
    bodies = [getattr(event, event.WhichOneof("body") or "") for event in events]
    return [body.command_id for body in bodies if "command_id" in body.DESCRIPTOR.fields_by_name]


def _truck(one: ups.UALoadRequest) -> pb.PeerEvent:
    truck = pb.TruckArrived(shipment_id=one.shipId, truck_id=one.truckId)
    return pb.PeerEvent(seqnum=one.seqNum, truck_arrived=truck)


def _failed(one: ups.Err) -> pb.PeerEvent:
    failed = pb.CommandFailed(command_id=one.originSeqNum, text=_text(one.err)[:MAX_TEXT])
    return pb.PeerEvent(seqnum=one.seqNum, command_failed=failed)


def _redirected(one: ups.UARedirectAnswer) -> pb.PeerEvent:
    answer = pb.RedirectAnswered(
        command_id=one.originSeqNum,
        shipment_id=one.shipId,
        accepted=one.accepted,
        reason=_text(one.reason)[:MAX_TEXT],
    )
    return pb.PeerEvent(seqnum=one.seqNum, redirect_answered=answer)


def _cancelled(one: ups.UACancelAnswer) -> pb.PeerEvent:
    answer = pb.CancelAnswered(
        command_id=one.originSeqNum,
        shipment_id=one.shipId,
        accepted=one.accepted,
        reason=_text(one.reason)[:MAX_TEXT],
    )
    return pb.PeerEvent(seqnum=one.seqNum, cancel_answered=answer)


def _account(one: ups.UAAccountAnswer) -> pb.PeerEvent:
    answer = pb.AccountAnswered(command_id=one.originSeqNum, ups_account=_text(one.upsName)[:MAX_TEXT], known=one.known)
    return pb.PeerEvent(seqnum=one.seqNum, account_answered=answer)


def _started(one: ups.UADeliveryStarted) -> pb.PeerEvent:
    started = pb.DeliveryStarted(shipment_id=one.shipId, truck_id=one.truckId)
    return pb.PeerEvent(seqnum=one.seqNum, delivery_started=started)


def _position(one: ups.UATruckPosition) -> pb.TruckPosition:
    return pb.TruckPosition(truck_id=one.truckId, x=one.x, y=one.y, shipment_ids=one.shipIds[:MAX_ABOARD])


def _text(value: str | bytes) -> str:
    """Read a proto2 string: what is no UTF-8 comes out of the parser as bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", errors="replace")
