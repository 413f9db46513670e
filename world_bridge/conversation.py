"""What is said to AdvanceWorld: one observation at a time, repeated until orders_svc answered it with a directive.

Rules: an answer counts only for the observation that it was given to; a refused observation (INVALID_ARGUMENT) can
never succeed and reads as "redial". What a directive causes is deliberately elsewhere (world_bridge.core).
"""

from dataclasses import dataclass
from typing import Any

import grpc

from mesh.attachment import Call, Delays, Kind, describe
from mesh.errors import RpcFailure
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from world_bridge.peer import Peer


@dataclass(slots=True)
class _Observation:
    request: pb.AdvanceWorldRequest
    peer: Peer | None
    at: float
    under_way: Call | None = None


@dataclass(frozen=True, slots=True)
class Directive:
    """What orders_svc decided, about a connection or, without one, about `start`."""

    kind: str
    response: pb.AdvanceWorldResponse
    peer: Peer | None
    candidate_id: int | None

    @property
    def reason(self) -> str:
        """Why not to go on, in words."""
        return self.response.wait.reason or self.response.redial.reason or f"orders_svc said {self.kind}, out of turn"


class Conversation:
    """The observation that is waiting for its directive, if any."""

    def __init__(self, delays: Delays) -> None:
        self.trouble = ""
        self._delays = delays
        self._observation: _Observation | None = None

    @property
    def busy(self) -> bool:
        """Whether something was said that is not answered yet."""
        return self._observation is not None

    @property
    def next_timer(self) -> float | None:
        """When the observation is to be said (again)."""
        waiting = self._observation
        return None if waiting is None or waiting.under_way else waiting.at

    def start(self, candidate_id: int | None, now: float) -> None:
        """Say that we are about to dial the world in use, or an announced one."""
        start = pb.Start() if candidate_id is None else pb.Start(candidate_world_id=candidate_id)
        self._observation = _Observation(pb.AdvanceWorldRequest(start=start), None, now)

    def connected(self, peer: Peer, world_id: int, result: str, now: float) -> None:
        """Say what the world answered to the connect message of `peer`."""
        peer.world_id = world_id
        said = pb.Connected(
            world_epoch=peer.world_epoch,
            world_id=world_id,
            result=result,
            warehouse_ids=[one.warehouse_id for one in peer.dial.warehouses],
        )
        self._observation = _Observation(pb.AdvanceWorldRequest(connected=said), peer, now)

    def answers_are_in(self, peer: Peer, now: float) -> None:
        """Say that all questions of `peer` are settled and reported."""
        said = pb.Answered(world_epoch=peer.world_epoch, world_id=peer.world_id)
        self._observation = _Observation(pb.AdvanceWorldRequest(answered=said), peer, now)

    def drop(self, peer: Peer | None = None) -> None:
        """Forget the observation; with `peer`, only if it is about that connection."""
        if peer is None or (self._observation is not None and self._observation.peer is peer):
            self._observation = None

    def due(self, link_epoch: int, now: float) -> Call | None:
        """The call to make at `now`."""
        waiting = self._observation
        if waiting is None or waiting.under_way is not None or now < waiting.at:
            return None
        waiting.request.link_epoch = link_epoch
        waiting.under_way = Call(Kind.ADVANCE, waiting.request)
        return waiting.under_way

    def answered(self, call: Call, answer: Any, now: float) -> Directive | None:
        """Take the answer to a call of `due`; give the directive, None where there is none (yet)."""
        waiting = self._observation
        if waiting is None or waiting.under_way is not call:
            return None
        waiting.under_way = None
        if isinstance(answer, RpcFailure):
            if answer.code is not grpc.StatusCode.INVALID_ARGUMENT:
                self.trouble = describe(answer)
                waiting.at = now + self._delays.next()
                return None
            answer = pb.AdvanceWorldResponse(redial=pb.Redial(reason=describe(answer)))
        self._delays.reset()
        self.trouble = ""
        self._observation = None
        request, candidate_id = waiting.request, None
        if request.WhichOneof("observation") == "start" and request.start.HasField("candidate_world_id"):
            candidate_id = request.start.candidate_world_id
        return Directive(answer.WhichOneof("directive") or "nothing", answer, waiting.peer, candidate_id)
