"""The world link's state machine in virtual time, with scripted answers of orders_svc."""

import grpc
import pytest

from mesh.attachment import Kind
from mesh.errors import FailedPrecondition, RpcFailure
from partners.world import world_amazon_pb2 as world
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.world_bridge.fakes import (
    TICK,
    Bench,
    Orders,
    ask,
    buy,
    dial,
    open_,
    open_bench,
    query,
    redial,
    wait,
)
from world_bridge.config import Settings
from world_bridge.rules import Rules


def status(seqnum: int, package: int = 7, words: str = "packed") -> world.AResponses:
    return world.AResponses(packagestatus=[world.APackage(packageid=package, status=words, seqnum=seqnum)])


# Attaching and connecting.


def test_it_attaches_dials_and_opens_and_says_so() -> None:
    bench = open_bench()
    assert bench.orders.attached[0].callback_address == "127.0.0.1:1"
    assert [one.WhichOneof("observation") for one in bench.orders.said] == ["start", "connected"]
    assert bench.connects[1].worldid == 7
    assert bench.connects[1].isAmazon
    bench.run(1)
    assert bench.orders.renewals[-1].connected
    assert bench.orders.renewals[-1].state == "open"


def test_orders_svc_away_is_waited_for_and_said() -> None:
    orders = Orders(dial(), open_())
    orders.away = True
    bench = Bench(orders)
    bench.run(30)
    assert "waiting for orders_svc" in bench.core.state(bench.now)
    assert not bench.sockets
    orders.away = False
    bench.run_until(lambda: bench.core.connected, 5)


def test_wait_is_asked_again_with_the_next_renewal_and_its_reason_is_told() -> None:
    bench = Bench(Orders(wait("no world yet"), wait("no world yet"), dial(), open_()), greet=False)
    assert bench.core.state(bench.now) == "no world yet"
    bench.run(0.9)
    assert len(bench.orders.said) == 1
    bench.run_until(lambda: 1 in bench.connects, 5)
    assert bench.core.state(bench.now) == "waiting for the world's answer to the connect message"
    bench.say(1, world.AConnected(worldid=7, result="connected!"))
    assert bench.core.connected


def test_a_new_world_is_created_without_an_id_and_its_warehouses_are_told_back() -> None:
    bench = Bench(Orders(dial(world_id=None, warehouses=[1, 2]), open_()))
    assert bench.core.connected, "nobody can have been connected to a world that is not there yet"
    assert not bench.connects[1].HasField("worldid")
    assert [(one.id, one.x, one.y) for one in bench.connects[1].initwh] == [(1, 1, -1), (2, 2, -2)]
    said = bench.orders.said[1].connected
    assert (said.world_id, said.result, list(said.warehouse_ids)) == (99, "connected!", [1, 2])


def test_a_fresh_process_waits_longer_than_a_tick_before_it_takes_a_known_worlds_place() -> None:
    bench = open_bench()
    assert bench.opened_at[1] >= 1000.0 + 1.25 * TICK


@pytest.mark.parametrize(
    "reply",
    [
        world.AConnected(worldid=7, result="error: world with world_id 7 is not available for amazon to connect.\n"),
        world.AConnected(worldid=0, result="error: warehouse_id/truck_id already exists."),
        world.AConnected(result="error: can't parse message. Possible reason: missing required field."),
        world.AConnected(worldid=7, result="Connected"),
    ],
)
def test_anything_but_connected_is_a_refusal_and_is_told(reply: world.AConnected) -> None:
    bench = Bench(Orders(dial(), redial("refused"), dial(), open_()), greet=False)
    bench.run_until(lambda: 1 in bench.connects)
    refused_at = bench.now
    bench.say(1, reply)
    assert bench.orders.said[1].connected.result == reply.result
    bench.greet = True
    bench.run_until(lambda: bench.core.connected)
    assert bench.opened_at[2] >= refused_at + 1.25 * TICK
    assert [one.number for one in bench.closed] == [1]


def test_what_comes_in_one_segment_with_the_greeting_is_told_and_acked() -> None:
    """The world's first tick is right at the connect."""
    bench = Bench(Orders(dial(), open_()), greet=False)
    bench.run_until(lambda: 1 in bench.connects)
    pending = world.AResponses(ready=[world.APacked(shipid=3, seqnum=50)], acks=[99])
    bench.say(1, world.AConnected(worldid=7, result="connected!"), pending)
    assert [event.seqnum for event in bench.orders.events] == [50]
    assert bench.acks(1) == [50]


