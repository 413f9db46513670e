"""The lifecycle table: total, permuted, closed."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.lifecycle import (
    ABOUT_ASKING,
    ASKED,
    GOODS,
    IGNORED_BY_ASKED,
    IGNORED_BY_GOODS,
    IGNORED_BY_TRUCK,
    JOINT,
    TRUCK,
    Asked,
    Effect,
    Event,
    Goods,
    State,
    Truck,
    apply,
    is_held,
    milestone,
)
from orders_svc.domain.patience import Patience, overdue_event

G, T, A, E = Goods, Truck, Asked, Event

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
    # UPS gave it up although the world says that it is under way: UPS's word is what counts.
    State(G.CANCELLED, T.EN_ROUTE),
    # Another address is asked for as soon as UPS knows of the parcel, and answered even after the delivery.
    State(G.PACKING, T.REQUESTED, A.ADDRESS),
    State(G.PACKING, T.AT_WAREHOUSE, A.ADDRESS),
    State(G.PACKED, T.REQUESTED, A.ADDRESS),
    State(G.LOADING, T.AT_WAREHOUSE, A.ADDRESS),
    State(G.LOADED, T.AT_WAREHOUSE, A.ADDRESS),
    State(G.LOADED, T.EN_ROUTE, A.ADDRESS),
    State(G.LOADED, T.DELIVERED, A.ADDRESS),
    # UPS is asked to give it up before it is loaded; the world may be ahead of us.
    State(G.PACKING, T.REQUESTED, A.CANCEL),
    State(G.PACKING, T.AT_WAREHOUSE, A.CANCEL),
    State(G.PACKED, T.REQUESTED, A.CANCEL),
    State(G.PACKED, T.AT_WAREHOUSE, A.CANCEL),
    State(G.LOADING, T.AT_WAREHOUSE, A.CANCEL),
    State(G.LOADED, T.AT_WAREHOUSE, A.CANCEL),
    State(G.LOADED, T.EN_ROUTE, A.CANCEL),
}
HELD = {
    State(G.PACKED, T.AT_WAREHOUSE, A.CANCEL),
    State(G.LOADED, T.AT_WAREHOUSE, A.ADDRESS),
    State(G.LOADED, T.AT_WAREHOUSE, A.CANCEL),
}
ENDS = {state for state in ALLOWED if state.goods is G.CANCELLED or state.truck is T.DELIVERED}
CANCELS = (E.CANCELLED, E.CANCEL_ACCEPTED, E.GIVEN_UP)
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


@pytest.mark.parametrize("state", [State(*parts) for parts in itertools.product(Goods, Truck, Asked)], ids=str)
def test_every_pair_of_state_and_event_is_answered(state: State) -> None:
    for event in Event:
        outcome = apply(state, event)
        if outcome.ignored is not None:
            assert outcome.ignored
            assert outcome.effects == ()
            assert outcome.state == state


@pytest.mark.parametrize(
    ("table", "ignored"), [(GOODS, IGNORED_BY_GOODS), (TRUCK, IGNORED_BY_TRUCK), (ASKED, IGNORED_BY_ASKED)]
)
def test_each_machine_moves_or_says_why_not(table: dict, ignored: dict) -> None:
    for state in table:
        for event in Event:
            assert (event in table[state]) != ((state, event) in ignored)
    assert set(table) == set(type(next(iter(table))))


def test_every_event_is_obeyed_somewhere() -> None:
    assert {event for state in ALLOWED for event in Event if apply(state, event).ignored is None} == set(Event)


def test_the_reachable_states_are_the_allowed_ones() -> None:
    assert reachable() == ALLOWED


def test_no_joint_rule_is_left_to_apply_but_those_that_wait_for_an_answer() -> None:
    assert {state for state in ALLOWED if (state.goods, state.truck) in JOINT} == HELD
    assert {state for state in ALLOWED if is_held(state)} == HELD


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


@pytest.mark.parametrize("state", sorted(ALLOWED - ENDS, key=str), ids=str)
def test_a_person_can_have_everything_tried_again_that_a_peer_was_told_of_and_can_end_it(state: State) -> None:
    again, end = apply(state, E.RETRIED), apply(state, E.GIVEN_UP)
    told = state.truck is not T.NONE
    assert (again.ignored is None, end.ignored is None) == (told, told)
    assert again.state == state
    if told:
        # Looked at before anything is done twice.
        assert set(again.effects) <= {Effect.SEND_QUERY, Effect.SEND_TRUCK_REQUEST}
        assert Effect.SEND_QUERY in again.effects
        assert end.state == State(G.CANCELLED, state.truck)
        # Whatever the world has packed or packs yet is in nobody's books as available.
        assert end.effects[-2:] == (Effect.SCRAP, Effect.END)


def test_there_are_two_such_orders_and_no_more() -> None:
    assert len(PERMUTATIONS) == 2


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("end", sorted(ENDS, key=str), ids=str)
def test_the_ends_are_final(end: State, event: Event) -> None:
    outcome = apply(end, event)
    if end.asked is A.NOTHING or event not in ABOUT_ASKING:
        assert outcome.ignored in ("delivered already", "cancelled already")
    assert (outcome.state.goods, outcome.state.truck) == (end.goods, end.truck)
    assert set(outcome.effects) <= {Effect.SEND_REDIRECT}


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
    if state.asked is not A.NOTHING:
        assert set(apply(state, E.ANSWER_OVERDUE).effects) & {Effect.SEND_REDIRECT, Effect.SEND_CANCEL}
        assert apply(state, E.NO_ANSWER).state.asked is A.NOTHING
    waits_for_a_peer = state.truck is not T.NONE and state not in ENDS | HELD
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
        assert Effect.SCRAP not in outcome.effects or outcome.state.goods is G.CANCELLED
        assert len(set(outcome.effects)) == len(outcome.effects)
        booked += Effect.BOOK_PACKED in outcome.effects
        ended += Effect.END in outcome.effects
        state = outcome.state
        assert milestone(state) >= behind or state.goods is G.CANCELLED
        behind = max(behind, milestone(state))
        assert booked == (behind > 0) or state.goods is G.CANCELLED
        assert ended == (state in ENDS)


@given(st.lists(st.sampled_from([event for event in Event if event not in CANCELS]), max_size=30))
def test_good_words_after_any_others_still_deliver(noise: list[Event]) -> None:
    """Whatever came before, the peers' good words in a possible order end it."""
    state = START
    for event in [*noise, E.ADDRESS_REFUSED, E.CANCEL_REFUSED, *HAPPY]:
        state = apply(state, event).state
    # A load that was refused needs a truck again: then the good words come again.
    for event in (E.TRUCK_ARRIVED, E.LOADED, E.DELIVERED):
        state = apply(state, event).state
    assert state == State(G.LOADED, T.DELIVERED)


