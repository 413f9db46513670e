"""How an order is told to a person at a terminal. Pure: messages in, lines out."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from shop.operations.v1 import operations_pb2
from shop.orders.v1 import orders_pb2

ENDED = frozenset(
    {
        orders_pb2.ORDER_STATUS_DELIVERED,
        orders_pb2.ORDER_STATUS_NEEDS_ATTENTION,
        orders_pb2.ORDER_STATUS_CANCELLED,
    }
)


def status_name(status: int) -> str:
    """DELIVERED for ORDER_STATUS_DELIVERED, and so on; numbers of a newer contract as they are."""
    names = orders_pb2.OrderStatus.DESCRIPTOR.values_by_number
    return names[status].name.removeprefix("ORDER_STATUS_") if status in names else str(status)


def money(cents: int) -> str:
    """$12.34 for 1234."""
    return f"${cents // 100}.{cents % 100:02}"


class Teller:
    """Turns each look at an order into the lines that are new since the last one."""

    def __init__(self) -> None:
        self._told: set[tuple[int, int, int, str]] = set()
        self._status: int | None = None

    def news(self, order: orders_pb2.Order) -> list[str]:
        """New steps of all parcels, oldest first, then the order's status if it has changed."""
        began = seconds(order.placed_at)
        steps = []
        for shipment in order.shipments:
            for place, step in enumerate(shipment.history):
                key = (shipment.shipment_id, shipment.attempt, place, step.what)
                if key not in self._told:
                    self._told.add(key)
                    steps.append((seconds(step.at), f"parcel {shipment.shipment_id}: {step.what}"))
        lines = [f"{at - began:+7.1f} s  {what}" for at, what in sorted(steps, key=lambda one: one[0])]
        if order.status != self._status:
            self._status = order.status
            lines.append(f"           order {order.order_id} is {status_name(order.status)}")
        return lines


def whole(order: orders_pb2.Order) -> list[str]:
    """Everything about one order."""
    place = order.destination
    lines = [f"order {order.order_id}: {status_name(order.status)}, {money(order.total_cents)}, to {place.x},{place.y}"]
    lines += [
        f"  {line.quantity} x {line.title} at {money(line.unit_price_cents)} from {line.seller_name}"
        for line in order.lines
    ]
    began = seconds(order.placed_at)
    for shipment in order.shipments:
        truck = f", truck {shipment.truck_id}" if shipment.HasField("truck_id") else ""
        to = f"{shipment.destination.x},{shipment.destination.y}"
        lines.append(
            f"  parcel {shipment.shipment_id} from {shipment.warehouse_name} to {to}:"
            f" {status_name(shipment.status)}{truck}"
        )
        lines += [f"    {seconds(step.at) - began:+7.1f} s  {step.what}" for step in shipment.history]
        lines += waiting(shipment)
    for asked in order.amendments:
        lines += amendment(asked, began)
    return lines


def amendment(asked: orders_pb2.Amendment, began: float) -> Iterable[str]:
    """What was asked of an order that was placed at `began`, with the answer for each parcel."""
    place = asked.destination
    what = f"to {place.x},{place.y} instead" if asked.HasField("destination") else "cancel it"
    yield f"    {seconds(asked.asked_at) - began:+7.1f} s  asked: {what}"
    for one in asked.decisions:
        said = orders_pb2.Decision.Name(one.decision).removeprefix("DECISION_").replace("_", " ").lower()
        left = f", at {seconds(one.left_at) - began:+.1f} s" if one.HasField("left_at") else ""
        yield f"                 parcel {one.parcel}: {said}{f' ({one.reason}{left})' if one.reason else left}"


def explained(answer: operations_pb2.InspectOrderResponse) -> list[str]:
    """Everything about one order, for those who look after the shop: also what can be done, and what was."""
    lines = [*whole(answer.order), f"  placed by user {answer.order.user_id}"]
    for parcel in answer.attention:
        remedies = [operations_pb2.Remedy.Name(one).removeprefix("REMEDY_").lower() for one in parcel.remedies]
        lines.append(f"  parcel {parcel.shipment_id} needs a person: {parcel.reason}")
        lines.append(f"    what can be done at /operator: {', '.join(remedies) or 'nothing'}")
    for done in answer.interventions:
        remedy = operations_pb2.Remedy.Name(done.remedy).removeprefix("REMEDY_").lower()
        note = f": {done.note}" if done.note else ""
        anew = f", parcel {done.new_shipment_id} in its place" if done.HasField("new_shipment_id") else ""
        lines.append(f"  user {done.user_id} had parcel {done.shipment_id} seen to ({remedy}{anew}){note}")
    return lines


def conversation(order: orders_pb2.Order, messages: Iterable[operations_pb2.Message]) -> list[str]:
    """What was said about an order, decoded, in the order given."""
    began, lines = seconds(order.placed_at), []
    for one in messages:
        who = "to" if one.direction == operations_pb2.DIRECTION_TO_PEER else "from"
        at = seconds(one.at) - began
        lines.append(
            f"{at:+7.1f} s  {who} {one.link}: {one.kind}, number {one.number}: {' '.join(one.outcome.split())}"
        )
        lines += [f"             {line}" for line in one.text.splitlines()]
    return lines


def waiting(shipment: orders_pb2.Shipment) -> Iterable[str]:
    """Why a parcel does not move, if it does not."""
    if shipment.attention_reason:
        yield f"    needs attention: {shipment.attention_reason}"
    elif shipment.HasField("waiting"):
        yield f"    waiting for {shipment.waiting.who}; next: {shipment.waiting.next}"


def seconds(stamp: Timestamp) -> float:
    """Seconds since the Unix epoch."""
    return float(stamp.seconds) + stamp.nanos / 1e9
