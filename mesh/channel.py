"""Channels to our services: made lazily, with the caller's token on each call.

Rules: only UNAVAILABLE is retried by the channel, and only for methods declared idempotent; a peer that died without a
word is noticed by keepalive within KEEPALIVE_SECONDS + KEEPALIVE_TIMEOUT_SECONDS; a peer that comes back is found
again within RECONNECT_SECONDS. A channel is made after any fork, never before.

Elsewhere: deadlines are given with each call (mesh.deadline), errors are read with mesh.errors.read_error.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc
import grpc.aio

from mesh.identity import ACTING_ROLE, ACTING_USER, AUTHORIZATION, STAFF

KEEPALIVE_SECONDS = 5
KEEPALIVE_TIMEOUT_SECONDS = 3
RECONNECT_SECONDS = 1
MAX_RESPONSE_BYTES = 4 << 20
RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def acting_for(user_id: int) -> tuple[tuple[str, str], ...]:
    """The metadata of a call that acts for this user."""
    return ((ACTING_USER, str(user_id)),)


def acting_for_staff(user_id: int) -> tuple[tuple[str, str], ...]:
    """The metadata of a call that acts for this user, whom the caller knows to be staff of the shop."""
    return (*acting_for(user_id), (ACTING_ROLE, STAFF))


def open_channel(address: str, token: str, *, idempotent: Sequence[str] = ()) -> grpc.Channel:
    """A lazy channel for threads. `idempotent`: methods that may be retried, as "package.Service/Method"."""
    channel = grpc.insecure_channel(address, options=_options(idempotent))
    return grpc.intercept_channel(channel, _Token(token))


def open_aio_channel(address: str, token: str, *, idempotent: Sequence[str] = ()) -> grpc.aio.Channel:
    """A lazy channel for the running event loop; otherwise as `open_channel`."""
    return grpc.aio.insecure_channel(
        address, options=_options(idempotent), interceptors=[_UnaryToken(token), _StreamToken(token)]
    )


def service_config(idempotent: Sequence[str]) -> str:
    """The gRPC service config, as JSON, that retries UNAVAILABLE for these methods and nothing else."""
    methods: dict[str, list[str]] = defaultdict(list)
    for full_name in idempotent:
        service, slash, method = full_name.removeprefix("/").rpartition("/")
        if not (slash and service and method):
            raise ValueError(f"{full_name!r} is not package.Service/Method")
        methods[service].append(method)
    names = [{"service": service, "method": method} for service in methods for method in methods[service]]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": RETRY}] if names else []})


def _options(idempotent: Sequence[str]) -> list[tuple[str, Any]]:
    return [
        ("grpc.service_config", service_config(idempotent)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_SECONDS * 1000),
        ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
        # Services are reached as they are named; a proxy of the environment is for other traffic.
        ("grpc.enable_http_proxy", 0),
        # Each channel has its own connection: a test that restarts a server cannot be answered by another's.
        ("grpc.use_local_subchannel_pool", 1),
    ]


class _CallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _CallDetailsWithToken(_CallDetails, grpc.ClientCallDetails):
    pass


class _Token(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds the token to each call of a threaded channel."""

    def __init__(self, token: str) -> None:
        self._pair = (AUTHORIZATION, f"Bearer {token}")

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        return continuation(self._add(client_call_details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        return continuation(self._add(client_call_details), request)

    def _add(self, details: Any) -> grpc.ClientCallDetails:
        metadata = (*(details.metadata or ()), self._pair)
        return _CallDetailsWithToken(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None),
        )


class _AioToken:
    def __init__(self, token: str) -> None:
        self._pair = (AUTHORIZATION, f"Bearer {token}")

    def _add(self, details: Any) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._pair)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _UnaryToken(_AioToken, grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the token to each unary call of an asyncio channel."""

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(self._add(client_call_details), request)


class _StreamToken(_AioToken, grpc.aio.UnaryStreamClientInterceptor):
    """Adds the token to each streaming call of an asyncio channel."""

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(self._add(client_call_details), request)
