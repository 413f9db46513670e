"""orders_svc as a process: the real use cases, dispatchers and servicers; its threads are events.

Rules: what `orders_svc.bootstrap` builds is built here from the same parts with a virtual clock and seeded chance; a
worker's step, a call and a group of orders are tasks, which may wait for a bridge while others run. A poll that would
find nothing, by a question of our own to the database, is left out; wake-ups never are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from greenlet import getcurrent
from sqlalchemy.exc import OperationalError

from mesh.errors import Refusal, RpcFailure, Unavailable
from mesh.identity import Caller
from orders_svc.bootstrap import BRIDGE_DEADLINE_SECONDS, OUTAGES
from orders_svc.events import Broadcaster
from orders_svc.groups import GROUP_LIMIT
from orders_svc.outbox.dispatch import LOOK_SECONDS, Dispatcher
from orders_svc.rpc.fulfilment import FulfilmentServicer
from orders_svc.rpc.inventory import InventoryServicer
from orders_svc.rpc.operations import OperationsServicer
from orders_svc.rpc.orders import OrdersServicer
from orders_svc.service.accounts import Accounts
from orders_svc.service.app import App
from orders_svc.service.changes import Changes
from orders_svc.service.forgetting import Forgetting
from orders_svc.service.inspecting import Inspection
from orders_svc.service.installation import install
from orders_svc.service.placing import Placed, PlaceOrder
from orders_svc.workers import pause_after
from proof.simulation.environment import Environment
from proof.simulation.faults import INTERVENTIONS, LINKS
from proof.simulation.scheduler import VirtualCondition, Waiting
from proof.simulation.violations import bug
from shop.bridge.v1 import bridge_pb2

ADDRESS = "127.0.0.1:7001"
FULFILMENT = "127.0.0.1:7002"
# Between two rounds of forgetting.
FORGET_SECONDS = 20.0
# An order for which no time could be told is late after so long.
LATE_AFTER_SECONDS = 120.0
ME = Caller("orders_svc", None)
# What shoppers ask of it there, and errands.
_OF_SHOPPERS = ("PlaceOrder", "CancelOrder", "ChangeAddress", "GetOrder")
_OF_ERRANDS = ("CheckAccount", "ListNews", "SettleNews")
# After so long a step is made in any case.
LONGEST_REST_TICKS = 12.0


class OrdersService:
    """The process. `start` begins a life of it; everything in memory is of that life."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.process = env.process("orders_svc", self.start)
        self.app: App
        self._workers: dict[str, _Worker] = {}

    def start(self) -> None:
        """Builds everything, as bootstrap does, and begins to serve."""
        self.process.begin()
        self.env.scheduler.task(self.process, "install", self._start)

    def _start(self) -> None:
        env, process = self.env, self.process
        try:
            install(env.engine, env.clock.now())
        except OperationalError:
            env.say("orders_svc", "cannot start: the database is away")
            env.scheduler.at(env.scheduler.time, None, lambda: env.kill(process, 1.0))
            return
        patience = env.setup.patience
        self.app = App(
            engine=env.engine,
            clock=env.clock,
            patience=patience,
            rng=Random(f"markers {env.seed} {process.life}"),
            announce=self._announce,
            create_world=False,
            lease_seconds=env.setup.lease_seconds,
            late_after_seconds=LATE_AFTER_SECONDS,
            accounts=Accounts(VirtualCondition(env.scheduler, process)),
        )
        db, look = env.db, env.setup.look_seconds
        for link in LINKS:
            sender = Dispatcher(link, env.engine, env.clock, _BridgeClient(self, link), self._fail_commands)
            finds = partial(db.sendable, link)
            self._workers[link] = _Worker(self, f"dispatch-{link}", sender.step, look, finds, sender.rest)
        self._workers["serve"] = _Worker(self, "serve-waiting", self.app.serve_waiting, look, db.servable)
        forgetting = Forgetting(env.engine, env.clock, env.setup.keep_seconds)
        self._workers["forget"] = _Worker(self, "forget", forgetting.step, FORGET_SECONDS, lambda: 0.0)
        self._workers["overdue"] = _Worker(self, "ask-overdue", self.app.ask_overdue, look, db.overdue)
        if env.setup.errands:
            self._workers["late"] = _Worker(self, "find-late", self.app.find_late, look, db.maybe_late)
        group = _Group(self)
        orders = OrdersServicer(self.app, group.submit, Broadcaster())
        inventory = InventoryServicer(self.app)
        fulfilment = FulfilmentServicer(self.app, self.app.report)
        operations = OperationsServicer(self.app, Inspection(self.app, lambda _address: None))
        asked = {
            orders: (*_OF_SHOPPERS, *_OF_ERRANDS),
            inventory: ("Restock", "SetReorderPoint"),
            operations: ("ListAttention", *INTERVENTIONS),
        }
        public = {name: getattr(servicer, name) for servicer, names in asked.items() for name in names}
        env.calls.serve(ADDRESS, process, public, OUTAGES)
        methods = ("AttachLink", "RenewLink", "AdvanceWorld", "Report")
        env.calls.serve(FULFILMENT, process, {name: getattr(fulfilment, name) for name in methods}, OUTAGES)
        for worker in self._workers.values():
            worker.wake()

    def _fail_commands(self, link: str, link_epoch: int, reasons: Mapping[int, str]) -> None:
        task: Any = getcurrent()
        dispatching, task.label = task.label, "fail-commands"
        try:
            self.app.fail_commands(link, link_epoch, reasons)
        finally:
            task.label = dispatching

    def _announce(self, changes: Changes) -> None:
        for link in sorted(changes.links):
            self._workers[link].wake()
        if changes.stock_arrived:
            self._workers["serve"].wake()


