"""The world model is the real program's twin: recorded conversations come out the same, element by element."""

from dataclasses import dataclass, fields, replace
from random import Random

import pytest

from partners.world import world_amazon_pb2 as amazon
from sim.world.model import Quirks, Rules, Send, Side, WorldModel
from tests.sim.trace_replay import TRACES, Seen, read_trace, recorded, replayed

RECORDED = {
    "acks": (0.0, 0.0),
    "crossack": (0.0, 0.0),
    "deliver": (2.2, 3.2),
    "dupseq": (0.0, 0.0),
    "flow": (0.2, 1.2),
    "loaderr": (1.2, 0.0),
    "malf": (0.0, 0.0),
    "order": (1.2, 0.0),
    "packerr": (0.0, 0.0),
    "reconn": (0.0, 0.6),
    "requery": (0.0, 0.0),
    "truck": (0.0, 0.2),
}
"""Each complete recording with the moments at which the world's package and truck threads polled. Nobody could record
those; they follow from what came with which tick (deliver: between 3.12 and 3.46 s for the trucks)."""

DERIVED = {"simspeed": (0.0, 0.0), "connect": (0.0, 0.0)}
"""Conversations written down from measurements whose recordings were not kept."""

SLACK = Rules().tick + Rules().poll
FASTEST = 120.0
"""Units a second of the fastest truck whose place was recorded (its short leg was rounded down)."""


@dataclass(frozen=True)
class Difference:
    """A known difference: what the model says in place of what was recorded, and why that is no fault of it."""

    recorded: str
    modelled: str
    reason: str


KNOWN = {
    "flow": [
        Difference(
            recorded='err: "package you have specified is not currently in the truck you provided!" originseqnum: 11',
            modelled='err: "cannot find truck or package you specified\\nPossible reasons: do not exist, not in proper '
            'status or not in the same warehouse!" originseqnum: 11',
            reason="load (Amazon) and deliver (UPS) came in the same millisecond; the real program's two threads raced "
            "and the deliver was first, the model handles them in the order of the recording",
        )
    ]
}


def phases_of(name: str) -> Rules:
    packages, trucks = (RECORDED | DERIVED)[name]
    return Rules(package_phase=packages, truck_phase=trucks)


def differences(name: str, quirks: Quirks) -> list[str]:
    """What the model says otherwise than the recording `name`; known differences are left out."""
    lines = read_trace(name)
    truth = recorded(lines)
    world = next(line.message.worldid for line in lines if line.incoming)
    got = replayed(lines, replace(phases_of(name), first_world=world), quirks, truth)
    expected = {seen.key: seen for seen in truth.seen}
    actual = {seen.key: seen for seen in got.seen}
    for known in KNOWN.get(name, ()):
        _excuse(expected, known.recorded)
        _excuse(actual, known.modelled)
    # What the model says shortly before the end may have come after the end of the recording.
    end = lines[-1].at
    found = [f"not said: {seen}" for key, seen in expected.items() if key not in actual]
    found += [f"said in vain: {seen}" for key, seen in actual.items() if key not in expected and seen.at + SLACK <= end]
    for key in expected.keys() & actual.keys():
        found += _apart(expected[key], actual[key])
    return found + _order(list(expected.values()), list(actual.values()))


def _excuse(seen: dict[tuple[object, ...], Seen], content: str) -> None:
    keys = [key for key, each in seen.items() if each.content == content]
    assert keys, f"a known difference is none any more: {content}"
    for key in keys:
        del seen[key]


def _apart(expected: Seen, actual: Seen) -> list[str]:
    if abs(expected.at - actual.at) > SLACK:
        return [f"at {actual.at:.1f} s instead of {expected.at:.1f} s: {expected}"]
    if expected.place is not None and actual.place is not None:
        way = sum(abs(a - b) for a, b in zip(expected.place, actual.place, strict=True))
        if way > FASTEST * (abs(expected.at - actual.at) + 0.01):
            return [f"truck at {actual.place} instead of {expected.place}: {expected}"]
    return []


def _order(expected: list[Seen], actual: list[Seen]) -> list[str]:
    """Within one list of one side the order is fixed; between lists and sides it is not."""
    found = []
    for kind in sorted({(seen.side, seen.old, seen.kind) for seen in expected}):
        both = {seen.key for seen in expected} & {seen.key for seen in actual}
        told, got = (
            [seen.key for seen in account if (seen.side, seen.old, seen.kind) == kind and seen.key in both]
            for account in (expected, actual)
        )
        if told != got:
            found.append(f"order of {kind}: {got} instead of {told}")
    return found


@pytest.mark.parametrize("name", sorted(RECORDED | DERIVED))
def test_the_model_answers_as_the_real_world_did(name: str) -> None:
    assert differences(name, Quirks()) == []


@pytest.mark.parametrize("quirk", [field.name for field in fields(Quirks)])
def test_without_any_one_quirk_some_conversation_comes_out_otherwise(quirk: str) -> None:
    without = replace(Quirks(), **{quirk: False})
    assert any(differences(name, without) for name in RECORDED | DERIVED)


def test_every_recording_is_compared() -> None:
    assert {path.stem for path in TRACES.glob("*.txt")} == set(RECORDED) | set(DERIVED) | {"big"}


def test_known_differences_have_reasons() -> None:
    assert all(difference.reason for known in KNOWN.values() for difference in known)


def test_two_hundred_buys_in_one_command_come_back_in_one_response() -> None:
    """The recording holds only the counts of acks and arrivals and the size of the response, not what was bought."""
    at, acks, arrived, size = (TRACES / "big.txt").read_text().splitlines()[5].split()
    model = WorldModel(Rules(first_world=19, first_seqnum=102), Random(0))
    connection = model.accept(Side.AMAZON, 0.005)
    hello = amazon.AConnect(initwh=[amazon.AInitWarehouse(id=1, x=3, y=4)], isAmazon=True)
    model.receive(connection, hello.SerializeToString(), 0.025)
    model.outputs()
    buys = [
        amazon.APurchaseMore(whnum=1, things=[amazon.AProduct(id=i, description=f"p{i}", count=1)], seqnum=i)
        for i in range(int(arrived))
    ]
    model.receive(connection, amazon.ACommands(buy=buys).SerializeToString(), 0.062)
    model.advance(float(at))
    (output,) = model.outputs()
    assert isinstance(output, Send)
    response = amazon.AResponses.FromString(output.body)
    assert (len(response.acks), len(response.arrived), len(output.body)) == (int(acks), int(arrived), int(size))