def test_what_a_world_said_before_it_ended_the_connection_that_was_being_judged_is_heard_on_the_next() -> None:
    bench = Bench(Orders(dial(), open_(), dial(), open_()), greet=False)
    bench.run_until(lambda: 1 in bench.connects)
    bench.orders.held = {Kind.ADVANCE}
    greeting = world.AConnected(worldid=7, result="connected!")
    bench.say(1, greeting, world.AResponses(ready=[world.APacked(shipid=3, seqnum=50)], finished=True))
    bench.release()
    assert bench.orders.events == []
    bench.run_until(lambda: 2 in bench.connects)
    bench.say(2, greeting, world.AResponses(ready=[world.APacked(shipid=3, seqnum=50)]))
    assert [event.seqnum for event in bench.orders.events] == [50]
    assert bench.acks(2) == [50]


def test_a_world_that_says_nothing_to_the_connect_message_is_left() -> None:
    bench = Bench(Orders(dial()), greet=False)
    bench.run_until(lambda: 1 in bench.closed_numbers())
    assert "said nothing" in bench.closed[0].reason


def test_a_world_that_cannot_be_reached_is_tried_again_and_again() -> None:
    bench = Bench(Orders(dial()), reach=False)
    bench.run(20)
    assert 8 <= len(bench.opened_at) <= 20
    assert "cannot reach" in bench.core.state(bench.now)
    bench.orders.advance = [dial(), open_()]
    bench.reach = True
    bench.run_until(lambda: bench.core.connected, 5)


# Asking before opening.


def test_asks_go_out_alone_answers_are_reported_and_everything_else_is_held_back() -> None:
    bench = Bench(Orders(dial(), ask(query(11, 7), buy(12)), open_()))
    bench.run_until(lambda: len(bench.heard(1)) == 2)
    with pytest.raises(FailedPrecondition) as caught:
        bench.send(buy(20))
    assert caught.value.reason == "LINK_NOT_OPEN"
    bench.say(1, world.AResponses(ready=[world.APacked(shipid=3, seqnum=50)], acks=[11]))
    assert bench.orders.acked == [11]
    assert bench.orders.events == []
    bench.say(1, status(51))
    assert [event.seqnum for event in bench.orders.events] == [51]
    assert not bench.core.connected
    bench.say(1, world.AResponses(arrived=[world.APurchaseMore(whnum=1, seqnum=52)], acks=[12]))
    bench.run(0.1)
    assert bench.core.connected
    assert [one.WhichOneof("observation") for one in bench.orders.said] == ["start", "connected", "answered"]
    assert bench.orders.said[2].answered.world_id == bench.orders.said[1].connected.world_id
    assert [event.seqnum for event in bench.orders.events] == [51, 52, 50]
    assert set(bench.acks(1)) == {50, 51, 52}
    assert sorted(bench.heard(1)) == [11, 12]


def test_an_answer_behind_more_than_can_be_held_back_is_still_heard() -> None:
    bench = Bench(Orders(dial(), ask(query(11, 7)), open_()), rules=Rules(max_queued=40))
    bench.run_until(lambda: bench.heard(1) == [11])
    bench.say(1, world.AResponses(ready=[world.APacked(shipid=n, seqnum=n) for n in range(100, 200)]))
    assert bench.core.reading(1)
    bench.say(1, world.AResponses(acks=[11]), status(51))
    bench.run(0.1)
    assert bench.core.connected
    held = {event.seqnum for event in bench.orders.events} - {51}
    assert held == set(range(100, 120))
    # What found no room was not acked, so the world says it again.
    assert set(bench.acks(1)) == held | {51}
    for some in (range(120, 150), range(150, 180), range(180, 200)):
        bench.say(1, world.AResponses(ready=[world.APacked(shipid=n, seqnum=n) for n in some]))
        bench.run(1)
    assert {event.seqnum for event in bench.orders.events} == set(range(100, 200)) | {51}


def test_an_error_answers_a_question_too() -> None:
    bench = Bench(Orders(dial(), ask(query(11, 7)), open_()))
    bench.run_until(lambda: bench.heard(1) == [11])
    bench.say(1, world.AResponses(error=[world.AErr(err="error: no", originseqnum=11, seqnum=9)], acks=[11]))
    bench.run(0.1)
    assert bench.core.connected
    assert bench.orders.events[0].command_failed.text == "error: no"


