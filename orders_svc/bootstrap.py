"""The composition root of the orders service: everything is built here, and only here."""

import random
from dataclasses import dataclass
from functools import partial

import grpc
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.clock import Clock, SystemClock
from db.engine import make_engine
from db.migrate import upgrade
from mesh.channel import open_channel
from mesh.errors import Aborted, Refusal, Unavailable, read_error
from mesh.identity import Tokens, ensure_tokens_file
from mesh.logs import get_logger
from mesh.metrics import MetricsPage, new_registry
from mesh.server import Server, Service, build_server
from orders_svc.config import Settings
from orders_svc.domain.patience import Patience
from orders_svc.events import Broadcaster
from orders_svc.groups import GroupCommit
from orders_svc.metrics import Metrics
from orders_svc.outbox.dispatch import LOOK_SECONDS, Dispatcher
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.rpc.fulfilment import FulfilmentServicer
from orders_svc.rpc.inventory import InventoryServicer
from orders_svc.rpc.operations import OperationsServicer
from orders_svc.rpc.orders import OrdersServicer
from orders_svc.rpc.sales import SalesServicer
from orders_svc.service.accounts import Accounts
from orders_svc.service.app import App
from orders_svc.service.changes import Changes
from orders_svc.service.forgetting import Forgetting
from orders_svc.service.inspecting import Inspection
from orders_svc.service.installation import install
from orders_svc.service.placing import Placed, PlaceOrder
from orders_svc.service.transactions import LostRace
from orders_svc.service.trucks import Trucks
from orders_svc.workers import Worker
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc
from shop.fulfilment.v1 import fulfilment_pb2_grpc
from shop.inventory.v1 import inventory_pb2_grpc
from shop.operations.v1 import operations_pb2_grpc
from shop.orders.v1 import orders_pb2_grpc
from shop.sales.v1 import sales_pb2_grpc

log = get_logger(__name__)

AWAY = Unavailable("DATABASE_AWAY", "the database is away; send the same again")
CONTENDED = Aborted("CONTENDED", "others were faster too often; send the same again")
OUTAGES: dict[type[Exception], Refusal] = {
    OperationalError: AWAY,
    InterfaceError: AWAY,
    PoolTimeoutError: AWAY,
    LostRace: CONTENDED,
}
BRIDGE_DEADLINE_SECONDS = 2.0
STATUS_DEADLINE_SECONDS = 1.0
# Of a bridge that is there: its peer is not, or another instance owns the link.
EXPECTED_REFUSALS = ("LINK_NOT_OPEN", "STALE_EPOCH")
SHOPS = ("storefront", "cli")
BRIDGES = ("world_bridge", "ups_bridge")
DAY_SECONDS = 86_400.0
# Between two rounds of forgetting.
FORGET_SECONDS = 3600.0
# The threads that use the database beside the RPCs: one for each worker, and the group commit.
BACKGROUND = (WORLD, UPS, "serve", "overdue", "late", "forget")


