"""The extension on the UPS link: said to a partner that named the feature, and to nobody else."""

from typing import Any

import pytest

from mesh.attachment import Kind
from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from tests.ups_bridge.fakes import Bench, delivered, truck
from ups_bridge import contract
from ups_bridge.codec import MAX_TRUCKS
from ups_bridge.features import SPOKEN


def start(*features: str, world_id: int = 7, seqnum: int = 1, told: ups.Contract | None = None) -> ups.UAstart:
    return ups.UAstart(worldid=world_id, seqnum=seqnum, features=features, contract=told)


def live(*features: str) -> Bench:
    bench = Bench()
    bench.connect(1, start(*features))
    return bench


def redirect(command_id: int, shipment_id: int = 5, x: int = 8, y: int = -9) -> bridge.Command:
    body = bridge.Redirect(shipment_id=shipment_id, x=x, y=y)
    return bridge.Command(command_id=command_id, world_epoch=1, redirect=body)


def cancel(command_id: int, shipment_id: int = 5) -> bridge.Command:
    return bridge.Command(command_id=command_id, world_epoch=1, cancel_job=bridge.CancelJob(shipment_id=shipment_id))


def check(command_id: int, account: str = "ann") -> bridge.Command:
    return bridge.Command(command_id=command_id, world_epoch=1, check_account=bridge.CheckAccount(ups_account=account))


def extension(bench: Bench, number: int = 1) -> list[Any]:
    """All elements of the extension that a partner was told, each number once, in order."""
    found = {
        one.seqNum: one
        for frame in bench.frames[number]
        for one in (*frame.redirects, *frame.cancels, *frame.accountChecks)
    }
    return list(found.values())


def hellos(bench: Bench, number: int = 1) -> list[ups.AUHello]:
    return [frame.hello for frame in bench.frames[number] if frame.HasField("hello")]


def features_told(bench: Bench) -> list[list[str]]:
    found = [one.world_announced for one in bench.events if one.WhichOneof("body") == "world_announced"]
    return [list(one.features) for one in found]


# Negotiation.


def test_who_names_features_is_greeted_with_ours_and_those_of_both_are_reported() -> None:
    bench = live("redirect", "levitation", "cancel")
    assert features_told(bench) == [["redirect", "cancel"]]
    assert {tuple(one.features) for one in hellos(bench)} == {SPOKEN}
    assert not hellos(bench)[0].HasField("contract")
    assert bench.core.status(bench.now).features == ["redirect", "cancel"]


def test_the_hello_is_in_the_first_frame_and_again_with_the_acknowledgement() -> None:
    bench = Bench()
    bench.held = {Kind.REPORT}
    bench.connect(1, start("redirect"))
    assert [frame.HasField("hello") for frame in bench.frames[1]] == [True]
    bench.release()
    assert [(frame.HasField("hello"), list(frame.acks)) for frame in bench.frames[1]] == [(True, []), (True, [1])]
    bench.say(1, start("redirect"))
    assert bench.frames[1][-1].HasField("hello")
    assert features_told(bench) == [["redirect"]], "the same announcement is one event"


def test_features_that_nobody_knows_are_greeted_too_and_none_is_on() -> None:
    bench = live("levitation")
    assert hellos(bench)
    assert features_told(bench) == [[]]


def test_a_base_partner_sees_the_base_alone_byte_for_byte() -> None:
    bench = live()
    bench.send(truck(1), redirect(2), cancel(3), check(4), truck(5, 6))
    bench.say(1, ups.UACommand(acks=[1, 5]), delivered(9))
    bench.run(30)
    said = [frame.SerializeToString() for frame in bench.frames[1]]
    base = []
    for frame in bench.frames[1]:
        only = ups.AUCommand(
            pickupRequests=frame.pickupRequests,
            deliverRequests=frame.deliverRequests,
            acks=frame.acks,
            error=frame.error,
        )
        base.append(only.SerializeToString())
    assert said == base
    assert bench.heard(1) == [1, 5]
    assert bench.core.status(bench.now).unacked == 0


# Elements.


def test_each_command_of_the_extension_is_sent_until_acked_to_who_speaks_it() -> None:
    bench = live("redirect", "cancel", "account-check")
    assert bench.send(redirect(2), cancel(3), check(4)) == 3
    bench.run(5)
    there, gone, asked = extension(bench)
    assert (there.seqNum, there.shipId, there.x, there.y) == (2, 5, 8, -9)
    assert (gone.seqNum, gone.shipId) == (3, 5)
    assert (asked.seqNum, asked.upsName) == (4, "ann")
    bench.say(1, ups.UACommand(acks=[2, 3, 4]))
    assert bench.acked == [2, 3, 4]


