"""InventoryService, as its contract says."""

import grpc

from orders_svc.rpc.checks import Checks, page_size, page_token
from orders_svc.rpc.orders import acting_user
from orders_svc.service.app import App
from orders_svc.service.points import ReorderRequest
from orders_svc.service.restocking import RestockRequest
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1 import inventory_pb2_grpc

MAX_OFFERS = 200
MAX_QUANTITY = 10_000


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """Translates between messages and use cases."""

    def __init__(self, app: App) -> None:
        self._app = app

    def GetStock(self, request: pb.GetStockRequest, _context: grpc.ServicerContext) -> pb.GetStockResponse:
        """See the contract."""
        checks = Checks()
        checks.that(1 <= len(request.offer_ids) <= MAX_OFFERS, "offer_ids", f"must be 1 to {MAX_OFFERS}")
        checks.done()
        rows = self._app.stock(sorted(set(request.offer_ids)))
        return pb.GetStockResponse(
            stock=[
                pb.Stock(
                    offer_id=row.offer_id,
                    warehouse_id=row.warehouse_id,
                    available=row.available,
                    reserved=row.reserved,
                    ordered=row.ordered,
                    awaited=row.awaited,
                )
                for row in rows
            ]
        )

    def ListWarehouses(
        self, request: pb.ListWarehousesRequest, _context: grpc.ServicerContext
    ) -> pb.ListWarehousesResponse:
        """See the contract."""
        limit = page_size(request.page_size, 50, 200)
        rows = self._app.warehouses(page_token(request.page_token) or 0, limit + 1)
        return pb.ListWarehousesResponse(
            warehouses=[pb.Warehouse(warehouse_id=row.id, name=row.name, x=row.x, y=row.y) for row in rows[:limit]],
            next_page_token=str(rows[limit - 1].id) if len(rows) > limit else "",
        )

    def Restock(self, request: pb.RestockRequest, context: grpc.ServicerContext) -> pb.RestockResponse:
        """See the contract."""
        user_id = acting_user(context)
        checks = Checks()
        checks.request_id(request.request_id)
        checks.that(1 <= request.quantity <= MAX_QUANTITY, "quantity", f"must be 1 to {MAX_QUANTITY}")
        checks.that(request.offer_id > 0, "offer_id", "must be the id of an offer")
        checks.that(request.warehouse_id > 0, "warehouse_id", "must be the id of a warehouse")
        checks.done()
        wanted = RestockRequest(user_id, request.request_id, request.offer_id, request.warehouse_id, request.quantity)
        return pb.RestockResponse(replayed=self._app.restock(wanted))

    def SetReorderPoint(
        self, request: pb.SetReorderPointRequest, context: grpc.ServicerContext
    ) -> pb.SetReorderPointResponse:
        """See the contract."""
        user_id = acting_user(context)
        checks = Checks()
        checks.that(0 <= request.level <= MAX_QUANTITY, "level", f"must be 0 to {MAX_QUANTITY}")
        checks.that(request.offer_id > 0, "offer_id", "must be the id of an offer")
        if request.level:
            checks.that(1 <= request.quantity <= MAX_QUANTITY, "quantity", f"must be 1 to {MAX_QUANTITY}")
            checks.that(request.warehouse_id > 0, "warehouse_id", "must be the id of a warehouse")
        checks.done()
        self._app.set_reorder_point(
            ReorderRequest(user_id, request.offer_id, request.warehouse_id, request.level, request.quantity)
        )
        return pb.SetReorderPointResponse()
