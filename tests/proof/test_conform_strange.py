"""What a partner says that the contract has no place for: the kit goes on, and says what it was, with field numbers."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from partners.ups import ups_pb2 as ups
from proof.conform.faulty.victim import Fault, Victim
from proof.conform.frames import BYTES, FIXED32, FIXED64, GROUP, VARINT, BadFrame, fields, frame, varint
from proof.conform.reading import strange_fields, why_not
from proof.conform.verdict import Outcome, Run, Verdict
from tests.proof.conforming import TICK, Impatient, outcomes_of

# A field of each wire type, and groups inside one another.
ODD = b"".join(
    (
        varint(100 << 3 | VARINT) + varint(-1),
        varint(101 << 3 | FIXED64) + b"12345678",
        varint(102 << 3 | BYTES) + varint(3) + b"\xff\x08\x80",
        varint(103 << 3 | GROUP) + b"\x08\x01" + varint(104 << 3 | GROUP) + varint(104 << 3 | 4) + varint(103 << 3 | 4),
        varint(105 << 3 | FIXED32) + b"1234",
    )
)
# Cases that look at bytes, at the contract, and at what comes with each job.
CASES = ("2.3g", "2.6i", "2.10a", "2.12d", "2.14b", "4.1a", "5.6a", "6.1a", "11.1a", "12")


def played(plant: Callable[[Victim], None], *only: str) -> dict[str, Outcome]:
    return asyncio.run(outcomes_of(only, Fault("odd", "odd", (), plant), Impatient(TICK, resend=1.0)))


def saying(change: Callable[[bytes], bytes]) -> Callable[[Victim], None]:
    def plant(victim: Victim) -> None:
        victim.dialler.say = lambda body: [frame(change(body))]

    return plant


def test_unknown_fields_of_every_wire_type_are_no_failure_and_end_no_run() -> None:
    def with_odd_fields(body: bytes) -> bytes:
        made = b""
        for one in fields(body):
            content = one.content
            if one.kind == BYTES and one.number in (1, 2, 4):
                content += ODD
            made += varint(one.number << 3 | one.kind)
            made += varint(len(content)) + content if one.kind == BYTES else content
        return made + ODD

    outcomes = played(saying(with_odd_fields), *CASES)
    assert {outcome.case.id for outcome in outcomes.values() if not outcome.passed} == set()


def contracted(fingerprint: bytes, lines: Sequence[bytes]) -> Callable[[Victim], None]:
    """A UPS whose contract is this, in bytes that need not be text."""

    def plant(victim: Victim) -> None:
        def make(announcement: Callable[[float], ups.UAstart | None]) -> Callable[[float], ups.UAstart | None]:
            def odd(now: float) -> ups.UAstart | None:
                start = announcement(now)
                if start is not None:
                    body = b"".join(
                        varint(field << 3 | BYTES) + varint(len(text)) + text
                        for field, text in ((1, fingerprint), *((2, line) for line in lines))
                    )
                    start.contract.ParseFromString(body)
                return start

            return odd

        victim.replace(victim.shop, "announcement", make)

    return plant


@pytest.mark.parametrize(
    ("fingerprint", "lines"),
    [
        (b"\xff\xfe", [b"\xff\xfe\x00", b"UACommand 3 repeated int64 \xff"]),
        (b"", [b"", b"UACommand", b"UACommand x y z w", b"a b c d e f", b"x" * 100_000]),
        (b"c50f93ffacf95c60", [b"\xe2\x80\xa8 1 required int64 worldid"]),
    ],
    ids=["no UTF-8", "no lines", "a line of separators"],
)
def test_a_contract_that_is_no_text_is_a_failure_and_ends_no_run(fingerprint: bytes, lines: list[bytes]) -> None:
    outcomes = played(contracted(fingerprint, lines), "12")
    failed = {outcome.case.id for outcome in outcomes.values() if outcome.expected}
    assert {"12.1a", "12.2a", "12.4a"} <= failed
    assert {"12.5a", "12.5b"} & failed == set(), "ours is right: a job has to be done with it"
    run = Run("ups", [outcome.case for outcome in outcomes.values()], list(outcomes.values()))
    assert run.counts[Verdict.FAILED] >= 3


def test_acks_under_another_number_are_named_with_both_numbers() -> None:
    def moved(body: bytes) -> bytes:
        command = ups.UACommand()
        command.MergeFromString(body)
        if not command.acks or why_not(ups.UAstart, body) == "":
            return body
        numbers = list(command.acks)
        command.ClearField("acks")
        return command.SerializeToString() + b"".join(varint(8 << 3) + varint(number) for number in numbers)

    outcome = played(saying(moved), "5.6a")["5.6a"]
    assert outcome.expected.startswith("its ack")
    assert "UACommand has no field 8, in which a number came: its fields are loadRequests 1, delivered 2, acks 3" in (
        outcome.came
    )
    assert any("8: " in entry.text for entry in outcome.trace), "the trace shows it as well"


def test_an_announcement_under_other_numbers_is_told_what_it_lacks() -> None:
    def moved(body: bytes) -> bytes:
        start = ups.UAstart()
        start.MergeFromString(body)
        if not start.IsInitialized():
            return body
        return varint(2 << 3) + varint(start.worldid) + varint(5 << 3) + varint(start.seqnum)

    outcome = played(saying(moved), "4.1a")["4.1a"]
    assert outcome.alone
    assert "its first message is no UAstart: UAstart lacks worldid, which is field 1; " in outcome.came
    assert "UAstart has no field 5, in which a number came: its fields are worldid 1, seqnum 2" in outcome.came


def test_a_field_under_another_number_inside_an_element_is_told_what_it_lacks() -> None:
    def moved(body: bytes) -> bytes:
        made = b""
        for one in fields(body):
            content = one.content
            if (one.number, one.kind) == (1, BYTES):
                content = b"".join(varint((inner.number + 1) << 3) + inner.content for inner in fields(content))
            made += varint(one.number << 3 | one.kind)
            made += varint(len(content)) + content if one.kind == BYTES else content
        return made

    outcome = played(saying(moved), "6.1a")["6.1a"]
    assert "UALoadRequest lacks seqNum, which is field 1; UALoadRequest has no field 4, in which a" in outcome.came


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"HTTP/1.1", "it cannot be read as UACommand: a field of type 4 is in bytes 48 54 54 50"),
        (b"\x0a\x02\x08\x80", "it cannot be read as UACommand: a varint without an end is in bytes 0a 02 08 80"),
        (b"\x0a\x00", "UALoadRequest lacks seqNum, which is field 1; UALoadRequest lacks truckId, which is field 2; "),
        (b"", ""),
    ],
)
def test_bytes_that_are_no_message_are_explained(body: bytes, words: str) -> None:
    assert why_not(ups.UACommand, body).startswith(words)


def test_a_number_where_a_message_belongs_is_explained() -> None:
    command = ups.UACommand()
    command.MergeFromString(varint(4 << 3) + b"\x07")
    assert strange_fields(command) == ["UACommand.error, field 4, is a message Err, and a number came in it"]


@pytest.mark.parametrize("body", [varint(9 << 3 | GROUP), varint(9 << 3 | 4), varint(9 << 3 | GROUP) * 200, b"\x0e"])
def test_groups_that_do_not_end_are_no_fields(body: bytes) -> None:
    with pytest.raises(BadFrame):
        fields(body)
