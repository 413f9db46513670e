"""A small orders_svc for the tests of the storefront: real gRPC, everything in memory, and moods on request."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from sqlalchemy import Engine, delete, insert, update

from db.orders.stock import ReorderPoint, Stock
from db.shop.catalogue import fold, offers_for_sale
from mesh.errors import AlreadyExists, FailedPrecondition, FieldViolation, InvalidArgument, NotFound, Unavailable
from mesh.identity import Tokens, current_caller
from mesh.server import Server, Service, build_server
from shop.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from shop.operations.v1 import operations_pb2_grpc
from shop.orders.v1 import orders_pb2 as pb
from shop.orders.v1 import orders_pb2_grpc
from shop.sales.v1 import sales_pb2_grpc
from tests.storefront.fake_operations import FakeOperations
from tests.storefront.fake_sales import FakeSales

TOKENS = Tokens({"storefront": "token-of-the-storefront", "cli": "token-of-the-command-line"})
FIRST_SHIPMENT_ID = 1_700_000_000 * 2**20
BEGAN = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a parcel's way: its states, what happened, and who is waited for from then on."""

    goods: int
    truck: int
    status: int
    what: str
    who: str = ""
    next: str = ""


JOURNEY = (
    Leg(
        pb.GOODS_STATE_PACKING,
        pb.TRUCK_STATE_REQUESTED,
        pb.ORDER_STATUS_PACKING,
        "The goods are set aside; the warehouse packs them, and UPS was asked for a truck.",
        "the warehouse",
        "the parcel is packed",
    ),
    Leg(
        pb.GOODS_STATE_PACKED,
        pb.TRUCK_STATE_REQUESTED,
        pb.ORDER_STATUS_AWAITING_TRUCK,
        "Packed.",
        "UPS: the truck is on its way to the warehouse",
        "the parcel is loaded when the truck is there",
    ),
    Leg(
        pb.GOODS_STATE_LOADING,
        pb.TRUCK_STATE_AT_WAREHOUSE,
        pb.ORDER_STATUS_LOADING,
        "Truck 7 is at the warehouse; loading.",
        "the warehouse",
        "the truck leaves when the parcel is on it",
    ),
    Leg(
        pb.GOODS_STATE_LOADED,
        pb.TRUCK_STATE_EN_ROUTE,
        pb.ORDER_STATUS_OUT_FOR_DELIVERY,
        "Loaded; truck 7 has left.",
        "UPS: truck 7",
        "it is handed over at your address",
    ),
    Leg(pb.GOODS_STATE_LOADED, pb.TRUCK_STATE_DELIVERED, pb.ORDER_STATUS_DELIVERED, "Delivered."),
)


