"""The range in which a parcel is expected: it holds what was seen, narrows, and claims nothing that was not."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.eta import WINDOW, Expected, Experience, Parcel, Stage, stage_of
from orders_svc.domain.lifecycle import Goods, State, Truck

TICK = 6.0
WAY = (Stage.PACKING, Stage.AWAITING_TRUCK, Stage.LOADING, Stage.ON_THE_WAY)


def delivered(number: int, *stays: float, at: float | None = None, **others: int) -> Parcel:
    """A parcel that began at `at` (apart from all others) and stayed so long in each stage of the way."""
    began = 10_000.0 * number if at is None else at
    starts = [began + sum(stays[:count]) for count in range(len(stays))]
    known = {"warehouse_id": 1, "dx": 0, "dy": 0, "kinds": 1, "truck_id": 1} | others
    stages = tuple(zip(starts, WAY, strict=True))
    return Parcel(id=number, stages=stages, delivered_at=began + sum(stays), **known)  # type: ignore[arg-type]


def open_in(stage: Stage, since: float, **others: int) -> Parcel:
    known = {"warehouse_id": 1, "dx": 0, "dy": 0, "kinds": 1, "truck_id": 1} | others
    return Parcel(id=0, stages=((since, stage),), delivered_at=None, **known)  # type: ignore[arg-type]


def width(expected: Expected | None) -> float:
    assert expected is not None
    return expected.latest - expected.earliest


def test_without_a_delivery_nothing_is_claimed() -> None:
    beside = replace(delivered(1, 10, 5, 6, 20), delivered_at=None)
    assert Experience([], TICK).expect(open_in(Stage.PACKING, 0.0), 1.0) is None
    assert Experience([beside], TICK).expect(open_in(Stage.PACKING, 0.0), 1.0) is None


def test_a_stage_that_nobody_went_through_is_not_guessed() -> None:
    experience = Experience([delivered(1, 10, 5, 6, 20)], TICK)
    assert experience.expect(open_in(Stage.AWAITING_STOCK, 0.0), 1.0) is None


@pytest.mark.parametrize("unit", [0.01, 1.0, 3600.0])
def test_it_learns_in_the_units_that_it_sees(unit: float) -> None:
    """A world a hundred times as fast gives a range a hundred times as narrow, about its own times."""
    seen = [delivered(n, *(unit * stay for stay in (10 + n % 3, 5, 6, 20 + n % 5))) for n in range(1, 41)]
    expected = Experience(seen, TICK * unit).expect(open_in(Stage.PACKING, 1e7), 1e7)
    assert expected is not None
    assert 1e7 + 38 * unit <= expected.earliest <= 1e7 + 42 * unit
    assert 1e7 + 46 * unit <= expected.latest <= 1e7 + 52 * unit


def test_more_deliveries_make_it_narrower() -> None:
    seen = [delivered(n, 10 + n % 3, 5, 6, 20) for n in range(1, 41)]
    widths = [
        width(Experience(seen[:count], TICK).expect(open_in(Stage.PACKING, 1e7), 1e7)) for count in (1, 4, 12, 40)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 4


def test_waiting_rules_out_what_would_have_happened_by_now() -> None:
    """Half of them were fast; a parcel that is not there after that time belongs to the slow ones."""
    seen = [delivered(n, 10.0 if n % 2 else 100.0, 5, 6, 20) for n in range(1, 41)]
    experience = Experience(seen, TICK)
    began, later = (experience.expect(open_in(Stage.PACKING, 1e7), 1e7 + stayed) for stayed in (0.0, 20.0))
    assert began is not None
    assert later is not None
    assert began.earliest < 1e7 + 45
    assert later.earliest > 1e7 + 125
    assert width(later) < width(began) / 3


def test_each_stage_that_is_over_leaves_less_to_be_uncertain_about() -> None:
    seen = [delivered(n, 10 + n % 7, 5 + n % 5, 6 + n % 3, 20 + n % 2) for n in range(1, 41)]
    experience = Experience(seen, TICK)
    widths = [width(experience.expect(open_in(stage, 1e7), 1e7)) for stage in WAY]
    assert widths == sorted(widths, reverse=True)


def test_one_that_is_slower_than_any_before_is_still_expected_after_now() -> None:
    experience = Experience([delivered(n, 10, 5, 6, 20) for n in range(1, 20)], TICK)
    for stayed in (11.0, 60.0, 3600.0):
        expected = experience.expect(open_in(Stage.PACKING, 1e7), 1e7 + stayed)
        assert expected is not None
        assert 1e7 + stayed + 25 <= expected.earliest + 10
        assert expected.latest >= 1e7 + stayed + 31


def test_farther_and_more_is_later() -> None:
    seen = [
        delivered(n, 30.0 * (1 + n % 3), 5, 6, 0.1 * 97 * (n % 7), kinds=1 + n % 3, dx=97 * (n % 7)) for n in range(50)
    ]
    experience = Experience(seen, TICK)
    near = experience.expect(open_in(Stage.PACKING, 1e7, kinds=1, dx=0), 1e7)
    far = experience.expect(open_in(Stage.PACKING, 1e7, kinds=3, dx=-500), 1e7)
    assert near is not None
    assert far is not None
    assert near.latest < 1e7 + 30 + 11 + 30
    assert far.earliest > 1e7 + 90 + 11 + 30


def test_company_on_the_truck_is_counted() -> None:
    """Each second parcel had another one being loaded on its truck, and waited a minute for it."""
    seen = []
    for n in range(1, 41):
        alone = n % 2 == 0
        seen.append(delivered(n, 10, 5, 6, 20 if alone else 80, truck_id=n))
        if not alone:
            seen.append(delivered(n + 100, 10, 5, 60, 30, at=10_000.0 * n + 5, truck_id=n))
    beside = replace(delivered(999, 10, 5, 600, 20, at=1e7 - 20, truck_id=77), delivered_at=None)
    experience = Experience([*seen, beside], TICK)
    with_company = experience.expect(open_in(Stage.ON_THE_WAY, 1e7, truck_id=77), 1e7)
    without = experience.expect(open_in(Stage.ON_THE_WAY, 1e7, truck_id=78), 1e7)
    assert with_company is not None
    assert without is not None
    assert with_company.earliest > without.earliest + 30


def test_a_speed_that_is_no_more_is_forgotten() -> None:
    slow = [delivered(n, 1000, 500, 600, 2000) for n in range(1, 100)]
    fast = [delivered(n, 10, 5, 6, 20) for n in range(100, 100 + WINDOW)]
    expected = Experience(slow + fast, TICK).expect(open_in(Stage.PACKING, 1e7), 1e7)
    assert expected is not None
    assert expected.latest < 1e7 + 60


stays = st.lists(st.floats(0, 1e5), min_size=4, max_size=4)


@given(
    st.lists(st.tuples(stays, st.integers(-(2**31), 2**31), st.integers(0, 50)), min_size=1, max_size=30),
    st.sampled_from(WAY),
    st.floats(0, 1e6),
    st.integers(-(2**31), 2**31),
)
def test_whatever_was_seen_the_range_is_one(
    seen: list[tuple[list[float], int, int]], stage: Stage, stayed: float, dx: int
) -> None:
    experience = Experience([delivered(n, *way, dx=x, kinds=k) for n, (way, x, k) in enumerate(seen, 1)], TICK)
    expected = experience.expect(open_in(stage, 1e9, dx=dx), 1e9 + stayed)
    assert expected is not None
    assert 1e9 + stayed <= expected.earliest <= expected.latest
    assert math.isfinite(expected.latest)


def test_every_state_that_is_open_has_a_stage() -> None:
    for goods in Goods:
        for truck in Truck:
            ended = truck is Truck.DELIVERED or goods is Goods.CANCELLED
            assert (stage_of(State(goods, truck)) is None) == ended
