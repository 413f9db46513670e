"""How an order is told to a person at a terminal. Pure: messages in, lines out."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

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
        lines.append(
            f"  parcel {shipment.shipment_id} from {shipment.warehouse_name}: {status_name(shipment.status)}{truck}"
        )
        lines += [f"    {seconds(step.at) - began:+7.1f} s  {step.what}" for step in shipment.history]
        lines += waiting(shipment)
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
