"""Whether a part serves: by gRPC health, or by an HTTP answer. No means "not now", whatever the cause."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.channel import open_channel
from mesh.settings import parse_address

PROBE_TIMEOUT_SECONDS = 1.0


def serves_grpc(address: str, timeout: float = PROBE_TIMEOUT_SECONDS) -> bool:
    """Whether health at HOST:PORT says SERVING."""
    with open_channel(address, token="") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def serves_http(address: str, path: str = "/healthz", timeout: float = PROBE_TIMEOUT_SECONDS) -> bool:
    """Whether GET `path` at HOST:PORT is answered with 200."""
    host, port = parse_address(address)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def in_thread(probe: Callable[[str], bool], address: str) -> Callable[[], Awaitable[bool]]:
    """The same question for an event loop."""

    async def ask() -> bool:
        return await asyncio.to_thread(probe, address)

    return ask
