"""What a peer said, on its way to orders_svc: one Report under way, batched, retried until it succeeds. Pure.

Rules: events go in the order in which they came, acks with them, one world_epoch to a Report; a Report that failed is
sent again with the same content; one that can never succeed is halved until the element to blame is alone, and that
one is set aside: not acked, counted, said in words, and not in the way of the others. Limits: numbers and bytes of a
Report. The queue is bounded by whoever fills it (`queued`). What the peer is told when a Report succeeded is elsewhere.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from mesh.attachment import Call, Delays, Kind, describe
from mesh.errors import RpcFailure
from shop.fulfilment.v1 import fulfilment_pb2 as pb

MAX_EVENTS = 500
MAX_ACKED = 2000
MAX_BYTES = 512 * 1024

_NEVER = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNIMPLEMENTED)
_BLAMES_CONTENT = (*_NEVER, grpc.StatusCode.INTERNAL)


@dataclass(frozen=True, slots=True)
class Reported:
    """What of one connection (`source`) has been committed."""

    source: int
    events: tuple[pb.PeerEvent, ...]


@dataclass(frozen=True, slots=True)
class _Acked:
    source: int
    world_epoch: int
    command_id: int


@dataclass(frozen=True, slots=True)
class _Event:
    source: int
    world_epoch: int
    event: pb.PeerEvent


class Reporter:
    """The reports of one link."""

    def __init__(self, link: str, delays: Delays, now: float) -> None:
        self.trouble = ""
        self.set_aside = 0
        self._link = link
        self._delays = delays
        self._at = now
        self._acked: deque[_Acked] = deque()
        self._events: deque[_Event] = deque()
        self._pending: Counter[int] = Counter()
        self._limit = MAX_EVENTS
        self._under_way: Call | None = None
        self._batch: tuple[list[_Acked], list[_Event]] = ([], [])
        self._unreported_acks: set[int] = set()

    @property
    def queued(self) -> int:
        """How many events are not committed yet, the ones under way included."""
        return len(self._events) + len(self._batch[1])

    def pending(self, source: int) -> int:
        """How much of one connection, events and acks, is not committed yet."""
        return self._pending[source]

    def holds_ack(self, command_id: int) -> bool:
        """Whether the peer acked this command and orders_svc does not know yet."""
        return command_id in self._unreported_acks

    @property
    def next_timer(self) -> float | None:
        """When the next Report is due; None: nothing to report, or one is under way."""
        if self._under_way or not (self._events or self._acked or self._batch[0] or self._batch[1]):
            return None
        return self._at

    def add_acked(self, source: int, world_epoch: int, command_ids: Iterable[int]) -> None:
        """The peer acked these commands."""
        for command_id in command_ids:
            self._acked.append(_Acked(source, world_epoch, command_id))
            self._unreported_acks.add(command_id)
            self._pending[source] += 1

    def add_event(self, source: int, world_epoch: int, event: pb.PeerEvent) -> None:
        """The peer said this; `world_epoch` 0: the world in use."""
        self._events.append(_Event(source, world_epoch, event))
        self._pending[source] += 1

    def due(self, link_epoch: int, now: float) -> Call | None:
        """The Report to make at `now` as the owner of `link_epoch`."""
        at = self.next_timer
        if at is None or at > now:
            return None
        if not (self._batch[0] or self._batch[1]):
            self._batch = self._take()
        acked, events = self._batch
        epoch = (events or acked)[0].world_epoch
        request = pb.ReportRequest(
            link=self._link,
            link_epoch=link_epoch,
            world_epoch=epoch,
            acked=[one.command_id for one in acked],
            events=[one.event for one in events],
        )
        self._under_way = Call(Kind.REPORT, request)
        return self._under_way

    def answered(self, call: Call, answer: Any, now: float) -> list[Reported]:
        """Takes the answer to a call of `due`; gives what has been committed by it."""
        if call is not self._under_way:
            return []
        self._under_way = None
        if isinstance(answer, RpcFailure):
            self._failed(answer, now)
            return []
        acked, events = self._batch
        self._batch = ([], [])
        self._delays.reset()
        self.trouble = ""
        self._at = now
        self._limit = min(MAX_EVENTS, self._limit * 2)
        self._unreported_acks.difference_update(one.command_id for one in acked)
        by_source: dict[int, list[pb.PeerEvent]] = {}
        for one in events:
            by_source.setdefault(one.source, []).append(one.event)
        self._settle([*acked, *events])
        return [Reported(source, tuple(committed)) for source, committed in by_source.items()]

    def requeue(self) -> None:
        """The Report under way was made as the owner of an epoch that has passed: its content goes again."""
        self._under_way = None

    def clear(self) -> None:
        """Forgets everything: the peer says again what was not acked."""
        self._under_way = None
        self._batch = ([], [])
        self._acked.clear()
        self._events.clear()
        self._pending.clear()
        self._unreported_acks.clear()

    def _failed(self, failure: RpcFailure, now: float) -> None:
        self.trouble = describe(failure)
        self._at = now + self._delays.next()
        acked, events = self._batch
        if failure.code not in _BLAMES_CONTENT or not events:
            return
        if len(events) > 1:
            self._limit = max(1, len(events) // 2)
            self._put_back(events)
        elif failure.code in _NEVER:
            self.set_aside += 1
            self._settle(events)
        else:
            self._events.append(events[0])
        self._acked.extendleft(reversed(acked))
        self._batch = ([], [])

    def _put_back(self, events: list[_Event]) -> None:
        self._events.extendleft(reversed(events))

    def _take(self) -> tuple[list[_Acked], list[_Event]]:
        heads = [queue[0].world_epoch for queue in (self._events, self._acked) if queue]
        epoch = min(heads)  # an older world is told of first: its connection is gone
        events: list[_Event] = []
        acked: list[_Acked] = []
        size = 0
        while self._events and self._events[0].world_epoch == epoch and len(events) < self._limit:
            size += self._events[0].event.ByteSize()
            if events and size > MAX_BYTES:
                break
            events.append(self._events.popleft())
        while self._acked and self._acked[0].world_epoch == epoch and len(acked) < MAX_ACKED:
            acked.append(self._acked.popleft())
        return acked, events

    def _settle(self, items: Iterable[_Acked | _Event]) -> None:
        for one in items:
            self._pending[one.source] -= 1
            if not self._pending[one.source]:
                del self._pending[one.source]
