"""An order as its page shows it, made from what orders_svc says. Pure.

Goods and truck go side by side (a truck may be there before the parcel is packed), so each stage is done, under way or
still to come by itself, with the time of the step that ended it; to a cancelled parcel nothing is to come.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from google.protobuf.timestamp_pb2 import Timestamp

from shop.orders.v1 import orders_pb2 as pb
from storefront.orders.amendments import (
    AmendmentShown,
    if_cancelled,
    if_sent_elsewhere,
    is_pending,
    show_amendment,
)
from storefront.orders.map import Trip


class Tone(StrEnum):
    """What kind of news a status is; also its colour."""

    WAITING = "waiting"
    MOVING = "moving"
    DONE = "done"
    TROUBLE = "trouble"
    ENDED = "ended"


class Progress(StrEnum):
    """Where a stage is."""

    DONE = "done"
    NOW = "now"
    TO_COME = "to-come"


@dataclass(frozen=True, slots=True)
class StatusWords:
    """A status in words."""

    words: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a parcel's way; `at` is when it was done, in seconds since the epoch."""

    name: str
    progress: Progress
    at: float | None


@dataclass(frozen=True, slots=True)
class StepShown:
    """One entry of a parcel's history."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class Expected:
    """When a parcel, or all of an order, is expected: between two times, in seconds since the epoch."""

    earliest: float
    latest: float


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel."""

    tracking_number: int
    number: int
    name: str
    status: StatusWords
    stages: tuple[Stage, ...]
    warehouse_name: str
    warehouse: tuple[int, int]
    destination: tuple[int, int]
    items: tuple[tuple[str, int], ...]
    truck_id: int | None
    waiting_for: str
    waiting_since: float | None
    next_step: str
    attention_reason: str
    history: tuple[StepShown, ...]
    attempt: int
    expected: Expected | None
    # Why it is not known when it comes.
    unknown_because: str
    # Where its truck was seen last, and when; and whether UPS said that it has left with the parcel.
    truck_seen: tuple[tuple[int, int], float] | None
    has_left: bool
    # What asking for it would mean now; `is_pending`: nothing can be asked until UPS has answered.
    if_cancelled: str
    if_sent_elsewhere: str
    is_pending: bool

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status.tone in (Tone.DONE, Tone.ENDED)

    @property
    def trip(self) -> Trip:
        """What the map shows of it."""
        seen = None
        if self.truck_seen is not None and self.truck_id is not None:
            seen = (self.truck_id, *self.truck_seen)
        is_over = self.status.tone is Tone.DONE
        return Trip(self.number, self.warehouse_name, self.warehouse, self.destination, is_over, seen)


@dataclass(frozen=True, slots=True)
class OrderShown:
    """One order."""

    order_id: int
    version: int
    status: StatusWords
    has_ended: bool
    # Nothing more is going to change: it has ended, and UPS has answered all that it was asked.
    is_settled: bool
    placed_at: float
    destination: tuple[int, int]
    ups_account: str
    total_cents: int
    lines: tuple[pb.OrderLine, ...]
    parcels: tuple[Parcel, ...]
    amendments: tuple[AmendmentShown, ...]

    @property
    def news(self) -> str:
        """What is read out when it changes: how the order stands, and what was answered last."""
        said = f"Order {self.order_id}: {self.status.words}"
        if not self.amendments:
            return said
        several = len(self.parcels) > 1
        answers = (
            f"Parcel {answer.parcel}: {answer.words}" if several else answer.words
            for answer in self.amendments[-1].answers
        )
        return f"{said}. {self.amendments[-1].what}: {'; '.join(answers)}"

    @property
    def expected(self) -> Expected | None:
        """When the last of several parcels is expected; None: not known of each that is still to come."""
        ranges = [parcel.expected for parcel in self.parcels if not parcel.has_ended]
        known = [expected for expected in ranges if expected is not None]
        if not known or len(known) < len(ranges):
            return None
        return Expected(max(one.earliest for one in known), max(one.latest for one in known))

    @property
    def trucks_are_seen(self) -> bool:
        """Whether UPS tells where trucks are, and one of them is under way for this order."""
        return any(parcel.truck_seen or (parcel.has_left and not parcel.has_ended) for parcel in self.parcels)

    @property
    def is_pending(self) -> bool:
        """Whether nothing more can be asked until UPS has answered."""
        return any(parcel.is_pending for parcel in self.parcels)

    def goes_to(self, place: tuple[int, int]) -> bool:
        """Whether all that is still to come goes there, and UPS is not being asked about anything else."""
        on_the_way = [parcel.destination for parcel in self.parcels if not parcel.has_ended]
        return bool(on_the_way) and set(on_the_way) == {place} and not self.is_pending

    @property
    def units(self) -> int:
        """How many things were bought."""
        return sum(line.quantity for line in self.lines)


