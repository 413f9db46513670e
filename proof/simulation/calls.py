"""Calls between our services: gRPC's promises without gRPC.

A call is executed at most once, unless the channel's own retry (or the fault that plays it) executes it again, which
nobody does who has heard a refusal; the caller may hear nothing, or hear of a deadline while the call is executed
later. A service that is down or unknown is UNAVAILABLE. Requests and answers are copied, as on a wire. Rules: what a
method raises becomes what mesh.guard makes of it; what that would call INTERNAL is a bug of ours and is reported so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from mesh.errors import Refusal, RpcFailure
from mesh.identity import Caller, serve_for
from proof.simulation import wording
from proof.simulation.injection import CallFate, Injector
from proof.simulation.scheduler import SECOND, Process, Scheduler, Waiting
from proof.simulation.trace import Trace

Handler = Callable[[Any, Any], Any]
Answered = Callable[[Any], None]


class Watcher(Protocol):
    """Somebody who looks at each call before and after it is executed."""

    def before_call(self, method: str, request: Any) -> Any:
        """What is to be remembered until the call was executed."""
        ...

    def after_call(self, noted: Any, method: str, request: Any, answer: Any) -> None:
        """The call was executed."""
        ...


class Context:
    """What a servicer asks of gRPC's context."""

    def __init__(self, scheduler: Scheduler, deadline: float) -> None:
        self._scheduler = scheduler
        self._deadline = deadline

    def time_remaining(self) -> float:
        """Seconds until the caller gives up."""
        return max(0.0, self._deadline - self._scheduler.time)

    def is_active(self) -> bool:
        """Whether the caller still waits."""
        return self.time_remaining() > 0


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves methods by name. `outages`: exceptions with an answer of their own."""

    process: Process
    life: int
    methods: Mapping[str, Handler]
    outages: Mapping[type[Exception], Refusal]


@dataclass(slots=True)
class _Call:
    caller: Process
    who: Caller
    server: str
    method: str
    request: Message
    deadline: float
    answered: Answered | None
    route: str
    # The caller has heard a no that will not change by asking again.
    refused: bool = False


# What says nothing of what the call has done or will do.
UNSURE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
)


class Calls:
    """All servers, by address, and the calls on their way."""

    def __init__(
        self,
        scheduler: Scheduler,
        injector: Injector,
        rng: Random,
        trace: Trace,
        beginning: float,
        bug: Callable[[str, Exception], None],
    ) -> None:
        self._scheduler = scheduler
        self._injector = injector
        self._rng = rng
        self._trace = trace
        self._beginning = beginning
        self._bug = bug
        self._servers: dict[str, Server] = {}
        self._under_way: dict[int, tuple[_Call, Process]] = {}
        self._serial = 0
        self.watcher: Watcher | None = None

    def serve(self, address: str, process: Process, methods: Mapping[str, Handler], outages: Any = None) -> None:
        """From now on, and as long as this life of `process` lasts, calls to `address` reach it."""
        self._servers[address] = Server(process, process.life, methods, outages or {})

    def ask(self, caller: Process, who: Caller, address: str, method: str, request: Message, seconds: float) -> Any:
        """The same as `call`, for a task that waits: the answer, or an RpcFailure."""
        waiting = Waiting(self._scheduler, caller)
        self.call(caller, who, address, method, request, seconds, waiting.give)
        return waiting.wait()

    def call(
        self,
        caller: Process,
        who: Caller,
        address: str,
        method: str,
        request: Message,
        seconds: float,
        answered: Answered,
    ) -> None:
        """Calls a method; `answered` gets the response or an RpcFailure, in the caller's life."""
        scheduler = self._scheduler
        server = self._servers.get(address)
        callee = server.process.name if server else address
        route = f"{caller.name.removesuffix(SECOND)}>{callee.removesuffix(SECOND)}"
        copy = type(request).FromString(request.SerializeToString())
        call = _Call(caller, who, address, method, copy, scheduler.time + seconds, answered, route)
        if self._trace.on:
            words = f"{method} {wording.short(request)}"
            self._trace.message(scheduler.time - self._beginning, caller.name, callee, words)
        fate = self._injector.call(route) or _NOTHING
        scheduler.at(call.deadline, caller, lambda: self._expire(call))
        if not fate.request_lost:
            scheduler.after(self._latency() + fate.request_delay, None, lambda: self._reach(call, fate))
        if fate.again_after is not None:
            scheduler.after(self._latency() + fate.again_after, None, lambda: self._reach_again(call))

    def _reach_again(self, call: _Call) -> None:
        if not call.refused:
            self._reach(call, CallFate(answer_lost=True))

    def _reach(self, call: _Call, fate: CallFate) -> None:
        server = self._servers.get(call.server)
        if server is None or not server.process.alive or server.life != server.process.life:
            unavailable = RpcFailure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "connection refused")
            self._answer(call, unavailable, self._latency())
            return
        process = server.process
        self._serial += 1
        serial = self._serial
        self._under_way[serial] = (call, process)
        self._scheduler.at(
            self._scheduler.time,
            process,
            lambda: self._scheduler.task(process, call.method, lambda: self._execute(server, call, fate, serial)),
        )

    def died(self, process: Process) -> None:
        """Whoever waits for an answer of `process` is told that there is none."""
        for serial, (call, callee) in list(self._under_way.items()):
            if callee is process:
                del self._under_way[serial]
                gone = RpcFailure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "connection reset")
                self._answer(call, gone, self._latency())

    def _execute(self, server: Server, call: _Call, fate: CallFate, serial: int) -> None:
        serve_for(call.who)
        noted = self.watcher.before_call(call.method, call.request) if self.watcher else None
        answer: Any
        try:
            answer = server.methods[call.method](call.request, Context(self._scheduler, call.deadline))
        except Refusal as refusal:
            answer = _failure(refusal)
        except Exception as error:  # noqa: BLE001 - the edge of an RPC, as in mesh.guard
            outage = next((said for kind, said in server.outages.items() if isinstance(error, kind)), None)
            if outage is None:
                self._bug(f"{server.process.name} {call.method}", error)
                answer = RpcFailure(grpc.StatusCode.INTERNAL, "INTERNAL", "internal error")
            else:
                answer = _failure(outage)
        self._under_way.pop(serial, None)
        if self.watcher:
            self.watcher.after_call(noted, call.method, call.request, answer)
        if not fate.answer_lost:
            self._answer(call, answer, self._latency() + fate.answer_delay)

    def _answer(self, call: _Call, answer: Any, delay: float) -> None:
        self._scheduler.after(delay, call.caller, lambda: self._finish(call, answer))

    def _expire(self, call: _Call) -> None:
        if call.answered is not None:
            self._finish(call, RpcFailure(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "deadline exceeded"))

    def _finish(self, call: _Call, answer: Any) -> None:
        answered, call.answered = call.answered, None
        if answered is None:
            return
        call.refused = isinstance(answer, RpcFailure) and answer.code not in UNSURE
        if self._trace.on:
            words = f"{answer.code.name} {answer.reason}" if isinstance(answer, RpcFailure) else wording.short(answer)
            callee = call.route.partition(">")[2]
            self._trace.message(
                self._scheduler.time - self._beginning, callee, call.caller.name, f"{call.method}: {words}"
            )
        answered(answer)

    def _latency(self) -> float:
        return self._rng.uniform(0.0005, 0.005)


_NOTHING = CallFate()


def _failure(refusal: Refusal) -> RpcFailure:
    return RpcFailure(refusal.code, refusal.reason, refusal.message, refusal.metadata, refusal.violations)
