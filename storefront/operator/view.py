"""Links, queues, parcels and messages as the staff pages show them, made from what orders_svc says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from shop.operations.v1 import operations_pb2 as pb
from shop.orders.v1 import orders_pb2
from storefront.orders.view import StatusWords, Tone

MOST_COUNTED = 10_000
# As orders_svc tells it of a parcel: a peer that has said nothing for so long hears nothing, or is stuck.
SILENT_SECONDS = 30.0
NAMES = {"world": "The world", "ups": "UPS"}
GOODS = {
    orders_pb2.GOODS_STATE_NEW: "new",
    orders_pb2.GOODS_STATE_AWAITING_STOCK: "waiting for goods",
    orders_pb2.GOODS_STATE_PACKING: "being packed",
    orders_pb2.GOODS_STATE_PACKED: "packed",
    orders_pb2.GOODS_STATE_LOADING: "being loaded",
    orders_pb2.GOODS_STATE_LOADED: "loaded",
    orders_pb2.GOODS_STATE_CANCELLED: "cancelled",
}
TRUCKS = {
    orders_pb2.TRUCK_STATE_NONE: "no truck asked for",
    orders_pb2.TRUCK_STATE_REQUESTED: "truck asked for",
    orders_pb2.TRUCK_STATE_AT_WAREHOUSE: "truck at the warehouse",
    orders_pb2.TRUCK_STATE_EN_ROUTE: "truck on the road",
    orders_pb2.TRUCK_STATE_DELIVERED: "delivered",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that can be done about a parcel: its name in addresses, on a button, as a question; what it means."""

    name: str
    label: str
    question: str
    means: str
    done: str
    is_final: bool = False


RETRY = Remedy(
    "retry",
    "Try again",
    "Try it again?",
    "Failures are counted from zero. The world is asked where the parcel is, and a truck that has not come is asked "
    "for again. Nothing is lost by it.",
    "It is being tried again.",
)
REDRIVE = Remedy(
    "redrive",
    "Send anew",
    "Send another in its place?",
    "This parcel is given up and another is sent in its place. What may have been packed counts as lost and is bought "
    "again. Should the old one be on the road after all, it is delivered besides the new one.",
    "Another parcel is sent in its place.",
)
CANCEL = Remedy(
    "cancel",
    "End it",
    "End this parcel?",
    "Nothing more is sent. Goods that were never asked to be packed stay on the shelf, others count as lost; UPS is "
    "told where it can be told. This cannot be undone.",
    "The parcel is ended.",
    is_final=True,
)
REMEDIES = {remedy.name: remedy for remedy in (RETRY, REDRIVE, CANCEL)}
_REMEDY_OF = {pb.REMEDY_RETRY: RETRY, pb.REMEDY_REDRIVE: REDRIVE, pb.REMEDY_CANCEL: CANCEL}


@dataclass(frozen=True, slots=True)
class LinkShown:
    """One link: how it is in a word, and its facts by name, in the order in which they are shown."""

    name: str
    status: StatusWords
    state: str
    since: float | None
    last_frame_at: float | None
    difference: str
    facts: tuple[tuple[str, str], ...]
    features: tuple[str, ...]
    queue: tuple[tuple[str, str], ...]
    waiting_since: float | None
    handed_over_since: float | None


@dataclass(frozen=True, slots=True)
class AttentionShown:
    """A parcel that a person has to look at."""

    order_id: int
    shipment_id: int
    warehouse_name: str
    stands: str
    since: float
    reason: str
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class MessageShown:
    """One message of an order's log. `is_trouble`: it was refused, or not obeyed."""

    at: float
    is_ours: bool
    peer: str
    kind: str
    number: int
    shipment_id: int
    world_epoch: int
    outcome: str
    is_trouble: bool
    took_seconds: float | None
    text: str


@dataclass(frozen=True, slots=True)
class InterventionShown:
    """What somebody of the staff did."""

    at: float
    label: str
    shipment_id: int
    user_id: int
    note: str
    new_shipment_id: int | None


def show_links(answer: pb.ListLinksResponse, now: float) -> tuple[LinkShown, ...]:
    """Each link."""
    return tuple(_link(one, answer, now) for one in answer.links)


def show_world(answer: pb.ListLinksResponse) -> str:
    """The world in use, in words."""
    if not answer.HasField("world_id"):
        return f"not found yet (our number for it: {answer.world_epoch})"
    return f"{answer.world_id}{'' if answer.world_open else ', not open'} (our number for it: {answer.world_epoch})"


