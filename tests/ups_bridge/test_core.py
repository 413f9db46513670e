"""The UPS link's state machine in virtual time, with partners of every kind."""

from collections import Counter

import pytest

from mesh.attachment import Kind
from mesh.errors import FailedPrecondition, InvalidArgument
from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from tests.ups_bridge.fakes import TICK, Bench, deliver, delivered, start, truck
from ups_bridge.rules import Rules


def live(**options: Rules) -> Bench:
    """A bench with a partner in world 7 on connection 1."""
    bench = Bench(**options)  # type: ignore[arg-type]
    bench.connect(1, start())
    return bench


# Announcements.


def test_an_announced_world_is_reported_and_acked_after_the_report() -> None:
    bench = Bench()
    bench.held = {Kind.REPORT}
    bench.connect(1, start(7, 3))
    bench.run(3)
    assert bench.acks(1) == []
    bench.say(1, start(7, 3))
    bench.release()
    assert bench.announced == [7]
    assert bench.acks(1) == [3]
    assert {report.world_epoch for report in bench.reports} == {0}


def test_the_same_announcement_is_acked_again_and_another_one_on_a_live_connection_is_an_event() -> None:
    bench = live()
    bench.say(1, start())
    assert bench.announced == [7]
    assert bench.acks(1) == [1, 1]
    bench.say(1, start(8, 2))
    bench.say(1, start(9, 2))
    assert bench.announced == [7, 8, 9]
    assert bench.acks(1) == [1, 1, 2, 2]
    bench.say(1, start(7, 1))
    assert bench.announced == [7, 8, 9, 7], "back in the first world: the newest announcement counts"


def test_an_announcement_does_not_use_up_its_number_for_elements() -> None:
    bench = live()
    bench.say(1, delivered(1))
    assert [event.WhichOneof("body") for event in bench.events] == ["world_announced", "delivered"]
    assert bench.acks(1) == [1, 1]


def test_before_the_announcement_nothing_is_sent_and_commands_are_refused() -> None:
    bench = Bench()
    bench.connect(1)
    with pytest.raises(FailedPrecondition) as caught:
        bench.send(truck(1))
    assert caught.value.reason == "LINK_NOT_OPEN"
    assert bench.core.state(bench.now) == "waiting for UPS to announce its world"
    assert bench.frames[1] == []


@pytest.mark.parametrize(
    "first", [delivered(4), b"", b"\xff\xff", ups.UACommand(acks=[1]), b"GET / HTTP/1.1\r\n", b"\x08\x01"]
)
def test_what_does_not_begin_with_an_announcement_is_closed_and_counted(first: object) -> None:
    bench = live()
    bench.connect(2)
    bench.say(2, first)
    assert bench.sockets == [1]
    assert bench.core.status(bench.now).bad_frames == 1
    assert bench.core.connected


def test_who_announces_nothing_is_closed_after_the_deadline() -> None:
    bench = Bench()
    bench.connect(1)
    bench.run(9)
    assert bench.sockets == [1]
    bench.run(2)
    assert bench.sockets == []
    assert "no world was announced" in bench.closed[0].reason


def test_who_announces_nothing_while_the_link_is_not_ours_is_waited_for_without_a_hurry() -> None:
    bench = Bench(away=True)
    bench.connect(1)
    bench.run(5)
    bench.connect(2)
    for _ in range(40):
        bench.run(0.5)
        assert (bench.core.next_timer or bench.now) >= bench.now, "the next call is not overdue"
    assert bench.sockets == [1, 2]


# Connections.


def test_the_newest_connection_whose_announcement_parses_wins() -> None:
    bench = live()
    bench.connect(2)
    assert bench.sockets == [1, 2]
    bench.say(2, start(7, 1))
    assert bench.sockets == [2]
    assert bench.send(truck(1)) == 1
    assert bench.heard(2) == [1]
    assert bench.heard(1) == []


