"""The lifecycle table: total, permuted, closed."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.lifecycle import (
    GOODS,
    IGNORED_BY_GOODS,
    IGNORED_BY_TRUCK,
    JOINT,
    TRUCK,
    Effect,
    Event,
    Goods,
    State,
    Truck,
    apply,
    milestone,
)
from orders_svc.domain.patience import Patience, overdue_event

G, T, E = Goods, Truck, Event

# Where a shipment can be. Everything else would be a contradiction, such as goods on a truck that has not come.
ALLOWED = {
    State(G.NEW, T.NONE),
    State(G.AWAITING_STOCK, T.NONE),
    State(G.PACKING, T.REQUESTED),
    State(G.PACKING, T.AT_WAREHOUSE),
    State(G.PACKED, T.REQUESTED),
    State(G.LOADING, T.AT_WAREHOUSE),
    State(G.LOADED, T.EN_ROUTE),
    State(G.LOADED, T.DELIVERED),
    # Cancelled before packing was asked for; a truck may be on its way or there already.
    State(G.CANCELLED, T.NONE),
    State(G.CANCELLED, T.REQUESTED),
    State(G.CANCELLED, T.AT_WAREHOUSE),
}
ENDS = {state for state in ALLOWED if state.goods is G.CANCELLED or state.truck is T.DELIVERED}
HAPPY = (E.PACKED, E.TRUCK_ARRIVED, E.LOADED, E.DELIVERED)
# What cannot be before what: nothing is loaded that is not packed and without a truck, nor delivered unloaded.
AFTER = {E.LOADED: {E.PACKED, E.TRUCK_ARRIVED}, E.DELIVERED: {E.LOADED}}
START = apply(State(), E.STOCK_RESERVED).state


def reachable() -> set[State]:
    found, new = set(), {State()}
    while new:
        found |= new
        new = {apply(state, event).state for state in new for event in Event} - found
    return found


def allowed_by_the_protocol(order: tuple[Event, ...]) -> bool:
    return all(AFTER.get(event, set()) <= set(order[:at]) for at, event in enumerate(order))


PERMUTATIONS = [order for order in itertools.permutations(HAPPY) if allowed_by_the_protocol(order)]


@pytest.mark.parametrize("state", [State(goods, truck) for goods in Goods for truck in Truck], ids=str)
def test_every_pair_of_state_and_event_is_answered(state: State) -> None:
    for event in Event:
        outcome = apply(state, event)
        if outcome.ignored is not None:
            assert outcome.ignored
            assert outcome.effects == ()
            assert outcome.state == state


@pytest.mark.parametrize(("table", "ignored"), [(GOODS, IGNORED_BY_GOODS), (TRUCK, IGNORED_BY_TRUCK)])
def test_each_machine_moves_or_says_why_not(table: dict, ignored: dict) -> None:
    for state in table:
        for event in Event:
            assert (event in table[state]) != ((state, event) in ignored)
    assert set(table) == set(type(next(iter(table))))


def test_every_event_is_obeyed_somewhere() -> None:
    assert {event for state in ALLOWED for event in Event if apply(state, event).ignored is None} == set(Event)


def test_the_reachable_states_are_the_allowed_ones() -> None:
    assert reachable() == ALLOWED


def test_no_joint_rule_is_left_to_apply() -> None:
    assert not ALLOWED & {State(*pair) for pair in JOINT}


@pytest.mark.parametrize("order", PERMUTATIONS, ids=lambda order: "-".join(order))
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_every_order_of_the_happy_path_delivers_with_each_command_once(order: tuple[Event, ...], times: int) -> None:
    first = apply(State(), E.STOCK_RESERVED)
    state, effects = first.state, Counter(first.effects)
    for event in order:
        for _ in range(times):
            outcome = apply(state, event)
            state = outcome.state
            effects.update(outcome.effects)
    assert state == State(G.LOADED, T.DELIVERED)
    assert effects == Counter(
        {
            Effect.SEND_PACK: 1,
            Effect.SEND_TRUCK_REQUEST: 1,
            Effect.BOOK_PACKED: 1,
            Effect.SEND_LOAD: 1,
            Effect.SEND_DELIVER: 1,
            Effect.END: 1,
        }
    )


def test_there_are_two_such_orders_and_no_more() -> None:
    assert len(PERMUTATIONS) == 2


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("end", sorted(ENDS, key=str), ids=str)
def test_the_ends_are_final(end: State, event: Event) -> None:
    assert apply(end, event).ignored in ("delivered already", "cancelled already")
    assert apply(end, event).state == end


@pytest.mark.parametrize("state", sorted(ALLOWED - ENDS, key=str), ids=str)
def test_from_everywhere_a_delivery_is_still_possible(state: State) -> None:
    found, new = set(), {state}
    while new:
        found |= new
        new = {apply(one, event).state for one in new for event in Event} - found
    assert State(G.LOADED, T.DELIVERED) in found


@pytest.mark.parametrize("state", sorted(ALLOWED, key=str), ids=str)
def test_whoever_is_waited_for_can_be_asked(state: State) -> None:
    """A silence has a limit wherever a peer is to speak, and breaking it sends a question."""
    wait = Patience(1.0).wait(state, 0)
    waits_for_a_peer = state.truck is not T.NONE and state not in ENDS
    assert (wait is not None) == waits_for_a_peer
    if waits_for_a_peer:
        outcome = apply(state, overdue_event(state))
        assert outcome.ignored is None
        assert outcome.state == state
        assert set(outcome.effects) & {Effect.SEND_QUERY, Effect.SEND_TRUCK_REQUEST}


@given(st.lists(st.sampled_from(Event), max_size=60))
def test_no_sequence_of_events_leaves_the_allowed_states_or_books_twice(events: list[Event]) -> None:
    state, booked, ended, behind = State(), 0, 0, 0
    for event in events:
        outcome = apply(state, event)
        assert outcome.state in ALLOWED
        assert len(set(outcome.effects)) == len(outcome.effects)
        booked += Effect.BOOK_PACKED in outcome.effects
        ended += Effect.END in outcome.effects
        state = outcome.state
        assert milestone(state) >= behind
        behind = milestone(state)
        assert booked == (behind > 0)
        assert ended == (state in ENDS)


@given(st.lists(st.sampled_from([event for event in Event if event is not E.CANCELLED]), max_size=30))
def test_good_words_after_any_others_still_deliver(noise: list[Event]) -> None:
    """Whatever came before, the peers' good words in a possible order end it."""
    state = START
    for event in [*noise, *HAPPY]:
        state = apply(state, event).state
    # A load that was refused needs a truck again: then the good words come again.
    for event in (E.TRUCK_ARRIVED, E.LOADED, E.DELIVERED):
        state = apply(state, event).state
    assert state == State(G.LOADED, T.DELIVERED)