# What UPS is asked.

ASKABLE = [state for state in ALLOWED - ENDS if state.asked is A.NOTHING]


@pytest.mark.parametrize("state", sorted(ASKABLE, key=str), ids=str)
def test_ups_is_asked_about_what_it_knows_of_and_to_give_up_only_what_nobody_loads(state: State) -> None:
    address, cancel = apply(state, E.ADDRESS_ASKED), apply(state, E.CANCEL_ASKED)
    assert (address.ignored is None) == (state.truck is not T.NONE)
    assert (cancel.ignored is None) == (state.goods in (G.PACKING, G.PACKED))
    for outcome, question in ((address, Effect.SEND_REDIRECT), (cancel, Effect.SEND_CANCEL)):
        assert outcome.ignored is not None or outcome.effects == (question,)


@pytest.mark.parametrize("state", sorted((one for one in ALLOWED if one.asked is not A.NOTHING), key=str), ids=str)
def test_one_thing_is_asked_at_a_time_and_each_answer_ends_it(state: State) -> None:
    for event in (E.ADDRESS_ASKED, E.CANCEL_ASKED):
        assert apply(state, event).ignored is not None
    answers = {A.ADDRESS: (E.ADDRESS_ACCEPTED, E.ADDRESS_REFUSED), A.CANCEL: (E.CANCEL_ACCEPTED, E.CANCEL_REFUSED)}
    for event in (*answers[state.asked], E.NO_ANSWER):
        assert apply(state, event).state.asked is A.NOTHING
    other = A.CANCEL if state.asked is A.ADDRESS else A.ADDRESS
    for event in answers[other]:
        assert event is E.CANCEL_ACCEPTED or apply(state, event).ignored is not None


@pytest.mark.parametrize("asked", [A.NOTHING, A.ADDRESS])
def test_a_parcel_that_ups_gives_up_after_all_ends_wherever_it_is_and_not_before_it_is_packed(asked: A) -> None:
    for goods in (G.PACKING, G.PACKED, G.LOADING, G.LOADED):
        given_up = apply(State(goods, T.AT_WAREHOUSE, asked), E.CANCEL_ACCEPTED)
        assert given_up.state == State(G.CANCELLED, T.AT_WAREHOUSE)
        assert {Effect.SCRAP, Effect.END} <= set(given_up.effects)
    for state in (State(G.AWAITING_STOCK), State(G.LOADED, T.DELIVERED), State(G.CANCELLED, T.REQUESTED)):
        assert apply(state, E.CANCEL_ACCEPTED).ignored is not None


def test_nobody_says_go_while_another_address_is_asked_for_and_the_answer_sends_it_on() -> None:
    state = apply(START, E.ADDRESS_ASKED).state
    for event in (E.PACKED, E.TRUCK_ARRIVED, E.LOADED):
        outcome = apply(state, event)
        state = outcome.state
    assert state == State(G.LOADED, T.AT_WAREHOUSE, A.ADDRESS)
    for answer in (E.ADDRESS_ACCEPTED, E.ADDRESS_REFUSED, E.NO_ANSWER):
        released = apply(state, answer)
        assert (released.state, released.effects) == (State(G.LOADED, T.EN_ROUTE), (Effect.SEND_DELIVER,))


def test_nobody_loads_while_ups_is_asked_to_give_it_up() -> None:
    state = apply(START, E.CANCEL_ASKED).state
    for event in (E.PACKED, E.TRUCK_ARRIVED):
        state = apply(state, event).state
    assert state == State(G.PACKED, T.AT_WAREHOUSE, A.CANCEL)
    refused = apply(state, E.CANCEL_REFUSED)
    assert (refused.state, refused.effects) == (State(G.LOADING, T.AT_WAREHOUSE), (Effect.SEND_LOAD,))
    given_up = apply(state, E.CANCEL_ACCEPTED)
    assert given_up.state == State(G.CANCELLED, T.AT_WAREHOUSE)
    assert given_up.effects == (Effect.SCRAP, Effect.END)


def test_a_delivery_answers_a_cancellation_and_leaves_another_address_open() -> None:
    road = State(G.LOADED, T.EN_ROUTE)
    for event in (E.DELIVERED, E.SEEN_DELIVERED):
        assert apply(State(road.goods, road.truck, A.CANCEL), event).state == State(G.LOADED, T.DELIVERED)
        waiting = apply(State(road.goods, road.truck, A.ADDRESS), event).state
        assert waiting == State(G.LOADED, T.DELIVERED, A.ADDRESS)
        assert apply(waiting, E.ADDRESS_ACCEPTED).state == State(G.LOADED, T.DELIVERED)
