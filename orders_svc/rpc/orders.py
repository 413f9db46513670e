"""OrdersService, as its contract says."""

from collections.abc import Callable, Iterator
from threading import BoundedSemaphore

import grpc

from mesh.errors import PermissionDenied, Refusal, Unauthenticated, Unavailable
from mesh.identity import current_caller
from orders_svc.domain.explain import Status
from orders_svc.domain.news import NOTHING, News
from orders_svc.events import Broadcaster
from orders_svc.rpc import convert
from orders_svc.rpc.checks import INT32, Checks, page_size, page_token
from orders_svc.service.accounts import AccountCheck
from orders_svc.service.amending import Wish
from orders_svc.service.app import App
from orders_svc.service.placing import Item, Placed, PlaceOrder
from orders_svc.service.reading import Wanted
from shop.orders.v1 import orders_pb2 as pb
from shop.orders.v1 import orders_pb2_grpc

MAX_ITEMS = 50
MAX_QUANTITY = 1000
MAX_ACCOUNT = 64
MAX_QUESTION = 100
MAX_ACCOUNT_CHECKS = 4
MAX_SETTLED = 1000
# How long a stream may be silent before it looks whether its client is still there.
STREAM_POLL_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0


def acting_user(context: grpc.ServicerContext) -> int:
    """The user that the call acts for. Raises Unauthenticated (NO_ACTING_USER) without one."""
    user_id = current_caller(context).acting_user
    if user_id is None:
        raise Unauthenticated("NO_ACTING_USER", "the call names no acting user (x-acting-user)")
    return user_id


def check_place_order(request: pb.PlaceOrderRequest, user_id: int) -> PlaceOrder:
    """The request as the service takes it. Raises InvalidArgument, naming each field."""
    checks = Checks()
    checks.request_id(request.request_id)
    checks.that(1 <= len(request.items) <= MAX_ITEMS, "items", f"must be 1 to {MAX_ITEMS}")
    seen: set[int] = set()
    for index, item in enumerate(request.items[: MAX_ITEMS + 1]):
        checks.that(item.offer_id > 0, f"items[{index}].offer_id", "must be the id of an offer")
        checks.that(item.offer_id not in seen, f"items[{index}].offer_id", "is in the order already")
        in_range = 1 <= item.quantity <= MAX_QUANTITY
        checks.that(in_range, f"items[{index}].quantity", f"must be 1 to {MAX_QUANTITY}")
        seen.add(item.offer_id)
    check_destination(checks, request)
    fits = len(request.ups_account) <= MAX_ACCOUNT and request.ups_account.isprintable()
    checks.that(fits, "ups_account", f"must be at most {MAX_ACCOUNT} printable characters")
    checks.done()
    return PlaceOrder(
        user_id=user_id,
        request_id=request.request_id,
        items=tuple(
            Item(
                item.offer_id,
                item.quantity,
                item.expected_unit_price_cents if item.HasField("expected_unit_price_cents") else None,
            )
            for item in request.items
        ),
        x=request.destination.x,
        y=request.destination.y,
        ups_account=request.ups_account,
    )


def check_destination(checks: Checks, request: pb.PlaceOrderRequest | pb.ChangeAddressRequest) -> None:
    """Notes what is wrong with a request's destination."""
    checks.that(request.HasField("destination"), "destination", "must be given")
    for name, value in (("x", request.destination.x), ("y", request.destination.y)):
        checks.that(value in INT32, f"destination.{name}", "must be a 32-bit integer")


