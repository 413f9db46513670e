"""orders_svc and partners, each a few lines, around the real core in virtual time."""

from collections.abc import Callable
from random import Random
from typing import Any

import grpc

from mesh.attachment import Call, Identity, Kind
from mesh.errors import RpcFailure
from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from ups_bridge.core import UpsCore
from ups_bridge.rules import Rules
from wire.switchboard import Close, Send

TICK = 1.0
# Of the first announcement of a bridge's life, of world 7: with what is handed over after it.
FIRST = {"world_id": 7, "announcement_no": 1}
UNAVAILABLE = RpcFailure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "away")
STALE = RpcFailure(grpc.StatusCode.FAILED_PRECONDITION, "STALE_EPOCH", "another owner")


def truck(command_id: int, shipment_id: int = 5, world_epoch: int = 1) -> bridge.Command:
    body = bridge.RequestTruck(shipment_id=shipment_id, warehouse_id=2, destination_x=3, destination_y=4, items="pear")
    return bridge.Command(command_id=command_id, world_epoch=world_epoch, request_truck=body)


def deliver(command_id: int, shipment_id: int = 5, world_epoch: int = 1) -> bridge.Command:
    body = bridge.Deliver(shipment_id=shipment_id)
    return bridge.Command(command_id=command_id, world_epoch=world_epoch, deliver=body)


def start(world_id: int = 7, seqnum: int = 1) -> ups.UAstart:
    return ups.UAstart(worldid=world_id, seqnum=seqnum)


def delivered(seqnum: int, ship: int = 5) -> ups.UACommand:
    return ups.UACommand(delivered=[ups.UADelivered(seqNum=seqnum, shipId=ship)])


class Bench:
    """The core between orders_svc and any number of partners."""

    def __init__(self, rules: Rules | None = None, *, away: bool = False) -> None:
        self.now = 1000.0
        self.epoch = 1
        self.away = away
        self.held: set[Kind] = set()
        self.waiting: list[Call] = []
        self.attached = 0
        self.renewals: list[pb.RenewLinkRequest] = []
        self.reports: list[pb.ReportRequest] = []
        # As orders_svc knows UPS, from what was reported.
        self.known = pb.WorldAnnounced()
        self.sockets: list[int] = []
        self.closed: list[Close] = []
        self.frames: dict[int, list[ups.AUCommand]] = {}
        self.core = UpsCore(Identity("ups", "u", "nonce", "127.0.0.1:1"), self.now, Random(1), rules)
        self.core.timer(self.now)
        self.settle()

    def answer(self, call: Call) -> Any:
        if self.away:
            return UNAVAILABLE
        request = call.request
        if call.kind is Kind.ATTACH:
            self.attached += 1
            return pb.AttachLinkResponse(link_epoch=self.epoch, lease_seconds=3.0, world_tick_seconds=TICK)
        if request.link_epoch != self.epoch:
            return STALE
        if call.kind is Kind.RENEW:
            self.renewals.append(request)
            return pb.RenewLinkResponse(lease_seconds=3.0)
        self.reports.append(request)
        for event in request.events:
            if event.WhichOneof("body") == "world_announced":
                self.known = event.world_announced
        return pb.ReportResponse(results=[pb.EVENT_RESULT_APPLIED] * len(request.events))

    def settle(self) -> None:
        for _ in range(1000):
            actions = self.core.actions()
            if not actions:
                return
            for action in actions:
                if isinstance(action, Call):
                    if action.kind in self.held:
                        self.waiting.append(action)
                    else:
                        self.core.answered(action, self.answer(action), self.now)
                elif isinstance(action, Close):
                    self.closed.append(action)
                    self.sockets.remove(action.number)
                else:
                    assert isinstance(action, Send)
                    assert action.number in self.sockets
                    self.frames[action.number] += [ups.AUCommand.FromString(body) for body in action.bodies]
        raise AssertionError("the core does not come to rest")

    def connect(self, number: int, announcement: ups.UAstart | None = None) -> None:
        self.sockets.append(number)
        self.frames[number] = []
        self.core.opened(number, self.now)
        self.settle()
        if announcement is not None:
            self.say(number, announcement)

    def say(self, number: int, *messages: Any) -> None:
        bodies = [one if isinstance(one, bytes) else one.SerializePartialToString() for one in messages]
        self.core.received(number, bodies, self.now)
        self.settle()

    def cut(self, number: int) -> None:
        self.sockets.remove(number)
        self.core.ended(number, "the peer closed the connection", self.now)
        self.settle()

    def release(self) -> None:
        self.held.clear()
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            self.core.answered(call, self.answer(call), self.now)
            self.settle()

    def run(self, seconds: float) -> None:
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
        planned = {"world_id": self.known.world_id, "announcement_no": self.known.announcement_no}
        request = bridge.SendCommandsRequest(link_epoch=self.epoch, commands=commands, **planned)
        response = self.core.send_commands(request, self.now)
        self.settle()
        self.refused = {one.command_id: one.reason for one in response.refused}
        return response.taken

    def heard(self, number: int) -> list[int]:
        """The seqnums that reached a partner, in order."""
        elements: list[Any] = []
        for frame in self.frames[number]:
            elements += [*frame.pickupRequests, *frame.deliverRequests]
        return [one.seqNum for one in elements]

    def acks(self, number: int) -> list[int]:
        return [ack for frame in self.frames[number] for ack in frame.acks]

    @property
    def events(self) -> list[pb.PeerEvent]:
        return [event for report in self.reports for event in report.events]

    @property
    def announced(self) -> list[int]:
        return [one.world_announced.world_id for one in self.events if one.WhichOneof("body") == "world_announced"]

    @property
    def acked(self) -> list[int]:
        return [number for report in self.reports for number in report.acked]
