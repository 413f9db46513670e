"""The yardstick of orders_svc: its server and contract with nothing behind. `python -m proof.echo ADDRESS TOKENS`."""

import sys
from typing import Any

from mesh.foreground import StopAsked
from mesh.identity import Tokens
from mesh.server import Service, build_server
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

WORKERS = 40


class EchoServicer(orders_pb2_grpc.OrdersServiceServicer):
    """Accepts every order and forgets it."""

    def PlaceOrder(self, request: Any, context: Any) -> orders_pb2.PlaceOrderResponse:  # noqa: ARG002 - the contract's
        """At once, and without a word to a database."""
        return orders_pb2.PlaceOrderResponse(order_id=1)


def main() -> None:
    """Serves until told to stop."""
    address, tokens = sys.argv[1:]
    add: Any = orders_pb2_grpc.add_OrdersServiceServicer_to_server
    servicer: Any = EchoServicer
    service = Service(add, servicer(), "shop.orders.v1.OrdersService", ("cli",))
    server = build_server(address, [service], Tokens.load(tokens), workers=WORKERS)
    asked = StopAsked()
    server.start()
    asked.wait()
    server.stop(1.0)


if __name__ == "__main__":
    main()
