"""Runs a bridge's pure core: makes its calls, wakes it when its timer fires, serves BridgeService for it.

Rules: everything happens on one event loop; after each input the core's actions are carried out in the order given;
every RPC has a deadline; a core that raises anything but a Refusal is broken, and ends the process through `failed`.
Sockets are deliberately elsewhere: actions that are no calls go to the bridge's own `perform`.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import grpc
import grpc.aio

from mesh.attachment import Call
from mesh.deadline import Clock
from mesh.errors import Refusal, read_error
from mesh.logs import get_logger
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc
from shop.fulfilment.v1 import fulfilment_pb2_grpc

_TOLD = 100

log = get_logger(__name__)


class Core(Protocol):
    """What the two bridges' cores have in common."""

    @property
    def next_timer(self) -> float | None:
        """When `timer` is to be called; None: not before something else happens."""
        ...

    def timer(self, now: float) -> None:
        """Time has passed."""
        ...

    def actions(self) -> Iterable[object]:
        """What is to be done, oldest first; given once."""
        ...

    def answered(self, call: Call, answer: Any, now: float) -> None:
        """The answer to a Call: the response or an RpcFailure."""
        ...

    def send_commands(self, request: bridge_pb2.SendCommandsRequest, now: float) -> bridge_pb2.SendCommandsResponse:
        """What became of the commands. Raises Refusal."""
        ...

    def state(self, now: float) -> str:
        """What the link is doing, in words."""
        ...


class Runner:
    """One core on the running event loop."""

    def __init__(
        self,
        core: Core,
        clock: Clock,
        channel: grpc.aio.Channel,
        perform: Callable[[Any], None],
        rpc_seconds: float = 5.0,
    ) -> None:
        self.clock = clock
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._core = core
        self._stub: Any = fulfilment_pb2_grpc.FulfilmentServiceStub(channel)
        self._perform = perform
        self._rpc_seconds = rpc_seconds
        self._state = ""
        self._told: set[str] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def feed(self, take: Callable[..., Any], *inputs: Any) -> Any:
        """Calls a method of the core with `inputs` and the time, carries out what follows, gives its result."""
        if self._stopped:
            return None
        try:
            return take(*inputs, self.clock.now())
        except Refusal:
            raise
        except Exception as error:
            self._fail(error)
            raise
        finally:
            self._carry_out()

    def _carry_out(self) -> None:
        for action in self._core.actions():
            if isinstance(action, Call):
                task = asyncio.get_running_loop().create_task(self._call(action))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            else:
                self._perform(action)
        state = self._core.state(self.clock.now())
        if state != self._state:
            self._state = state
            self._tell(state)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._core.next_timer
        if at is not None and not self._stopped:
            # A little late rather than early: an early timer finds nothing due and comes again.
            delay = max(0.0, at - self.clock.now()) + 0.0005
            self._timer = asyncio.get_running_loop().call_later(delay, self._fire)

    def _tell(self, state: str) -> None:
        """Logs a state where a person sees it, but each only once until the link is open again."""
        if state in self._told:
            log.debug("link_state", state=state)
            return
        log.info("link_state", state=state)
        if state == "open" or len(self._told) >= _TOLD:
            self._told.clear()
        self._told.add(state)

    def _fire(self) -> None:
        self._timer = None
        self.feed(self._core.timer)

    async def _call(self, call: Call) -> None:
        answer: Any
        try:
            method = getattr(self._stub, call.kind.value)
            answer = await method(call.request, timeout=self._rpc_seconds)
        except grpc.RpcError as error:
            answer = read_error(error)
        except asyncio.CancelledError:
            return
        self.feed(self._core.answered, call, answer)

    def _fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def stop(self) -> None:
        """Takes no more inputs and ends the calls under way."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self.failed.done():
            self.failed.exception()
        else:
            self.failed.cancel()


class BridgeServicer(bridge_pb2_grpc.BridgeServiceServicer):
    """BridgeService over a core: translates, nothing else.

    It is made before the core, which has to know the port that it is served on; `connect` it before serving.
    """

    _runner: Runner
    _core: Core
    _status: Callable[[float], bridge_pb2.GetLinkStatusResponse]

    def connect(self, runner: Runner, core: Core, status: Callable[[float], bridge_pb2.GetLinkStatusResponse]) -> None:
        """Says whose service this is; `status` gives what the link is doing at a time."""
        self._runner, self._core, self._status = runner, core, status

    async def SendCommands(
        self,
        request: bridge_pb2.SendCommandsRequest,
        context: object,  # noqa: ARG002 - the interface is gRPC's
    ) -> bridge_pb2.SendCommandsResponse:
        """See bridge.proto."""
        answer = self._runner.feed(self._core.send_commands, request)
        return answer or bridge_pb2.SendCommandsResponse()

    async def GetLinkStatus(
        self,
        request: bridge_pb2.GetLinkStatusRequest,  # noqa: ARG002 - the interface is gRPC's
        context: object,  # noqa: ARG002 - the interface is gRPC's
    ) -> bridge_pb2.GetLinkStatusResponse:
        """See bridge.proto."""
        return self._status(self._runner.clock.now())
