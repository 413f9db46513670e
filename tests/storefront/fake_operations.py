"""The operations of a small orders_svc: what the storefront's staff pages are shown, and what they do, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from mesh.errors import NotFound, PermissionDenied
from mesh.identity import current_caller
from shop.bridge.v1 import bridge_pb2
from shop.operations.v1 import operations_pb2 as pb
from shop.operations.v1 import operations_pb2_grpc
from shop.orders.v1 import orders_pb2

WORLD_ID = 7


def link(name: str, **status: Any) -> pb.LinkSeen:
    """A link that is well, but for what is given of its bridge's own word."""
    said = {
        "link": name,
        "connected": True,
        "state": "open",
        "link_epoch": 3,
        "world_epoch": 2,
        "window": 4096,
    } | status
    seen = pb.LinkSeen(link=name, owned=True, instance=f"{name}-bridge", link_epoch=3, connected=True, state="open")
    seen.status.CopyFrom(bridge_pb2.GetLinkStatusResponse(**said))
    seen.queue.CopyFrom(pb.Queue(waiting=5, due=4, handed_over=12_345))
    if name == "ups":
        seen.announced_world_id = WORLD_ID
    return seen


@dataclass
class FakeOperations(operations_pb2_grpc.OperationsServiceServicer):
    """`find` gives an order; `refusal`: what the next thing to be done is answered with instead."""

    find: Callable[[int], orders_pb2.Order | None]
    links: list[pb.LinkSeen] = field(default_factory=lambda: [link("ups"), link("world")])
    attention: dict[int, pb.AttentionNeeded] = field(default_factory=dict)
    messages: list[pb.Message] = field(default_factory=list)
    done: list[pb.Intervention] = field(default_factory=list)
    refusal: Exception | None = None
    # The answer is lost after it was done.
    lost: Exception | None = None
    _requests: set[str] = field(default_factory=set)

    def need_attention(self, order: orders_pb2.Order, reason: str = "Tried 5 times without success") -> int:
        """The order's first parcel does not go on by itself; its number."""
        shipment_id = order.shipments[0].shipment_id
        needed = self.attention[shipment_id] = pb.AttentionNeeded(
            order_id=order.order_id,
            user_id=order.user_id,
            shipment_id=shipment_id,
            warehouse_name="Harbour",
            goods=orders_pb2.GOODS_STATE_PACKING,
            truck=orders_pb2.TRUCK_STATE_AT_WAREHOUSE,
            reason=reason,
            remedies=[pb.REMEDY_RETRY, pb.REMEDY_REDRIVE, pb.REMEDY_CANCEL],
        )
        needed.since.CopyFrom(order.placed_at)
        return shipment_id

    def ListLinks(self, request: pb.ListLinksRequest, context: grpc.ServicerContext) -> pb.ListLinksResponse:
        _staff(context)
        return pb.ListLinksResponse(world_epoch=2, world_id=WORLD_ID, world_open=True, links=self.links)

    def ListAttention(
        self, request: pb.ListAttentionRequest, context: grpc.ServicerContext
    ) -> pb.ListAttentionResponse:
        _staff(context)
        after = int(request.page_token or 0)
        found = [one for shipment_id, one in sorted(self.attention.items()) if shipment_id > after]
        token = str(found[request.page_size - 1].shipment_id) if len(found) > request.page_size else ""
        return pb.ListAttentionResponse(parcels=found[: request.page_size], next_page_token=token)

    def InspectOrder(self, request: pb.InspectOrderRequest, context: grpc.ServicerContext) -> pb.InspectOrderResponse:
        _staff(context)
        if request.shipment_id and request.shipment_id not in self.attention:
            raise NotFound("SHIPMENT_NOT_FOUND", "no such parcel")
        order_id = self.attention[request.shipment_id].order_id if request.shipment_id else request.order_id
        order = self.find(order_id)
        if order is None:
            raise NotFound("ORDER_NOT_FOUND", "no such order")
        attention = [one for one in self.attention.values() if one.order_id == order.order_id]
        return pb.InspectOrderResponse(order=order, attention=attention, interventions=self.done)

    def ListMessages(self, request: pb.ListMessagesRequest, context: grpc.ServicerContext) -> pb.ListMessagesResponse:
        _staff(context)
        first = int(request.page_token or 0)
        last = first + request.page_size
        token = str(last) if len(self.messages) > last else ""
        return pb.ListMessagesResponse(messages=self.messages[first:last], next_page_token=token)

    def RetryShipment(
        self, request: pb.RetryShipmentRequest, context: grpc.ServicerContext
    ) -> pb.RetryShipmentResponse:
        self._do(pb.REMEDY_RETRY, request, context)
        return pb.RetryShipmentResponse()

    def RedriveShipment(
        self, request: pb.RedriveShipmentRequest, context: grpc.ServicerContext
    ) -> pb.RedriveShipmentResponse:
        self._do(pb.REMEDY_REDRIVE, request, context)
        return pb.RedriveShipmentResponse(new_shipment_id=1)

    def CancelShipment(
        self, request: pb.CancelShipmentRequest, context: grpc.ServicerContext
    ) -> pb.CancelShipmentResponse:
        self._do(pb.REMEDY_CANCEL, request, context)
        return pb.CancelShipmentResponse()

    def _do(self, remedy: "pb.Remedy.ValueType", request: Any, context: grpc.ServicerContext) -> None:
        user_id = _staff(context)
        if self.refusal is not None:
            raise self.refusal
        if request.request_id not in self._requests:
            self._requests.add(request.request_id)
            self.attention.pop(request.shipment_id, None)
            self.done.append(
                pb.Intervention(remedy=remedy, shipment_id=request.shipment_id, user_id=user_id, note=request.note)
            )
        lost, self.lost = self.lost, None
        if lost is not None:
            raise lost


def _staff(context: grpc.ServicerContext) -> int:
    caller = current_caller(context)
    if caller.acting_user is None or not caller.is_staff:
        raise PermissionDenied("STAFF_ONLY", "not staff")
    return caller.acting_user
