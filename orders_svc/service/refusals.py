"""Refusals that several use cases give."""

from mesh.errors import NotFound


def order_not_found(order_id: int) -> NotFound:
    """What is said of an order that does not exist, or is somebody else's."""
    return NotFound("ORDER_NOT_FOUND", f"there is no order {order_id}", order_id=order_id)


def shipment_not_found(shipment_id: int) -> NotFound:
    """What is said of a parcel that does not exist."""
    return NotFound("SHIPMENT_NOT_FOUND", f"there is no parcel {shipment_id}", shipment_id=shipment_id)
