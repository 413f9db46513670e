"""What stands around every RPC method of ours: identity first, then the limit on streams, then errors to statuses.

Handlers are wrapped once, when a service is added to its server, so that a call costs no chain of interceptors. Rules:
a Refusal becomes its status with details; an exception that is named as an outage becomes the refusal given for it; a
servicer's own abort is left alone; anything else becomes INTERNAL without details and is logged with its traceback.
"""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import grpc
import grpc.aio

from mesh.deadline import Clock
from mesh.errors import DETAILS_KEY, PermissionDenied, Refusal, ResourceExhausted, pack_details
from mesh.identity import Tokens, serve_for
from mesh.logs import get_logger

# Generic for the type checker alone.
if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler

SLOW_CALL_SECONDS = 1.0

log = get_logger(__name__)


class StreamSlots:
    """Counts the open streams of a server; `take` refuses the one that is too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0
        self._lock = threading.Lock()

    def take(self) -> None:
        """ResourceExhausted (TOO_MANY_STREAMS): all slots are in use."""
        with self._lock:
            if self._open >= self._limit:
                raise ResourceExhausted(
                    "TOO_MANY_STREAMS", f"all {self._limit} streams are in use: poll instead", limit=self._limit
                )
            self._open += 1

    def give_back(self) -> None:
        """The stream has ended."""
        with self._lock:
            self._open -= 1


_refusing = threading.local()


def refuse_calls(call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Runs what serves a call, on a thread that does nothing else, so that the call is refused as one too many."""
    _refusing.only = True
    return call(*arguments, **named)


def _overloaded() -> ResourceExhausted:
    return ResourceExhausted("OVERLOADED", "too many calls at once; try again later")


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server. `outages`: an exception type and what to answer when a method raises it."""

    tokens: Tokens
    slots: StreamSlots
    outages: Mapping[type[Exception], Refusal] = field(default_factory=dict)
    clock: Clock | None = None
    # Of a server of one event loop: how many calls may be under way; a threaded one has its pool for that.
    max_calls: int | None = None
    _calls: list[None] = field(default_factory=list, init=False)
    # The methods that were met by an outage when they were called last.
    _out: set[str] = field(default_factory=set, init=False)

    def admit(self, context: Any, service: str, callers: Collection[str] | None) -> None:
        """Makes the call's sender the current caller, or refuses it. `callers` None: open to everyone."""
        if getattr(_refusing, "only", False):
            raise _overloaded()
        if callers is None:
            serve_for(None)
            return
        caller = self.tokens.identify(context.invocation_metadata())
        if caller.name not in callers:
            raise PermissionDenied("CALLER_NOT_ALLOWED", f"{caller.name} may not call {service}", caller=caller.name)
        serve_for(caller)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Around a call on an event loop. ResourceExhausted (OVERLOADED): there are too many."""
        if self.max_calls is not None and len(self._calls) >= self.max_calls:
            raise _overloaded()
        self._calls.append(None)
        try:
            yield
        finally:
            self._calls.pop()

    def refusal_for(self, error: Exception, method: str) -> Refusal | None:
        """What to answer when `method` raised `error`; None (logged): nobody expected it."""
        if isinstance(error, Refusal):
            return error
        for kind, refusal in self.outages.items():
            if isinstance(error, kind):
                level = log.debug if method in self._out else log.warning
                self._out.add(method)
                level("outage", method=method, reason=refusal.reason, error=" ".join(str(error).split())[:300])
                return refusal
        log.error("rpc_failed", method=method, exc_info=error)
        return None

    def served(self, method: str) -> None:
        """`method` gave an answer: an outage that it met is over."""
        if method in self._out:
            self._out.discard(method)
            log.info("outage_over", method=method)


def guard_method(guard: Guard, service: str, method: str, callers: Collection[str] | None, handler: Handler) -> Handler:
    """The same handler of a threaded server, with the guard's rules around it."""
    behaviour = _behaviour(handler)

    def call(request: object, context: grpc.ServicerContext) -> object:
        began = guard.clock.now() if guard.clock else 0.0
        try:
            guard.admit(context, service, callers)
            given = behaviour(request, context)
            guard.served(method)
            return given
        except Exception as error:  # noqa: BLE001 - the edge of an RPC
            _end(context, guard, method, error)
        finally:
            if guard.clock and (took := guard.clock.now() - began) > SLOW_CALL_SECONDS:
                log.warning("slow_call", method=method, seconds=round(took, 3))

    def stream(request: object, context: grpc.ServicerContext) -> Iterator[object]:
        try:
            guard.admit(context, service, callers)
            guard.slots.take()
            try:
                for message in behaviour(request, context):
                    guard.served(method)
                    yield message
            finally:
                guard.slots.give_back()
        except Exception as error:
            if isinstance(error, grpc.RpcError) and not context.is_active():
                raise  # the caller went while it had more to say, as one that reads the reflection does
            _end(context, guard, method, error)

    return _rebuild(handler, stream if handler.response_streaming else call)


def guard_aio_method(
    guard: Guard, service: str, method: str, callers: Collection[str] | None, handler: Handler
) -> Handler:
    """The same handler of an asyncio server, with the guard's rules around it."""
    behaviour = _behaviour(handler)

    async def call(request: object, context: Any) -> object:
        try:
            with guard.room():
                guard.admit(context, service, callers)
                answer: Awaitable[object] = behaviour(request, context)
                given = await answer
            guard.served(method)
            return given
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of an RPC
            return await _end_aio(context, guard, method, error)

    async def stream(request: object, context: Any) -> AsyncIterator[object]:
        try:
            guard.admit(context, service, callers)
            guard.slots.take()
            try:
                async for message in behaviour(request, context):
                    guard.served(method)
                    yield message
            finally:
                guard.slots.give_back()
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of an RPC
            await _end_aio(context, guard, method, error)

    return _rebuild(handler, stream if handler.response_streaming else call)


def _end(context: Any, guard: Guard, method: str, error: Exception) -> NoReturn:
    if context.code() is not None:
        raise error  # the servicer aborted the call itself
    refusal = guard.refusal_for(error, method)
    if refusal is None:
        context.abort(grpc.StatusCode.INTERNAL, "internal error")
    else:
        context.set_trailing_metadata(((DETAILS_KEY, pack_details(refusal)),))
        context.abort(refusal.code, refusal.message)
    raise AssertionError("abort always raises")


async def _end_aio(context: Any, guard: Guard, method: str, error: Exception) -> NoReturn:
    refusal = guard.refusal_for(error, method)
    if refusal is None:
        await context.abort(grpc.StatusCode.INTERNAL, "internal error")
    else:
        details = ((DETAILS_KEY, pack_details(refusal)),)
        await context.abort(refusal.code, refusal.message, trailing_metadata=details)
    raise AssertionError("abort always raises")


def _behaviour(handler: Handler) -> Callable[[Any, Any], Any]:
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    assert behaviour is not None, "a handler has one behaviour"
    return behaviour


def _rebuild(handler: Handler, behaviour: Callable[[Any, Any], Any]) -> Handler:
    arity = (
        f"{'stream' if handler.request_streaming else 'unary'}_{'stream' if handler.response_streaming else 'unary'}"
    )
    build: Callable[..., Handler] = getattr(grpc, f"{arity}_rpc_method_handler")
    return build(behaviour, handler.request_deserializer, handler.response_serializer)
