"""How long is waited, and how often tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.lifecycle import Event, Goods, State, Truck
from orders_svc.domain.patience import Patience, overdue_event

PACKING = State(Goods.PACKING, Truck.REQUESTED)
WAITS = [
    (PACKING, 15, Event.GOODS_OVERDUE),
    (State(Goods.LOADING, Truck.AT_WAREHOUSE), 15, Event.GOODS_OVERDUE),
    (State(Goods.PACKED, Truck.REQUESTED), 50, Event.TRUCK_OVERDUE),
    (State(Goods.LOADED, Truck.EN_ROUTE), 50, Event.TRUCK_OVERDUE),
]


@pytest.mark.parametrize(("state", "ticks", "event"), WAITS)
def test_each_wait_has_its_length_and_its_name(state: State, ticks: float, event: Event) -> None:
    assert Patience(6.0).wait(state, 0) == ticks * 6
    assert overdue_event(state) is event


@pytest.mark.parametrize("goods", [Goods.NEW, Goods.AWAITING_STOCK])
def test_an_arrival_cannot_be_asked_for(goods: Goods) -> None:
    assert Patience(6.0).wait(State(goods), 0) is None


def test_nothing_is_waited_for_once_delivered() -> None:
    assert Patience(6.0).wait(State(Goods.LOADED, Truck.DELIVERED), 0) is None


@given(st.integers(0, 10**6), st.sampled_from([state for state, _, _ in WAITS]))
def test_waits_double_up_to_a_limit(checks: int, state: State) -> None:
    patience = Patience(6.0)
    first, wait, after = (patience.wait(state, n) for n in (0, checks, checks + 1))
    assert first is not None
    assert wait is not None
    assert after is not None
    assert first <= wait <= after <= patience.longest * 6
    assert after in (wait * 2, patience.longest * 6)


@given(st.integers(1, 10**6))
def test_pauses_after_failures_double_up_to_a_limit(failures: int) -> None:
    patience = Patience(0.2)
    assert patience.retry_delay(1) == pytest.approx(0.1)
    assert 0 < patience.retry_delay(failures) <= patience.retry_delay(failures + 1) <= 20 * 0.2