def _link(seen: pb.LinkSeen, answer: pb.ListLinksResponse, now: float) -> LinkShown:
    status, answers = seen.status, seen.HasField("status")
    facts = [("Owner", f"{seen.instance or 'nobody yet'}{'' if seen.owned else ', gone'}")]
    facts.append(("Link epoch", str(seen.link_epoch)))
    world_epoch = status.world_epoch if answers else 0
    facts.append(("World epoch", str(world_epoch) if world_epoch else "none"))
    if seen.HasField("announced_world_id"):
        facts.append(("World it announced", str(seen.announced_world_id)))
    if answers:
        facts += [
            ("Unacknowledged", f"{status.unacked:,} of {status.window:,}"),
            ("Re-sends", f"{status.resends:,} of {status.elements_sent:,}"),
            ("Frames out, in", f"{status.frames_sent:,}, {status.frames_received:,}"),
            ("Reconnects", f"{status.reconnects:,}"),
            ("Bad frames", f"{status.bad_frames:,}"),
            ("Loss, about", f"{status.loss_estimate:.0%}"),
        ]
    queue = seen.queue
    return LinkShown(
        name=NAMES.get(seen.link, seen.link),
        status=_condition(seen, answers, answer, now),
        state=status.state if answers else seen.state,
        since=_seconds(seen.since) if seen.HasField("since") else None,
        last_frame_at=_seconds(status.last_frame_at) if status.HasField("last_frame_at") else None,
        difference=status.contract_difference,
        facts=tuple(facts),
        features=tuple(status.features),
        queue=(
            ("Waiting for the link", _counted(queue.waiting)),
            ("Due now", _counted(queue.due)),
            ("Handed over", _counted(queue.handed_over)),
        ),
        waiting_since=_seconds(queue.waiting_since) if queue.HasField("waiting_since") else None,
        handed_over_since=_seconds(queue.handed_over_since) if queue.HasField("handed_over_since") else None,
    )


def _condition(seen: pb.LinkSeen, answers: bool, answer: pb.ListLinksResponse, now: float) -> StatusWords:
    if not seen.owned:
        return StatusWords("Its bridge is not running", Tone.TROUBLE)
    if not answers:
        return StatusWords("Its bridge does not answer", Tone.TROUBLE)
    if not seen.status.connected:
        return StatusWords("Not connected", Tone.TROUBLE)
    if seen.status.contract_difference:
        return StatusWords("The contracts differ", Tone.TROUBLE)
    if seen.link == "ups" and answer.HasField("world_id") and seen.announced_world_id != answer.world_id:
        return StatusWords("In another world", Tone.TROUBLE)
    if seen.queue.handed_over and now - _last_sign(seen) > SILENT_SECONDS:
        return StatusWords("Has not answered so far", Tone.TROUBLE)
    return StatusWords("Connected", Tone.DONE)


def _last_sign(seen: pb.LinkSeen) -> float:
    """Since when a peer owes an answer, or when it was last heard, whichever is later."""
    return max(_seconds(at) for at in (seen.queue.handed_over_since, seen.since, seen.status.last_frame_at))


def show_attention(parcels: Iterable[pb.AttentionNeeded]) -> tuple[AttentionShown, ...]:
    """Each parcel that needs a person."""
    return tuple(
        AttentionShown(
            order_id=one.order_id,
            shipment_id=one.shipment_id,
            warehouse_name=one.warehouse_name,
            stands=f"{GOODS.get(one.goods, 'goods unknown')}, {TRUCKS.get(one.truck, 'truck unknown')}",
            since=_seconds(one.since),
            reason=one.reason,
            remedies=tuple(_REMEDY_OF[remedy] for remedy in one.remedies if remedy in _REMEDY_OF),
        )
        for one in parcels
    )


def show_messages(messages: Iterable[pb.Message]) -> tuple[MessageShown, ...]:
    """Each message of a log."""
    return tuple(
        MessageShown(
            at=_seconds(one.at),
            is_ours=one.direction == pb.DIRECTION_TO_PEER,
            peer=NAMES.get(one.link, one.link),
            kind=one.kind.replace("_", " "),
            number=one.number,
            shipment_id=one.shipment_id,
            world_epoch=one.world_epoch,
            outcome=one.outcome,
            is_trouble=one.outcome.startswith(("refused", "recorded, not obeyed")),
            took_seconds=_seconds(one.ended_at) - _seconds(one.at) if one.HasField("ended_at") else None,
            text=one.text,
        )
        for one in messages
    )


def show_interventions(done: Iterable[pb.Intervention]) -> tuple[InterventionShown, ...]:
    """What staff did, oldest first."""
    return tuple(
        InterventionShown(
            at=_seconds(one.at),
            label=_REMEDY_OF[one.remedy].label if one.remedy in _REMEDY_OF else "Something newer",
            shipment_id=one.shipment_id,
            user_id=one.user_id,
            note=one.note,
            new_shipment_id=one.new_shipment_id if one.HasField("new_shipment_id") else None,
        )
        for one in done
    )


def _counted(number: int) -> str:
    return f"{number:,}{' or more' if number >= MOST_COUNTED else ''}"


def _seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9