class _BridgeClient:
    """BridgeClient of bootstrap, over simulated calls."""

    def __init__(self, service: OrdersService, link: str) -> None:
        self._service = service
        self._link = link

    def send(self, address: str, request: bridge_pb2.SendCommandsRequest) -> bridge_pb2.SendCommandsResponse:
        """What became of the commands."""
        env, process = self._service.env, self._service.process
        env.injector.point(process, f"before SendCommands to {self._link}")
        answer = env.calls.ask(process, ME, address, "SendCommands", request, BRIDGE_DEADLINE_SECONDS)
        env.injector.point(process, f"after SendCommands to {self._link}")
        return bridge_pb2.SendCommandsResponse() if isinstance(answer, RpcFailure) else answer


class _Worker:
    """orders_svc.workers.Worker without its thread: the same loop as events."""

    def __init__(
        self,
        service: OrdersService,
        name: str,
        step: Callable[[], bool],
        interval: float,
        finds: Callable[[], float | None],
        rest: Callable[[], float] | None = None,
    ) -> None:
        self._service = service
        self._name = name
        self._step = step
        self._interval = interval
        self._finds = finds
        self._rest = rest
        # What `finds` said, and of which state of the database.
        self._found: float | None = None
        self._looked_at = -1
        self._woken = False
        self._running = False
        self._failures = 0
        self._serial = 0
        self._rest_until = 0.0

    def wake(self) -> None:
        """There is something to do."""
        self._woken = True
        if not self._running:
            self._schedule(0.0002)

    def _schedule(self, delay: float) -> None:
        self._serial += 1
        serial = self._serial
        self._service.env.scheduler.after(delay, self._service.process, lambda: self._fire(serial))

    def _fire(self, serial: int) -> None:
        if serial != self._serial or self._running:
            return
        env = self._service.env
        if not self._woken and env.scheduler.time < self._rest_until and not self._would_find():
            self._schedule(self._interval)
            return
        self._running = True
        env.scheduler.task(self._service.process, self._name, self._run)

    def _would_find(self) -> bool:
        env = self._service.env
        written = env.db.written
        if written != self._looked_at:
            self._looked_at, self._found = written, self._finds()
        return self._found is not None and self._found <= env.clock.now()

    def _run(self) -> None:
        env = self._service.env
        self._woken = False
        try:
            more = self._step()
            self._failures = 0
        except OperationalError:
            self._failures += 1
            more = False
        except Exception as error:  # noqa: BLE001 - the edge of a background thread, as in orders_svc.workers
            bug(f"worker {self._name}", error)
        self._running = False
        if more or self._woken:
            self._schedule(0.0002)
            return
        self._rest_until = env.scheduler.time + LONGEST_REST_TICKS * env.setup.patience.tick
        told = self._rest() if self._rest is not None and not self._failures else LOOK_SECONDS
        self._schedule(told if told < LOOK_SECONDS else pause_after(self._failures, self._interval))


@dataclass(slots=True, eq=False)
class _Queued:
    """A call that waits for the commit of its group."""

    value: PlaceOrder
    waiting: Waiting
    given_up: bool = False


@dataclass(slots=True)
class _Group:
    """orders_svc.groups.GroupCommit without its thread: what nobody waits for any more is never begun."""

    service: OrdersService
    queue: list[_Queued] | None = None

    def submit(self, value: PlaceOrder, timeout: float) -> Placed | Refusal:
        """Waits for the group's commit; raises what the group raised. Unavailable (LATE): nobody knows yet."""
        env, process = self.service.env, self.service.process
        queued = _Queued(value, Waiting(env.scheduler, process))
        if self.queue is None:
            self.queue = []
            env.scheduler.after(
                env.setup.group_seconds, process, lambda: env.scheduler.task(process, "PlaceOrder", self._commit)
            )
        self.queue.append(queued)
        env.scheduler.after(timeout, process, lambda: self._give_up(queued))
        answer = queued.waiting.wait()
        if isinstance(answer, Exception) and not isinstance(answer, Refusal):
            raise answer
        return answer  # type: ignore[no-any-return]

    def _give_up(self, queued: _Queued) -> None:
        queued.given_up = True
        queued.waiting.give(Unavailable("LATE", "no answer in time; send the same again"))

    def _commit(self) -> None:
        group = [queued for queued in self.queue or () if not queued.given_up][:GROUP_LIMIT]
        self.queue = None
        if not group:
            return
        outputs: Sequence[object]
        try:
            outputs = self.service.app.place_orders([queued.value for queued in group])
        except Exception as error:  # noqa: BLE001 - each caller of the group raises it, as in orders_svc.groups
            outputs = [error] * len(group)
        for queued, output in zip(group, outputs, strict=True):
            queued.waiting.give(output)