def test_an_answer_says_that_the_question_came_also_without_an_ack() -> None:
    bench = live("redirect", "cancel", "account-check")
    bench.send(redirect(2), cancel(3), check(4))
    yes = ups.UARedirectAnswer(seqNum=7, originSeqNum=2, shipId=5, accepted=True)
    no = ups.UACancelAnswer(seqNum=8, originSeqNum=3, shipId=5, accepted=False, reason="under way")
    known = ups.UAAccountAnswer(seqNum=9, originSeqNum=4, upsName="ann", known=True)
    bench.say(1, ups.UACommand(redirectAnswers=[yes], cancelAnswers=[no], accountAnswers=[known]))
    frames = len(bench.frames[1])
    bench.run(5)
    assert bench.acked == [2, 3, 4]
    assert len(bench.frames[1]) == frames


def test_a_command_whose_feature_is_off_is_taken_and_dropped_and_the_others_go() -> None:
    bench = live("cancel")
    assert bench.send(redirect(2), cancel(3), truck(4)) == 3
    assert [one.seqNum for one in extension(bench)] == [3]
    assert bench.heard(1) == [4]
    bench.run(1)
    assert bench.acked == [2], "nobody will say it, so it is done with"


def test_what_waits_for_a_feature_that_is_gone_after_a_reconnect_is_not_sent_again() -> None:
    bench = live("redirect", "cancel")
    bench.send(truck(1), redirect(2), cancel(3))
    bench.cut(1)
    bench.connect(2, start("cancel"))
    bench.run(5)
    assert set(bench.heard(2)) == {1}
    assert [one.seqNum for one in extension(bench, 2)] == [3]
    assert bench.acked == [2]
    bench.cut(2)
    bench.connect(3, start("redirect", "cancel"))
    bench.run(5)
    assert [one.seqNum for one in extension(bench, 3)] == [3], "orders_svc takes what was dropped for refused"
    assert features_told(bench) == [["redirect", "cancel"], ["cancel"], ["redirect", "cancel"]]


def test_another_announcement_on_a_live_connection_changes_the_features_at_once() -> None:
    bench = live("redirect")
    bench.send(redirect(2))
    before = len(bench.frames[1])
    bench.say(1, start(seqnum=2))
    bench.run(5)
    assert not any(frame.redirects or frame.HasField("hello") for frame in bench.frames[1][before:])
    assert features_told(bench) == [["redirect"], []]


def test_a_partner_in_another_world_keeps_the_redirect_waiting_whatever_it_speaks_there() -> None:
    bench = live("redirect")
    bench.send(redirect(2))
    bench.say(1, start(world_id=8, seqnum=2))
    bench.say(1, start("redirect", world_id=7, seqnum=3))
    bench.run(3)
    assert [one.seqNum for one in extension(bench)] == [2]
    assert bench.core.status(bench.now).unacked == 1


def test_answers_and_notices_are_events_in_the_order_of_their_numbers() -> None:
    bench = live(*SPOKEN)
    bench.say(
        1,
        ups.UACommand(
            deliveryStarted=[ups.UADeliveryStarted(seqNum=5, shipId=6, truckId=3)],
            accountAnswers=[ups.UAAccountAnswer(seqNum=4, originSeqNum=12, upsName="ann", known=True)],
            cancelAnswers=[ups.UACancelAnswer(seqNum=3, originSeqNum=11, shipId=6, accepted=True)],
            redirectAnswers=[
                ups.UARedirectAnswer(seqNum=2, originSeqNum=10, shipId=5, accepted=False, reason="delivered")
            ],
        ),
    )
    moved, gone, account, started = bench.events[1:]
    answer = moved.redirect_answered
    assert (answer.command_id, answer.shipment_id, answer.accepted, answer.reason) == (10, 5, False, "delivered")
    assert (gone.cancel_answered.command_id, gone.cancel_answered.accepted) == (11, True)
    known = account.account_answered
    assert (known.command_id, known.ups_account, known.known) == (12, "ann", True)
    assert (started.delivery_started.shipment_id, started.delivery_started.truck_id) == (6, 3)
    assert bench.acks(1) == [1, 2, 3, 4, 5]


def test_after_an_accepted_redirect_no_copy_of_the_truck_request_brings_the_old_address_back() -> None:
    bench = live("redirect")
    bench.send(truck(1, 5), truck(2, 6), redirect(3, 5))
    accepted = ups.UARedirectAnswer(seqNum=9, originSeqNum=3, shipId=5, accepted=True)
    bench.say(1, ups.UACommand(redirectAnswers=[accepted]))
    bench.cut(1)
    bench.connect(2, start("redirect"))
    bench.run(5)
    assert set(bench.heard(2)) == {2}


def test_a_yes_that_is_heard_again_leaves_alone_what_was_asked_for_since() -> None:
    bench = live("redirect")
    bench.send(truck(4, 5))
    accepted = ups.UARedirectAnswer(seqNum=9, originSeqNum=3, shipId=5, accepted=True)
    bench.say(1, ups.UACommand(redirectAnswers=[accepted]))
    bench.cut(1)
    bench.connect(2, start("redirect"))
    bench.run(5)
    assert set(bench.heard(2)) == {4}