@dataclass
class FakeOrders(orders_pb2_grpc.OrdersServiceServicer, inventory_pb2_grpc.InventoryServiceServicer):
    """`moods`: what to do instead of taking the next PlaceOrder or Restock; each is used once."""

    engine: Engine
    moods: deque[Callable[[Callable[[], Any]], Any]] = field(default_factory=deque)
    orders: dict[int, pb.Order] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    restocks: list[inventory_pb2.RestockRequest] = field(default_factory=list)
    max_streams: int = 4
    # What GetOrder answers instead of the order.
    get_refusal: Exception | None = None
    # Since when it is too late to cancel, or to change the address; None: it is not.
    left_at: float | None = None
    # What CheckAccount answers, or raises.
    account_verdict: "pb.AccountVerdict | Exception" = pb.ACCOUNT_VERDICT_NOT_VERIFIED
    # Steps happen now and not at fixed times: for pages that people look at.
    real_time: bool = False
    # The reorder points that were set, in their order.
    points: list[inventory_pb2.SetReorderPointRequest] = field(default_factory=list)
    # What is to be told, and what ListNews and SettleNews answer instead, each once.
    news: list[pb.OrderNews] = field(default_factory=list)
    list_refusals: deque[Exception] = field(default_factory=deque)
    news_refusals: deque[Exception] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.operations = FakeOperations(lambda order_id: self.orders.get(order_id))
        self._lock = threading.Lock()
        self._by_request: dict[tuple[int, str], tuple[int, bytes]] = {}
        self._watchers: list[queue.Queue[pb.WatchEventsResponse | None]] = []
        self._closing = False

    def PlaceOrder(self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext) -> pb.PlaceOrderResponse:
        user_id = _user(context)
        self.received.append(request.SerializeToString(deterministic=True))
        take = lambda: self._take(user_id, request)  # noqa: E731 - what a mood may do or leave
        mood = self.moods.popleft() if self.moods else None
        return mood(take) if mood else take()

    def GetOrder(self, request: pb.GetOrderRequest, context: grpc.ServicerContext) -> pb.GetOrderResponse:
        if self.get_refusal is not None:
            raise self.get_refusal
        order = self.orders.get(request.order_id)
        if order is None or order.user_id != _user(context):
            raise NotFound("ORDER_NOT_FOUND", "no such order")
        return pb.GetOrderResponse(order=order)

    def CancelOrder(self, request: pb.CancelOrderRequest, context: grpc.ServicerContext) -> pb.CancelOrderResponse:
        return pb.CancelOrderResponse(decisions=self._amend(request, _user(context), "packing had been asked for"))

    def ChangeAddress(
        self, request: pb.ChangeAddressRequest, context: grpc.ServicerContext
    ) -> pb.ChangeAddressResponse:
        decisions = self._amend(request, _user(context), "the truck had been asked for", request.destination)
        return pb.ChangeAddressResponse(decisions=decisions)

    def CheckAccount(self, request: pb.CheckAccountRequest, context: grpc.ServicerContext) -> pb.CheckAccountResponse:
        if isinstance(self.account_verdict, Exception):
            raise self.account_verdict
        return pb.CheckAccountResponse(verdict=self.account_verdict)

    def ListOrders(self, request: pb.ListOrdersRequest, context: grpc.ServicerContext) -> pb.ListOrdersResponse:
        if not request.page_token.isdecimal() and request.page_token:
            raise InvalidArgument([FieldViolation("page_token", "not ours")])
        below = int(request.page_token or 2**62)
        mine = [one for one in self.orders.values() if one.user_id == _user(context) and one.order_id < below]
        if request.statuses:
            mine = [one for one in mine if one.status in request.statuses]
        if request.question:
            words = fold(request.question)
            mine = [
                one
                for one in mine
                if words == str(one.order_id) or any(words in fold(line.title) for line in one.lines)
            ]
        mine.sort(key=lambda one: -one.order_id)
        page = mine[: request.page_size]
        more = str(page[-1].order_id) if len(mine) > len(page) else ""
        return pb.ListOrdersResponse(orders=page, next_page_token=more)

    def ListNews(self, request: pb.ListNewsRequest, context: grpc.ServicerContext) -> pb.ListNewsResponse:
        if self.list_refusals:
            raise self.list_refusals.popleft()
        after = int(request.page_token or 0)
        ids = sorted({one.order_id for one in self.news if one.order_id > after})
        page = ids[: request.page_size]
        token = str(page[-1]) if len(ids) > len(page) else ""
        return pb.ListNewsResponse(
            news=[one for one in self.news if one.order_id in page],
            next_page_token=token,
            orders=[self.orders[order_id] for order_id in page],
        )

    def SettleNews(self, request: pb.SettleNewsRequest, context: grpc.ServicerContext) -> pb.SettleNewsResponse:
        if self.news_refusals:
            raise self.news_refusals.popleft()
        settled = [(one.order_id, one.kind) for one in request.news]
        self.news = [one for one in self.news if (one.order_id, one.kind) not in settled]
        return pb.SettleNewsResponse()

    def happens(self, order_id: int, kind: int) -> None:
        """Something that an order's owner is to be told."""
        self.news.append(pb.OrderNews(order_id=order_id, user_id=self.orders[order_id].user_id, kind=kind))  # type: ignore[arg-type]

    def WatchEvents(self, request: Any, context: grpc.ServicerContext) -> Iterator[pb.WatchEventsResponse]:
        mine: queue.Queue[pb.WatchEventsResponse | None] = queue.Queue()
        context.add_callback(lambda: mine.put(None))
        with self._lock:
            self._watchers.append(mine)
        yield pb.WatchEventsResponse(resync=True)
        while (message := mine.get()) is not None:
            yield message
        with self._lock:
            self._watchers.remove(mine)

    def Restock(
        self, request: inventory_pb2.RestockRequest, context: grpc.ServicerContext
    ) -> inventory_pb2.RestockResponse:
        _user(context)
        mood = self.moods.popleft() if self.moods else None
        known = any(one.request_id == request.request_id for one in self.restocks)

        def take() -> inventory_pb2.RestockResponse:
            if not known:
                self.restocks.append(request)
                self._expect(request)
            return inventory_pb2.RestockResponse(replayed=known)

        return mood(take) if mood else take()

    def SetReorderPoint(
        self, request: inventory_pb2.SetReorderPointRequest, context: grpc.ServicerContext
    ) -> inventory_pb2.SetReorderPointResponse:
        _user(context)
        self.points.append(request)
        mood = self.moods.popleft() if self.moods else None

        def take() -> inventory_pb2.SetReorderPointResponse:
            with self.engine.begin() as connection:
                connection.execute(delete(ReorderPoint).where(ReorderPoint.offer_id == request.offer_id))
                if request.level:
                    connection.execute(
                        insert(ReorderPoint).values(
                            offer_id=request.offer_id,
                            warehouse_id=request.warehouse_id,
                            level=request.level,
                            quantity=request.quantity,
                        )
                    )
            return inventory_pb2.SetReorderPointResponse()

        return mood(take) if mood else take()

    def advance(self, order_id: int) -> pb.Order:
        """Moves every parcel of an order one leg on, and tells the watchers."""
        order = self.orders[order_id]
        for shipment in order.shipments:
            _go(shipment, JOURNEY[min(len(shipment.history), len(JOURNEY) - 1)], self._now())
        order.status = order.shipments[0].status
        self.changed(order_id)
        return order

    def changed(self, order_id: int) -> None:
        """Counts the order's version up and tells the watchers."""
        order = self.orders[order_id]
        order.version += 1
        change = pb.OrderChange(order_id=order_id, user_id=order.user_id, version=order.version)
        self._tell(pb.WatchEventsResponse(changes=[change]))

    @property
    def watchers(self) -> int:
        """How many event streams are open."""
        with self._lock:
            return len(self._watchers)

    def cut_streams(self) -> None:
        """Ends all event streams."""
        self._tell(None)

    def _amend(
        self,
        request: pb.CancelOrderRequest | pb.ChangeAddressRequest,
        user_id: int,
        too_late: str,
        destination: pb.Address | None = None,
    ) -> list[pb.ParcelDecision]:
        order = self.orders.get(request.order_id)
        if order is None or order.user_id != user_id:
            raise NotFound("ORDER_NOT_FOUND", "no such order")

        def take() -> list[pb.ParcelDecision]:
            for before in order.amendments:
                if before.request_id == request.request_id:
                    if before.HasField("destination") != (destination is not None):
                        raise AlreadyExists("REQUEST_ID_REUSED", "used for another request")
                    return list(before.decisions)
            asked = order.amendments.add(request_id=request.request_id, destination=destination)
            asked.asked_at.FromMilliseconds(int((self._now() or BEGAN) * 1000))
            for number, shipment in enumerate(order.shipments, 1):
                decision = asked.decisions.add(shipment_id=shipment.shipment_id, parcel=number)
                self._decide(order, shipment, decision, too_late, destination)
            self.changed(order.order_id)
            return list(asked.decisions)

        mood = self.moods.popleft() if self.moods else None
        decided: list[pb.ParcelDecision] = mood(take) if mood else take()
        return decided

    def _decide(
        self,
        order: pb.Order,
        shipment: pb.Shipment,
        decision: pb.ParcelDecision,
        too_late: str,
        destination: pb.Address | None,
    ) -> None:
        if self.left_at is not None:
            decision.decision, decision.reason = pb.DECISION_TOO_LATE, too_late
            decision.left_at.FromMilliseconds(int(self.left_at * 1000))
        elif destination is not None:
            decision.decision, decision.reason = pb.DECISION_DONE, "no truck had been asked for yet"
            shipment.destination.CopyFrom(destination)
        else:
            decision.decision = pb.DECISION_DONE
            decision.reason = "nothing had left; the goods stay on the shelf"
            shipment.goods, shipment.status = pb.GOODS_STATE_CANCELLED, pb.ORDER_STATUS_CANCELLED
            shipment.ClearField("waiting")
            order.status = pb.ORDER_STATUS_CANCELLED

    def _expect(self, request: inventory_pb2.RestockRequest) -> None:
        key = {"world_epoch": 1, "offer_id": request.offer_id, "warehouse_id": request.warehouse_id}
        with self.engine.begin() as connection:
            done = connection.execute(update(Stock).filter_by(**key).values(ordered=Stock.ordered + request.quantity))
            if done.rowcount == 0:
                units = dict.fromkeys(("arrived", "available", "reserved", "packed", "scrapped", "awaited"), 0)
                connection.execute(insert(Stock).values(**key, **units, ordered=request.quantity))

    def _now(self) -> float | None:
        return time.time() if self.real_time else None

    def _tell(self, message: pb.WatchEventsResponse | None) -> None:
        with self._lock:
            for watcher in self._watchers:
                watcher.put(message)

    def _take(self, user_id: int, request: pb.PlaceOrderRequest) -> pb.PlaceOrderResponse:
        content = request.SerializeToString(deterministic=True)
        with self._lock:
            known = self._by_request.get((user_id, request.request_id))
            if known is not None:
                if known[1] != content:
                    raise AlreadyExists("REQUEST_ID_REUSED", "used with other content")
                order = self.orders[known[0]]
                return pb.PlaceOrderResponse(order_id=order.order_id, total_cents=order.total_cents, replayed=True)
            order = self._new_order(user_id, request)
            self.orders[order.order_id] = order
            self._by_request[user_id, request.request_id] = (order.order_id, content)
        return pb.PlaceOrderResponse(order_id=order.order_id, total_cents=order.total_cents)

    def _new_order(self, user_id: int, request: pb.PlaceOrderRequest) -> pb.Order:
        with self.engine.connect() as connection:
            offers = offers_for_sale(connection, [item.offer_id for item in request.items])
        order = pb.Order(order_id=len(self.orders) + 1, user_id=user_id, version=1, destination=request.destination)
        order.ups_account = request.ups_account
        order.placed_at.FromMilliseconds(int((self._now() or BEGAN) * 1000))
        for item in request.items:
            offer = offers.get(item.offer_id)
            if offer is None:
                raise NotFound("OFFER_NOT_FOUND", "not for sale", offer_id=item.offer_id)
            if item.expected_unit_price_cents != offer.unit_price_cents:
                raise FailedPrecondition("PRICE_CHANGED", "changed", offer_id=item.offer_id)
            order.lines.add(
                offer_id=offer.offer_id,
                title=offer.title,
                seller_id=offer.seller_id,
                seller_name=offer.seller_name,
                unit_price_cents=offer.unit_price_cents,
                quantity=item.quantity,
            )
            order.total_cents += offer.unit_price_cents * item.quantity
        shipment = order.shipments.add(
            shipment_id=FIRST_SHIPMENT_ID + order.order_id, warehouse_id=1, warehouse_name="Market Square", attempt=1
        )
        shipment.warehouse.x, shipment.warehouse.y = 0, 0
        shipment.destination.CopyFrom(request.destination)
        for line in order.lines:
            shipment.items.add(offer_id=line.offer_id, title=line.title, quantity=line.quantity)
        _go(shipment, JOURNEY[0], self._now())
        order.status = shipment.status
        return order


