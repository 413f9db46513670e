"""SalesService, as its contract says."""

import grpc

from orders_svc.rpc.checks import Checks, page_size, page_token
from orders_svc.rpc.convert import timestamp
from orders_svc.rpc.orders import MAX_QUESTION, acting_user
from orders_svc.service.app import App
from orders_svc.service.reading import Wanted
from orders_svc.service.selling import SaleView
from shop.orders.v1 import orders_pb2
from shop.sales.v1 import sales_pb2 as pb
from shop.sales.v1 import sales_pb2_grpc

MAX_DAYS = 90


class SalesServicer(sales_pb2_grpc.SalesServiceServicer):
    """Translates between messages and use cases."""

    def __init__(self, app: App) -> None:
        self._app = app

    def ListSales(self, request: pb.ListSalesRequest, context: grpc.ServicerContext) -> pb.ListSalesResponse:
        """See the contract."""
        limit = page_size(request.page_size, 20, 100)
        checks = Checks()
        checks.that(len(request.question) <= MAX_QUESTION, "question", f"must have at most {MAX_QUESTION} characters")
        checks.done()
        wanted = Wanted(tuple(request.statuses), request.question)
        sales = self._app.sales(acting_user(context), page_token(request.page_token), limit + 1, wanted)
        token = str(sales[limit - 1].order_id) if len(sales) > limit else ""
        return pb.ListSalesResponse(sales=[_sale(one) for one in sales[:limit]], next_page_token=token)

    def SumSales(self, request: pb.SumSalesRequest, context: grpc.ServicerContext) -> pb.SumSalesResponse:
        """See the contract."""
        checks = Checks()
        checks.that(1 <= request.days <= MAX_DAYS, "days", f"must be 1 to {MAX_DAYS}")
        checks.done()
        return pb.SumSalesResponse(
            days=[
                pb.DayOfSales(begins_at=timestamp(day.begins_at), orders=day.orders, units=day.units, cents=day.cents)
                for day in self._app.sums_of_sales(acting_user(context), request.days)
            ]
        )


def _sale(view: SaleView) -> pb.Sale:
    return pb.Sale(
        order_id=view.order_id,
        placed_at=timestamp(view.placed_at),
        status=orders_pb2.OrderStatus.ValueType(view.status),
        lines=[
            pb.SaleLine(
                offer_id=line.offer_id,
                title=line.title,
                unit_price_cents=line.unit_price_cents,
                quantity=line.quantity,
            )
            for line in view.lines
        ],
    )