STATUS_WORDS = {
    pb.ORDER_STATUS_AWAITING_STOCK: StatusWords("Waiting for goods", Tone.WAITING),
    pb.ORDER_STATUS_PACKING: StatusWords("Being packed", Tone.MOVING),
    pb.ORDER_STATUS_AWAITING_TRUCK: StatusWords("Waiting for the truck", Tone.WAITING),
    pb.ORDER_STATUS_LOADING: StatusWords("Being loaded", Tone.MOVING),
    pb.ORDER_STATUS_OUT_FOR_DELIVERY: StatusWords("Out for delivery", Tone.MOVING),
    pb.ORDER_STATUS_DELIVERED: StatusWords("Delivered", Tone.DONE),
    pb.ORDER_STATUS_NEEDS_ATTENTION: StatusWords("Needs attention", Tone.TROUBLE),
    pb.ORDER_STATUS_CANCELLED: StatusWords("Cancelled", Tone.ENDED),
}
_UNKNOWN_STATUS = StatusWords("In progress", Tone.WAITING)
_ENDED = (pb.ORDER_STATUS_DELIVERED, pb.ORDER_STATUS_CANCELLED)
_STOPPED = (*_ENDED, pb.ORDER_STATUS_NEEDS_ATTENTION)

# Each stage: its name, the goods state and the truck state of which either reached means done,
# and the states in which it is what happens now.
_STAGES = (
    ("Goods in the warehouse", pb.GOODS_STATE_PACKING, None, (pb.GOODS_STATE_NEW, pb.GOODS_STATE_AWAITING_STOCK), ()),
    ("Packed", pb.GOODS_STATE_PACKED, None, (pb.GOODS_STATE_PACKING,), ()),
    ("Truck at the warehouse", None, pb.TRUCK_STATE_AT_WAREHOUSE, (), (pb.TRUCK_STATE_REQUESTED,)),
    ("Loaded", pb.GOODS_STATE_LOADED, None, (pb.GOODS_STATE_LOADING,), ()),
    ("Out for delivery", None, pb.TRUCK_STATE_EN_ROUTE, (), ()),
    ("Delivered", None, pb.TRUCK_STATE_DELIVERED, (), (pb.TRUCK_STATE_EN_ROUTE,)),
)


def status_words(status: "pb.OrderStatus.ValueType") -> StatusWords:
    """How an order stands, in words."""
    return STATUS_WORDS.get(status, _UNKNOWN_STATUS)


def show_order(order: pb.Order) -> OrderShown:
    """The whole order."""
    return replace(
        show_in_list(order),
        parcels=tuple(_parcel(number, one, len(order.shipments)) for number, one in enumerate(order.shipments, 1)),
        amendments=tuple(show_amendment(asked) for asked in order.amendments),
    )


def show_in_list(order: pb.Order) -> OrderShown:
    """An order as lists show it: without its parcels and what was asked for since."""
    return OrderShown(
        order_id=order.order_id,
        version=order.version,
        status=STATUS_WORDS.get(order.status, _UNKNOWN_STATUS),
        has_ended=order.status in _ENDED,
        is_settled=order.status in _ENDED and not _awaits_an_answer(order),
        placed_at=_seconds(order.placed_at),
        destination=(order.destination.x, order.destination.y),
        ups_account=order.ups_account,
        total_cents=order.total_cents,
        lines=tuple(order.lines),
        parcels=(),
        amendments=(),
    )