def _go(shipment: pb.Shipment, leg: Leg, now: float | None) -> None:
    at = now or BEGAN + 7 * (len(shipment.history) + 1)
    shipment.goods, shipment.truck, shipment.status = leg.goods, leg.truck, leg.status  # type: ignore[assignment]
    step = shipment.history.add(goods=shipment.goods, truck=shipment.truck, what=leg.what, cause="test")
    step.at.FromMilliseconds(int(at * 1000))
    if leg.truck >= pb.TRUCK_STATE_AT_WAREHOUSE:
        shipment.truck_id = 7
    shipment.ClearField("waiting")
    if leg.who:
        shipment.waiting.who, shipment.waiting.next = leg.who, leg.next
        shipment.waiting.since.FromMilliseconds(int(at * 1000))


def _user(context: grpc.ServicerContext) -> int:
    user = current_caller(context).acting_user
    assert user is not None
    return user


def away(_take: Callable[[], Any]) -> Any:
    """The order is not taken, and nobody says so definitely."""
    raise Unavailable("DATABASE_AWAY", "the database is away; send the same again")


def lose_answer(take: Callable[[], Any]) -> Any:
    """The order is taken, and the answer is lost."""
    take()
    raise Unavailable("DATABASE_AWAY", "the database is away; send the same again")


