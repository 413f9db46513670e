"""gRPC servers as all of ours are: health, reflection, identity, error details and limits, threaded or asyncio.

Limits, each a parameter: workers, streams, calls that wait for a worker, bytes of a request. A port that cannot be had
is a `ListenError` at build time; ports are never shared with another process. Health and reflection are open to anyone
who reaches the port: services bind to loopback.

Elsewhere: what is around each method is mesh.guard; who a caller is, mesh.identity.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import _async as reflection_aio
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from mesh.deadline import Clock
from mesh.errors import Refusal
from mesh.guard import Guard, StreamSlots, guard_aio_method, guard_method, refuse_calls
from mesh.identity import Tokens
from mesh.settings import parse_address

MAX_REQUEST_BYTES = 1 << 20
MAX_REFLECTION_STREAMS = 2
# Calls that wait to be refused with our reason; those beyond get gRPC's own bare answer.
MAX_REFUSED = 1000

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class ListenError(Exception):
    """An address that cannot be listened on."""

    def __init__(self, address: str) -> None:
        super().__init__(f"cannot listen on {address}: the port is in use, or the address is not this machine's")
        self.address = address


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a server: its generated `add_to_server`, the servicer, the full name, and who may call it.

    `callers` None: open to everyone. `reserved`: methods that only some of the callers may call, by name.
    """

    add_to_server: Callable[[Any, Any], None]
    servicer: object
    full_name: str
    callers: Collection[str] | None
    reserved: Mapping[str, Collection[str]] = field(default_factory=dict)


class Server:
    """A threaded server. `port` is the one in use, also where 0 was asked for."""

    def __init__(self, server: grpc.Server, servicer: health.HealthServicer, names: Sequence[str], port: int) -> None:
        self._server = server
        self._health = servicer
        self._names = ["", *names]
        self.port = port
        self.set_serving(False)

    def start(self) -> None:
        """Begins to serve, and says so in health."""
        self._server.start()
        self.set_serving(True)

    def set_serving(self, serving: bool) -> None:
        """What health says of the server and of each of its services."""
        for name in self._names:
            self._health.set(name, _SERVING if serving else _NOT_SERVING)

    def stop(self, grace: float = 0.0) -> None:
        """Refuses new calls at once, gives those under way `grace` seconds, and returns when all have ended."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace).wait()


class AioServer:
    """An asyncio server; otherwise as `Server`."""

    def __init__(
        self, server: grpc.aio.Server, servicer: health.aio.HealthServicer, names: Sequence[str], port: int
    ) -> None:
        self._server = server
        self._health = servicer
        self._names = ["", *names]
        self.port = port

    async def start(self) -> None:
        """Begins to serve, and says so in health."""
        await self.set_serving(True)
        await self._server.start()

    async def set_serving(self, serving: bool) -> None:
        """What health says of the server and of each of its services."""
        for name in self._names:
            await self._health.set(name, _SERVING if serving else _NOT_SERVING)

    async def stop(self, grace: float = 0.0) -> None:
        """Refuses new calls at once, gives those under way `grace` seconds, and returns when all have ended."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)


def build_server(
    address: str,
    services: Sequence[Service],
    tokens: Tokens,
    *,
    workers: int = 16,
    max_streams: int = 4,
    max_pending: int = 256,
    max_request_bytes: int = MAX_REQUEST_BYTES,
    outages: Mapping[type[Exception], Refusal] | None = None,
    clock: Clock | None = None,
) -> Server:
    """A threaded server on `address`, bound but not started.

    Beyond `workers` calls being served and `max_pending` waiting, a call fails with RESOURCE_EXHAUSTED (OVERLOADED).
    Each stream holds a worker: keep `max_streams` well below `workers`. `outages`: exceptions that mean that
    something is away, and what to answer for each. With a `clock`, slow calls are logged. ListenError: no such port.
    """
    most = workers + max_pending
    server = grpc.server(
        _Pool(workers, most), options=_options(max_request_bytes), maximum_concurrent_rpcs=most + MAX_REFUSED
    )
    guard = Guard(tokens, StreamSlots(max_streams), outages or {}, clock)
    for service in services:
        service.add_to_server(service.servicer, _Guarded(server, guard, service, guard_method))
    names = [service.full_name for service in services]
    servicer = health.HealthServicer(experimental_thread_pool=ThreadPoolExecutor(1, thread_name_prefix="health"))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    _add_reflection(server, tokens, reflection.ReflectionServicer([*names, *_OPEN]), guard_method)
    return Server(server, servicer, names, _bind(server, address))