def test_after_a_lost_connection_the_next_one_gets_everything_unacked() -> None:
    bench = live()
    bench.send(truck(1), truck(2), deliver(3))
    bench.say(1, ups.UACommand(acks=[2]))
    bench.cut(1)
    assert bench.core.status(bench.now).unacked == 2
    with pytest.raises(FailedPrecondition):
        bench.send(truck(4))
    bench.run(100)
    bench.connect(2, start())
    assert bench.heard(2) == [1, 3]
    assert bench.acked == [2]


def test_a_partner_that_opens_a_connection_for_each_message_is_heard_and_acked_once_it_stays() -> None:
    bench = Bench()
    bench.held = {Kind.REPORT}
    for number in (1, 2):
        bench.connect(number)
        bench.say(number, start(), delivered(4))
        bench.cut(number)
    bench.release()
    assert {event.seqnum for event in bench.events if event.HasField("delivered")} == {4}
    assert bench.acks(1) == bench.acks(2) == []
    bench.connect(3)
    bench.say(3, start(), delivered(4))
    assert sorted(bench.acks(3)) == [1, 4]


def test_a_partner_that_restarted_its_numbers_is_heard() -> None:
    bench = live()
    bench.say(1, delivered(2, ship=5))
    bench.cut(1)
    bench.connect(2, start())
    bench.say(2, delivered(2, ship=6))
    assert [one.delivered.shipment_id for one in bench.events if one.HasField("delivered")] == [5, 6]
    assert bench.acks(2) == [1, 2]


def test_above_the_cap_of_silent_connections_the_oldest_is_closed_and_the_live_one_never() -> None:
    bench = live(rules=Rules(max_waiting=3))
    for number in range(2, 50):
        bench.connect(number)
    assert bench.sockets == [1, 47, 48, 49]


def test_how_the_link_is_reaches_orders_svc_soon() -> None:
    bench = Bench()
    bench.run(1)
    assert not bench.renewals[-1].connected
    assert bench.renewals[-1].state == "waiting for UPS to connect"
    bench.connect(1, start())
    bench.run(0.5)
    assert bench.renewals[-1].connected
    bench.cut(1)
    bench.run(0.5)
    assert not bench.renewals[-1].connected


# Elements.


def test_elements_of_the_partner_are_events_in_the_order_of_their_numbers() -> None:
    bench = live()
    bench.say(
        1,
        ups.UACommand(
            loadRequests=[ups.UALoadRequest(seqNum=9, truckId=3, shipId=5)],
            delivered=[ups.UADelivered(seqNum=4, shipId=6)],
            error=[ups.Err(err="no", originSeqNum=77, seqNum=-2)],
        ),
    )
    error, done, arrived = bench.events[1:]
    assert (error.command_failed.command_id, error.command_failed.text) == (77, "no")
    assert done.delivered.shipment_id == 6
    assert (arrived.truck_arrived.shipment_id, arrived.truck_arrived.truck_id) == (5, 3)
    assert bench.acks(1) == [1, -2, 4, 9]


def test_duplicates_are_one_event_and_are_acked_only_after_the_report() -> None:
    bench = live()
    bench.held = {Kind.REPORT}
    for _ in range(3):
        bench.say(1, delivered(4))
        bench.run(1)
    assert bench.acks(1) == [1]
    bench.release()
    bench.say(1, delivered(4))
    assert bench.acks(1) == [1, 4, 4]
    assert len(bench.events) == 2


def test_commands_are_repeated_until_acked_and_the_ack_is_reported() -> None:
    bench = live()
    bench.send(truck(1))
    bench.run(5 * TICK)
    assert len(bench.heard(1)) >= 4
    bench.say(1, ups.UACommand(acks=[1, 1, 99]))
    before = len(bench.heard(1))
    bench.run(20)
    assert len(bench.heard(1)) == before
    assert bench.acked == [1]