def test_a_swallowed_answer_is_asked_for_again() -> None:
    bench = Bench(Orders(dial(), ask(query(11, 7)), ask(query(12, 7)), open_()))
    bench.run_until(lambda: bench.heard(1) == [11])
    bench.say(1, world.AResponses(acks=[11]))
    bench.run_until(lambda: 12 in bench.heard(1), 5)
    bench.say(1, world.AResponses(acks=[12], packagestatus=[world.APackage(packageid=7, status="PACKED", seqnum=4)]))
    bench.run(0.1)
    assert bench.core.connected


def test_a_lost_connection_forgets_the_questions() -> None:
    bench = Bench(Orders(dial(), ask(query(11, 7)), dial(), ask(query(12, 7)), open_()))
    bench.run_until(lambda: bench.heard(1) == [11])
    bench.cut(1)
    bench.run_until(lambda: bench.heard(2) == [12])


# The open link.


def test_commands_are_sent_reported_as_acked_and_results_are_acked_after_the_report() -> None:
    bench = open_bench()
    assert bench.send(buy(20, count=3), query(21, 7)) == 2
    assert bench.heard(1) == [20, 21]
    bench.orders.held = {Kind.REPORT}
    bench.say(1, world.AResponses(acks=[20, 21], packagestatus=[world.APackage(packageid=7, status="x", seqnum=5)]))
    bench.run(3)
    assert bench.acks(1) == [], "no ack before the effect is committed"
    bench.say(1, status(5))
    assert bench.acks(1) == []
    bench.release()
    assert bench.orders.acked == [20, 21]
    assert bench.acks(1) == [5]
    bench.say(1, status(5, words="other, fresh content"))
    assert bench.acks(1) == [5, 5]
    assert len(bench.orders.events) == 1


def test_a_failed_report_is_made_again_with_the_same_content() -> None:
    bench = open_bench()
    bench.orders.away = True
    bench.say(1, status(5), status(6))
    bench.run(20)
    assert bench.acks(1) == []
    assert "waiting for orders_svc" in bench.core.state(bench.now)
    bench.orders.away = False
    bench.run(5)
    assert bench.acks(1) == [5, 6]
    assert [event.seqnum for event in bench.orders.events] == [5, 6]


def test_one_event_that_can_never_be_reported_does_not_stop_the_others() -> None:
    bench = open_bench()
    orders = bench.orders
    answer = orders.answer

    def picky(call: object) -> object:
        request = call.request  # type: ignore[attr-defined]
        if isinstance(request, pb.ReportRequest) and any(event.seqnum == 13 for event in request.events):
            return RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "13 is unlucky")
        return answer(call)  # type: ignore[arg-type]

    orders.answer = picky  # type: ignore[method-assign]
    bench.say(1, *[status(number) for number in range(10, 30)])
    bench.run(60)
    assert sorted(event.seqnum for event in orders.events) == [*range(10, 13), *range(14, 30)]
    assert sorted(bench.acks(1)) == [*range(10, 13), *range(14, 30)]
    assert bench.core.reporter.set_aside == 1


def test_events_are_told_in_the_order_of_their_numbers() -> None:
    bench = open_bench()
    bench.say(
        1,
        world.AResponses(
            ready=[world.APacked(shipid=2, seqnum=9), world.APacked(shipid=1, seqnum=4)],
            error=[world.AErr(err="e", originseqnum=1, seqnum=6)],
            loaded=[world.ALoaded(shipid=3, seqnum=-5)],
        ),
    )
    assert [event.seqnum for event in bench.orders.events] == [-5, 4, 6, 9]


def test_sending_twice_is_the_same_and_a_full_window_takes_from_the_front() -> None:
    bench = open_bench(rules=Rules(window=3))
    assert bench.send(buy(1), buy(2)) == 2
    assert bench.send(buy(1), buy(2), buy(3), buy(4)) == 3
    assert bench.heard(1) == [1, 2, 3]
    bench.say(1, world.AResponses(acks=[1, 2]))
    assert bench.send(buy(4)) == 1


def test_what_the_world_answers_to_a_whole_window_at_once_is_a_frame_that_is_read() -> None:
    """It says all that is pending in one message: what a tick brought, and what an old connection had swallowed."""
    bench = open_bench()
    things = [bridge.Thing(offer_id=2**40 + n, description="x" * 50, count=2**31 - 1) for n in range(100)]
    told = taken = 0
    while taken == told:
        batch = [
            bridge.Command(command_id=2**50 + told + n, world_epoch=1, buy=bridge.Buy(warehouse_id=1, things=things))
            for n in range(100)
        ]
        told += len(batch)
        taken += bench.send(*batch)
    bought = [one for frame in bench.commands[1] for one in frame.buy]
    assert len(bought) == taken
    answer = world.AResponses(arrived=bought, acks=[one.seqnum for one in bought])
    assert 2 * answer.ByteSize() <= Settings.model_fields["max_frame"].default


