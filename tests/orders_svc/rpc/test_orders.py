"""OrdersService and InventoryService over real gRPC: identity, every error of the contract, paging."""

import threading
from typing import Any

import grpc
import pytest

from mesh.channel import acting_for
from mesh.errors import DOMAIN
from orders_svc.service.placing import Item, Placed, PlaceOrder
from shop.fulfilment.v1 import fulfilment_pb2 as fulfilment
from shop.inventory.v1 import inventory_pb2 as inventory
from shop.inventory.v1 import inventory_pb2_grpc
from shop.orders.v1 import orders_pb2 as orders
from shop.orders.v1 import orders_pb2_grpc
from tests.orders_svc.rpc.serving import SELLER, SHOPPER, Running, failure

INT64 = (-(2**63), -1, 0, 2**63 - 1)
Code = grpc.StatusCode


def item(offer_id: int = 1, quantity: int = 1, **options: Any) -> orders.OrderItem:
    return orders.OrderItem(offer_id=offer_id, quantity=quantity, **options)


def place(shop: Running, **wrong: Any) -> Any:
    request = orders.PlaceOrderRequest(
        **{
            "request_id": "request-of-bad-input",
            "items": [item()],
            "destination": orders.Address(x=1, y=2),
        }
        | wrong
    )
    return failure(lambda: shop.call(shop.orders.PlaceOrder, request))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "short"}, "request_id"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"request_id": "with space"}, "request_id"),
        ({"request_id": "ümlaut-123"}, "request_id"),
        ({"request_id": "nul\0nul\0nul"}, "request_id"),
        ({"request_id": "new-line-\n"}, "request_id"),
        ({"items": []}, "items"),
        ({"items": [item(n) for n in range(1, 52)]}, "items"),
        ({"items": [item(0)]}, "items[0].offer_id"),
        ({"items": [item(-(2**63))]}, "items[0].offer_id"),
        ({"items": [item(1), item(2), item(1)]}, "items[2].offer_id"),
        ({"items": [item(1, 0)]}, "items[0].quantity"),
        ({"items": [item(1, -1)]}, "items[0].quantity"),
        ({"items": [item(1, 1001)]}, "items[0].quantity"),
        ({"items": [item(1, 1_000_000)]}, "items[0].quantity"),
        ({"items": [item(1), item(2, 2**31 - 1)]}, "items[1].quantity"),
        ({"destination": None}, "destination"),
        ({"ups_account": "x" * 65}, "ups_account"),
        ({"ups_account": "a\0b"}, "ups_account"),
        ({"ups_account": "two\nlines"}, "ups_account"),
    ],
)
def test_bad_input_names_its_field(shop: Running, wrong: dict[str, Any], field: str) -> None:
    refused = place(shop, **wrong)
    assert refused.code is Code.INVALID_ARGUMENT
    assert field in [violation.field for violation in refused.violations]


def test_the_ends_of_what_is_allowed_are_accepted(shop: Running) -> None:
    corner = orders.Address(x=-(2**31), y=2**31 - 1)
    request = shop.request((1, 100), (37, 1000), request_id="x" * 64, destination=corner, ups_account="ü" * 64)
    placed = shop.call(shop.orders.PlaceOrder, request)
    order = shop.order(placed.order_id)
    assert (order.destination, order.ups_account) == (corner, "ü" * 64)
    assert order.total_cents == placed.total_cents
    fifty = shop.request(*[(n, 1) for n in range(1, 54) if n not in (12, 22, 31, 46)][:50])
    assert len(fifty.items) == 49
    assert shop.call(shop.orders.PlaceOrder, fifty).order_id


def test_every_refusal_of_an_order_has_its_code_and_reason(shop: Running) -> None:
    request = shop.request((1, 1))
    first = shop.call(shop.orders.PlaceOrder, request)
    assert shop.call(shop.orders.PlaceOrder, request) == orders.PlaceOrderResponse(
        order_id=first.order_id, total_cents=first.total_cents, replayed=True
    )
    again = place(shop, request_id=request.request_id, items=[item(1, 2)])
    assert (again.code, again.reason, again.metadata["order_id"]) == (
        Code.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        str(first.order_id),
    )
    for offer_id in (999_999, 2**63 - 1):
        unknown = place(shop, items=[item(offer_id)])
        assert (unknown.code, unknown.reason) == (Code.NOT_FOUND, "OFFER_NOT_FOUND")
    for expected in (-(2**63), 0, 2**63 - 1):
        changed = place(shop, items=[item(1, expected_unit_price_cents=expected)])
        assert (changed.code, changed.reason) == (Code.FAILED_PRECONDITION, "PRICE_CHANGED")
        assert changed.metadata["unit_price_cents"] == str(first.total_cents)
    gone = place(shop, items=[item(46)])
    assert (gone.code, gone.reason, gone.metadata["left"]) == (Code.RESOURCE_EXHAUSTED, "OUT_OF_STOCK", "0")


