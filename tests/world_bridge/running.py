"""Bridges on real sockets: a small orders_svc over gRPC that records, and waiting for conditions with a deadline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc.aio

from mesh.channel import open_aio_channel
from mesh.errors import FailedPrecondition, Refusal
from mesh.identity import CALLERS, Tokens
from mesh.server import AioServer, Service, build_aio_server
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.bridge.v1 import bridge_pb2_grpc
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.fulfilment.v1 import fulfilment_pb2_grpc

TOKENS = Tokens({caller: f"token-of-{caller}" for caller in CALLERS})
TICK = 0.1
DEADLINE = 120.0


def run(scenario: Callable[[], Awaitable[None]], seconds: float = 250.0) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await scenario()

    asyncio.run(bounded())


async def eventually(condition: Callable[[], Any], what: str = "", seconds: float = DEADLINE) -> None:
    """Wait until the condition holds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not condition():
        assert loop.time() < until, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(0.005)


class FulfilmentRecorder(fulfilment_pb2_grpc.FulfilmentServiceServicer):
    """Owns both links, records what is said, and gives the directives of `advance`."""

    def __init__(self, tick: float = TICK) -> None:
        self.tick = tick
        self.epoch = 1
        self.candidate: int | None = None
        self.advance: Callable[[pb.AdvanceWorldRequest], pb.AdvanceWorldResponse] = lambda _: pb.AdvanceWorldResponse(
            wait=pb.Wait(reason="no world")
        )
        self.attached: list[pb.AttachLinkRequest] = []
        self.renewals: list[pb.RenewLinkRequest] = []
        self.reports: list[pb.ReportRequest] = []
        self.refusal: Refusal | None = None

    def _fence(self, request: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        if request.link_epoch != self.epoch:
            raise FailedPrecondition("STALE_EPOCH", "another owner")

    async def AttachLink(self, request: Any, context: Any) -> pb.AttachLinkResponse:
        if self.refusal is not None:
            raise self.refusal
        self.attached.append(request)
        return pb.AttachLinkResponse(link_epoch=self.epoch, lease_seconds=0.6, world_tick_seconds=self.tick)

    async def RenewLink(self, request: Any, context: Any) -> pb.RenewLinkResponse:
        self._fence(request)
        self.renewals.append(request)
        return pb.RenewLinkResponse(lease_seconds=0.6, candidate_world_id=self.candidate)

    async def AdvanceWorld(self, request: Any, context: Any) -> pb.AdvanceWorldResponse:
        self._fence(request)
        return self.advance(request)

    async def Report(self, request: Any, context: Any) -> pb.ReportResponse:
        self._fence(request)
        self.reports.append(request)
        return pb.ReportResponse(results=[pb.EVENT_RESULT_APPLIED] * len(request.events))

    @property
    def acked(self) -> list[int]:
        return [number for report in self.reports for number in report.acked]

    @property
    def events(self) -> list[pb.PeerEvent]:
        return [event for report in self.reports for event in report.events]

    def happened(self, body: str) -> list[Any]:
        """The bodies of all events of one kind."""
        return [getattr(event, body) for event in self.events if event.WhichOneof("body") == body]


@asynccontextmanager
async def orders_svc(recorder: FulfilmentRecorder, address: str = "127.0.0.1:0") -> AsyncIterator[AioServer]:
    service = Service(
        fulfilment_pb2_grpc.add_FulfilmentServiceServicer_to_server,
        recorder,
        "shop.fulfilment.v1.FulfilmentService",
        frozenset({"world_bridge", "ups_bridge"}),
    )
    server = build_aio_server(address, [service], TOKENS)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


@asynccontextmanager
async def caller_of(port: int, caller: str = "orders_svc") -> AsyncIterator[Any]:
    """A stub of BridgeService, as `caller`."""
    async with open_aio_channel(f"127.0.0.1:{port}", TOKENS.token_of(caller)) as channel:
        yield bridge_pb2_grpc.BridgeServiceStub(channel)


def channel_to(server: AioServer, caller: str) -> grpc.aio.Channel:
    return open_aio_channel(f"127.0.0.1:{server.port}", TOKENS.token_of(caller))


async def send_all(stub: Any, epoch: int, commands: list[bridge.Command], **planned: int) -> None:
    """Hand over commands as the dispatcher does: in batches, again from where they were not taken.

    `planned`: for UPS, the world that they are for and which announcement it is known by.
    """
    at = 0
    while at < len(commands):
        request = bridge.SendCommandsRequest(link_epoch=epoch, commands=commands[at : at + 500], **planned)
        taken = (await stub.SendCommands(request, timeout=60)).taken
        at += taken
        if not taken:
            await asyncio.sleep(0.01)


def tokens_file(folder: Path) -> Path:
    """A tokens file with the tokens of these tests."""
    path = folder / "service-tokens"
    path.touch(mode=0o600)
    path.write_text("".join(f"{caller} {TOKENS.token_of(caller)}\n" for caller in CALLERS))
    return path


async def figures(port: int | None) -> dict[str, float]:
    """What the page of figures at this port shows, by name and labels."""
    page = await asyncio.to_thread(_read, f"http://127.0.0.1:{port}/metrics")
    samples = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def _read(url: str) -> str:
    with urlopen(url, timeout=DEADLINE) as answer:
        return str(answer.read().decode())