def test_a_command_that_is_acked_but_not_yet_reported_is_not_sent_again() -> None:
    bench = open_bench()
    bench.send(buy(1))
    bench.orders.held = {Kind.REPORT}
    bench.say(1, world.AResponses(acks=[1]))
    assert bench.send(buy(1)) == 1
    assert bench.heard(1) == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        bridge.Command(command_id=1, world_epoch=1),
        bridge.Command(command_id=1, world_epoch=1, deliver=bridge.Deliver(shipment_id=1)),
        buy(9, count=4),
    ],
)
def test_a_command_that_can_never_be_said_keeps_no_other_back(wrong: bridge.Command) -> None:
    bench = open_bench()
    bench.send(buy(9, count=3))
    assert bench.send(buy(2), wrong, buy(3)) == 3
    assert bench.refused.keys() == {wrong.command_id}
    assert bench.refused[wrong.command_id]
    assert bench.heard(1) == [9, 2, 3]


def test_another_epoch_is_refused() -> None:
    bench = open_bench()
    with pytest.raises(FailedPrecondition) as caught:
        bench.core.send_commands(bridge.SendCommandsRequest(link_epoch=2, commands=[buy(1)]), bench.now)
    assert caught.value.reason == "STALE_EPOCH"


# Ends and new beginnings.


@pytest.mark.parametrize("finished", [False, True])
def test_after_a_lost_connection_it_waits_longer_than_a_tick_and_sends_the_unacked_again(finished: bool) -> None:
    bench = open_bench()
    bench.orders.advance = [dial(), open_()]
    bench.send(buy(1), buy(2), buy(3))
    bench.say(1, world.AResponses(acks=[2]))
    lost_at = bench.now
    if finished:
        bench.say(1, world.AResponses(finished=True, acks=[3]))
    else:
        bench.cut(1)
    with pytest.raises(FailedPrecondition):
        bench.send(buy(4))
    bench.run_until(lambda: 2 in bench.connects)
    assert bench.now >= lost_at + 1.25 * TICK
    bench.run(0.1)
    assert bench.heard(2) == ([1] if finished else [1, 3])
    assert bench.core.status(bench.now).reconnects == 1


def test_what_came_before_the_end_is_still_reported_and_nothing_is_acked_to_a_dead_connection() -> None:
    bench = open_bench()
    bench.orders.held = {Kind.REPORT}
    bench.say(1, status(5))
    bench.cut(1)
    bench.orders.advance = [dial(), open_()]
    bench.release()
    assert [event.seqnum for event in bench.orders.events] == [5]
    bench.run_until(lambda: bench.core.connected)
    bench.say(2, status(5))
    bench.run(0.1)
    assert bench.acks(2) == [5]


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x12\x02\x08\x01", b"\x0a\x01\x00"])
def test_a_bad_message_ends_the_connection_with_its_head_and_it_comes_back(body: bytes) -> None:
    bench = open_bench()
    bench.orders.advance = [dial(), open_()]
    bench.say(1, body)
    assert bench.closed[-1].bad_head == body
    assert bench.core.status(bench.now).bad_frames == 1
    bench.run_until(lambda: bench.core.connected, 5)


def test_stale_epoch_drops_the_connection_forgets_the_window_and_attaches_anew() -> None:
    bench = open_bench()
    bench.send(buy(1))
    bench.orders.epoch = 2
    bench.orders.advance = [dial(), open_()]
    bench.run_until(lambda: not bench.sockets, 5)
    bench.run_until(lambda: bench.core.connected, 5)
    assert bench.orders.attached[-1].boot_nonce == "nonce"
    # So that it is not taken for a new start, which would drive out whoever has the link.
    assert [one.last_epoch for one in bench.orders.attached] == [0, 1]
    assert bench.core.attachment.link_epoch == 2
    bench.run(3)
    assert bench.heard(2) == []
    assert bench.core.status(bench.now).unacked == 0


def test_stale_epoch_while_reporting_keeps_what_the_world_said() -> None:
    bench = open_bench()
    bench.orders.epoch = 2
    bench.orders.advance = [dial(), open_()]
    bench.say(1, status(5))
    bench.run_until(lambda: bench.core.connected, 5)
    assert [event.seqnum for event in bench.orders.events] == [5]