class BridgeClient:
    """Calls the bridge at whatever address the link's owner gave; one channel, to the last address."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._address = ""
        self._channel: grpc.Channel | None = None
        # Why the bridge last took nothing: said once, until it takes something again.
        self._trouble = ""

    def send(self, address: str, request: bridge_pb2.SendCommandsRequest) -> bridge_pb2.SendCommandsResponse:
        """How many commands, from the front, the bridge took, and which it never can; 0 if it takes none now."""
        try:
            stub = bridge_pb2_grpc.BridgeServiceStub(self._to(address))
            answer: bridge_pb2.SendCommandsResponse = stub.SendCommands(request, timeout=BRIDGE_DEADLINE_SECONDS)
        except grpc.RpcError as error:
            failure = read_error(error)
            is_news = failure.reason not in (*EXPECTED_REFUSALS, self._trouble)
            level = log.warning if is_news else log.debug
            level("bridge_did_not_take", address=address, reason=failure.reason, message=failure.message)
            if failure.reason not in EXPECTED_REFUSALS:
                self._trouble = failure.reason
            return bridge_pb2.SendCommandsResponse()
        for one in answer.refused:
            log.error("bridge_cannot_send", address=address, command_id=one.command_id, reason=one.reason)
        if self._trouble:
            log.info("bridge_takes_again", address=address)
            self._trouble = ""
        return answer

    def close(self) -> None:
        """Closes the channel."""
        if self._channel is not None:
            self._channel.close()

    def _to(self, address: str) -> grpc.Channel:
        if self._channel is None or address != self._address:
            self.close()
            self._channel, self._address = open_channel(address, self._token), address
        return self._channel


def _ask_bridge(token: str, address: str) -> bridge_pb2.GetLinkStatusResponse | None:
    """What the bridge there says of itself, for people; None: it does not answer."""
    with open_channel(address, token) as channel:
        try:
            return bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(
                bridge_pb2.GetLinkStatusRequest(), timeout=STATUS_DEADLINE_SECONDS
            )
        except grpc.RpcError:
            return None


@dataclass(slots=True)
class OrdersService:
    """The running parts, started and stopped in the right order."""

    engines: list[Engine]
    app: App
    broadcaster: Broadcaster
    placing: GroupCommit[PlaceOrder, Placed | Refusal]
    workers: dict[str, Worker]
    bridges: list[BridgeClient]
    public: Server
    fulfilment: Server
    metrics: MetricsPage

    def start(self) -> None:
        """Begins to serve."""
        self.placing.start()
        for worker in self.workers.values():
            worker.start()
        self.fulfilment.start()
        self.public.start()
        self.metrics.start()
        log.info("serving", orders_port=self.public.port, fulfilment_port=self.fulfilment.port)

    def stop(self) -> None:
        """Ends streams, finishes calls under way, stops the workers, closes the database."""
        self.broadcaster.close()
        self.public.stop(1.0)
        self.fulfilment.stop(1.0)
        for worker in self.workers.values():
            worker.end()
        for worker in self.workers.values():
            worker.stop()
        self.placing.stop()
        for bridge in self.bridges:
            bridge.close()
        self.metrics.stop()
        for engine in self.engines:
            engine.dispose()
        log.info("stopped")


def bootstrap(settings: Settings, clock: Clock | None = None) -> OrdersService:
    """Migrates and installs the database, binds the ports; nothing runs until `start`.

    Raises DatabaseNotUsable, TokensError, ListenError.
    """
    clock = clock or SystemClock()
    ensure_tokens_file(settings.tokens_path)
    tokens = Tokens.load(settings.tokens_path)
    # Pools of their own: shoppers who use up theirs hold up no report, no dispatch and no commit.
    shoppers = make_engine(settings.database_url, clock, pool_size=settings.public_workers // 2)
    engine = make_engine(settings.database_url, clock, pool_size=settings.fulfilment_workers + len(BACKGROUND) + 1)
    upgrade(engine, wait_seconds=settings.database_wait, own_folder=settings.data_dir, clock=clock)
    if install(engine, clock.now()):
        log.info("installed")
    broadcaster = Broadcaster()
    workers: dict[str, Worker] = {}

    registry = new_registry()
    metrics = Metrics(registry)

    def announce(changes: Changes) -> None:
        metrics.changed(changes)
        broadcaster.publish(changes.orders)
        for link in changes.links:
            workers[link].wake()
        if changes.stock_arrived:
            workers["serve"].wake()

    accounts, trucks = Accounts(), Trucks()

    def use_cases(engine: Engine) -> App:
        return App(
            engine=engine,
            clock=clock,
            patience=Patience(tick=settings.world_tick),
            rng=random.SystemRandom(),
            announce=announce,
            create_world=settings.create_world,
            lease_seconds=settings.lease_seconds,
            late_after_seconds=settings.late_after_hours * 3600,
            accounts=accounts,
            trucks=trucks,
        )

    app, public_app = use_cases(engine), use_cases(shoppers)
    inspection = Inspection(public_app, partial(_ask_bridge, tokens.token_of("orders_svc")))
    metrics.watch(inspection.queues, tuple(OUTAGES))
    bridges = [BridgeClient(tokens.token_of("orders_svc")) for _ in (WORLD, UPS)]
    for link, bridge in zip((WORLD, UPS), bridges, strict=True):
        sender = Dispatcher(link, engine, clock, bridge, app.fail_commands)
        workers[link] = Worker(f"dispatch-{link}", sender.step, LOOK_SECONDS, tuple(OUTAGES), sender.rest)
    workers["serve"] = Worker("serve-waiting", app.serve_waiting, LOOK_SECONDS, tuple(OUTAGES))
    # Who was silent for a dozen ticks may be silent for two more.
    look = min(LOOK_SECONDS, 2 * settings.world_tick)
    workers["overdue"] = Worker("ask-overdue", app.ask_overdue, look, tuple(OUTAGES))
    workers["late"] = Worker("find-late", app.find_late, LOOK_SECONDS, tuple(OUTAGES))
    forgetting = Forgetting(engine, clock, settings.retention_days * DAY_SECONDS)
    workers["forget"] = Worker("forget", forgetting.step, FORGET_SECONDS, tuple(OUTAGES))
    placing: GroupCommit[PlaceOrder, Placed | Refusal] = GroupCommit("place-orders", metrics.placing(app.place_orders))
    public = build_server(
        settings.orders_listen,
        [
            Service(
                orders_pb2_grpc.add_OrdersServiceServicer_to_server,
                OrdersServicer(public_app, placing.submit, broadcaster),
                "shop.orders.v1.OrdersService",
                SHOPS,
            ),
            Service(
                inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
                InventoryServicer(public_app),
                "shop.inventory.v1.InventoryService",
                SHOPS,
            ),
            Service(
                operations_pb2_grpc.add_OperationsServiceServicer_to_server,
                OperationsServicer(public_app, inspection),
                "shop.operations.v1.OperationsService",
                SHOPS,
            ),
            Service(
                sales_pb2_grpc.add_SalesServiceServicer_to_server,
                SalesServicer(public_app),
                "shop.sales.v1.SalesService",
                SHOPS,
            ),
        ],
        tokens,
        workers=settings.public_workers,
        max_streams=settings.public_workers // 4,
        outages=OUTAGES,
        clock=clock,
    )
    fulfilment = build_server(
        settings.fulfilment_listen,
        [
            Service(
                fulfilment_pb2_grpc.add_FulfilmentServiceServicer_to_server,
                FulfilmentServicer(app, metrics.reporting(app.report)),
                "shop.fulfilment.v1.FulfilmentService",
                BRIDGES,
            )
        ],
        tokens,
        workers=settings.fulfilment_workers,
        max_streams=1,
        outages=OUTAGES,
        clock=clock,
    )
    page = MetricsPage(registry, settings.metrics_port)
    return OrdersService([engine, shoppers], app, broadcaster, placing, workers, bridges, public, fulfilment, page)
