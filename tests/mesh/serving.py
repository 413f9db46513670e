"""A small BridgeService for the tests of mesh, threaded and asyncio, whose behaviour each test gives."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from mesh.channel import open_aio_channel, open_channel
from mesh.identity import Tokens
from mesh.server import AioServer, Server, Service, build_aio_server, build_server
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

TOKENS = Tokens({"orders_svc": "token-o", "cli": "token-c", "storefront": "token-s"})
BRIDGE = "shop.bridge.v1.BridgeService"
ORDERS = "shop.orders.v1.OrdersService"
STATUS = bridge_pb2.GetLinkStatusRequest()


class Bridge(bridge_pb2_grpc.BridgeServiceServicer):
    def __init__(self, answer: Callable[[Any], bridge_pb2.GetLinkStatusResponse]) -> None:
        self.answer = answer

    def GetLinkStatus(self, request: Any, context: grpc.ServicerContext) -> bridge_pb2.GetLinkStatusResponse:
        return self.answer(context)


class AioBridge(bridge_pb2_grpc.BridgeServiceServicer):
    def __init__(self, answer: Callable[[Any], bridge_pb2.GetLinkStatusResponse]) -> None:
        self.answer = answer

    async def GetLinkStatus(self, request: Any, context: Any) -> bridge_pb2.GetLinkStatusResponse:
        return self.answer(context)


class Orders(orders_pb2_grpc.OrdersServiceServicer):
    def __init__(self, watch: Callable[[Any], Iterator[orders_pb2.WatchOrderResponse]]) -> None:
        self.watch = watch

    def WatchOrder(self, request: Any, context: Any) -> Iterator[orders_pb2.WatchOrderResponse]:
        return self.watch(context)


def bridge_service(answer: Callable[[Any], Any], kind: Callable[..., Any] = Bridge) -> Service:
    return Service(
        bridge_pb2_grpc.add_BridgeServiceServicer_to_server, kind(answer), BRIDGE, frozenset({"orders_svc", "cli"})
    )


def orders_service(watch: Callable[[Any], Any]) -> Service:
    return Service(orders_pb2_grpc.add_OrdersServiceServicer_to_server, Orders(watch), ORDERS, frozenset({"cli"}))


@contextmanager
def serving(*services: Service, address: str = "127.0.0.1:0", **limits: Any) -> Iterator[Server]:
    server = build_server(address, services, TOKENS, **limits)
    server.start()
    try:
        yield server
    finally:
        server.stop(0)


@asynccontextmanager
async def serving_aio(*services: Service, **limits: Any) -> AsyncIterator[AioServer]:
    server = build_aio_server("127.0.0.1:0", services, TOKENS, **limits)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


@contextmanager
def channel_to(server: Server, caller: str = "cli", **options: Any) -> Iterator[grpc.Channel]:
    with open_channel(f"127.0.0.1:{server.port}", TOKENS.token_of(caller), **options) as channel:
        yield channel


@asynccontextmanager
async def aio_channel_to(server: AioServer, caller: str = "cli", **options: Any) -> AsyncIterator[grpc.aio.Channel]:
    async with open_aio_channel(f"127.0.0.1:{server.port}", TOKENS.token_of(caller), **options) as channel:
        yield channel
