"""FulfilmentService, as its contract says."""

import grpc

from mesh.errors import PermissionDenied
from mesh.identity import current_caller
from mesh.settings import parse_address
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.rpc.checks import Checks
from orders_svc.service.app import App
from orders_svc.service.links import Attachment
from orders_svc.service.reports import Report
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.fulfilment.v1 import fulfilment_pb2_grpc

LINK_OF_CALLER = {"world_bridge": WORLD, "ups_bridge": UPS}
MAX_ACKED = 2000
MAX_EVENTS = 500
MAX_STATE = 300


class FulfilmentServicer(fulfilment_pb2_grpc.FulfilmentServiceServicer):
    """Translates between messages and use cases; each bridge may speak for its own link only."""

    def __init__(self, app: App) -> None:
        self._app = app

    def AttachLink(self, request: pb.AttachLinkRequest, context: grpc.ServicerContext) -> pb.AttachLinkResponse:
        """See the contract."""
        checks = Checks()
        checks.that(request.link in (WORLD, UPS), "link", "must be world or ups")
        checks.that(1 <= len(request.instance) <= 120, "instance", "must be 1 to 120 characters")
        checks.that(1 <= len(request.boot_nonce) <= 64, "boot_nonce", "must be 1 to 64 characters")
        checks.that(_is_address(request.callback_address), "callback_address", "must be HOST:PORT")
        checks.done()
        _speaks_for(context, request.link)
        wanted = Attachment(request.link, request.instance, request.boot_nonce, request.callback_address)
        return pb.AttachLinkResponse(
            link_epoch=self._app.attach(wanted),
            lease_seconds=self._app.lease_seconds,
            world_tick_seconds=self._app.patience.tick,
        )

    def RenewLink(self, request: pb.RenewLinkRequest, context: grpc.ServicerContext) -> pb.RenewLinkResponse:
        """See the contract."""
        _speaks_for(context, request.link)
        candidate = self._app.renew(request.link, request.link_epoch, request.connected, request.state[:MAX_STATE])
        response = pb.RenewLinkResponse(lease_seconds=self._app.lease_seconds)
        if candidate is not None:
            response.candidate_world_id = candidate
        return response

    def AdvanceWorld(self, request: pb.AdvanceWorldRequest, context: grpc.ServicerContext) -> pb.AdvanceWorldResponse:
        """See the contract."""
        _speaks_for(context, WORLD)
        return self._app.advance_world(request)

    def Report(self, request: pb.ReportRequest, context: grpc.ServicerContext) -> pb.ReportResponse:
        """See the contract."""
        _speaks_for(context, request.link)
        checks = Checks()
        checks.that(len(request.acked) <= MAX_ACKED, "acked", f"must be at most {MAX_ACKED}")
        checks.that(len(request.events) <= MAX_EVENTS, "events", f"must be at most {MAX_EVENTS}")
        for index, event in enumerate(request.events):
            checks.that(event.WhichOneof("body") is not None, f"events[{index}].body", "must be set")
        checks.done()
        report = Report(request.link, request.link_epoch, request.world_epoch, request.acked, request.events)
        results = self._app.report(report)
        return pb.ReportResponse(results=[result.value for result in results])


def _speaks_for(context: grpc.ServicerContext, link: str) -> None:
    caller = current_caller(context).name
    if LINK_OF_CALLER.get(caller) != link:
        raise PermissionDenied("WRONG_LINK", f"{caller} may not speak for link {link}", link=link)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except ValueError:
        return False
    return len(text) <= 120