@pytest.mark.parametrize("acks", [[], [1]], ids=["alone", "with the ack"])
def test_a_refusal_is_an_answer_also_without_an_ack(acks: list[int]) -> None:
    bench = live()
    bench.send(truck(1), truck(2, 6))
    refusal = ups.Err(err="no such warehouse", originSeqNum=1, seqNum=9)
    bench.say(1, ups.UACommand(error=[refusal], acks=acks))
    before = len(bench.heard(1))
    bench.run(5 * TICK)
    assert set(bench.heard(1)[before:]) == {2}
    assert bench.acked == [1]
    assert [event.command_failed.command_id for event in bench.events[1:]] == [1]
    bench.cut(1)
    bench.connect(2, start())
    assert bench.heard(2) == [2]


def test_an_account_is_sent_only_if_there_is_one() -> None:
    bench = live()
    with_account = truck(2)
    with_account.request_truck.ups_account = "ann"
    bench.send(truck(1), with_account)
    first, second = bench.frames[1][-1].pickupRequests
    assert not first.HasField("upsName")
    assert second.upsName == "ann"
    assert (first.warehouseId, first.destinationX, first.destinationY, first.items) == (2, 3, 4, "pear")


@pytest.mark.parametrize("bad", [b"\x12\x02\x08\x01", b"\xff\xff\xff"])
def test_a_bad_message_ends_that_connection_only(bad: bytes) -> None:
    bench = live()
    bench.send(truck(1))
    bench.say(1, delivered(4), bad, delivered(5))
    assert bench.closed[-1].bad_head == bad
    assert [one.seqnum for one in bench.events] == [1, 4]
    bench.connect(2, start())
    assert bench.heard(2) == [1]


def test_text_that_is_no_utf8_is_read_all_the_same() -> None:
    bench = live()
    bench.say(1, b"\x22\x08\x0a\x02\xff\xfe\x10\x05\x18\x06")
    assert bench.events[-1].command_failed.command_id == 5
    assert bench.acks(1)[-1] == 6


# Worlds and owners.


def test_commands_of_an_older_world_leave_the_window_and_are_refused() -> None:
    bench = live()
    bench.send(truck(1), truck(2))
    bench.send(truck(3, world_epoch=2))
    assert bench.core.status(bench.now).unacked == 1
    bench.frames[1].clear()
    bench.run(5)
    assert set(bench.heard(1)) == {3}
    for stale in ([truck(4)], [truck(5, world_epoch=3), truck(6, world_epoch=2)]):
        with pytest.raises(InvalidArgument):
            bench.send(*stale)
    assert bench.core.status(bench.now).unacked == 1


def test_commands_are_not_repeated_to_a_ups_in_another_world_and_go_on_when_it_is_back() -> None:
    bench = live()
    bench.send(truck(1), truck(2))
    bench.say(1, start(4242, 2))
    bench.frames[1].clear()
    bench.run(30)
    assert bench.heard(1) == []
    assert bench.core.state(bench.now) == "open; UPS is in world 4242: what was for another world is held back"
    assert bench.core.status(bench.now).unacked == 2
    bench.cut(1)
    bench.connect(2, start(4242, 2))
    bench.run(30)
    assert bench.heard(2) == []
    bench.say(2, start(7, 3))
    bench.run(0.5)
    assert bench.heard(2)[:2] == [1, 2], "nobody else sends them: orders_svc knows that they were taken"
    assert bench.core.state(bench.now) == "open"


def test_what_was_held_back_for_the_old_world_is_dropped_when_orders_svc_is_in_the_new_one() -> None:
    bench = live()
    bench.send(truck(1))
    bench.say(1, start(8, 2))
    bench.frames[1].clear()
    assert bench.send(truck(2, world_epoch=2)) == 1
    bench.run(30)
    assert set(bench.heard(1)) == {2}
    assert bench.core.status(bench.now).unacked == 1
    bench.say(1, start(7, 3))
    bench.frames[1].clear()
    bench.run(30)
    assert bench.heard(1) == []


