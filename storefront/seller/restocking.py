"""Buying units of an own item, now or by themselves, and what the answer means to the seller.

Rules: repeating a request is harmless, so silence is answered with "press again"; a no of orders_svc is put beside the
field that it is about.
"""

from collections.abc import Mapping
from enum import Enum, auto

from mesh.logs import get_logger
from shop.inventory.v1 import inventory_pb2
from storefront.orders_client import CallFailed, OrdersClient
from storefront.seller.forms import ReorderForm, RestockForm

_log = get_logger(__name__)


class Restocked(Enum):
    """How a purchase, or the wish for one, went."""

    DONE = auto()
    REFUSED = auto()
    UNANSWERED = auto()


def restock(
    orders: OrdersClient, seller_id: int, *, request_id: str, offer_id: int, warehouse_id: int, quantity: int
) -> tuple[Restocked, CallFailed | None]:
    """Buys units; a call, so never inside a transaction."""
    request = inventory_pb2.RestockRequest(
        request_id=request_id, offer_id=offer_id, warehouse_id=warehouse_id, quantity=quantity
    )
    try:
        orders.restock(seller_id, request)
    except CallFailed as failed:
        _log.warning("restock_failed", request_id=request_id, offer_id=offer_id, why=str(failed))
        return (Restocked.REFUSED if failed.refused else Restocked.UNANSWERED), failed
    return Restocked.DONE, None


def set_point(
    orders: OrdersClient, seller_id: int, *, offer_id: int, warehouse_id: int, level: int, quantity: int
) -> tuple[Restocked, CallFailed | None]:
    """Says when units are bought by themselves; a call, so never inside a transaction."""
    request = inventory_pb2.SetReorderPointRequest(
        offer_id=offer_id, warehouse_id=warehouse_id, level=level, quantity=quantity
    )
    try:
        orders.set_reorder_point(seller_id, request)
    except CallFailed as failed:
        _log.warning("set_reorder_point_failed", offer_id=offer_id, why=str(failed))
        return (Restocked.REFUSED if failed.refused else Restocked.UNANSWERED), failed
    return Restocked.DONE, None


def keep_points(orders: OrdersClient, seller_id: int, points: Mapping[int, Mapping[str, int]]) -> list[int]:
    """Says again when units of offers are bought that have just come back, point by offer; those that were not taken.

    Once nobody answers, the others are not asked either: they may be thousands, and each would wait.
    Nothing of them was bought while they were withdrawn, however few were left.
    """
    unkept: list[int] = []
    outcome = Restocked.DONE
    for offer_id, point in points.items():
        if outcome is not Restocked.UNANSWERED:
            outcome, _ = set_point(
                orders,
                seller_id,
                offer_id=offer_id,
                warehouse_id=point["warehouse"],
                level=point["level"],
                quantity=point["quantity"],
            )
        if outcome is not Restocked.DONE:
            unkept.append(offer_id)
    return unkept


def explain(form: RestockForm | ReorderForm, failed: CallFailed) -> None:
    """Puts the words of a refusal beside the field that it is about."""
    fields = {"warehouse_id": form.warehouse, "quantity": form.quantity}
    for violation in failed.failure.violations:
        if violation.field in fields:
            fields[violation.field].errors = [violation.description]
    match failed.failure.reason:
        case "WAREHOUSE_NOT_FOUND":
            form.warehouse.errors = ["There is no such warehouse any more."]
        case "REQUEST_ID_REUSED":
            form.quantity.errors = ["This form was used before with other numbers. Open the page anew to buy more."]
        case _ if not (form.warehouse.errors or form.quantity.errors):
            form.quantity.errors = ["These units cannot be bought."]
