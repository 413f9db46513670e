"""What people are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.explain import (
    BOUGHT_IN_VAIN,
    WHAT_HAPPENED,
    LinkView,
    Status,
    held_up,
    order_status,
    parcel_status,
    quoting,
    unquoted,
    waiting,
)
from orders_svc.domain.lifecycle import Asked, Event, Goods, State, Truck
from orders_svc.rpc import convert
from shop.orders.v1 import orders_pb2

UP = LinkView(True, 5.0)
DOWN = LinkView(False, 7.0)
STATUSES = {
    State(Goods.NEW, Truck.NONE): Status.AWAITING_STOCK,
    State(Goods.AWAITING_STOCK, Truck.NONE): Status.AWAITING_STOCK,
    State(Goods.PACKING, Truck.REQUESTED): Status.PACKING,
    State(Goods.PACKING, Truck.AT_WAREHOUSE): Status.PACKING,
    State(Goods.PACKED, Truck.REQUESTED): Status.AWAITING_TRUCK,
    State(Goods.LOADING, Truck.AT_WAREHOUSE): Status.LOADING,
    State(Goods.LOADED, Truck.EN_ROUTE): Status.OUT_FOR_DELIVERY,
    State(Goods.LOADED, Truck.DELIVERED): Status.DELIVERED,
    State(Goods.CANCELLED, Truck.NONE): Status.CANCELLED,
    State(Goods.CANCELLED, Truck.AT_WAREHOUSE): Status.CANCELLED,
}


@pytest.mark.parametrize("state", STATUSES, ids=str)
def test_each_state_has_its_status(state: State) -> None:
    assert parcel_status(state, needs_attention=False) is STATUSES[state]
    ended = STATUSES[state] in (Status.DELIVERED, Status.CANCELLED)
    assert parcel_status(state, needs_attention=True) is (STATUSES[state] if ended else Status.NEEDS_ATTENTION)


@given(st.lists(st.sampled_from(Status), min_size=1))
def test_the_least_advanced_parcel_decides_and_attention_before_all(parcels: list[Status]) -> None:
    status = order_status(parcels)
    if Status.NEEDS_ATTENTION in parcels:
        assert status is Status.NEEDS_ATTENTION
    elif set(parcels) == {Status.CANCELLED}:
        assert status is Status.CANCELLED
    else:
        assert status is min(set(parcels) - {Status.CANCELLED})
    assert (status is Status.DELIVERED) <= (set(parcels) <= {Status.DELIVERED, Status.CANCELLED})


@pytest.mark.parametrize("state", STATUSES, ids=str)
def test_who_is_waited_for_and_what_happens_next(state: State) -> None:
    why = waiting(state, 3.0, UP, UP)
    if STATUSES[state] in (Status.DELIVERED, Status.CANCELLED):
        assert why is None
        return
    assert why is not None
    assert (why.since, bool(why.who), bool(why.next)) == (3.0, True, True)
    on_ups = state.goods is Goods.PACKED or state.truck is Truck.EN_ROUTE
    away = waiting(state, 3.0, UP if on_ups else DOWN, DOWN if on_ups else UP)
    assert away is not None
    name = "UPS" if on_ups else "the warehouse"
    assert (away.since, away.who) == (7.0, f"{name}, which cannot be reached at the moment")
    assert "safe" in away.next
    other_away = waiting(state, 3.0, DOWN if on_ups else UP, UP if on_ups else DOWN)
    assert other_away == why


def test_a_link_that_never_was_up_is_away_since_the_state_began() -> None:
    why = waiting(State(Goods.PACKED, Truck.REQUESTED), 3.0, UP, LinkView(False, None))
    assert why is not None
    assert why.since == 3.0


@pytest.mark.parametrize("state", STATUSES, ids=str)
def test_nobody_can_tell_when_it_comes_while_somebody_is_away_who_is_needed(state: State) -> None:
    assert held_up(state, UP, UP) == ""
    assert held_up(state, UP, DOWN) == "UPS cannot be reached at the moment"
    needs_warehouse = state.goods is not Goods.LOADED
    assert held_up(state, DOWN, UP) == ("the warehouse cannot be reached at the moment" if needs_warehouse else "")


def test_nobody_can_tell_when_it_comes_while_ups_is_asked_to_give_it_up() -> None:
    asked = State(Goods.PACKED, Truck.AT_WAREHOUSE, Asked.CANCEL)
    assert held_up(asked, UP, UP).startswith("UPS is being asked")


def test_every_event_has_its_words() -> None:
    assert set(WHAT_HAPPENED) == set(Event)


def test_the_numbers_are_those_of_the_contract() -> None:
    for status in Status:
        assert orders_pb2.OrderStatus.Name(int(status)) == f"ORDER_STATUS_{status.name}"
    assert [orders_pb2.GoodsState.Name(convert.GOODS[goods]) for goods in Goods] == [
        f"GOODS_STATE_{goods.name}" for goods in Goods
    ]
    assert [orders_pb2.TruckState.Name(convert.TRUCK[truck]) for truck in Truck] == [
        f"TRUCK_STATE_{truck.name}" for truck in Truck
    ]


@given(st.sampled_from([BOUGHT_IN_VAIN, *WHAT_HAPPENED.values()]), st.text())
def test_our_words_are_told_apart_from_any_of_a_peer(ours: str, words: str) -> None:
    assert unquoted(quoting(ours, words)) == ours
