"""Puts the world bridge together: the core, the sockets to the world, the channel to orders_svc, BridgeService.

The one place where parts meet; everything that a test swaps is an argument. No rule of the link is here.
"""

import asyncio
from random import Random

import grpc.aio

from mesh.attachment import Identity
from mesh.clock import SteadyClock
from mesh.deadline import Clock
from mesh.identity import Tokens
from mesh.link_metrics import LinkCollector, from_loop
from mesh.logs import get_logger
from mesh.metrics import MetricsPage, new_registry
from mesh.runner import BridgeServicer, Runner
from mesh.server import Service, build_aio_server
from mesh.settings import called_at, parse_address
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc
from wire.link import Limits
from wire.switchboard import Action, Close, Switchboard
from world_bridge.config import Settings
from world_bridge.core import LINK, WorldCore
from world_bridge.rules import Rules

BRIDGE = "shop.bridge.v1.BridgeService"
CALLERS = frozenset({"orders_svc", "cli"})
# The command line looks, and commands nothing.
RESERVED = {"SendCommands": frozenset({"orders_svc"})}
STOP_GRACE = 0.2

log = get_logger(__name__)


class WorldBridge:
    """The bridge on the running event loop. `channel` leads to FulfilmentService. Raises ListenError."""

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        channel: grpc.aio.Channel,
        *,
        boot_nonce: str,
        rng: Random,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SteadyClock()
        servicer = BridgeServicer()
        service = Service(bridge_pb2_grpc.add_BridgeServiceServicer_to_server, servicer, BRIDGE, CALLERS, RESERVED)
        self.server = build_aio_server(settings.bridge_listen, [service], tokens)
        at = called_at(settings.bridge_advertise, settings.bridge_listen, self.server.port)
        identity = Identity(LINK, settings.instance, boot_nonce, at)
        self.core = WorldCore(identity, clock.now(), rng, Rules(window=settings.window))
        limits = Limits(max_frame=settings.max_frame)
        self.sockets = Switchboard(self.core, limits, parse_address(settings.world_address))
        self.runner = Runner(self.core, clock, channel, self._perform)
        self.sockets.connect(self.runner.feed)
        servicer.connect(self.runner, self.core, self._status)
        registry = new_registry()
        registry.register(LinkCollector(from_loop(asyncio.get_running_loop(), lambda: self._status(clock.now()))))
        self.metrics = MetricsPage(registry, settings.metrics_port)
        self.failed = self.runner.failed
        self._channel = channel
        self._stopped = False

    async def start(self) -> None:
        """Serve, attach, connect."""
        await self.server.start()
        self.metrics.start()
        log.info("serving", link=LINK, port=self.server.port)
        self.runner.feed(self.core.timer)

    async def stop(self) -> None:
        """End everything, within about a second. May be called again."""
        if self._stopped:
            return
        self._stopped = True
        await self.runner.stop()
        await self.sockets.close()
        await asyncio.to_thread(self.metrics.stop)
        await self.server.stop(STOP_GRACE)
        await self._channel.close()

    def _perform(self, action: Action) -> None:
        if isinstance(action, Close):
            log.debug("closing", link=LINK, connection=action.number, reason=action.reason)
        self.sockets.perform(action)

    def _status(self, now: float) -> bridge_pb2.GetLinkStatusResponse:
        status = self.core.status(now)
        status.bad_frames = self.sockets.counters.bad_frames
        return status
