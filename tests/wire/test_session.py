"""A session against a small model of a peer: everything once, no ack too early, no copy too many, no tick lost."""

import itertools
import time
import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.peer import Bench, element
from wire.errors import (
    FrameTooLong,
    LocalProtocolError,
    NotReceived,
    NumberOutOfRange,
    NumberReused,
    Unusable,
    WindowFull,
)
from wire.session import Policy, Session, Verdict

NUMBERS = st.integers(-(2**63), 2**63 - 1)
SEEDS = st.integers(0, 2**32)
LOSSES = st.sampled_from([0.0, 0.05, 0.4, 0.6, 0.95])


def session(now: float = 0.0, seed: int = 1, **limits: float) -> Session:
    return Session(Policy(**limits), now, Random(seed))  # type: ignore[arg-type]


def sent(one: Session, now: float) -> list[bytes]:
    return [element for frame in one.outgoing(now) for element in frame.elements]


def acks(one: Session, now: float) -> list[int]:
    return [number for frame in one.outgoing(now) for number in frame.acks]


# Exactly once, both ways.


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    LOSSES,
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sets(NUMBERS, max_size=40),
    st.sets(NUMBERS, max_size=40),
)
def test_everything_is_done_once_in_both_directions_under_loss_duplication_and_reordering(
    seed: int, loss: float, frame_loss: float, unruly: float, ours: set[int], theirs: set[int]
) -> None:
    bench = Bench(seed, loss, frame_loss, unruly=unruly)
    numbers = sorted(ours, key=hash)
    bench.peer.to_say = dict.fromkeys(theirs, 0)
    for number in numbers:
        bench.send(number)
        if bench.rng.random() < 0.3:
            bench.step(bench.now + 3 * bench.rng.random())
    bench.run_until_acked()
    for _ in range(500):
        bench.step(bench.now + 6)
        if not bench.peer.to_say:
            break
    assert bench.peer.done == dict.fromkeys(ours, 1)
    assert sorted(bench.acked) == sorted(ours)
    assert sorted(bench.events) == sorted(theirs)
    assert not bench.peer.to_say


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.lists(st.integers(-5, 5), max_size=60))
def test_with_duplicates_in_any_order_each_number_is_one_event_and_is_acked_only_after_confirm(
    seed: int, numbers: list[int]
) -> None:
    rng, one = Random(seed), session()
    unconfirmed: list[int] = []
    confirmed: set[int] = set()
    for number in numbers:
        verdict = one.receive(number, 0.0)
        if number in confirmed:
            assert verdict is Verdict.CONFIRMED
            assert acks(one, 0.0) == [number]
        elif number in unconfirmed:
            assert verdict is Verdict.UNCONFIRMED
            assert acks(one, 0.0) == []
        else:
            assert verdict is Verdict.NEW
            assert acks(one, 0.0) == []
            unconfirmed.append(number)
        if rng.random() < 0.4 and unconfirmed:
            done = [unconfirmed.pop(rng.randrange(len(unconfirmed)))]
            one.confirm(done, 0.0)
            confirmed.update(done)
            assert acks(one, 0.0) == done
    assert one.unconfirmed_count == len(unconfirmed)


# Copies and ticks.


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_without_loss_each_element_is_sent_exactly_once(seed: int, count: int) -> None:
    bench = Bench(seed)
    for number in range(count):
        bench.send(number)
        bench.step(bench.now + 2 * bench.rng.random())
    bench.run_until_acked()
    assert {len(times) for times in bench.peer.sent_at.values()} == {1}
    assert bench.session.resends == 0
    assert bench.session.loss(bench.now) == 0


