"""OperationsService, as its contract says."""

import grpc

from db.orders.interventions import InterventionKind
from mesh.errors import PermissionDenied
from mesh.identity import current_caller
from orders_svc.rpc import convert_operations as convert
from orders_svc.rpc.checks import Checks, page_size, page_token
from orders_svc.rpc.orders import acting_user
from orders_svc.service.app import App
from orders_svc.service.inspecting import Inspection
from orders_svc.service.intervening import Intervened, Order
from shop.operations.v1 import operations_pb2 as pb
from shop.operations.v1 import operations_pb2_grpc

MAX_NOTE = 200


def acting_staff(context: grpc.ServicerContext) -> int:
    """The member of staff that the call acts for.

    Raises Unauthenticated (NO_ACTING_USER), PermissionDenied (STAFF_ONLY).
    """
    user_id = acting_user(context)
    if not current_caller(context).is_staff:
        raise PermissionDenied("STAFF_ONLY", f"user {user_id} does not act as staff")
    return user_id


class OperationsServicer(operations_pb2_grpc.OperationsServiceServicer):
    """Translates between messages and use cases; for staff only."""

    def __init__(self, app: App, inspection: Inspection) -> None:
        self._app = app
        self._inspection = inspection

    def RetryShipment(
        self, request: pb.RetryShipmentRequest, context: grpc.ServicerContext
    ) -> pb.RetryShipmentResponse:
        """See the contract."""
        done = self._intervene(InterventionKind.RETRY, request, context)
        return pb.RetryShipmentResponse(replayed=done.replayed)

    def RedriveShipment(
        self, request: pb.RedriveShipmentRequest, context: grpc.ServicerContext
    ) -> pb.RedriveShipmentResponse:
        """See the contract."""
        done = self._intervene(InterventionKind.REDRIVE, request, context)
        return pb.RedriveShipmentResponse(new_shipment_id=done.new_shipment_id or 0, replayed=done.replayed)

    def CancelShipment(
        self, request: pb.CancelShipmentRequest, context: grpc.ServicerContext
    ) -> pb.CancelShipmentResponse:
        """See the contract."""
        done = self._intervene(InterventionKind.CANCEL, request, context)
        return pb.CancelShipmentResponse(replayed=done.replayed)

    def ListLinks(self, _request: pb.ListLinksRequest, context: grpc.ServicerContext) -> pb.ListLinksResponse:
        """See the contract."""
        acting_staff(context)
        return convert.links(*self._inspection.links())

    def ListAttention(
        self, request: pb.ListAttentionRequest, context: grpc.ServicerContext
    ) -> pb.ListAttentionResponse:
        """See the contract."""
        acting_staff(context)
        limit = page_size(request.page_size, 20, 100)
        found = self._inspection.attention(page_token(request.page_token) or 0, limit + 1)
        token = str(found[limit - 1].row.id) if len(found) > limit else ""
        return pb.ListAttentionResponse(
            parcels=[convert.attention(one) for one in found[:limit]], next_page_token=token
        )

    def InspectOrder(self, request: pb.InspectOrderRequest, context: grpc.ServicerContext) -> pb.InspectOrderResponse:
        """See the contract."""
        acting_staff(context)
        order_id = request.order_id
        if request.shipment_id:
            order_id = self._inspection.order_of(request.shipment_id)
        return convert.inspected(self._inspection.order(order_id))

    def ListMessages(self, request: pb.ListMessagesRequest, context: grpc.ServicerContext) -> pb.ListMessagesResponse:
        """See the contract."""
        acting_staff(context)
        limit = page_size(request.page_size, 20, 100)
        found = self._inspection.messages(request.order_id, convert.place_of(request.page_token), limit + 1)
        token = convert.token_of(found[limit - 1].place) if len(found) > limit else ""
        return pb.ListMessagesResponse(messages=[convert.logged(one) for one in found[:limit]], next_page_token=token)

    def _intervene(
        self,
        kind: InterventionKind,
        request: pb.RetryShipmentRequest | pb.RedriveShipmentRequest | pb.CancelShipmentRequest,
        context: grpc.ServicerContext,
    ) -> Intervened:
        user_id = acting_staff(context)
        checks = Checks()
        checks.request_id(request.request_id)
        checks.that(request.shipment_id > 0, "shipment_id", "must be the id of a parcel")
        fits = len(request.note) <= MAX_NOTE and request.note.isprintable()
        checks.that(fits, "note", f"must be at most {MAX_NOTE} printable characters")
        checks.done()
        return self._app.intervene(Order(kind, user_id, request.request_id, request.shipment_id, request.note))