def test_an_order_is_its_own_users_only(shop: Running) -> None:
    order_id = shop.place((1, 1))
    assert shop.order(order_id).user_id == SHOPPER
    for number, user in ((order_id, SHOPPER + 1), *((number, SHOPPER) for number in INT64)):
        for method, request in (
            (shop.orders.GetOrder, orders.GetOrderRequest(order_id=number)),
            (shop.orders.WatchOrder, orders.WatchOrderRequest(order_id=number)),
        ):
            refused = failure(lambda m=method, r=request, u=user: list_or_one(shop.call(m, r, user=u)))
            assert (refused.code, refused.reason) == (Code.NOT_FOUND, "ORDER_NOT_FOUND")


def list_or_one(answer: Any) -> Any:
    return list(answer) if hasattr(answer, "__next__") else answer


def test_orders_come_in_pages_newest_first(shop: Running) -> None:
    placed = [shop.place((1, 1)) for _ in range(7)]
    seen, token = [], ""
    sizes = []
    while True:
        page = shop.call(shop.orders.ListOrders, orders.ListOrdersRequest(page_size=3, page_token=token))
        sizes.append(len(page.orders))
        seen += [order.order_id for order in page.orders]
        assert all(not step for order in page.orders for step in [s.history for s in order.shipments])
        token = page.next_page_token
        if not token:
            break
    assert (seen, sizes) == (placed[::-1], [3, 3, 1])
    assert len(shop.call(shop.orders.ListOrders, orders.ListOrdersRequest(page_size=2**31 - 1)).orders) == 7
    assert shop.call(shop.orders.ListOrders, orders.ListOrdersRequest(), user=99).orders == []


def listed(shop: Running, **wanted: Any) -> list[int]:
    return [one.order_id for one in shop.call(shop.orders.ListOrders, orders.ListOrdersRequest(**wanted)).orders]


def test_orders_are_found_by_a_part_of_a_name_in_any_case_by_number_and_by_how_they_stand(shop: Running) -> None:
    first, second, third = shop.place((1, 1)), shop.place((2, 1)), shop.place((1, 1), (2, 1))
    titles = [shop.order(one).lines[0].title for one in (first, second)]
    words = [max(title.upper().split(), key=len)[1:] for title in titles]
    assert listed(shop, question=words[0]) == [third, first]
    assert listed(shop, question=f" {words[1]}  {words[0]} ") == [third]
    assert listed(shop, question=words[0], page_size=1) == [third]
    assert listed(shop, question=words[0], page_token=str(third)) == [first]
    assert listed(shop, question=str(second)) == [second]
    assert listed(shop, question="nothing is called so") == []
    status = shop.order(first).status
    assert listed(shop, statuses=[status]) == [third, second, first]
    assert listed(shop, statuses=[orders.ORDER_STATUS_DELIVERED]) == []
    assert listed(shop, statuses=[status, orders.ORDER_STATUS_DELIVERED], question=words[1]) == [third, second]


def test_a_question_that_is_too_long_is_refused(shop: Running) -> None:
    refused = failure(lambda: listed(shop, question="x" * 101))
    assert refused.code is Code.INVALID_ARGUMENT
    assert [violation.field for violation in refused.violations] == ["question"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_size": -(2**31)}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"page_token": "-1"}, "page_token"),
        ({"page_token": "٣"}, "page_token"),
        ({"page_token": "9223372036854775808"}, "page_token"),
        ({"page_token": "9999999999999999999"}, "page_token"),
        ({"page_token": "1" * 100_000}, "page_token"),
    ],
)
def test_a_page_that_cannot_be_is_refused(shop: Running, wrong: dict[str, Any], field: str) -> None:
    for method, request in (
        (shop.orders.ListOrders, orders.ListOrdersRequest(**wrong)),
        (shop.inventory.ListWarehouses, inventory.ListWarehousesRequest(**wrong)),
    ):
        refused = failure(lambda m=method, r=request: shop.call(m, r))
        assert refused.code is Code.INVALID_ARGUMENT
        assert [violation.field for violation in refused.violations] == [field]


def test_stock_and_warehouses_are_shown(shop: Running) -> None:
    stock = shop.call(shop.inventory.GetStock, inventory.GetStockRequest(offer_ids=[12, 12, 46, 2**63 - 1, -5])).stock
    assert [(row.offer_id, row.warehouse_id, row.available) for row in stock] == [(12, 1, 5)]
    first = shop.call(shop.inventory.ListWarehouses, inventory.ListWarehousesRequest(page_size=6))
    rest = shop.call(shop.inventory.ListWarehouses, inventory.ListWarehousesRequest(page_token=first.next_page_token))
    assert [w.warehouse_id for w in (*first.warehouses, *rest.warehouses)] == list(range(1, 11))
    for wrong in ([], range(1, 202)):
        refused = failure(lambda w=wrong: shop.call(shop.inventory.GetStock, inventory.GetStockRequest(offer_ids=w)))
        assert [violation.field for violation in refused.violations] == ["offer_ids"]


