"""The threads around the use cases: group commit, workers, events."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from structlog.testing import capture_logs

from mesh.errors import ResourceExhausted, RpcFailure, Unavailable
from orders_svc import bootstrap, events, groups
from orders_svc.events import Broadcaster
from orders_svc.groups import GroupCommit
from orders_svc.service.changes import OrderChange
from orders_svc.workers import Worker, pause_after
from tests.orders_svc.rpc.serving import eventually


def test_each_caller_gets_its_own_answer_and_none_before_the_commit() -> None:
    gate, begun, sizes = threading.Event(), threading.Event(), []

    def commit(values: list[int]) -> list[int]:
        begun.set()
        gate.wait(60)
        sizes.append(len(values))
        return [value * 2 for value in values]

    group = GroupCommit("doubling", commit)
    group.start()
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(group.submit, 0, 60)]
        begun.wait(60)
        answers += [pool.submit(group.submit, value, 60) for value in range(1, 20)]
        eventually(lambda: len(group._queue) == 19)
        assert not any(answer.done() for answer in answers)
        gate.set()
        assert [answer.result(60) for answer in answers] == [value * 2 for value in range(20)]
    assert sizes == [1, 19]
    group.stop()


def test_those_who_come_again_at_once_share_their_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one alone, then all others, and so on: a group waits for as many as the last one had."""
    monkeypatch.setattr(groups, "GATHER_SECONDS", 1000.0)
    gate, sizes = threading.Event(), []

    def commit(values: list[int]) -> list[int]:
        sizes.append(len(values))
        gate.wait(60)
        return values

    group = GroupCommit("gathering", commit)
    group.start()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(group.submit, 0, 60)
        eventually(lambda: sizes == [1])
        others = [pool.submit(group.submit, value, 60) for value in range(1, 8)]
        eventually(lambda: len(group._queue) == 7)
        gate.set()
        assert [answer.result(60) for answer in (first, *others)] == list(range(8))
        again = [pool.submit(group.submit, value, 60) for value in range(6)]
        eventually(lambda: len(group._queue) == 6)
        assert not any(answer.done() for answer in again)
        again.append(pool.submit(group.submit, 6, 60))
        assert [answer.result(60) for answer in again] == list(range(7))
    assert sizes == [1, 7, 7]
    group.stop()


def test_an_error_of_the_commit_goes_to_its_group_and_the_next_group_is_served() -> None:
    def commit(values: list[int]) -> list[int]:
        if 0 in values:
            raise ZeroDivisionError
        return values

    group = GroupCommit("dividing", commit)
    group.start()
    with pytest.raises(ZeroDivisionError):
        group.submit(0, 60)
    assert group.submit(1, 60) == 1
    group.stop()
    with pytest.raises(Unavailable) as refused:
        group.submit(1, 60)
    assert refused.value.reason == "STOPPING"


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    gate, done = threading.Event(), []

    def commit(values: list[int]) -> list[int]:
        gate.wait(60)
        done.extend(values)
        return list(values)

    group = GroupCommit("patient", commit)
    group.start()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(group.submit, 1, 60)
        eventually(lambda: not group._queue)
        with pytest.raises(Unavailable):
            group.submit(2, 0.05)
        gate.set()
        assert first.result(60) == 1
        assert group.submit(3, 60) == 3
    group.stop()
    assert done == [1, 3]


def test_a_full_queue_and_a_slow_commit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "QUEUE_LIMIT", 3)
    gate = threading.Event()

    def commit(values: list[int]) -> list[int]:
        gate.wait(60)
        return list(values)

    group = GroupCommit("slow", commit)
    group.start()
    with pytest.raises(Unavailable) as late:
        group.submit(1, 0.05)
    assert late.value.reason == "LATE"
    for _ in range(3):
        with pytest.raises(Unavailable):
            group.submit(1, 0.0)
    with pytest.raises(ResourceExhausted) as full:
        group.submit(1, 60)
    assert full.value.reason == "OVERLOADED"
    gate.set()
    group.stop()


def test_a_group_that_never_started_can_be_stopped() -> None:
    GroupCommit("idle", list).stop()


def test_a_worker_outlives_failures() -> None:
    failures = 0

    def step() -> bool:
        nonlocal failures
        failures += 1
        worker.wake()
        raise OSError("the database is away")

    worker = Worker("failing", step, 0.2)
    worker.start()
    eventually(lambda: failures > 3)
    worker.stop()


