"""FulfilmentService, as its contract says."""

from collections.abc import Callable

import grpc

from mesh.errors import PermissionDenied
from mesh.identity import current_caller
from mesh.settings import parse_address
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.rpc.checks import Checks
from orders_svc.service.app import App
from orders_svc.service.links import Attachment
from orders_svc.service.reports import Report, Result, readable
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.fulfilment.v1 import fulfilment_pb2_grpc

LINK_OF_CALLER = {"world_bridge": WORLD, "ups_bridge": UPS}
MAX_ACKED = 2000
MAX_EVENTS = 500
MAX_STATE = 300
MAX_WAREHOUSES = 1000
MAX_TRUCKS = 1000
# What each peer can say; anything else on its link is somebody's mistake.
KINDS = {
    WORLD: ("arrived", "packed", "loaded", "package_status", "command_failed"),
    UPS: (
        "truck_arrived",
        "delivered",
        "world_announced",
        "command_failed",
        "redirect_answered",
        "cancel_answered",
        "account_answered",
        "delivery_started",
    ),
}


class FulfilmentServicer(fulfilment_pb2_grpc.FulfilmentServiceServicer):
    """Translates between messages and use cases; each bridge may speak for its own link only.

    `report` is `App.report`, or what stands around it.
    """

    def __init__(self, app: App, report: Callable[[Report], list[Result]]) -> None:
        self._app = app
        self._report = report

    def AttachLink(self, request: pb.AttachLinkRequest, context: grpc.ServicerContext) -> pb.AttachLinkResponse:
        """See the contract."""
        checks = Checks()
        checks.that(request.link in (WORLD, UPS), "link", "must be world or ups")
        checks.that(_is_word(request.instance, 120), "instance", "must be 1 to 120 printable characters")
        checks.that(_is_word(request.boot_nonce, 64), "boot_nonce", "must be 1 to 64 printable characters")
        checks.that(_is_address(request.callback_address), "callback_address", "must be HOST:PORT")
        checks.done()
        _speaks_for(context, request.link)
        wanted = Attachment(
            request.link,
            request.instance,
            request.boot_nonce,
            request.callback_address,
            request.last_epoch,
            request.seen_epoch,
        )
        return pb.AttachLinkResponse(
            link_epoch=self._app.attach(wanted),
            lease_seconds=self._app.lease_seconds,
            world_tick_seconds=self._app.patience.tick,
        )

    def RenewLink(self, request: pb.RenewLinkRequest, context: grpc.ServicerContext) -> pb.RenewLinkResponse:
        """See the contract."""
        _speaks_for(context, request.link)
        state = readable(request.state, MAX_STATE, lines=1)
        checks = Checks()
        checks.that(len(request.trucks) <= MAX_TRUCKS, "trucks", f"must be at most {MAX_TRUCKS}")
        checks.done()
        candidate = self._app.renew(request.link, request.link_epoch, request.connected, state)
        if request.link == UPS:
            self._app.trucks.seen(request.trucks, self._app.clock.now())
        response = pb.RenewLinkResponse(lease_seconds=self._app.lease_seconds)
        if candidate is not None:
            response.candidate_world_id = candidate
        return response

    def AdvanceWorld(self, request: pb.AdvanceWorldRequest, context: grpc.ServicerContext) -> pb.AdvanceWorldResponse:
        """See the contract."""
        _speaks_for(context, WORLD)
        checks = Checks()
        too_many = len(request.connected.warehouse_ids) > MAX_WAREHOUSES
        checks.that(not too_many, "connected.warehouse_ids", f"must be at most {MAX_WAREHOUSES}")
        checks.done()
        return self._app.advance_world(request)

    def Report(self, request: pb.ReportRequest, context: grpc.ServicerContext) -> pb.ReportResponse:
        """See the contract."""
        _speaks_for(context, request.link)
        checks = Checks()
        checks.that(len(request.acked) <= MAX_ACKED, "acked", f"must be at most {MAX_ACKED}")
        checks.that(len(request.events) <= MAX_EVENTS, "events", f"must be at most {MAX_EVENTS}")
        fits = request.world_epoch > 0 if request.link == WORLD else request.world_epoch >= 0
        checks.that(fits, "world_epoch", "must be the epoch of the world that the connection is in")
        for index, event in enumerate(request.events):
            kind = event.WhichOneof("body")
            checks.that(
                kind in KINDS[request.link], f"events[{index}].body", f"must be what the {request.link} can say"
            )
        checks.done()
        report = Report(request.link, request.link_epoch, request.world_epoch, request.acked, request.events)
        results = self._report(report)
        return pb.ReportResponse(results=[result.value for result in results])


def _speaks_for(context: grpc.ServicerContext, link: str) -> None:
    caller = current_caller(context).name
    if LINK_OF_CALLER.get(caller) != link:
        raise PermissionDenied("WRONG_LINK", f"{caller} may not speak for link {link}", link=link)


def _is_word(text: str, most: int) -> bool:
    return 1 <= len(text) <= most and text.isprintable()


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except ValueError:
        return False
    return _is_word(text, 120)
