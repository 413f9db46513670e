"""The storefront's side of shop.operations.v1.

Rules: every call says for whom it is and that they are staff, which this process alone knows: a caller asks for the
role before (`storefront.operator.routes.staff_only`). All else is as in `storefront.orders_client`.
"""

from typing import Any

import grpc

from mesh.channel import acting_for_staff
from shop.operations.v1 import operations_pb2 as pb
from shop.operations.v1 import operations_pb2_grpc
from storefront.orders_client import Deadlines, call

_SERVICE = "shop.operations.v1.OperationsService"
# Repeating any of these is harmless: reads, and what a request_id protects.
IDEMPOTENT = tuple(
    f"{_SERVICE}/{name}"
    for name in (
        *("ListLinks", "ListAttention", "InspectOrder", "ListMessages"),
        *("RetryShipment", "RedriveShipment", "CancelShipment"),
    )
)
PAGE_SIZE = 20


class OperationsClient:
    """Calls over one channel, from any thread. All of them raise CallFailed."""

    def __init__(self, channel: grpc.Channel, deadlines: Deadlines) -> None:
        self._stub: Any = operations_pb2_grpc.OperationsServiceStub(channel)
        self._deadlines = deadlines

    def links(self, user_id: int) -> pb.ListLinksResponse:
        """How the links are."""
        answer: pb.ListLinksResponse = self._read("ListLinks", pb.ListLinksRequest(), user_id)
        return answer

    def attention(self, user_id: int, page_token: str) -> pb.ListAttentionResponse:
        """A page of the parcels that need a person, oldest first."""
        request = pb.ListAttentionRequest(page_size=PAGE_SIZE, page_token=page_token)
        answer: pb.ListAttentionResponse = self._read("ListAttention", request, user_id)
        return answer

    def order(self, user_id: int, order_id: int) -> pb.InspectOrderResponse:
        """Anybody's order."""
        request = pb.InspectOrderRequest(order_id=order_id)
        answer: pb.InspectOrderResponse = self._read("InspectOrder", request, user_id)
        return answer

    def order_of(self, user_id: int, shipment_id: int) -> int:
        """The order of a parcel, as peers number it. CallFailed: NOT_FOUND, there is none."""
        answer: pb.InspectOrderResponse = self._read(
            "InspectOrder", pb.InspectOrderRequest(shipment_id=shipment_id), user_id
        )
        return answer.order.order_id

    def messages(self, user_id: int, order_id: int, page_token: str) -> pb.ListMessagesResponse:
        """A page of what was said about an order's parcels, newest first."""
        request = pb.ListMessagesRequest(order_id=order_id, page_size=PAGE_SIZE, page_token=page_token)
        answer: pb.ListMessagesResponse = self._read("ListMessages", request, user_id)
        return answer

    def retry(self, user_id: int, request_id: str, shipment_id: int, note: str) -> None:
        """Has a parcel tried again."""
        request = pb.RetryShipmentRequest(request_id=request_id, shipment_id=shipment_id, note=note)
        self._do("RetryShipment", request, user_id)

    def redrive(self, user_id: int, request_id: str, shipment_id: int, note: str) -> None:
        """Has another parcel sent in its place."""
        request = pb.RedriveShipmentRequest(request_id=request_id, shipment_id=shipment_id, note=note)
        self._do("RedriveShipment", request, user_id)

    def cancel(self, user_id: int, request_id: str, shipment_id: int, note: str) -> None:
        """Ends a parcel."""
        request = pb.CancelShipmentRequest(request_id=request_id, shipment_id=shipment_id, note=note)
        self._do("CancelShipment", request, user_id)

    def _read(self, method: str, request: Any, user_id: int) -> Any:
        return call(getattr(self._stub, method), request, acting_for_staff(user_id), self._deadlines.read)

    def _do(self, method: str, request: Any, user_id: int) -> None:
        call(getattr(self._stub, method), request, acting_for_staff(user_id), self._deadlines.order)