def _awaits_an_answer(order: pb.Order) -> bool:
    """Whether UPS has yet to answer; it may do so after the delivery."""
    return any(one.decision == pb.DECISION_ASKED for asked in order.amendments for one in asked.decisions)


def _parcel(number: int, shipment: pb.Shipment, of: int) -> Parcel:
    waits = shipment.HasField("waiting")
    return Parcel(
        tracking_number=shipment.shipment_id,
        number=number,
        name=f"Parcel {number} of {of}" if of > 1 else "The parcel",
        status=STATUS_WORDS.get(shipment.status, _UNKNOWN_STATUS),
        stages=_stages(shipment),
        warehouse_name=shipment.warehouse_name,
        warehouse=(shipment.warehouse.x, shipment.warehouse.y),
        destination=(shipment.destination.x, shipment.destination.y),
        items=tuple((item.title, item.quantity) for item in shipment.items),
        truck_id=shipment.truck_id if shipment.HasField("truck_id") else None,
        waiting_for=shipment.waiting.who if waits else "",
        waiting_since=_seconds(shipment.waiting.since) if waits and shipment.waiting.HasField("since") else None,
        next_step=shipment.waiting.next if waits else "",
        attention_reason=shipment.attention_reason,
        history=tuple(StepShown(_seconds(step.at), step.what) for step in shipment.history),
        attempt=shipment.attempt,
        expected=_expected(shipment),
        unknown_because=shipment.expected.unknown_because,
        truck_seen=_truck_seen(shipment),
        has_left=shipment.HasField("left_at"),
        is_pending=is_pending(shipment),
        if_cancelled=if_cancelled(shipment),
        if_sent_elsewhere=if_sent_elsewhere(shipment),
    )


def _expected(shipment: pb.Shipment) -> Expected | None:
    if not (shipment.HasField("expected") and shipment.expected.HasField("latest")):
        return None
    return Expected(_seconds(shipment.expected.earliest), _seconds(shipment.expected.latest))


def _truck_seen(shipment: pb.Shipment) -> tuple[tuple[int, int], float] | None:
    if not shipment.HasField("truck_seen"):
        return None
    at = shipment.truck_seen.at
    return (at.x, at.y), _seconds(shipment.truck_seen.seen_at)


def _stages(shipment: pb.Shipment) -> tuple[Stage, ...]:
    stages = []
    for name, goods, truck, goods_now, truck_now in _STAGES:
        at = _reached_at(shipment, goods, truck)
        # What was cancelled got as far as its history says.
        done = _reached(shipment, goods, truck) or (shipment.goods == pb.GOODS_STATE_CANCELLED and at is not None)
        if truck == pb.TRUCK_STATE_EN_ROUTE and shipment.HasField("left_at"):
            # UPS itself has said when it left.
            at = _seconds(shipment.left_at)
        under_way = shipment.status not in _STOPPED and (shipment.goods in goods_now or shipment.truck in truck_now)
        progress = Progress.DONE if done else Progress.NOW if under_way else Progress.TO_COME
        if progress is Progress.TO_COME and shipment.status == pb.ORDER_STATUS_CANCELLED:
            continue
        stages.append(Stage(name, progress, at if done else None))
    return tuple(stages)


def _reached(at: pb.Shipment | pb.ShipmentStep, goods: int | None, truck: int | None) -> bool:
    if at.goods == pb.GOODS_STATE_CANCELLED and goods is not None:
        return False
    return (goods is not None and at.goods >= goods) or (truck is not None and at.truck >= truck)


def _reached_at(shipment: pb.Shipment, goods: int | None, truck: int | None) -> float | None:
    """When it got so far, for the last time: a parcel may have to go back, and to start again."""
    found, before = None, False
    for step in shipment.history:
        now = _reached(step, goods, truck)
        if now and not before:
            found = _seconds(step.at)
        before = now
    return found


def _seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9
