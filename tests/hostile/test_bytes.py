"""Any bytes are frames or the remote error, any frame is a message or the remote error, and nothing else happens."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world
from tests.hostile import messages
from tests.hostile.invariants import (
    framer_holds,
    ups_link_holds,
    ups_words_hold,
    world_greeting_holds,
    world_responses_hold,
)
from ups_bridge import codec as ups_codec
from ups_bridge import contract, features
from wire.errors import BadMessage
from wire.framing import DEFAULT_MAX_FRAME, encode_frames
from world_bridge import codec as world_codec

INT64 = st.one_of(st.sampled_from([-(2**63), -1, 0, 1, 2**31, 2**63 - 1]), st.integers(-(2**63), 2**63 - 1))
INT32 = st.one_of(st.sampled_from([-(2**31), -1, 0, 1, 2**31 - 1]), st.integers(-(2**31), 2**31 - 1))
TEXT = st.one_of(st.text(max_size=30), st.sampled_from(["x" * 5000, "\0"]), st.just(messages.TEXT))


BY_TYPE = {
    FieldDescriptor.CPPTYPE_INT64: INT64,
    FieldDescriptor.CPPTYPE_INT32: INT32,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_STRING: TEXT,
}
# What means something, by the full name of its field.
MEANINGFUL = {
    ups.UAstart.DESCRIPTOR.fields_by_name["features"].full_name: st.sampled_from(features.SPOKEN),
    ups.Contract.DESCRIPTOR.fields_by_name["fields"].full_name: st.sampled_from(contract.ours().fields),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Messages of a kind: all that it must have, or any of it; with anything in them."""
    return st.one_of(_messages(kind, whole=True), _messages(kind, whole=False))


def _messages(kind: Any, *, whole: bool) -> st.SearchStrategy[Any]:
    fields = kind.DESCRIPTOR.fields
    must = {field.name: _values(field, whole) for field in fields if field.is_required and whole}
    may = {field.name: _values(field, whole) for field in fields if field.name not in must}
    return st.fixed_dictionaries(must, optional=may).map(lambda chosen: kind(**chosen))


def _values(field: FieldDescriptor, whole: bool) -> st.SearchStrategy[Any]:
    kind = field.message_type
    values = _messages(GetMessageClass(kind), whole=whole) if kind else BY_TYPE[field.cpp_type]
    if field.full_name in MEANINGFUL:
        values = st.one_of(MEANINGFUL[field.full_name], values)
    return st.lists(values, max_size=4) if field.is_repeated else values


UPS_COMMANDS, STARTS = anything(ups.UACommand), anything(ups.UAstart)
RESPONSES, GREETINGS = anything(world.AResponses), anything(world.AConnected)


@st.composite
def spoilt(draw: st.DrawFn, kinds: st.SearchStrategy[Any]) -> bytes:
    """A message's bytes, often with some of them changed, cut or put in."""
    whole = draw(kinds).SerializePartialToString()
    body = bytearray(messages.no_utf8(whole) if draw(st.booleans()) else whole)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
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


@given(st.one_of(RESPONSES, UPS_COMMANDS))
@settings(max_examples=200)
def test_a_message_with_a_field_missing_is_bad_and_with_all_of_them_good(message: Any) -> None:
    decode = world_codec.decode_responses if isinstance(message, world.AResponses) else ups_codec.decode_command
    body = message.SerializePartialToString()
    if message.IsInitialized():
        decode(body)
    else:
        with pytest.raises(BadMessage):
            decode(body)


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        (world.AConnected, world_greeting_holds),
        (world.AResponses, world_responses_hold),
        (ups.UAstart, ups_words_hold),
        (ups.UACommand, ups_words_hold),
    ],
)
def test_texts_that_are_no_utf_8_are_read_all_the_same(kind: Any, holds: Callable[[bytes], None]) -> None:
    message = messages.complete(kind)
    if kind is ups.UAstart:
        message.features.extend(features.SPOKEN)
    body = message.SerializeToString()
    assert messages.no_utf8(body) != body
    holds(messages.no_utf8(body))
    if kind is ups.UACommand:
        said = ups_codec.decode_command(messages.no_utf8(body))
        spoken = ["\ufffd\ufffd" in str(event) for event in said.events]
        assert (len(said.events), spoken.count(True), len(said.trucks)) == (7, 4, 1)


@pytest.mark.parametrize(
    ("kind", "decode"), [(world.AResponses, world_codec.decode_responses), (ups.UACommand, ups_codec.decode_command)]
)
def test_no_field_that_must_be_there_may_be_missing(kind: Any, decode: Callable[[bytes], Any]) -> None:
    decode(messages.complete(kind).SerializeToString())
    for _, message in messages.incomplete(kind):
        with pytest.raises(BadMessage):
            decode(message.SerializePartialToString())


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
