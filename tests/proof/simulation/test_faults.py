"""Plans of faults: hard enough, ended in time, and each fault on its own."""

import pytest

from proof.simulation.faults import PROFILES, Fault, Kind, crash_points
from proof.simulation.plans import plan
from proof.simulation.setups import setup_of
from proof.simulation.shrink import shrink


@pytest.mark.parametrize("seed", range(40))
def test_a_harsh_seed_is_hard_enough(seed: int) -> None:
    profile = PROFILES["harsh"]
    faults = plan(seed, profile)
    setup = setup_of(seed, profile, faults, None)
    assert len(faults) >= 10
    assert setup.orders >= 5
    assert setup.warehouses >= 2
    assert [fault.number for fault in faults] == list(range(len(faults)))
    assert all(0 <= fault.at <= fault.until <= profile.span for fault in faults)


def test_the_same_seed_has_the_same_plan() -> None:
    assert plan(9, PROFILES["harsh"]) == plan(9, PROFILES["harsh"])
    assert plan(9, PROFILES["harsh"]) != plan(10, PROFILES["harsh"])


def test_many_seeds_draw_every_fault_and_every_crash_point() -> None:
    drawn = [fault for seed in range(1000) for fault in plan(seed, PROFILES["harsh"])]
    assert {fault.kind for fault in drawn} == set(Kind)
    assert {fault.where for fault in drawn if fault.kind is Kind.CRASH_POINT} == set(crash_points())
    assert len(set(crash_points())) == len(crash_points())


def faults_of(*numbers: int) -> tuple[Fault, ...]:
    return tuple(Fault(number, Kind.CRASH, float(number), number + 1.0, "orders_svc") for number in numbers)


@pytest.mark.parametrize("guilty", [{0}, {7}, {3, 4}, {0, 9}, {1, 5, 8}])
def test_a_plan_is_shrunk_to_the_faults_that_matter(guilty: set[int]) -> None:
    def fails(faults: tuple[Fault, ...]) -> bool:
        return guilty <= {fault.number for fault in faults}

    assert shrink(faults_of(*range(10)), fails) == faults_of(*sorted(guilty))


def test_a_plan_that_fails_without_faults_is_shrunk_to_none() -> None:
    assert shrink(faults_of(1, 2), lambda _: True) == ()