class OrdersServicer(orders_pb2_grpc.OrdersServiceServicer):
    """Translates between messages and use cases. `place` is the group commit before `App.place_orders`."""

    def __init__(
        self, app: App, place: Callable[[PlaceOrder, float], Placed | Refusal], broadcaster: Broadcaster
    ) -> None:
        self._app = app
        self._place = place
        self._broadcaster = broadcaster
        # Whoever waits for UPS holds a thread: never all of them.
        self._account_checks = BoundedSemaphore(MAX_ACCOUNT_CHECKS)

    def PlaceOrder(self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext) -> pb.PlaceOrderResponse:
        """See the contract."""
        wanted = check_place_order(request, acting_user(context))
        left = context.time_remaining()
        if left is not None and left <= 0:
            # Nobody waits for it; the caller asks again, and that answer must be the only one.
            raise Unavailable("LATE", "no answer in time; send the same again")
        answer = self._place(wanted, LONGEST_WAIT_SECONDS if left is None else min(left, LONGEST_WAIT_SECONDS))
        if isinstance(answer, Refusal):
            raise answer
        return pb.PlaceOrderResponse(order_id=answer.order_id, total_cents=answer.total_cents, replayed=answer.replayed)

    def GetOrder(self, request: pb.GetOrderRequest, context: grpc.ServicerContext) -> pb.GetOrderResponse:
        """See the contract."""
        return pb.GetOrderResponse(order=convert.order(self._app.order(acting_user(context), request.order_id)))

    def ListOrders(self, request: pb.ListOrdersRequest, context: grpc.ServicerContext) -> pb.ListOrdersResponse:
        """See the contract."""
        limit = page_size(request.page_size, 20, 100)
        checks = Checks()
        checks.that(len(request.question) <= MAX_QUESTION, "question", f"must have at most {MAX_QUESTION} characters")
        checks.done()
        wanted = Wanted(tuple(request.statuses), request.question)
        views = self._app.orders(acting_user(context), page_token(request.page_token), limit + 1, wanted)
        token = str(views[limit - 1].row.id) if len(views) > limit else ""
        return pb.ListOrdersResponse(orders=[convert.order(view) for view in views[:limit]], next_page_token=token)

    def WatchOrder(
        self, request: pb.WatchOrderRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchOrderResponse]:
        """See the contract."""
        user_id = acting_user(context)
        with self._broadcaster.listening(request.order_id) as listener:
            # Its client has gone: the thread and the slot are free at once.
            context.add_callback(listener.close)
            sent = -1
            while context.is_active():
                # Registered before it is read: a change between the two is told again, never missed.
                changed = listener.take(STREAM_POLL_SECONDS)
                if changed is None:
                    return
                if not changed[0] and not changed[1]:
                    continue
                view = self._app.order(user_id, request.order_id)
                if view.row.version != sent:
                    sent = view.row.version
                    yield pb.WatchOrderResponse(order=convert.order(view))
                if view.row.status in (Status.DELIVERED, Status.CANCELLED):
                    return

    def CancelOrder(self, request: pb.CancelOrderRequest, context: grpc.ServicerContext) -> pb.CancelOrderResponse:
        """See the contract."""
        user_id = acting_user(context)
        checks = Checks()
        checks.request_id(request.request_id)
        checks.done()
        decided = self._app.amend(Wish(user_id, request.request_id, request.order_id))
        return pb.CancelOrderResponse(decisions=[convert.decision(one) for one in decided])

    def ChangeAddress(
        self, request: pb.ChangeAddressRequest, context: grpc.ServicerContext
    ) -> pb.ChangeAddressResponse:
        """See the contract."""
        user_id = acting_user(context)
        checks = Checks()
        checks.request_id(request.request_id)
        check_destination(checks, request)
        checks.done()
        to = request.destination
        decided = self._app.amend(Wish(user_id, request.request_id, request.order_id, to.x, to.y))
        return pb.ChangeAddressResponse(decisions=[convert.decision(one) for one in decided])

    def CheckAccount(self, request: pb.CheckAccountRequest, context: grpc.ServicerContext) -> pb.CheckAccountResponse:
        """See the contract."""
        acting_user(context)
        checks = Checks()
        fits = 1 <= len(request.ups_account) <= MAX_ACCOUNT and request.ups_account.isprintable()
        checks.that(fits, "ups_account", f"must be 1 to {MAX_ACCOUNT} printable characters")
        checks.done()
        if not self._account_checks.acquire(blocking=False):
            return convert.account(AccountCheck(None, "too many are being checked at the moment"))
        try:
            return convert.account(self._app.check_account(request.ups_account))
        finally:
            self._account_checks.release()

    def WatchEvents(
        self, _request: pb.WatchEventsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchEventsResponse]:
        """See the contract."""
        _storefront_only(context)
        with self._broadcaster.listening() as listener:
            context.add_callback(listener.close)
            while context.is_active():
                changed = listener.take(STREAM_POLL_SECONDS)
                if changed is None:
                    return
                changes, resync = changed
                if changes or resync:
                    yield pb.WatchEventsResponse(
                        changes=[
                            pb.OrderChange(order_id=c.order_id, user_id=c.user_id, version=c.version) for c in changes
                        ],
                        resync=resync,
                    )

    def ListNews(self, request: pb.ListNewsRequest, context: grpc.ServicerContext) -> pb.ListNewsResponse:
        """See the contract."""
        _storefront_only(context)
        limit = page_size(request.page_size, 50, 100)
        found = self._app.untold(page_token(request.page_token) or 0, limit + 1)
        views = self._app.orders_to_tell([one.order_id for one in found[:limit]])
        return pb.ListNewsResponse(
            news=[
                pb.OrderNews(order_id=one.order_id, user_id=one.user_id, kind=kind)
                for one in found[:limit]
                for kind in convert.kinds(one.news)
            ],
            next_page_token=str(found[limit - 1].order_id) if len(found) > limit else "",
            orders=[convert.order(view) for view in views],
        )

    def SettleNews(self, request: pb.SettleNewsRequest, context: grpc.ServicerContext) -> pb.SettleNewsResponse:
        """See the contract."""
        _storefront_only(context)
        checks = Checks()
        checks.that(len(request.news) <= MAX_SETTLED, "news", f"must be at most {MAX_SETTLED}")
        checks.done()
        told: dict[int, News] = {}
        for one in request.news:
            told[one.order_id] = told.get(one.order_id, NOTHING) | convert.news(one.kind)
        self._app.settle_news(told)
        return pb.SettleNewsResponse()


def _storefront_only(context: grpc.ServicerContext) -> None:
    if current_caller(context).name != "storefront":
        raise PermissionDenied("STOREFRONT_ONLY", "only storefront may hear of all orders")