# Where trucks are.


def position(truck_id: int, x: int, *ships: int) -> ups.UATruckPosition:
    return ups.UATruckPosition(truckId=truck_id, x=x, y=1, shipIds=ships)


def test_where_trucks_are_is_told_with_the_next_renewal_the_latest_of_each_and_once() -> None:
    bench = live("truck-position")
    bench.run(2)
    before = len(bench.renewals)
    bench.say(1, ups.UACommand(truckPositions=[position(3, 10), position(4, 20), position(3, 11, 5, 6)]))
    bench.run(5)
    told = [list(one.trucks) for one in bench.renewals[before:]]
    assert [(one.truck_id, one.x, list(one.shipment_ids)) for one in told[0]] == [(4, 20, []), (3, 11, [5, 6])]
    assert not any(told[1:])
    assert len(bench.events) == 1, "a position is no event"


def test_positions_are_bounded_and_of_no_interest_without_the_feature() -> None:
    bench = live("truck-position")
    many = [position(number, number) for number in range(MAX_TRUCKS + 50)]
    bench.say(1, ups.UACommand(truckPositions=many[:700]), ups.UACommand(truckPositions=many[700:]))
    bench.run(5)
    assert max(len(one.trucks) for one in bench.renewals) == MAX_TRUCKS
    plain = live()
    plain.say(1, ups.UACommand(truckPositions=many))
    plain.run(5)
    assert not any(one.trucks for one in plain.renewals)


# The contract.


def changed(line: str, into: str) -> ups.Contract:
    lines = [into if str(one) == line else str(one) for one in contract.LINES]
    return ups.Contract(fingerprint="0123456789abcdef", fields=[one for one in lines if one])


def test_a_difference_is_named_in_the_state_in_the_status_and_in_the_refusal() -> None:
    told = changed("UACommand 3 repeated int64 acks", "UACommand 8 repeated int64 acks")
    bench = Bench()
    bench.connect(1, start("contract", told=told))
    words = "your UACommand.acks is field 8, ours is 3"
    assert bench.core.state(bench.now) == f"open; the contracts differ: {words}"
    assert bench.core.status(bench.now).contract_difference == words
    assert hellos(bench)[0].contract == contract.ours()
    bench.say(1, b"\x0a\x02\x08\x01")
    assert bench.closed[0].reason.endswith(f"; the contracts differ: {words}")


def test_the_same_contract_needs_no_words() -> None:
    bench = Bench()
    bench.connect(1, start("contract", told=contract.ours()))
    assert bench.core.state(bench.now) == "open"


@pytest.mark.parametrize(
    ("line", "into", "words"),
    [
        (
            "UAstart 1 required int64 worldid",
            "UAstart 1 required int32 worldid",
            "your UAstart.worldid is int32, ours is int64",
        ),
        (
            "UACommand 1.2 required int32 loadRequests.truckId",
            "UACommand 1.4 required int32 loadRequests.truckId",
            "your UACommand.loadRequests.truckId is field 1.4, ours is 1.2",
        ),
        ("UACommand 4 repeated message error", "", "you have no UACommand.error, ours is field 4"),
        (
            "AUCommand 1.8 optional string pickupRequests.upsName",
            "AUCommand 1.8 required bytes pickupRequests.account",
            "your AUCommand.pickupRequests.upsName is required bytes, ours is optional string",
        ),
        ("AUCommand 3 repeated int64 acks", "AUCommand 3 repeated int64 acknowledgements", ""),
        ("AUCommand 12 repeated message cancels", "", ""),
        ("AUCommand 11.3 required int32 redirects.x", "", "you have no AUCommand.redirects.x, ours is field 11.3"),
    ],
)
def test_the_first_difference_is_named_in_plain_words(line: str, into: str, words: str) -> None:
    """Names may differ; of the extension only what both speak counts."""
    told = changed(line, into)
    assert contract.difference(told.fingerprint, told.fields, ("redirect", "contract")) == words


def test_a_base_with_fewer_lines_is_no_difference_and_a_bare_fingerprint_is_said_to_name_nothing() -> None:
    base = [line for line in contract.LINES if line.spoken(())]
    assert contract.fingerprint(base) == "c50f93ffacf95c60"
    assert contract.difference("c50f93ffacf95c60", [], ()) == ""
    assert "you name no fields" in contract.difference("feedfeedfeedfeed", ["what is this"], ())


def test_what_a_partner_says_of_its_contract_is_fit_to_be_shown_and_bounded() -> None:
    hostile = ["UAstart 1 required int64 \x1b[31mworldid", " " * 4_000_000, "UAstart " + "1" * 1000 + " a b c"]
    words = contract.difference("\n\x07" * 1000, hostile, ())
    assert words.isprintable()
    assert len(words) < 200