def test_a_command_of_the_same_world_says_that_ups_is_in_it() -> None:
    bench = live()
    bench.send(truck(1))
    bench.held = {Kind.REPORT}
    bench.say(1, start(8, 2))
    with pytest.raises(FailedPrecondition) as caught:
        bench.send(truck(2))
    assert caught.value.reason == "LINK_NOT_OPEN", "orders_svc may not know of the announcement"
    bench.release()
    bench.frames[1].clear()
    assert bench.send(truck(2)) == 1
    assert bench.heard(1) == [1, 2]


def test_what_was_planned_for_another_world_is_not_for_the_one_that_ups_is_in_now() -> None:
    bench = live()
    bench.say(1, start(8, 2))
    for world_id, announcement_no in ((7, 1), (7, 2), (8, 1), (0, 0)):
        planned = bridge.SendCommandsRequest(
            link_epoch=1, commands=[truck(1)], world_id=world_id, announcement_no=announcement_no
        )
        with pytest.raises(FailedPrecondition) as caught:
            bench.core.send_commands(planned, bench.now)
        assert caught.value.reason == "LINK_NOT_OPEN"
    bench.run(3)
    assert bench.heard(1) == []
    assert bench.send(truck(1)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        bridge.Command(command_id=1, world_epoch=1),
        bridge.Command(command_id=1, world_epoch=1, buy=bridge.Buy(warehouse_id=1)),
        truck(9, shipment_id=6),
    ],
)
def test_a_command_that_can_never_be_said_keeps_no_other_back(wrong: bridge.Command) -> None:
    bench = live()
    bench.send(truck(9))
    assert bench.send(truck(2), wrong, truck(3)) == 3
    assert bench.refused.keys() == {wrong.command_id}
    assert bench.refused[wrong.command_id]
    assert bench.heard(1) == [9, 2, 3]


def test_stale_epoch_closes_forgets_and_attaches_anew() -> None:
    bench = live()
    bench.send(truck(1))
    bench.epoch = 2
    bench.run(3)
    assert bench.sockets == []
    assert bench.attached == 2
    bench.connect(2, start())
    bench.run(3)
    assert bench.heard(2) == []
    assert bench.send(truck(1)) == 1


def test_while_the_link_is_not_ours_nothing_is_read_and_nobody_is_turned_away() -> None:
    bench = Bench(away=True)
    bench.connect(1)
    assert not bench.core.reading(1)
    bench.run(60)
    assert bench.sockets == [1]
    bench.away = False
    bench.run_until(lambda: bench.core.reading(1), 5)
    bench.say(1, start())
    assert bench.core.connected


def test_while_orders_svc_is_away_what_the_partner_says_waits_unacked_and_bounded() -> None:
    bench = live(rules=Rules(max_queued=40))
    bench.away = True
    for seqnum in range(2, 100):
        if bench.core.reading(1):
            bench.say(1, delivered(seqnum))
    assert not bench.core.reading(1)
    assert bench.core.reporter.queued == 20
    assert bench.acks(1) == [1]
    bench.away = False
    bench.run(5)
    assert bench.acks(1) == list(range(1, 22))


def test_a_partner_that_acks_late_gets_one_copy_for_each_wait() -> None:
    bench = Bench()
    bench.connect(1, start())
    acked: set[int] = set()
    for number in range(1, 101):
        bench.send(truck(number))
        # Every ack comes two ticks late; something else comes all the time, so nobody is away.
        bench.run(TICK / 10)
        bench.say(1, delivered(number))
        due = set(range(1, number - 19)) - acked
        if due:
            bench.say(1, ups.UACommand(acks=sorted(due)))
            acked |= due
    copies = Counter(bench.heard(1))
    assert max(copies.values()) <= 2