def test_while_orders_svc_is_away_the_world_is_still_spoken_to() -> None:
    bench = open_bench()
    bench.send(buy(1))
    bench.orders.away = True
    bench.run(3)
    assert len(bench.heard(1)) >= 3


# Candidates.


def test_a_candidate_is_tried_on_a_second_socket_and_the_old_one_lives_until_it_is_open() -> None:
    bench = open_bench()
    bench.send(buy(1))
    bench.orders.advance = [dial(2, 8), ask(query(11, 7, 2), world_epoch=2), open_(2)]
    bench.orders.candidate = 8
    bench.run_until(lambda: bench.heard(2) == [11], 5)
    assert bench.orders.said[-2].start.candidate_world_id == 8
    assert bench.sockets == [1, 2]
    assert bench.send(buy(2)) == 1
    bench.orders.candidate = None
    bench.say(2, world.AResponses(acks=[11], packagestatus=[world.APackage(packageid=7, status="PACKED", seqnum=4)]))
    bench.run(0.1)
    assert bench.sockets == [2]
    assert bench.core.connected
    bench.run(3)
    assert bench.heard(2) == [11], "the old world's commands are not the new one's"
    assert bench.send(buy(3, world_epoch=2)) == 1
    assert {report.world_epoch for report in bench.orders.reports} == {2}


def test_a_refused_candidate_leaves_the_old_world_as_it_is() -> None:
    bench = open_bench()
    bench.orders.advance = [dial(2, 8), redial("the world refused: no,\n  no")]
    bench.orders.candidate = 8
    bench.greet = False
    bench.run_until(lambda: 2 in bench.connects, 5)
    bench.say(2, world.AConnected(worldid=8, result="error: no such world"))
    assert bench.core.state(bench.now) == "open; world 8, which UPS is in, cannot be had: the world refused: no, no"
    bench.run(1)
    assert bench.orders.renewals[-1].state == bench.core.state(bench.now)
    bench.orders.advance = [dial(2, 8), redial("the world refused: no,\n  no")]
    said = {bench.core.state(bench.now)}
    for _ in range(60):
        bench.run(0.1)
        said.add(bench.core.state(bench.now))
    assert len(bench.connects) > 2
    assert len(said) == 1, "each reason is said, and so logged, once"
    bench.orders.candidate = None
    bench.cut(bench.sockets[-1])
    bench.run(2)
    assert bench.core.state(bench.now) == "open"
    assert bench.sockets == [1]
    assert bench.core.connected
    assert bench.send(buy(1)) == 1


def test_a_candidate_that_was_opened_while_its_connection_died_still_ends_the_old_one() -> None:
    bench = open_bench()
    bench.orders.advance = [dial(2, 8)]
    bench.orders.candidate = 8
    bench.greet = False
    bench.run_until(lambda: 2 in bench.connects, 5)
    bench.orders.held = {Kind.ADVANCE}
    bench.orders.candidate = None
    bench.say(2, world.AConnected(worldid=8, result="connected!"))
    bench.cut(2)
    bench.orders.advance = [open_(2), dial(2, 8), open_(2)]
    bench.greet = True
    bench.release()
    assert bench.sockets == []
    bench.run_until(lambda: bench.core.connected, 5)
    assert bench.connects[3].worldid == 8


# Limits.


def test_nothing_more_is_read_while_orders_svc_takes_nothing() -> None:
    bench = open_bench(rules=Rules(max_queued=40))
    bench.orders.away = True
    for number in range(60):
        bench.say(1, status(number))
        if not bench.core.reading(1):
            break
    assert not bench.core.reading(1)
    assert number == 19
    bench.say(1, *[status(number) for number in range(100, 200)])
    assert bench.core.reporter.queued <= 40
    bench.orders.away = False
    bench.run(5)
    assert bench.core.reading(1)
    bench.say(1, *[status(number) for number in range(100, 110)])
    assert {event.seqnum for event in bench.orders.events} >= set(range(100, 110))


def test_the_same_inputs_give_the_same_outputs() -> None:
    def history() -> list[object]:
        bench = open_bench()
        bench.send(*[buy(number) for number in range(40)])
        bench.run(1.3)
        bench.say(1, world.AResponses(acks=list(range(0, 40, 3))))
        bench.run(10)
        return [bench.heard(1), bench.now, bench.core.next_timer, bench.core.status(bench.now).SerializeToString()]

    assert history() == history()