@pytest.mark.parametrize("loss", [0.1, 0.4, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_the_copies_of_one_wait_are_bounded_and_in_frames_of_their_own(seed: int, loss: float) -> None:
    bench = Bench(seed, loss)
    for stage in range(6):
        bench.send(*range(stage * 30, stage * 30 + 30))
        bench.run_until_acked()
    for number, times in bench.peer.sent_at.items():
        assert len(set(times)) == len(times), f"seed {seed}: two copies of {number} at once"
        waits = 1 + (times[-1] - times[0]) / bench.policy.wait
        assert len(times) <= bench.policy.max_copies * waits, f"seed {seed}: {len(times)} copies in {waits:.1f} waits"


@pytest.mark.parametrize("loss", [0.4, 0.6])
def test_a_lossy_peer_costs_at_most_three_tenths_more_ticks_than_a_good_one(loss: float) -> None:
    def ticks(of_loss: float) -> float:
        total = 0.0
        for seed in range(8):
            bench = Bench(seed, of_loss)
            for stage in range(30):
                bench.send(*range(stage * 20, stage * 20 + 20))
                total += bench.run_until_acked()
        return total

    assert ticks(loss) <= 1.3 * ticks(0.0)


@pytest.mark.parametrize("frame_loss", [0.4, 0.6])
def test_a_lost_frame_costs_one_copy_only(frame_loss: float) -> None:
    bench = Bench(5, frame_loss=frame_loss)
    ticks = 0.0
    for stage in range(30):
        bench.send(*range(stage * 20, stage * 20 + 20))
        ticks += bench.run_until_acked()
    assert ticks <= 1.3 * 30


def test_when_the_loss_ends_so_do_the_copies() -> None:
    bench = Bench(3, loss=0.6)
    for stage in range(10):
        bench.send(*range(stage * 20, stage * 20 + 20))
        bench.run_until_acked()
    assert bench.session.loss(bench.now) > 0.3
    bench.peer.loss = 0.0
    for stage in range(10, 60):
        bench.send(*range(stage * 20, stage * 20 + 20))
        bench.run_until_acked()
    before = bench.session.elements_sent
    bench.send(*range(1000, 1100))
    bench.run_until_acked()
    assert bench.session.elements_sent - before == 100


def test_copies_are_spread_over_the_first_part_of_the_tick() -> None:
    bench = Bench(3, loss=0.6)
    for stage in range(10):
        bench.send(*range(stage * 20, stage * 20 + 20))
        bench.run_until_acked()
    bench.peer.sent_at.clear()
    bench.next_tick = bench.now + 5.9
    bench.send(*range(1000, 1020))
    while bench.now < bench.next_tick - 0.1:
        bench.step(bench.next_tick - 0.1)
    for times in bench.peer.sent_at.values():
        assert 5 <= len(times) <= 12
        assert times[-1] - times[0] <= 0.3 * 6.0 + 1e-6
        assert len(times) == len(set(times))


@pytest.mark.parametrize("batch", [1, 20, 3000])
def test_a_slow_peer_is_not_taken_for_one_that_loses(batch: int) -> None:
    bench = Bench(3)
    bench.peer.per_tick = 250
    for first in range(0, 3000, batch):
        bench.send(*range(first, first + batch))
        bench.flush()
    assert bench.run_until_acked() <= 3000 / 250 + 1
    assert bench.session.elements_sent <= 1.02 * 3000
    assert bench.session.loss(bench.now) < 0.02


def test_a_slow_peer_that_loses_as_well_gets_little_more_than_it_lost() -> None:
    bench = Bench(3, loss=0.2)
    bench.peer.per_tick = 250
    bench.send(*range(3000))
    assert bench.run_until_acked() <= 2 * 3000 / 250
    assert bench.session.elements_sent <= 2 * 3000


# Silence.


def test_the_wait_is_flat_while_anything_comes_and_grows_in_silence() -> None:
    flat, silent = Bench(1, loss=1.0), Bench(1, loss=1.0)
    for bench in (flat, silent):
        bench.send(*range(5))
    while flat.now < 2000:
        flat.peer.acks.append(99_999)
        flat.step(2000)
    while silent.now < 2000:
        silent.step(2000)

    def rounds(bench: Bench) -> list[float]:
        times = bench.peer.sent_at[0]
        return [times[0]] + [b for a, b in itertools.pairwise(times) if b - a > 1.9]

    assert len(rounds(flat)) >= (flat.now - 1000) / flat.policy.wait * 0.9
    gaps = [b - a for a, b in zip(rounds(silent), rounds(silent)[1:], strict=False)]
    assert max(gaps) > 30
    assert max(gaps) <= silent.policy.longest_wait + 1e-6
    assert silent.session.elements_sent < flat.session.elements_sent / 5


def test_a_peer_that_comes_back_after_silence_gets_everything_at_once() -> None:
    bench = Bench(1)
    bench.mute = True
    bench.peer.loss = 1.0
    bench.send(*range(50))
    while bench.now < 1600:
        bench.step(1600)
    bench.mute, bench.peer.loss = False, 0.0
    bench.peer.acks.append(99_999)
    before = dict(bench.session.unacked())
    assert len(before) == 50
    assert bench.run_until_acked() <= 2
    assert bench.session.loss(bench.now) < 0.9


# Acks, frames, timers.


def test_acks_ride_with_elements_in_one_frame_and_go_alone_if_there_are_none() -> None:
    one = session()
    one.receive(7, 0.0)
    one.confirm([7], 0.0)
    assert one.next_timer == 0.0
    one.send(1, b"a", 0.0)
    (frame,) = one.outgoing(0.0)
    assert (frame.elements, frame.acks) == ((b"a",), (7,))
    one.receive(7, 1.0)
    (frame,) = one.outgoing(1.0)
    assert (frame.elements, frame.acks) == ((), (7,))
    assert one.outgoing(1.0) == []


@given(st.lists(st.binary(max_size=60), max_size=80), st.integers(0, 50))
def test_what_does_not_fit_in_one_frame_is_cut_and_keeps_its_order(elements: list[bytes], count: int) -> None:
    one = session(max_frame=100)
    for number, body in enumerate(elements):
        one.send(number, body, 0.0)
    for number in range(count):
        one.receive(number, 0.0)
    one.confirm(range(count), 0.0)
    frames = one.outgoing(0.0)
    assert [body for frame in frames for body in frame.elements] == elements
    assert [number for frame in frames for number in frame.acks] == list(range(count))
    for frame in frames:
        assert sum(map(len, frame.elements)) + 11 * len(frame.acks) <= 100
        assert frame.elements or frame.acks
        assert len(frames) == 1 or not (frame.elements and frame.acks), "acks are not lost with a frame that is large"


def test_one_timer_says_when_the_next_thing_is_due() -> None:
    one = session(now=100.0)
    assert one.next_timer is None
    one.send(1, b"a", 100.0)
    assert one.next_timer == 100.0
    assert sent(one, 100.0) == [b"a"]
    assert one.next_timer == 100.0 + one.policy.wait
    assert sent(one, 106.0) == []
    assert sent(one, 107.0) == [b"a"]
    assert one.acked([1, 2, 3], 108.0) == [1]
    assert one.next_timer is None
    assert one.acked([1], 108.0) == []


def test_a_withdrawn_element_is_never_sent_again() -> None:
    one = session()
    one.send(1, b"a", 0.0)
    one.send(2, b"b", 0.0)
    assert sent(one, 0.0) == [b"a", b"b"]
    one.withdraw([1, 99])
    assert sent(one, 7.0) == [b"b"]
    assert list(one.unacked()) == [(2, b"b")]


def test_the_same_element_again_does_nothing() -> None:
    one = session()
    one.send(1, b"a", 0.0)
    one.send(1, b"a", 0.0)
    assert sent(one, 0.0) == [b"a"]
    one.send(1, b"a", 0.0)
    assert sent(one, 0.0) == []
    assert one.element_of(1) == b"a"
    assert one.element_of(2) is None


# Limits.


def test_a_budget_bounds_what_is_sent_in_a_tick_and_nothing_is_forgotten() -> None:
    one = session(tick=1.0, budget=100, window=1000)
    for number in range(350):
        one.send(number, element(number), 0.0)
    assert len(sent(one, 0.0)) == 100
    seen, now = 100, 0.0
    while seen < 350:
        timer = one.next_timer
        assert timer is not None
        assert timer > now
        now = timer
        seen += len(sent(one, now))
        assert seen <= 100 * (1 + now) + 1
    assert now < 3


def test_the_window_has_an_edge() -> None:
    one = session(window=2)
    one.send(1, b"a", 0.0)
    assert one.room == 1
    one.send(2, b"b", 0.0)
    assert one.room == 0
    one.send(2, b"b", 0.0)
    with pytest.raises(WindowFull):
        one.send(3, b"c", 0.0)


def test_the_window_has_an_edge_in_bytes_too() -> None:
    one = session(window_bytes=10)
    one.send(1, b"x" * 6, 0.0)
    assert one.room
    one.send(2, b"y" * 6, 0.0)
    assert not one.room
    one.send(2, b"y" * 6, 0.0)
    one.acked([1, 1, 99], 1.0)
    assert one.room
    one.send(3, b"z" * 6, 1.0)
    one.withdraw([2, 2, 99])
    assert one.room == one.policy.window - 1


def test_what_finds_no_room_is_dropped_and_is_new_when_it_comes_again() -> None:
    one = session(max_unconfirmed=2)
    assert [one.receive(number, 0.0) for number in (1, 2, 3)] == [Verdict.NEW, Verdict.NEW, Verdict.NO_ROOM]
    assert one.no_room == 1
    one.confirm([1], 0.0)
    assert acks(one, 0.0) == [1]
    assert one.receive(3, 0.0) is Verdict.NEW


def test_memory_for_confirmed_numbers_is_bounded_and_forgetting_means_new_again() -> None:
    one = session(max_ranges=8)
    for number in range(0, 60, 2):
        assert one.receive(number, 0.0) is Verdict.NEW
        one.confirm([number], 0.0)
    assert one.receive(58, 0.0) is Verdict.CONFIRMED
    assert one.receive(0, 0.0) is Verdict.NEW


def test_under_one_kilobyte_for_each_unacked_element() -> None:
    one = session()
    body = bytes(100)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(4000):
        one.send(2**60 + number, body + str(number).encode(), float(number) / 1e4)
    one.outgoing(1.0)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used / 4000 < 1024


def test_a_timer_costs_what_is_due_and_not_the_window() -> None:
    def seconds(window: int) -> float:
        one = session(window=60_000, budget=10**9)
        for number in range(window):
            one.send(number, b"x", 0.0)
        one.outgoing(0.0)
        one.send(-1, b"y", 0.1)
        one.outgoing(0.1)
        best = 1.0
        for _ in range(200):
            started = time.thread_time()
            assert one.outgoing(0.2) == []
            assert one.next_timer is not None
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(50_000) < 20 * seconds(50)


# Misuse.


@pytest.mark.parametrize(
    ("misuse", "error"),
    [
        (lambda one: one.confirm([5], 0.0), NotReceived),
        (lambda one: one.send(1, b"other", 0.0), NumberReused),
        (lambda one: one.send(2**63, b"x", 0.0), NumberOutOfRange),
        (lambda one: one.receive(-(2**63) - 1, 0.0), NumberOutOfRange),
        (lambda one: one.send(2, bytes(300_000), 0.0), FrameTooLong),
    ],
)
def test_after_an_error_of_ours_the_session_cannot_be_used_again(misuse: object, error: type) -> None:
    one = session()
    one.send(1, b"a", 0.0)
    with pytest.raises(error) as caught:
        misuse(one)  # type: ignore[operator]
    assert isinstance(caught.value, LocalProtocolError)
    for use in (
        lambda: one.send(9, b"z", 0.0),
        lambda: one.receive(9, 0.0),
        lambda: one.acked([1], 0.0),
        lambda: one.confirm([], 0.0),
        lambda: one.outgoing(0.0),
        lambda: one.withdraw([1]),
        lambda: one.heard(0.0),
    ):
        with pytest.raises(Unusable):
            use()


def test_the_same_seed_gives_the_same_bytes_at_the_same_times() -> None:
    def history(seed: int) -> dict[int, list[float]]:
        bench = Bench(seed, loss=0.6)
        for stage in range(5):
            bench.send(*range(stage * 10, stage * 10 + 10))
            bench.run_until_acked()
        return bench.peer.sent_at

    assert history(11) == history(11)