def build_aio_server(
    address: str,
    services: Sequence[Service],
    tokens: Tokens,
    *,
    max_streams: int = 16,
    max_pending: int = 256,
    max_request_bytes: int = MAX_REQUEST_BYTES,
    outages: Mapping[type[Exception], Refusal] | None = None,
    clock: Clock | None = None,
) -> AioServer:
    """A server of the running event loop, bound but not started; otherwise as `build_server`.

    `max_pending` counts all calls that are under way at once.
    """
    server = grpc.aio.server(options=_options(max_request_bytes), maximum_concurrent_rpcs=max_pending + MAX_REFUSED)
    guard = Guard(tokens, StreamSlots(max_streams), outages or {}, clock, max_calls=max_pending)
    for service in services:
        service.add_to_server(service.servicer, _Guarded(server, guard, service, guard_aio_method))
    names = [service.full_name for service in services]
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    _add_reflection(server, tokens, reflection_aio.ReflectionServicer([*names, *_OPEN]), guard_aio_method)
    return AioServer(server, servicer, names, _bind(server, address))


_REFLECTION: str = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].full_name
_OPEN = (health.SERVICE_NAME, _REFLECTION)


class _Pool(ThreadPoolExecutor):
    """Serves calls; those that are too many it gives to a thread that only refuses them (mesh.guard)."""

    def __init__(self, workers: int, most: int) -> None:
        super().__init__(workers, thread_name_prefix="rpc")
        self._refusing = ThreadPoolExecutor(1, thread_name_prefix="rpc-refusing")
        self._room = threading.BoundedSemaphore(most)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Begins a call, or its refusal."""
        if not self._room.acquire(blocking=False):
            return self._refusing.submit(refuse_calls, call, *arguments, **named)
        future = super().submit(call, *arguments, **named)
        future.add_done_callback(lambda _future: self._room.release())
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends its threads."""
        self._refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


class _Guarded:
    """Stands in for a server while a generated `add_to_server` adds its handlers, and wraps each of them."""

    def __init__(self, server: Any, guard: Guard, service: Service, wrap: Callable[..., Any]) -> None:
        self._server = server
        self._guard = guard
        self._service = service
        self._wrap = wrap

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same handlers come by name as well; they are taken from there."""

    def add_registered_method_handlers(self, name: str, handlers: Mapping[str, Any]) -> None:
        """Wraps and adds the handlers of the service `name`."""
        wrapped = {
            method: self._wrap(
                self._guard,
                name,
                f"{name}/{method}",
                self._service.reserved.get(method, self._service.callers),
                handler,
            )
            for method, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, wrapped),))
        self._server.add_registered_method_handlers(name, wrapped)


def _add_reflection(server: Any, tokens: Tokens, servicer: object, wrap: Callable[..., Any]) -> None:
    # Slots of its own: people who look around cannot take those of the shop.
    guard = Guard(tokens, StreamSlots(MAX_REFLECTION_STREAMS))
    service = Service(reflection_pb2_grpc.add_ServerReflectionServicer_to_server, servicer, _REFLECTION, None)
    service.add_to_server(service.servicer, _Guarded(server, guard, service, wrap))


def _bind(server: Any, address: str) -> int:
    parse_address(address)
    try:
        port: int = server.add_insecure_port(address)
    except RuntimeError as error:
        raise ListenError(address) from error
    if port == 0:
        raise ListenError(address)
    return port


def _options(max_request_bytes: int) -> list[tuple[str, Any]]:
    return [
        # Without this, two processes share a port silently.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", max_request_bytes),
        # Our own channels ping every few seconds (mesh.channel).
        ("grpc.http2.min_ping_interval_without_data_ms", 1000),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
