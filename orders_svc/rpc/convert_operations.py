"""What staff see, as messages."""

import re

from db.orders.interventions import InterventionKind
from mesh.errors import FieldViolation, InvalidArgument
from orders_svc.domain.lifecycle import Goods, Truck
from orders_svc.rpc import convert
from orders_svc.rpc.checks import MAX_ID
from orders_svc.service.current import CurrentWorld
from orders_svc.service.inspecting import Attention, Inspected, LinkSeen
from orders_svc.service.messages import TO_PEER, Logged, Place
from orders_svc.service.queues import Queue
from shop.operations.v1 import operations_pb2 as pb

REMEDY = {
    InterventionKind.RETRY: pb.REMEDY_RETRY,
    InterventionKind.REDRIVE: pb.REMEDY_REDRIVE,
    InterventionKind.CANCEL: pb.REMEDY_CANCEL,
}
_PLACE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?):([01]):(\d{1,19})", re.ASCII)


def links(world: CurrentWorld, seen: list[LinkSeen]) -> pb.ListLinksResponse:
    """The world in use and its links."""
    message = pb.ListLinksResponse(
        world_epoch=world.world_epoch, world_open=world.is_open, links=[link(one) for one in seen]
    )
    if world.world_id is not None:
        message.world_id = world.world_id
    return message


def link(seen: LinkSeen) -> pb.LinkSeen:
    """One link, from both ends."""
    row = seen.row
    message = pb.LinkSeen(
        link=row.name,
        owned=seen.owned,
        instance=row.instance,
        link_epoch=row.link_epoch,
        connected=row.connected and seen.owned,
        state=row.state,
        queue=queue(seen.queue),
    )
    if row.connected_since_at is not None:
        message.since.CopyFrom(convert.timestamp(row.connected_since_at))
    if row.announced_world_id is not None:
        message.announced_world_id = row.announced_world_id
    if seen.status is not None:
        message.status.CopyFrom(seen.status)
    return message


def queue(of: Queue) -> pb.Queue:
    """The open commands of a link, in numbers."""
    message = pb.Queue(waiting=of.waiting, due=of.due, handed_over=of.handed_over)
    if of.waiting_since is not None:
        message.waiting_since.CopyFrom(convert.timestamp(of.waiting_since))
    if of.handed_over_since is not None:
        message.handed_over_since.CopyFrom(convert.timestamp(of.handed_over_since))
    return message


def attention(needed: Attention) -> pb.AttentionNeeded:
    """A parcel that a person has to look at."""
    row = needed.row
    return pb.AttentionNeeded(
        order_id=row.order_id,
        user_id=row.user_id,
        shipment_id=row.id,
        warehouse_name=row.warehouse_name,
        goods=convert.GOODS[Goods(row.goods)],
        truck=convert.TRUCK[Truck(row.truck)],
        since=convert.timestamp(row.state_since_at),
        reason=row.attention_reason,
        remedies=[REMEDY[kind] for kind in needed.remedies],
    )


def inspected(found: Inspected) -> pb.InspectOrderResponse:
    """Anybody's order, what can be done about it, and what was done."""
    message = pb.InspectOrderResponse(
        order=convert.order(found.order, in_full=True), attention=[attention(one) for one in found.attention]
    )
    for row in found.interventions:
        done = message.interventions.add(
            remedy=REMEDY[InterventionKind(row.kind)],
            shipment_id=row.shipment_id,
            user_id=row.user_id,
            at=convert.timestamp(row.made_at),
            note=row.note,
        )
        if row.new_shipment_id is not None:
            done.new_shipment_id = row.new_shipment_id
    return message


def logged(one: Logged) -> pb.Message:
    """One message of an order's log."""
    message = pb.Message(
        direction=pb.DIRECTION_TO_PEER if one.place.direction == TO_PEER else pb.DIRECTION_FROM_PEER,
        link=one.link,
        world_epoch=one.world_epoch,
        number=one.number,
        shipment_id=one.shipment_id,
        kind=one.kind,
        at=convert.timestamp(one.place.at),
        outcome=one.outcome,
        text=one.text,
    )
    if one.ended_at is not None:
        message.ended_at.CopyFrom(convert.timestamp(one.ended_at))
    return message


def token_of(place: Place) -> str:
    """A page token of the message log."""
    return f"{place.at!r}:{place.direction}:{place.row_id}"


def place_of(token: str) -> Place | None:
    """Where that token points to; None: the first page. Raises InvalidArgument."""
    if not token:
        return None
    found = _PLACE.fullmatch(token)
    if found is None or int(found[3]) > MAX_ID:
        raise InvalidArgument([FieldViolation("page_token", "is not one of ours")])
    return Place(float(found[1]), int(found[2]), int(found[3]))
