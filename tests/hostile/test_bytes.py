"""Any bytes are frames or the remote error, any frame is a message or the remote error, and nothing else happens."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world
from tests.hostile.invariants import (
    framer_holds,
    ups_link_holds,
    ups_words_hold,
    world_greeting_holds,
    world_responses_hold,
)
from ups_bridge import codec as ups_codec
from wire.errors import BadMessage
from wire.framing import DEFAULT_MAX_FRAME, encode_frames
from world_bridge import codec as world_codec

INT64 = st.one_of(st.sampled_from([-(2**63), -1, 0, 1, 2**31, 2**63 - 1]), st.integers(-(2**63), 2**63 - 1))
INT32 = st.one_of(st.sampled_from([-(2**31), -1, 0, 1, 2**31 - 1]), st.integers(-(2**31), 2**31 - 1))
TEXT = st.one_of(st.text(max_size=30), st.just("x" * 5000), st.just("\0"))


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each field is there or not, required or not."""
    return st.fixed_dictionaries({}, optional=fields)


def partial(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return maybe(**fields).map(lambda chosen: kind(**chosen))


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=4)


ERRORS = partial(ups.Err, err=TEXT, originSeqNum=INT64, seqNum=INT64)
UPS_COMMANDS = partial(
    ups.UACommand,
    loadRequests=some(partial(ups.UALoadRequest, seqNum=INT64, truckId=INT32, shipId=INT64)),
    delivered=some(partial(ups.UADelivered, seqNum=INT64, shipId=INT64)),
    acks=some(INT64),
    error=some(ERRORS),
)
STARTS = partial(ups.UAstart, worldid=INT64, seqnum=INT64)
PRODUCTS = partial(world.AProduct, id=INT64, description=TEXT, count=INT32)
RESPONSES = partial(
    world.AResponses,
    arrived=some(partial(world.APurchaseMore, whnum=INT32, things=some(PRODUCTS), seqnum=INT64)),
    ready=some(partial(world.APacked, shipid=INT64, seqnum=INT64)),
    loaded=some(partial(world.ALoaded, shipid=INT64, seqnum=INT64)),
    finished=st.booleans(),
    error=some(partial(world.AErr, err=TEXT, originseqnum=INT64, seqnum=INT64)),
    acks=some(INT64),
    packagestatus=some(partial(world.APackage, packageid=INT64, status=TEXT, seqnum=INT64)),
)
GREETINGS = partial(world.AConnected, worldid=INT64, result=TEXT)


@st.composite
def spoilt(draw: st.DrawFn, messages: st.SearchStrategy[Any]) -> bytes:
    """A message's bytes, often with some of them changed, cut or put in."""
    body = bytearray(draw(messages).SerializePartialToString())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        piece = draw(st.binary(max_size=4))
        body[at : at + draw(st.integers(0, 4))] = piece
    return bytes(body)


@given(st.one_of(st.binary(max_size=300), st.lists(st.binary(max_size=200), max_size=5).map(encode_frames)))
def test_any_bytes_are_frames_or_the_remote_error(data: bytes) -> None:
    framer_holds(data)


@given(st.one_of(st.binary(max_size=200), spoilt(GREETINGS)))
def test_any_greeting_of_a_world(body: bytes) -> None:
    world_greeting_holds(body)


@given(st.one_of(st.binary(max_size=200), spoilt(RESPONSES)))
@settings(max_examples=300)
def test_any_words_of_a_world(body: bytes) -> None:
    world_responses_hold(body)


@given(st.one_of(st.binary(max_size=200), spoilt(UPS_COMMANDS), spoilt(STARTS)))
@settings(max_examples=300)
def test_any_words_of_a_ups(body: bytes) -> None:
    ups_words_hold(body)


@given(st.lists(st.one_of(spoilt(UPS_COMMANDS), spoilt(STARTS)), max_size=8).map(encode_frames), st.binary(max_size=9))
def test_any_conversation_of_a_ups(stream: bytes, tail: bytes) -> None:
    ups_link_holds(stream + tail)


@given(RESPONSES)
def test_a_message_with_a_field_missing_is_bad_and_with_all_of_them_good(message: world.AResponses) -> None:
    body = message.SerializePartialToString()
    if message.IsInitialized():
        world_codec.decode_responses(body)
    else:
        with pytest.raises(BadMessage):
            world_codec.decode_responses(body)


def arrivals(number: int, things: int) -> bytes:
    nothing = world.AProduct(id=0, description="", count=0)
    arrived = [world.APurchaseMore(whnum=1, things=[nothing] * things, seqnum=seqnum) for seqnum in range(number)]
    return world.AResponses(arrived=arrived).SerializeToString()


HEAVY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "elements of a world": (
        "world",
        lambda: world.AResponses(ready=[world.APacked(shipid=1, seqnum=1)] * 500_000).SerializeToString(),
    ),
    "acks of a world": ("world", lambda: b"\x30\x01" * (1 << 21)),
    "one arrival": ("world", lambda: arrivals(1, 500_000)),
    "many arrivals": ("world", lambda: arrivals(16, 25_000)),
    "groups in groups of a world": ("world", lambda: b"\x0b" * (1 << 22)),
    "elements of a UPS": (
        "ups",
        lambda: ups.UACommand(delivered=[ups.UADelivered(seqNum=1, shipId=1)] * 500_000).SerializeToString(),
    ),
    "acks of a UPS": ("ups", lambda: ups.UACommand(acks=[1] * 2_000_000).SerializeToString()),
    "groups in groups of a UPS": ("ups", lambda: b"\x0b" * (1 << 22)),
    "a length that lies": ("ups", lambda: b"\x0a\xff\xff\xff\xff\x07"),
}


@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_frames_cost_seconds_and_megabytes_at_most(name: str, tmp_path: Path) -> None:
    link, make = HEAVY[name]
    body = make()
    assert len(body) <= DEFAULT_MAX_FRAME
    (tmp_path / "body").write_bytes(body)
    command = [sys.executable, "-m", "tests.hostile.weighing", link, str(tmp_path / "body")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    weight = json.loads(done.stdout)
    assert weight["cpu_seconds"] < 20.0
    assert weight["megabytes"] < 150.0


def test_what_nobody_has_room_for_is_as_if_it_had_been_lost() -> None:
    numbers = range(world_codec.MAX_EVENTS + 7)
    said = world_codec.decode_responses(
        world.AResponses(ready=[world.APacked(shipid=1, seqnum=number) for number in numbers]).SerializeToString()
    )
    assert [event.seqnum for event in said.events] == list(numbers)[: world_codec.MAX_EVENTS]
    told = ups_codec.decode_command(
        ups.UACommand(delivered=[ups.UADelivered(seqNum=number, shipId=1) for number in numbers]).SerializeToString()
    )
    assert len(told.events) == ups_codec.MAX_EVENTS
