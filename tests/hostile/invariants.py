"""What must hold for any bytes at all: frames and messages, or the remote error; bounded by what came.

Each function takes bytes and raises AssertionError, or whatever should never be raised. Shared by the property tests
and by the fuzz target.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.ups_bridge.fakes import Bench
from ups_bridge import codec as ups_codec
from ups_bridge.features import SPOKEN
from wire.errors import HEAD_BYTES, BadFrames, BadMessage
from wire.framing import Framer, encode_frames
from world_bridge import codec as world_codec

T = TypeVar("T")

MAX_FRAME = 4096
INT64 = range(-(2**63), 2**63)
# An event is larger than the element that it was read from by no more than this factor and amount: tags of ours are
# longer, and bytes that are no UTF-8 become U+FFFD, three bytes each.
GROWS_TIMES, GROWS_BYTES = 4, 64
# What a partner was asked for, numbered from 1.
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"redirect": bridge.Redirect(shipment_id=1, x=3, y=4)},
    {"cancel_job": bridge.CancelJob(shipment_id=1)},
    {"check_account": bridge.CheckAccount(ups_account="ann")},
    {"request_truck": bridge.RequestTruck(shipment_id=1, items="pear")},
)


def framer_holds(data: bytes) -> None:
    """Any cut gives the same frames and the same end; what is kept is never more than what came."""
    whole = _frames(data, [len(data)])
    assert whole == _frames(data, [1] * len(data))
    assert whole == _frames(data, [3, 1, 7, 2] * (len(data) // 13 + 1))
    frames, end = whole
    assert all(len(frame) <= MAX_FRAME for frame in frames)
    assert sum(map(len, frames)) <= len(data)
    if end == "whole":
        assert len(encode_frames(frames)) <= len(data)


def _frames(data: bytes, steps: list[int]) -> tuple[list[bytes], str]:
    framer = Framer(MAX_FRAME)
    frames: list[bytes] = []
    at = 0
    try:
        for step in steps:
            frames += framer.receive(data[at : at + step])
            at += step
            assert len(framer._body) + len(framer._head) <= at
        framer.receive(data[at:])
        framer.end()
    except BadFrames as error:
        _error_holds(error)
        return [*frames, *error.frames], type(error).__name__
    return frames, "whole"


def world_greeting_holds(body: bytes) -> None:
    """A greeting, or BadMessage."""
    greeting = _or_bad(lambda: world_codec.decode_connected(body))
    if greeting is not None:
        assert greeting.world_id in INT64
        assert isinstance(greeting.result, str)


def world_responses_hold(body: bytes) -> None:
    """Events in the order of their seqnums that orders_svc can be told, or BadMessage."""
    said = _or_bad(lambda: world_codec.decode_responses(body))
    if said is not None:
        _events_hold(said.acks, said.events, len(body))
        assert world.AResponses.FromString(body).IsInitialized()


def ups_words_hold(body: bytes) -> None:
    """A UAstart, a UACommand, or BadMessage; never both of the first."""
    announcement = ups_codec.decode_announcement(body)
    if announcement is not None:
        assert announcement.world_id in INT64
        assert announcement.seqnum in INT64
        assert set(announcement.features) <= set(SPOKEN)
        assert announcement.extended or not announcement.features
        assert len(announcement.difference) <= ups_codec.MAX_TEXT
        event = ups_codec.announced(announcement, 1)
        assert event.world_announced.world_id == announcement.world_id
    said = _or_bad(lambda: ups_codec.decode_command(body))
    if said is not None:
        _events_hold(said.acks, said.events, len(body))
        assert len(said.trucks) <= ups_codec.MAX_TRUCKS
        assert sum(truck.ByteSize() for truck in said.trucks) <= GROWS_TIMES * len(body) + GROWS_BYTES
        assert ups.UACommand.FromString(body).IsInitialized()


def ups_link_holds(stream: bytes) -> None:
    """A partner that announces a world and then says anything is heard or hung up on, and the next one is served.

    With the extension and without; it was asked for everything, under numbers that its answers may well name.
    """
    bodies, _ = _frames(stream, [len(stream)])
    for features in ((), SPOKEN):
        _link_holds(bodies, features)


def _link_holds(bodies: list[bytes], features: tuple[str, ...]) -> None:
    bench = Bench()
    bench.connect(1, ups.UAstart(worldid=7, seqnum=1, features=features))
    for number, question in enumerate(QUESTIONS, start=1):
        bench.send(bridge.Command(command_id=number, world_epoch=1, **question))
    for body in bodies:
        if 1 in bench.sockets:
            bench.say(1, body)
    assert bench.core.attachment.attached
    assert isinstance(bench.core.state(bench.now), str)
    bench.run(2.0)
    bench.connect(2, ups.UAstart(worldid=7, seqnum=2, features=features))
    assert bench.core.connected
    for report in bench.reports:
        _report_holds(report)
    for renewal in bench.renewals:
        assert len(renewal.trucks) <= ups_codec.MAX_TRUCKS
        assert renewal.ByteSize() < 1 << 20


def _or_bad(decode: Callable[[], T]) -> T | None:
    try:
        return decode()
    except BadMessage as error:
        _error_holds(error)
        return None


def _error_holds(error: BadFrames | BadMessage) -> None:
    assert len(error.head) <= HEAD_BYTES
    assert len(str(error)) < 500


def _events_hold(acks: tuple[int, ...], events: tuple[pb.PeerEvent, ...], size: int) -> None:
    assert all(ack in INT64 for ack in acks)
    assert len(acks) <= size
    assert len(events) <= size
    numbers = [event.seqnum for event in events]
    assert numbers == sorted(numbers)
    assert all(event.WhichOneof("body") for event in events)
    assert sum(event.ByteSize() for event in events) <= GROWS_TIMES * size + GROWS_BYTES
    for event in events:
        assert pb.PeerEvent.FromString(event.SerializeToString()) == event


def _report_holds(report: pb.ReportRequest) -> None:
    assert len(report.events) <= 500
    assert len(report.acked) <= 2000
    assert report.ByteSize() < 1 << 20
