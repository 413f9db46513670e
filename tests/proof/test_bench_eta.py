"""The expected times keep their promise on seeds that the model was not made with: a few of those of `make bench`."""

import pytest

from orders_svc.domain.eta import Parcel, Stage
from proof.bench_eta import FIRST_SEED, PROMISED, Answer, ask, ask_all, score
from proof.eta_shop import deliveries


@pytest.mark.parametrize("speed", [100, 300, 5000])
def test_ranges_hold_and_are_narrow_enough(speed: int) -> None:
    found = score(ask_all([(FIRST_SEED + number, speed) for number in range(3)]))
    assert found.held >= PROMISED
    assert found.width <= found.may_be
    assert found.unanswered < found.answers / 10


def test_a_seed_decides_everything() -> None:
    assert deliveries(7, 1000, parcels=10) == deliveries(7, 1000, parcels=10)
    assert deliveries(7, 1000, parcels=10) != deliveries(8, 1000, parcels=10)


def test_a_question_knows_only_what_had_been_delivered() -> None:
    answers = ask(deliveries(7, 1000, parcels=12), 7)
    assert answers[0] is None
    known = [answer.known for answer in answers if answer is not None]
    assert known == sorted(known)
    assert known[0] == 1
    assert known[-1] < 12


def test_what_was_not_answered_is_counted_apart() -> None:
    found = score([None, Answer(True, 1.0, 2.0, 1), Answer(False, 3.0, 4.0, 1)])
    assert (found.held, found.width, found.may_be, found.answers, found.unanswered) == (0.5, 2.0, 3.0, 2, 1)


def test_every_parcel_goes_through_the_stages_in_order() -> None:
    order = list(Stage)
    for parcel in deliveries(3, 100, parcels=20):
        assert isinstance(parcel, Parcel)
        stages = [order.index(stage) for _, stage in parcel.stages]
        assert stages == sorted(stages)
        assert parcel.stages[-1][1] is Stage.ON_THE_WAY
        times = [at for at, _ in parcel.stages]
        assert times == sorted(times)
        assert parcel.delivered_at is not None
        assert parcel.delivered_at >= times[-1]
