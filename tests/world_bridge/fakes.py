"""orders_svc and a world, each a few lines, around the real core in virtual time."""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import grpc

from mesh.attachment import Call, Identity, Kind
from mesh.errors import RpcFailure
from partners.world import world_amazon_pb2 as world
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from wire.switchboard import Close, Open, Send
from world_bridge.core import WorldCore
from world_bridge.rules import Rules

TICK = 1.0
UNAVAILABLE = RpcFailure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "away")
STALE = RpcFailure(grpc.StatusCode.FAILED_PRECONDITION, "STALE_EPOCH", "another owner")

Answer = Callable[[Any], Any]


def dial(world_epoch: int = 1, world_id: int | None = 7, warehouses: Iterable[int] = ()) -> pb.AdvanceWorldResponse:
    listed = [pb.InitWarehouse(warehouse_id=one, x=one, y=-one) for one in warehouses]
    return pb.AdvanceWorldResponse(dial=pb.Dial(world_epoch=world_epoch, world_id=world_id, warehouses=listed))


def open_(world_epoch: int = 1) -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(open=pb.Open(world_epoch=world_epoch))


def ask(*commands: bridge.Command, world_epoch: int = 1) -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(ask=pb.Ask(world_epoch=world_epoch, commands=commands))


def wait(reason: str = "no world yet") -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(wait=pb.Wait(reason=reason))


def redial(reason: str = "again") -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(redial=pb.Redial(reason=reason))


def query(command_id: int, shipment_id: int, world_epoch: int = 1) -> bridge.Command:
    return bridge.Command(
        command_id=command_id, world_epoch=world_epoch, query_package=bridge.QueryPackage(shipment_id=shipment_id)
    )


def buy(command_id: int, warehouse_id: int = 1, count: int = 0, world_epoch: int = 1) -> bridge.Command:
    things = [bridge.Thing(offer_id=5, description="thing", count=count)] if count else []
    body = bridge.Buy(warehouse_id=warehouse_id, things=things)
    return bridge.Command(command_id=command_id, world_epoch=world_epoch, buy=body)


class Orders:
    """Answers the core's calls; `advance` is a script of directives, the last one for ever."""

    def __init__(self, *advance: pb.AdvanceWorldResponse) -> None:
        self.advance = list(advance)
        self.epoch = 1
        self.candidate: int | None = None
        self.away = False
        self.held: set[Kind] = set()
        self.said: list[pb.AdvanceWorldRequest] = []
        self.attached: list[pb.AttachLinkRequest] = []
        self.renewals: list[pb.RenewLinkRequest] = []
        self.reports: list[pb.ReportRequest] = []
        self.refuse_reports: RpcFailure | None = None

    def answer(self, call: Call) -> Any:
        request = call.request
        if self.away:
            return UNAVAILABLE
        if call.kind is Kind.ATTACH:
            self.attached.append(request)
            return pb.AttachLinkResponse(link_epoch=self.epoch, lease_seconds=3.0, world_tick_seconds=TICK)
        if request.link_epoch != self.epoch:
            return STALE
        if call.kind is Kind.RENEW:
            self.renewals.append(request)
            return pb.RenewLinkResponse(lease_seconds=3.0, candidate_world_id=self.candidate)
        if call.kind is Kind.REPORT:
            if self.refuse_reports is not None:
                return self.refuse_reports
            self.reports.append(request)
            return pb.ReportResponse(results=[pb.EVENT_RESULT_APPLIED] * len(request.events))
        self.said.append(request)
        return self.advance.pop(0) if len(self.advance) > 1 else self.advance[0]

    @property
    def acked(self) -> list[int]:
        return [number for report in self.reports for number in report.acked]

    @property
    def events(self) -> list[pb.PeerEvent]:
        return [event for report in self.reports for event in report.events]


