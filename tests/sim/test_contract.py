"""The stand-ins compare contracts: the first difference in plain words, in the log of whoever sees it."""

from random import Random

import pytest

from partners.ups import ups_pb2 as ups
from sim.amazon.model import AmazonModel, Close, Faults, Settings
from sim.contract import difference, our_contract
from sim.links import Link
from sim.ups.model import FEATURES, UpsModel
from sim.ups.model import Settings as UpsSettings
from ups_bridge import contract as ours

MOVED = ("UACommand 3 repeated int64 acks", "UACommand 8 repeated int64 acks")
ACKS_ELSEWHERE = "your UACommand.acks is field 8, ours is 3"


def changed(old: str, new: str) -> ups.Contract:
    """Our contract with another line; an empty one is left out."""
    lines = [line.replace(old, new) for line in our_contract().fields]
    return ups.Contract(fingerprint="another", fields=[line for line in lines if line])


@pytest.mark.parametrize("on", [(), ("contract",), ("redirect",), FEATURES])
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (*MOVED, ACKS_ELSEWHERE),
        (
            "UAstart 1 required int64 worldid",
            "UAstart 1 required int32 worldid",
            "your UAstart.worldid is int32, ours is int64",
        ),
        ("UACommand 4 repeated message error", "", "you have no UACommand.error, ours is field 4"),
        ("UAstart 2 required", "UAstart 2 optional", "your UAstart.seqnum is optional, ours is required"),
        ("UAstart 2 required int64 seqnum", "UAstart 2 required int64 number", ""),
    ],
)
def test_the_first_difference_is_named_as_the_bridge_names_it(
    old: str, new: str, said: str, on: tuple[str, ...]
) -> None:
    theirs = changed(old, new)
    assert difference(theirs, on) == said
    assert ours.difference(theirs.fingerprint, theirs.fields, on) == said


@pytest.mark.parametrize(
    ("on", "said"), [((), ""), (("redirect",), "you have no AUCommand.redirects, ours is field 11")]
)
def test_what_is_not_on_is_not_compared(on: tuple[str, ...], said: str) -> None:
    lines = [line for line in our_contract().fields if not line.startswith("AUCommand 11")]
    assert difference(ups.Contract(fingerprint="another", fields=lines), on) == said


def test_equal_fingerprints_need_no_look_and_none_without_lines_can_be_named() -> None:
    assert our_contract() == ours.ours()
    assert difference(ups.Contract(fingerprint=our_contract().fingerprint), FEATURES) == ""
    said = difference(ups.Contract(fingerprint="0123456789abcdef"), FEATURES)
    assert said.startswith("your fingerprint is '0123456789abcdef', ours is '")
    assert said.endswith(", and you name no fields")


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"a b c d e", b"\x1b[31m 1 required int64 worldid", b"UAstart", b" " * 4]
)
def test_lines_of_nonsense_are_no_lines(line: bytes) -> None:
    theirs = ups.Contract()
    theirs.ParseFromString(b"\x0a\x01?" + b"\x12" + bytes([len(line)]) + line)
    assert "\x1b" not in difference(theirs, FEATURES)
    assert difference(theirs, FEATURES)


def test_the_ups_tells_its_operator_once_a_connection_and_names_it_when_bytes_are_bad() -> None:
    told: list[str] = []
    model = UpsModel(UpsSettings(features=FEATURES), Random(1), note=told.append)
    model._shop.announce(1, 0.0)
    hello = ups.AUCommand(hello=ups.AUHello(features=FEATURES, contract=changed(*MOVED))).SerializeToString()
    for at in (1.0, 2.0):
        model.opened(Link.SHOP, at)
        model.received(Link.SHOP, hello, at)
        model.received(Link.SHOP, hello, at)
    assert told == [f"the shop's contract differs: {ACKS_ELSEWHERE}"] * 2
    model.received(Link.SHOP, b"\xff\xff", 3.0)
    assert (
        told[-1]
        == f"the shop said what is no message, and the contracts differ: {ACKS_ELSEWHERE}; the connection is closed"
    )


def test_the_mock_amazon_shows_it_and_names_it_when_bytes_are_bad() -> None:
    seen: list[str] = []
    model = AmazonModel(Settings(), (), Faults(), Random(1), lambda _now, _sign, words: seen.append(words))
    model.start(0.0)
    model.opened(1, 0.0)
    start = ups.UAstart(worldid=1, seqnum=1, features=FEATURES, contract=changed(*MOVED)).SerializeToString()
    model.received(1, start, 0.1)
    model.received(1, start, 0.2)
    assert seen.count(f"the contract of UPS differs: {ACKS_ELSEWHERE}") == 1
    model.received(1, b"\xff\xff", 0.3)
    assert f"; the contracts differ: {ACKS_ELSEWHERE}" in seen[-1]
    assert any(isinstance(output, Close) and output.line == 1 for output in model.outputs())


def test_a_base_ups_is_compared_with_nothing() -> None:
    seen: list[str] = []
    model = AmazonModel(Settings(), (), Faults(), Random(1), lambda _now, _sign, words: seen.append(words))
    model.start(0.0)
    model.opened(1, 0.0)
    model.received(1, ups.UAstart(worldid=1, seqnum=1).SerializeToString(), 0.1)
    assert not any("differs" in words for words in seen)