def refuse(refusal: Exception) -> Callable[[Callable[[], Any]], Any]:
    """The order is refused."""

    def mood(_take: Callable[[], Any]) -> Any:
        raise refusal

    return mood


def hang_until(done: threading.Event) -> Callable[[Callable[[], Any]], Any]:
    """The order is taken; the answer comes only when `done` is set."""

    def mood(take: Callable[[], Any]) -> Any:
        answer = take()
        done.wait(30)
        return answer

    return mood


@contextmanager
def serving(fake: FakeOrders, address: str = "127.0.0.1:0") -> Iterator[Server]:
    """The fake on a port."""
    server = build_server(
        address,
        [
            Service(
                orders_pb2_grpc.add_OrdersServiceServicer_to_server,
                fake,
                "shop.orders.v1.OrdersService",
                frozenset({"storefront", "cli"}),
            ),
            Service(
                operations_pb2_grpc.add_OperationsServiceServicer_to_server,
                fake.operations,
                "shop.operations.v1.OperationsService",
                frozenset({"storefront", "cli"}),
            ),
            Service(
                inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
                fake,
                "shop.inventory.v1.InventoryService",
                frozenset({"storefront", "cli"}),
            ),
            Service(
                sales_pb2_grpc.add_SalesServiceServicer_to_server,
                FakeSales(fake.orders, lambda: fake.get_refusal),
                "shop.sales.v1.SalesService",
                frozenset({"storefront", "cli"}),
            ),
        ],
        TOKENS,
        workers=16,
        max_streams=fake.max_streams,
    )
    server.start()
    try:
        yield server
    finally:
        fake.cut_streams()
        server.stop(0)
