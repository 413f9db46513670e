"""The UPS contract's messages to and from ours: bridge.v1.Command into AUCommand, UAstart and UACommand into PeerEvent.

Rules: an element is the bytes of an AUCommand that holds it alone, so that a frame is elements and acks put one after
the other; events come out in the order of their seqnums; required fields are checked, Python's parser does not. UAstart
is told from UACommand by its content: no UACommand is a complete UAstart. Anything else is a `BadMessage`; of more
elements than anybody has room for, the rest is as if it had been lost. When to send what is deliberately elsewhere
(ups_bridge.core).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from google.protobuf.message import DecodeError

from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from wire.errors import BadMessage

MAX_TEXT = 1000
# Of one message; a session has room for no more (wire.session.Policy.max_unconfirmed).
MAX_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Announcement:
    """A UAstart: the world that the UPS side is in."""

    world_id: int
    seqnum: int


@dataclass(frozen=True, slots=True)
class Said:
    """One UACommand: the numbers it acks and its events by seqnum."""

    acks: tuple[int, ...]
    events: tuple[pb.PeerEvent, ...]


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
    else:
        raise ValueError(f"{kind or 'nothing'} is not for UPS")
    return commands.SerializeToString()


def encode_frame(elements: Iterable[bytes], acks: Iterable[int]) -> bytes:
    """Give the body of one AUCommand with all of it."""
    tail = ups.AUCommand(acks=acks).SerializeToString()
    return b"".join([*elements, tail])


def decode_announcement(body: bytes) -> Announcement | None:
    """Read a UAstart; None: it is something else."""
    try:
        start = ups.UAstart.FromString(body)
    except DecodeError:
        return None
    return Announcement(start.worldid, start.seqnum) if start.IsInitialized() else None


def announced(announcement: Announcement) -> pb.PeerEvent:
    """Give an announcement as an event."""
    world = pb.WorldAnnounced(world_id=announcement.world_id)
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
    )
    events = list(islice(told, MAX_EVENTS))
    events.sort(key=lambda event: event.seqnum)
    return Said(tuple(command.acks), tuple(events))


def _truck(one: ups.UALoadRequest) -> pb.PeerEvent:
    truck = pb.TruckArrived(shipment_id=one.shipId, truck_id=one.truckId)
    return pb.PeerEvent(seqnum=one.seqNum, truck_arrived=truck)


def _failed(one: ups.Err) -> pb.PeerEvent:
    failed = pb.CommandFailed(command_id=one.originSeqNum, text=_text(one.err)[:MAX_TEXT])
    return pb.PeerEvent(seqnum=one.seqNum, command_failed=failed)


def _text(value: str | bytes) -> str:
    """Read a proto2 string: what is no UTF-8 comes out of the parser as bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", errors="replace")
