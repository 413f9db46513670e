"""The storefront's side of shop.orders.v1, shop.inventory.v1 and shop.sales.v1.

Rules: every call has a deadline and acts for one user, or, about news, for nobody; a failed call becomes an
`RpcFailure`, never an exception of gRPC's own; PlaceOrder is sent as the bytes that were committed, so a repetition
cannot differ by accident. Nothing here runs inside a database transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.channel import acting_for
from mesh.errors import RpcFailure, read_error
from shop.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from shop.sales.v1 import sales_pb2, sales_pb2_grpc

_ORDERS = "shop.orders.v1.OrdersService"
_INVENTORY = "shop.inventory.v1.InventoryService"
_SALES = "shop.sales.v1.SalesService"
# Repeating any of these is harmless: reads, and what a request_id protects.
IDEMPOTENT = (
    f"{_ORDERS}/PlaceOrder",
    f"{_ORDERS}/GetOrder",
    f"{_ORDERS}/ListOrders",
    f"{_ORDERS}/CancelOrder",
    f"{_ORDERS}/ChangeAddress",
    f"{_ORDERS}/ListNews",
    f"{_ORDERS}/SettleNews",
    f"{_INVENTORY}/Restock",
    f"{_INVENTORY}/SetReorderPoint",
    f"{_SALES}/ListSales",
    f"{_SALES}/SumSales",
)
HEALTH_SECONDS = 1.0

_REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
)


class CallFailed(Exception):
    """A call that gave no result; `failure` says what the server, or gRPC, answered."""

    def __init__(self, failure: RpcFailure) -> None:
        super().__init__(f"{failure.code.name} {failure.reason}: {failure.message}")
        self.failure = failure

    @property
    def refused(self) -> bool:
        """Whether orders_svc itself said no, and will say so again: such refusals carry a reason of their own."""
        return self.failure.code in _REFUSALS and self.failure.reason != self.failure.code.name


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call may take."""

    order: float = 5.0
    read: float = 3.0


