"""Whether a parcel can still be cancelled, or sent elsewhere: the truth table, and what is said of the answers.

Rules: until the command that makes it too late has left for a bridge (the pack, to cancel; the truck request, for
another address) we decide ourselves, at once. After that only UPS can agree, where it speaks the feature and may be
asked; one thing at a time. One that refused the word to go has lost sight of the parcel, which may be on the road, and
can promise nothing about it. Elsewhere: when a command has left (outbox), what an answer does (lifecycle).
"""

from collections.abc import Collection
from enum import StrEnum

from orders_svc.domain.lifecycle import MAY_ASK, Asked, Event, Goods, State, Truck

# The features of the extension by their names on the wire (docs/ups-protocol.md 11.1).
REDIRECT = "redirect"
CANCEL = "cancel"
ACCOUNT_CHECK = "account-check"

FEATURE = {Asked.ADDRESS: REDIRECT, Asked.CANCEL: CANCEL}
QUESTION = {Asked.ADDRESS: Event.ADDRESS_ASKED, Asked.CANCEL: Event.CANCEL_ASKED}
YES = {Asked.ADDRESS: Event.ADDRESS_ACCEPTED, Asked.CANCEL: Event.CANCEL_ACCEPTED}
# The command whose leaving makes it too late to decide ourselves.
POINT_OF_NO_RETURN = {Asked.ADDRESS: "request_truck", Asked.CANCEL: "pack"}
WORD_TO_GO = "deliver"


class Course(StrEnum):
    """What becomes of a request at this moment."""

    AT_ONCE = "at_once"
    ASKS_UPS = "asks_ups"
    TOO_LATE = "too_late"
    # UPS is being asked about an earlier one.
    PENDING = "pending"


def course(wanted: Asked, state: State, has_left: bool, is_lost: bool, features: Collection[str]) -> Course:
    """What becomes of a request for a parcel in `state`.

    `has_left`: whether its point of no return is passed; `is_lost`: whether UPS has ever refused its WORD_TO_GO;
    `features`: what UPS speaks in this world.
    """
    if state.truck is Truck.DELIVERED or state.goods is Goods.CANCELLED:
        return Course.TOO_LATE
    if state.asked is not Asked.NOTHING:
        return Course.PENDING
    if not has_left:
        return Course.AT_ONCE
    if is_lost:
        return Course.TOO_LATE
    goods, truck = MAY_ASK[QUESTION[wanted]]
    may_ask = FEATURE[wanted] in features and state.goods in goods and state.truck in truck
    return Course.ASKS_UPS if may_ask else Course.TOO_LATE


def agreed(asked: Asked, event: Event) -> bool:
    """Whether the event that ends a question is a yes to it."""
    return event is YES.get(asked) or (event is Event.GIVEN_UP and asked is Asked.CANCEL)


def settled(asked: Asked, event: Event, detail: str, state: State) -> str:
    """What a shopper is told when a question to UPS has ended by `event`; `detail`: the peer's words, or ours.

    Of what is too late it may be followed by "at" and a time.
    """
    if event is Event.ADDRESS_ACCEPTED:
        return "UPS takes it to the new address"
    if event is Event.CANCEL_ACCEPTED:
        return "UPS gave it up; what was packed is lost"
    if event is Event.GIVEN_UP:
        return "the shop cancelled it; what was packed is lost"
    if state.truck is Truck.DELIVERED:
        how = "it was delivered"
    elif state.truck is Truck.EN_ROUTE:
        how = "it had left"
    elif asked is Asked.ADDRESS:
        how = "it goes to the address of before"
    else:
        how = "it goes on"
    if event is Event.NO_ANSWER:
        return f"{detail or 'UPS has not answered'}; {how}"
    return f"UPS says: {detail}; {how}" if detail else how
