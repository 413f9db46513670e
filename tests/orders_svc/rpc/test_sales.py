"""SalesService over real gRPC: paging, every error of the contract, and nothing of who ordered."""

import grpc
import pytest

from shop.orders.v1 import orders_pb2
from shop.sales.v1 import sales_pb2 as pb
from shop.sales.v1 import sales_pb2_grpc
from tests.orders_svc.rpc.serving import SELLER, SHOPPER, Running, failure


@pytest.fixture
def sales(shop: Running) -> sales_pb2_grpc.SalesServiceStub:
    return sales_pb2_grpc.SalesServiceStub(shop.channel("storefront"))


def test_sales_are_told_a_page_at_a_time_and_summed(shop: Running, sales: sales_pb2_grpc.SalesServiceStub) -> None:
    orders = [shop.place((1, 2)) for _ in range(3)]
    first = shop.call(sales.ListSales, pb.ListSalesRequest(page_size=2), SELLER)
    assert [sale.order_id for sale in first.sales] == orders[:0:-1]
    assert [(line.offer_id, line.quantity) for line in first.sales[0].lines] == [(1, 2)]
    assert first.sales[0].status == orders_pb2.ORDER_STATUS_PACKING
    rest = shop.call(sales.ListSales, pb.ListSalesRequest(page_size=2, page_token=first.next_page_token), SELLER)
    assert ([sale.order_id for sale in rest.sales], rest.next_page_token) == (orders[:1], "")
    (today,) = shop.call(sales.SumSales, pb.SumSalesRequest(days=1), SELLER).days
    assert (today.orders, today.units) == (3, 6)
    assert list(shop.call(sales.ListSales, pb.ListSalesRequest(), SHOPPER).sales) == []


def test_what_cannot_be_asked_is_refused_with_its_field(shop: Running, sales: sales_pb2_grpc.SalesServiceStub) -> None:
    for request, field in (
        (pb.ListSalesRequest(page_size=-1), "page_size"),
        (pb.ListSalesRequest(page_token="x"), "page_token"),
        (pb.ListSalesRequest(question="x" * 101), "question"),
    ):
        refused = failure(lambda request=request: shop.call(sales.ListSales, request, SELLER))  # type: ignore[misc]
        assert (refused.code, refused.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    for days in (0, -1, 91):
        refused = failure(lambda days=days: shop.call(sales.SumSales, pb.SumSalesRequest(days=days), SELLER))  # type: ignore[misc]
        assert (refused.code, refused.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "days")


def test_it_is_said_for_whom_it_is_asked(shop: Running, sales: sales_pb2_grpc.SalesServiceStub) -> None:
    refused = failure(lambda: shop.call(sales.SumSales, pb.SumSalesRequest(days=1), None))
    assert refused.reason == "NO_ACTING_USER"