def test_a_restock_is_bought_and_wrong_ones_are_refused(shop: Running) -> None:
    def restock(user: int = SELLER, **wrong: Any) -> Any:
        request = inventory.RestockRequest(
            **{"request_id": "restock-1", "offer_id": 1, "warehouse_id": 2, "quantity": 5} | wrong
        )
        return shop.call(shop.inventory.Restock, request, user=user)

    assert [restock().replayed, restock().replayed] == [False, True]
    for wrong, field in (
        ({"request_id": "no"}, "request_id"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10_001}, "quantity"),
        ({"offer_id": 0}, "offer_id"),
        ({"warehouse_id": -(2**63)}, "warehouse_id"),
    ):
        assert [v.field for v in failure(lambda w=wrong: restock(**w)).violations] == [field]
    for wrong, code, reason in (
        ({"quantity": 6}, Code.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        ({"request_id": "restock-2", "user": SHOPPER}, Code.NOT_FOUND, "OFFER_NOT_FOUND"),
        ({"request_id": "restock-2", "offer_id": 2**63 - 1}, Code.NOT_FOUND, "OFFER_NOT_FOUND"),
        ({"request_id": "restock-2", "warehouse_id": 2**63 - 1}, Code.NOT_FOUND, "WAREHOUSE_NOT_FOUND"),
    ):
        refused = failure(lambda w=wrong: restock(**w))
        assert (refused.code, refused.reason) == (code, reason)


def test_who_may_call_what(shop: Running) -> None:
    get = orders.GetOrderRequest(order_id=1)
    with grpc.insecure_channel(f"127.0.0.1:{shop.service.public.port}") as stranger:
        stub = orders_pb2_grpc.OrdersServiceStub(stranger)
        assert failure(lambda: stub.GetOrder(get, timeout=60)).code is Code.UNAUTHENTICATED
        guess = (("authorization", "Bearer guess"), *acting_for(SHOPPER))
        assert failure(lambda: stub.GetOrder(get, timeout=60, metadata=guess)).code is Code.UNAUTHENTICATED
    nobody = failure(lambda: shop.call(shop.orders.GetOrder, get, user=None))
    assert (nobody.code, nobody.reason) == (Code.UNAUTHENTICATED, "NO_ACTING_USER")
    events = orders_pb2_grpc.OrdersServiceStub(shop.channel("cli"))
    denied = failure(lambda: list(events.WatchEvents(orders.WatchEventsRequest(), timeout=60)))
    assert (denied.code, denied.reason) == (Code.PERMISSION_DENIED, "STOREFRONT_ONLY")
    assert DOMAIN == "minimart"
    # A bridge has no business with orders, nor a storefront with fulfilment; their tokens say who they are.
    token = shop._tokens.token_of("world_bridge")
    bridge = (("authorization", f"Bearer {token}"), *acting_for(SHOPPER))
    with grpc.insecure_channel(f"127.0.0.1:{shop.service.public.port}") as channel:
        for call in (
            lambda: orders_pb2_grpc.OrdersServiceStub(channel).GetOrder(get, timeout=60, metadata=bridge),
            lambda: inventory_pb2_grpc.InventoryServiceStub(channel).GetStock(
                inventory.GetStockRequest(offer_ids=[1]), timeout=60, metadata=bridge
            ),
        ):
            assert failure(call).code is Code.PERMISSION_DENIED


def test_a_request_that_is_too_large_is_refused_and_the_next_one_served(shop: Running) -> None:
    huge = shop.request((1, 1), ups_account="x" * (8 << 20))
    assert failure(lambda: shop.call(shop.orders.PlaceOrder, huge)).code is Code.RESOURCE_EXHAUSTED
    assert shop.place((1, 1))


def test_health_says_that_it_serves(shop: Running) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    for port, name in (
        (shop.service.public.port, "shop.orders.v1.OrdersService"),
        (shop.service.public.port, "shop.inventory.v1.InventoryService"),
        (shop.service.fulfilment.port, "shop.fulfilment.v1.FulfilmentService"),
    ):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=60)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_an_order_is_shown_with_its_way(shop: Running) -> None:
    order_id = shop.place((1, 2))
    (parcel,) = shop.order(order_id).shipments
    shop.report("world", packed=fulfilment.Packed(shipment_id=parcel.shipment_id))
    shop.report("ups", truck_arrived=fulfilment.TruckArrived(shipment_id=parcel.shipment_id, truck_id=5))
    order = shop.order(order_id)
    (parcel,) = order.shipments
    assert order.status == orders.ORDER_STATUS_LOADING
    assert (parcel.goods, parcel.truck, parcel.truck_id) == (
        orders.GOODS_STATE_LOADING,
        orders.TRUCK_STATE_AT_WAREHOUSE,
        5,
    )
    assert [step.what for step in parcel.history] == [
        "Goods reserved; packing and a truck were asked for",
        "Packed",
        "The truck is at the warehouse",
    ]
    assert parcel.history[0].cause == "rpc:PlaceOrder"
    assert parcel.history[1].cause.startswith("inbox:world:")
    assert parcel.waiting.who
    assert [(line.offer_id, line.quantity, line.seller_id) for line in order.lines] == [(1, 2, SELLER)]


