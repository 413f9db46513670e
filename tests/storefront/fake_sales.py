"""The sales of the small orders_svc: sums of the orders that it has."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from db.shop.catalogue import fold
from mesh.errors import FieldViolation, InvalidArgument
from mesh.identity import current_caller
from shop.orders.v1 import orders_pb2
from shop.sales.v1 import sales_pb2, sales_pb2_grpc


@dataclass
class FakeSales(sales_pb2_grpc.SalesServiceServicer):
    """`refusal`: what is raised instead of an answer. The last day is that of the newest order."""

    orders: dict[int, orders_pb2.Order]
    refusal: Callable[[], Exception | None]

    def ListSales(
        self, request: sales_pb2.ListSalesRequest, context: grpc.ServicerContext
    ) -> sales_pb2.ListSalesResponse:
        self._refuse()
        seller = current_caller(context).acting_user
        if not request.page_token.isdecimal() and request.page_token:
            raise InvalidArgument([FieldViolation("page_token", "not ours")])
        below, words = int(request.page_token or 2**62), fold(request.question)
        found = []
        for order in sorted(self.orders.values(), key=lambda one: -one.order_id):
            mine = [line for line in order.lines if line.seller_id == seller]
            if not mine or order.order_id >= below or (request.statuses and order.status not in request.statuses):
                continue
            if words == str(order.order_id) or any(words in fold(line.title) for line in mine):
                sale = sales_pb2.Sale(order_id=order.order_id, placed_at=order.placed_at, status=order.status)
                for line in mine:
                    sale.lines.add(
                        offer_id=line.offer_id,
                        title=line.title,
                        unit_price_cents=line.unit_price_cents,
                        quantity=line.quantity,
                    )
                found.append(sale)
        page = found[: request.page_size]
        more = str(page[-1].order_id) if len(found) > len(page) else ""
        return sales_pb2.ListSalesResponse(sales=page, next_page_token=more)

    def SumSales(self, request: sales_pb2.SumSalesRequest, context: grpc.ServicerContext) -> sales_pb2.SumSalesResponse:
        self._refuse()
        seller = current_caller(context).acting_user
        answer = sales_pb2.SumSalesResponse()
        last = max((order.placed_at.seconds for order in self.orders.values()), default=0) // 86_400
        for number in range(request.days):
            day = answer.days.add()
            day.begins_at.FromSeconds(int(last - request.days + 1 + number) * 86_400)
            for order in self.orders.values():
                mine = [line for line in order.lines if line.seller_id == seller]
                if mine and 0 <= order.placed_at.seconds - day.begins_at.seconds < 86_400:
                    day.orders += 1
                    day.units += sum(line.quantity for line in mine)
                    day.cents += sum(line.quantity * line.unit_price_cents for line in mine)
        return answer

    def _refuse(self) -> None:
        if (refusal := self.refusal()) is not None:
            raise refusal
