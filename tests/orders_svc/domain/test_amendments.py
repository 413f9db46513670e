"""What becomes of a request: the truth table, held against the lifecycle."""

import itertools

import pytest

from orders_svc.domain.amendments import CANCEL, QUESTION, REDIRECT, Course, agreed, course, settled
from orders_svc.domain.lifecycle import ASKED, Asked, Event, Goods, State, Truck, apply

STATES = [State(*parts) for parts in itertools.product(Goods, Truck, Asked)]
ABOUT = (Asked.ADDRESS, Asked.CANCEL)
FEATURES = [frozenset(names) for names in ((), (REDIRECT,), (CANCEL,), (REDIRECT, CANCEL))]


@pytest.mark.parametrize("wanted", ABOUT)
@pytest.mark.parametrize("features", FEATURES, ids=sorted)
def test_ups_is_asked_only_where_it_speaks_the_feature_and_the_lifecycle_can_ask(
    wanted: Asked, features: frozenset[str]
) -> None:
    feature = REDIRECT if wanted is Asked.ADDRESS else CANCEL
    for state, has_left in itertools.product(STATES, (False, True)):
        what = course(wanted, state, has_left, False, features)
        can_be_asked = apply(state, QUESTION[wanted]).ignored is None
        assert (what is Course.ASKS_UPS) <= (can_be_asked and feature in features and has_left)
        if can_be_asked and feature in features and has_left:
            assert what is Course.ASKS_UPS


@pytest.mark.parametrize("wanted", ABOUT)
def test_we_decide_ourselves_until_it_has_left_and_never_while_ups_is_asked_or_at_the_end(wanted: Asked) -> None:
    for state, features in itertools.product(STATES, FEATURES):
        before, after = (course(wanted, state, has_left, False, features) for has_left in (False, True))
        if state.truck is Truck.DELIVERED or state.goods is Goods.CANCELLED:
            assert before is after is Course.TOO_LATE
        elif state.asked is not Asked.NOTHING:
            assert before is after is Course.PENDING
        else:
            assert before is Course.AT_ONCE
            assert after in (Course.ASKS_UPS, Course.TOO_LATE)


@pytest.mark.parametrize("wanted", ABOUT)
def test_a_ups_that_refused_the_word_to_go_is_asked_nothing_more_about_the_parcel(wanted: Asked) -> None:
    for state in STATES:
        before, after = (course(wanted, state, True, is_lost, (REDIRECT, CANCEL)) for is_lost in (False, True))
        assert after is (Course.TOO_LATE if before is Course.ASKS_UPS else before)


@pytest.mark.parametrize("detail", ["", "because"])
def test_every_end_of_a_question_has_its_words(detail: str) -> None:
    for asked, moves in ASKED.items():
        for event, (following, _) in moves.items():
            if asked is Asked.NOTHING or following is not Asked.NOTHING:
                continue
            for goods, truck in itertools.product(Goods, Truck):
                words = settled(asked, event, detail, State(goods, truck))
                assert words
                if event is Event.GIVEN_UP:
                    # By the shop itself: what was to be cancelled is, and goes to no other address.
                    assert agreed(asked, event) == (asked is Asked.CANCEL)
                    continue
                said_yes = event in (Event.ADDRESS_ACCEPTED, Event.CANCEL_ACCEPTED)
                assert agreed(asked, event) == (said_yes and str(asked) in event)
                assert said_yes or (detail in words)
                if truck is Truck.DELIVERED and not said_yes:
                    assert words.endswith("it was delivered")
