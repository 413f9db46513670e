"""The world's messages to and from ours: bridge.v1.Command into ACommands, AResponses into PeerEvent.

Rules: an element is the bytes of an ACommands that holds it alone, so that a frame is elements and acks put one after
the other; descriptions are cut at the world's 50 characters; statuses come out in upper case, events in the order of
their seqnums; required fields are checked, Python's parser does not; simspeed is never sent. Anything the peer sends
that is not this is a `BadMessage`; of more elements than anybody has room for, the rest is as if it had been lost.
When to send what is deliberately elsewhere (world_bridge.core).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from google.protobuf.message import DecodeError

from partners.world import world_amazon_pb2 as world
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from wire.errors import BadMessage

MAX_DESCRIPTION = 50
MAX_TEXT = 1000
MAX_EVENT_BYTES = 256 * 1024
# Of one message; a session has room for no more (wire.session.Policy.max_unconfirmed).
MAX_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Greeting:
    """The world's answer to AConnect. The reply to a malformed connect has no world id."""

    world_id: int
    result: str


@dataclass(frozen=True, slots=True)
class Said:
    """One AResponses: the numbers it acks, its events by seqnum, and whether it is the connection's last word."""

    acks: tuple[int, ...]
    events: tuple[pb.PeerEvent, ...]
    finished: bool


def encode_connect(dial: pb.Dial) -> bytes:
    """Give the AConnect that `dial` asks for."""
    connect = world.AConnect(isAmazon=True)
    if dial.HasField("world_id"):
        connect.worldid = dial.world_id
    for one in dial.warehouses:
        connect.initwh.add(id=one.warehouse_id, x=one.x, y=one.y)
    return connect.SerializeToString()


def encode_command(command: bridge.Command) -> bytes:
    """Give a command as an element, its id as the seqnum. Raises ValueError for a body that is not for the world."""
    kind, seqnum = command.WhichOneof("body"), command.command_id
    commands = world.ACommands()
    if kind == "buy":
        buy = commands.buy.add(whnum=command.buy.warehouse_id, seqnum=seqnum)
        buy.things.extend(_products(command.buy.things))
    elif kind == "pack":
        pack = commands.topack.add(whnum=command.pack.warehouse_id, shipid=command.pack.shipment_id, seqnum=seqnum)
        pack.things.extend(_products(command.pack.things))
    elif kind == "load":
        load = command.load
        commands.load.add(whnum=load.warehouse_id, truckid=load.truck_id, shipid=load.shipment_id, seqnum=seqnum)
    elif kind == "query_package":
        commands.queries.add(packageid=command.query_package.shipment_id, seqnum=seqnum)
    else:
        raise ValueError(f"{kind or 'nothing'} is not for the world")
    return commands.SerializeToString()


def encode_frame(elements: Iterable[bytes], acks: Iterable[int]) -> bytes:
    """Give the body of one ACommands with all of it."""
    tail = world.ACommands(acks=acks).SerializeToString()
    return b"".join([*elements, tail])


def decode_connected(body: bytes) -> Greeting:
    """Read an AConnected, also the incomplete one that the world answers a malformed connect with."""
    try:
        connected = world.AConnected.FromString(body)
    except DecodeError:
        raise BadMessage("no AConnected", body) from None
    if not connected.HasField("result"):
        raise BadMessage("an AConnected without a result", body)
    return Greeting(connected.worldid, _text(connected.result))


def decode_responses(body: bytes) -> Said:
    """Read an AResponses."""
    try:
        responses = world.AResponses.FromString(body)
    except DecodeError:
        raise BadMessage("no AResponses", body) from None
    if not responses.IsInitialized():
        raise BadMessage("an AResponses without a required field", body)
    if any(one.ByteSize() > MAX_EVENT_BYTES for one in responses.arrived):
        raise BadMessage(f"an element above {MAX_EVENT_BYTES} bytes", body)
    told = chain(
        (_arrived(one) for one in responses.arrived),
        (pb.PeerEvent(seqnum=one.seqnum, packed=pb.Packed(shipment_id=one.shipid)) for one in responses.ready),
        (pb.PeerEvent(seqnum=one.seqnum, loaded=pb.Loaded(shipment_id=one.shipid)) for one in responses.loaded),
        (_failed(one) for one in responses.error),
        (_status(one) for one in responses.packagestatus),
    )
    events = list(islice(told, MAX_EVENTS))
    if any(event.ByteSize() > MAX_EVENT_BYTES for event in events):
        raise BadMessage(f"an element above {MAX_EVENT_BYTES} bytes", body)
    events.sort(key=lambda event: event.seqnum)
    return Said(tuple(responses.acks), tuple(events), responses.finished)


def _arrived(one: world.APurchaseMore) -> pb.PeerEvent:
    things = [
        bridge.Thing(offer_id=thing.id, description=_text(thing.description), count=thing.count) for thing in one.things
    ]
    return pb.PeerEvent(seqnum=one.seqnum, arrived=pb.Arrived(warehouse_id=one.whnum, things=things))


def _failed(one: world.AErr) -> pb.PeerEvent:
    failed = pb.CommandFailed(command_id=one.originseqnum, text=_text(one.err)[:MAX_TEXT])
    return pb.PeerEvent(seqnum=one.seqnum, command_failed=failed)


def _status(one: world.APackage) -> pb.PeerEvent:
    status = pb.PackageStatus(shipment_id=one.packageid, status=_text(one.status).upper()[:MAX_TEXT])
    return pb.PeerEvent(seqnum=one.seqnum, package_status=status)


def _products(things: Iterable[bridge.Thing]) -> list[world.AProduct]:
    return [
        world.AProduct(id=thing.offer_id, description=thing.description[:MAX_DESCRIPTION], count=thing.count)
        for thing in things
    ]


def _text(value: str | bytes) -> str:
    """Read a proto2 string: what is no UTF-8 comes out of the parser as bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", errors="replace")