def test_its_pause_grows_to_a_limit_after_any_number_of_failures() -> None:
    pauses = [pause_after(failures, 0.2) for failures in (0, 1, 2, 3, 20, 1024, 10**6)]
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 5, 5, 5])


def test_a_worker_is_woken_and_goes_on_while_there_is_more() -> None:
    done: list[int] = []
    worker = Worker("counting", lambda: done.append(1) or len(done) % 5 != 0, 60.0)
    worker.start()
    eventually(lambda: len(done) == 5)
    worker.wake()
    eventually(lambda: len(done) == 10)
    worker.stop()


def test_a_worker_rests_as_long_as_its_step_says_but_not_after_a_failure() -> None:
    rested: list[int] = []

    def step() -> bool:
        if len(rested) == 2:
            rested.append(0)
            raise OSError("the database is away")
        return False

    def rest() -> float:
        rested.append(1)
        return 0.0 if len(rested) < 5 else 60.0

    worker = Worker("resting", step, 0.001, (OSError,), rest)
    worker.start()
    eventually(lambda: len(rested) == 5)
    worker.stop()
    assert rested == [1, 1, 0, 1, 1]


def change(order_id: int, version: int = 1) -> OrderChange:
    return OrderChange(order_id, 2, version)


def test_a_listener_hears_the_newest_of_each_order_in_batches() -> None:
    broadcaster = Broadcaster()
    with broadcaster.listening() as listener, broadcaster.listening(7) as of_one:
        assert listener.take(10) == ([], True)
        # Announced the other way round than committed.
        broadcaster.publish([change(7, 3)])
        broadcaster.publish([change(7, 2)])
        broadcaster.publish([change(number) for number in range(100, 800)])
        first, second = listener.take(10), listener.take(10)
        assert first is not None
        assert second is not None
        assert first[0][0] == change(7, 3)
        assert (len(first[0]), len(second[0])) == (events.BATCH, 201)
        assert of_one.take(10) == ([change(7, 3)], True)
        assert of_one.take(0.01) == ([], False)
    broadcaster.publish([change(1)])


def test_a_listener_that_is_too_slow_is_told_to_re_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LISTENER_LIMIT", 10)
    broadcaster = Broadcaster()
    with broadcaster.listening() as listener:
        listener.take(10)
        broadcaster.publish([change(number) for number in range(11)])
        assert listener.take(10) == ([], True)


def test_after_the_close_every_stream_ends_also_a_new_one() -> None:
    broadcaster = Broadcaster()
    with broadcaster.listening() as listener:
        broadcaster.close()
        assert listener.take(10) is None
    with broadcaster.listening() as listener:
        assert listener.take(10) is None


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends_and_the_rest_has_its_traceback() -> None:
    answers: list[Exception | None] = [OSError("away"), OSError("away"), OSError("away"), None, KeyError("bug"), None]
    done = threading.Event()

    def step() -> bool:
        if not answers:
            done.set()
            return False
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return True

    worker = Worker("w", step, 0.001, (OSError,))
    with capture_logs() as lines:
        worker.start()
        assert done.wait(60)
        worker.stop()
    assert [line["event"] for line in lines] == ["worker_waits", "worker_goes_on", "worker_failed"]
    assert lines[0]["error"] == "away"
    assert ["exc_info" in line for line in lines] == [False, False, True]


def test_a_bridge_that_is_away_is_one_line_when_it_goes_and_one_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = bootstrap.BridgeClient("token")
    away = RpcFailure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "away")
    answers: list[str] = ["away", "away", "away", "taken", "taken"]

    class Stub:
        def __init__(self, _channel: object) -> None:
            pass

        def SendCommands(self, _request: object, timeout: float) -> bootstrap.bridge_pb2.SendCommandsResponse:
            if answers.pop(0) == "away":
                raise grpc.RpcError
            return bootstrap.bridge_pb2.SendCommandsResponse(taken=1)

    monkeypatch.setattr(bootstrap.bridge_pb2_grpc, "BridgeServiceStub", Stub)
    monkeypatch.setattr(bootstrap, "read_error", lambda _error: away)
    with capture_logs() as lines:
        request = bootstrap.bridge_pb2.SendCommandsRequest()
        assert [client.send("127.0.0.1:9", request).taken for _ in range(5)] == [0, 0, 0, 1, 1]
    client.close()
    seen = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert seen == ["bridge_did_not_take", "bridge_takes_again"]