class Bench:
    """The core between the two; sockets exist once opened, and calls are answered at once unless held."""

    def __init__(self, orders: Orders, rules: Rules | None = None, *, greet: bool = True, reach: bool = True) -> None:
        self.orders = orders
        self.now = 1000.0
        self.core = WorldCore(Identity("world", "w", "nonce", "127.0.0.1:1"), self.now, Random(1), rules)
        self.greet = greet
        self.reach = reach
        self.sockets: list[int] = []
        self.opened_at: dict[int, float] = {}
        self.closed: list[Close] = []
        self.connects: dict[int, world.AConnect] = {}
        self.commands: dict[int, list[world.ACommands]] = {}
        self.waiting: list[Call] = []
        self.core.timer(self.now)
        self.settle()

    def settle(self) -> None:
        """Carry out what the core wants until it wants nothing more."""
        for _ in range(1000):
            actions = self.core.actions()
            if not actions:
                return
            for action in actions:
                self.perform(action)
        raise AssertionError("the core does not come to rest")

    def perform(self, action: object) -> None:
        if isinstance(action, Call):
            if action.kind in self.orders.held:
                self.waiting.append(action)
            else:
                self.core.answered(action, self.orders.answer(action), self.now)
        elif isinstance(action, Open):
            self.opened_at[action.number] = self.now
            if self.reach:
                self.sockets.append(action.number)
                self.core.opened(action.number, self.now)
            else:
                self.core.ended(action.number, "cannot reach it", self.now)
        elif isinstance(action, Close):
            self.closed.append(action)
            self.sockets.remove(action.number)
        elif isinstance(action, Send):
            assert action.number in self.sockets
            for body in action.bodies:
                self.hear(action.number, body)

    def hear(self, number: int, body: bytes) -> None:
        if number not in self.connects:
            self.connects[number] = world.AConnect.FromString(body)
            self.commands[number] = []
            if self.greet:
                world_id = self.connects[number].worldid or 99
                self.say(number, world.AConnected(worldid=world_id, result="connected!"))
        else:
            self.commands[number].append(world.ACommands.FromString(body))

    def closed_numbers(self) -> list[int]:
        return [one.number for one in self.closed]

    def say(self, number: int, *messages: Any) -> None:
        bodies = [one if isinstance(one, bytes) else one.SerializePartialToString() for one in messages]
        self.core.received(number, bodies, self.now)
        self.settle()

    def release(self) -> None:
        """Answer the calls that were held."""
        self.orders.held.clear()
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            self.core.answered(call, self.orders.answer(call), self.now)
            self.settle()

    def cut(self, number: int) -> None:
        self.sockets.remove(number)
        self.core.ended(number, "the peer closed the connection", self.now)
        self.settle()

    def run(self, seconds: float) -> None:
        """Let time pass, firing the core's timer whenever it is due."""
        until = self.now + seconds
        for _ in range(100_000):
            at = self.core.next_timer
            if at is None or at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            self.core.timer(self.now)
            self.settle()
        raise AssertionError("the core's timer never rests")

    def run_until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        until = self.now + seconds
        while not condition():
            assert self.now < until, f"not within {seconds} s; {self.core.state(self.now)}"
            self.run(0.05)

    def send(self, *commands: bridge.Command) -> int:
        request = bridge.SendCommandsRequest(link_epoch=self.orders.epoch, commands=commands)
        response = self.core.send_commands(request, self.now)
        self.settle()
        self.refused = {one.command_id: one.reason for one in response.refused}
        return response.taken

    def heard(self, number: int) -> list[int]:
        """The seqnums that reached the world on a connection, in order."""
        elements: list[Any] = []
        for frame in self.commands.get(number, []):
            elements += [*frame.buy, *frame.topack, *frame.load, *frame.queries]
        return [one.seqnum for one in elements]

    def acks(self, number: int) -> list[int]:
        return [ack for frame in self.commands.get(number, []) for ack in frame.acks]


def open_bench(**options: Any) -> Bench:
    """A bench whose world is open on connection 1."""
    bench = Bench(Orders(dial(), open_()), **options)
    bench.run_until(lambda: bench.core.connected)
    return bench