def test_an_account_is_checked_as_far_as_ups_says_and_nothing_is_held_up(shop: Running) -> None:
    request = orders.CheckAccountRequest(ups_account="ann")
    answer = shop.call(shop.orders.CheckAccount, request)
    assert answer.verdict == orders.ACCOUNT_VERDICT_NOT_VERIFIED
    assert answer.reason in ("this UPS checks no accounts", "UPS cannot be asked at the moment")
    for name in ("", "x" * 65, "two\nlines"):
        wrong = orders.CheckAccountRequest(ups_account=name)
        refused = failure(lambda wrong=wrong: shop.call(shop.orders.CheckAccount, wrong))  # type: ignore[misc]
        assert (refused.code, refused.violations[0].field) == (Code.INVALID_ARGUMENT, "ups_account")


def test_news_are_listed_for_the_storefront_until_they_are_settled(shop: Running) -> None:
    order_id = shop.place((1, 1))
    listed = shop.call(shop.orders.ListNews, orders.ListNewsRequest(page_size=1), None)
    assert [(one.order_id, one.user_id, one.kind) for one in listed.news] == [
        (order_id, SHOPPER, orders.NEWS_KIND_PLACED)
    ]
    (told,) = listed.orders
    assert (told.order_id, told.user_id, told.lines[0].quantity) == (order_id, SHOPPER, 1)
    shop.call(shop.orders.SettleNews, orders.SettleNewsRequest(news=listed.news), None)
    assert not shop.call(shop.orders.ListNews, orders.ListNewsRequest(), None).news
    too_many = orders.SettleNewsRequest(news=list(listed.news) * 1001)
    assert failure(lambda: shop.call(shop.orders.SettleNews, too_many, None)).reason == "INVALID_FIELD"
    stub = orders_pb2_grpc.OrdersServiceStub(shop.channel("cli"))
    for method, request in ((stub.ListNews, orders.ListNewsRequest()), (stub.SettleNews, orders.SettleNewsRequest())):
        refused = failure(lambda method=method, request=request: shop.call(method, request, None))  # type: ignore[misc]
        assert refused.reason == "STOREFRONT_ONLY"


def test_news_come_with_the_orders_that_they_are_of(shop: Running) -> None:
    ids = [shop.place((1, number)) for number in (1, 2, 3)]
    request = orders.CancelOrderRequest(request_id="take-back", order_id=ids[1])
    shop.call(shop.orders.CancelOrder, request)
    page = shop.call(shop.orders.ListNews, orders.ListNewsRequest(page_size=2), None)
    assert [one.order_id for one in page.news] == [ids[0], ids[1], ids[1]]
    assert [one.order_id for one in page.orders] == ids[:2], "each once, and no other"
    whole = [shop.call(shop.orders.GetOrder, orders.GetOrderRequest(order_id=one)).order for one in ids[:2]]
    assert [one.lines for one in page.orders] == [one.lines for one in whole]
    assert [one.status for one in page.orders] == [one.status for one in whole]
    assert [list(one.amendments) for one in page.orders] == [list(one.amendments) for one in whole]
    assert whole[1].amendments
    rest = shop.call(shop.orders.ListNews, orders.ListNewsRequest(page_token=page.next_page_token), None)
    assert [one.order_id for one in rest.orders] == ids[2:]


def test_five_hundred_orders_in_flight_need_no_more_threads_than_five(shop: Running) -> None:
    def place(count: int) -> int:
        """So many more orders, a few at a time as they come in; how many threads there are then."""
        for start in range(0, count, 5):
            wanted = [PlaceOrder(SHOPPER, f"crowd-{count:03}-{start + n:04}", (Item(37, 1),), 3, 4) for n in range(5)]
            assert all(isinstance(answer, Placed) for answer in shop.app.place_orders(wanted))
        return threading.active_count()

    few = place(5)
    assert place(495) <= few