class OrdersClient:
    """Calls over one channel, from any thread."""

    def __init__(self, channel: grpc.Channel, deadlines: Deadlines) -> None:
        self._orders = orders_pb2_grpc.OrdersServiceStub(channel)
        self._health: Any = health_pb2_grpc.HealthStub(channel)
        self._inventory = inventory_pb2_grpc.InventoryServiceStub(channel)
        self._sales = sales_pb2_grpc.SalesServiceStub(channel)
        self._place_bytes = channel.unary_unary(
            f"/{_ORDERS}/PlaceOrder",
            request_serializer=_as_they_are,
            response_deserializer=orders_pb2.PlaceOrderResponse.FromString,
        )
        self._deadlines = deadlines

    def place_order(self, user_id: int, request: bytes) -> orders_pb2.PlaceOrderResponse:
        """Sends a serialized PlaceOrderRequest. CallFailed: no yes; whether it is a no, see checkout.answers."""
        answer: orders_pb2.PlaceOrderResponse = self._call(self._place_bytes, request, user_id, self._deadlines.order)
        return answer

    def get_order(self, user_id: int, order_id: int) -> orders_pb2.Order:
        """One order of this user. CallFailed: NOT_FOUND for unknown and for someone else's."""
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        answer: orders_pb2.GetOrderResponse = self._call(self._orders.GetOrder, request, user_id, self._deadlines.read)
        return answer.order

    def list_orders(
        self,
        user_id: int,
        page_size: int,
        page_token: str,
        question: str = "",
        statuses: "Sequence[orders_pb2.OrderStatus.ValueType]" = (),
    ) -> orders_pb2.ListOrdersResponse:
        """One page of this user's orders, newest first. CallFailed: INVALID_ARGUMENT for a strange token."""
        request = orders_pb2.ListOrdersRequest(
            page_size=page_size, page_token=page_token, question=question, statuses=statuses
        )
        answer: orders_pb2.ListOrdersResponse = self._call(
            self._orders.ListOrders, request, user_id, self._deadlines.read
        )
        return answer

    def cancel_order(self, user_id: int, order_id: int, request_id: str) -> None:
        """Asks to take an order back; the answers are in the order from then on. CallFailed: nobody knows yet."""
        request = orders_pb2.CancelOrderRequest(request_id=request_id, order_id=order_id)
        self._call(self._orders.CancelOrder, request, user_id, self._deadlines.order)

    def change_address(self, user_id: int, order_id: int, request_id: str, x: int, y: int) -> None:
        """Asks to send an order elsewhere; the answers are in the order from then on. CallFailed: nobody knows yet."""
        to = orders_pb2.Address(x=x, y=y)
        request = orders_pb2.ChangeAddressRequest(request_id=request_id, order_id=order_id, destination=to)
        self._call(self._orders.ChangeAddress, request, user_id, self._deadlines.order)

    def check_account(self, user_id: int, ups_account: str) -> orders_pb2.CheckAccountResponse:
        """Whether UPS knows an account, as far as it says so. CallFailed: nobody could be asked."""
        request = orders_pb2.CheckAccountRequest(ups_account=ups_account)
        answer: orders_pb2.CheckAccountResponse = self._call(
            self._orders.CheckAccount, request, user_id, self._deadlines.read
        )
        return answer

    def restock(self, user_id: int, request: inventory_pb2.RestockRequest) -> bool:
        """Buys units of an own offer. False: an earlier call with this request_id did. CallFailed: not bought."""
        answer: inventory_pb2.RestockResponse = self._call(
            self._inventory.Restock, request, user_id, self._deadlines.order
        )
        return not answer.replayed

    def serves(self) -> bool:
        """Whether orders_svc says, within a moment, that it serves."""
        question = health_pb2.HealthCheckRequest(service=_ORDERS)
        try:
            answer = self._health.Check(question, timeout=min(HEALTH_SECONDS, self._deadlines.read))
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def list_news(self, page_size: int, page_token: str) -> orders_pb2.ListNewsResponse:
        """A page of what is to be told of anybody's orders, with the orders. CallFailed: nobody could be asked."""
        request = orders_pb2.ListNewsRequest(page_size=page_size, page_token=page_token)
        answer: orders_pb2.ListNewsResponse = self._call(self._orders.ListNews, request, None, self._deadlines.read)
        return answer

    def settle_news(self, news: Sequence[orders_pb2.OrderNews]) -> None:
        """Says that these were told. CallFailed: perhaps not noted; they are listed again then."""
        self._call(self._orders.SettleNews, orders_pb2.SettleNewsRequest(news=news), None, self._deadlines.read)

    def set_reorder_point(self, user_id: int, request: inventory_pb2.SetReorderPointRequest) -> None:
        """Says when units of an own offer are bought by themselves. CallFailed: no, or nobody knows."""
        self._call(self._inventory.SetReorderPoint, request, user_id, self._deadlines.order)

    def list_sales(self, seller_id: int, request: sales_pb2.ListSalesRequest) -> sales_pb2.ListSalesResponse:
        """One page of the orders of this seller's things, newest first. CallFailed: as `list_orders`."""
        answer: sales_pb2.ListSalesResponse = self._call(
            self._sales.ListSales, request, seller_id, self._deadlines.read
        )
        return answer

    def sum_sales(self, seller_id: int, days: int) -> Sequence[sales_pb2.DayOfSales]:
        """What this seller sold on each of the last days, oldest first. CallFailed: nobody says."""
        request = sales_pb2.SumSalesRequest(days=days)
        answer: sales_pb2.SumSalesResponse = self._call(self._sales.SumSales, request, seller_id, self._deadlines.read)
        return answer.days

    def watch_events(self) -> Any:
        """The stream of changes of all orders: iterate it, `cancel()` it from any thread; grpc.RpcError ends it."""
        return self._orders.WatchEvents(orders_pb2.WatchEventsRequest())

    def _call(self, method: Any, request: Any, user_id: int | None, deadline: float) -> Any:
        """Calls for a user; None: for nobody."""
        return call(method, request, () if user_id is None else acting_for(user_id), deadline)


def call(method: Any, request: Any, metadata: Sequence[tuple[str, str]], deadline: float) -> Any:
    """The answer to a call within `deadline` seconds. Raises CallFailed."""
    try:
        return method(request, timeout=deadline, metadata=metadata)
    except grpc.RpcError as error:
        raise CallFailed(read_error(error)) from error


def _as_they_are(request: bytes) -> bytes:
    return request


def messages_of(stream: Any) -> Iterator[orders_pb2.WatchEventsResponse]:
    """The messages of a stream; an RpcFailure in CallFailed when it breaks."""
    try:
        yield from stream
    except grpc.RpcError as error:
        raise CallFailed(read_error(error)) from error
