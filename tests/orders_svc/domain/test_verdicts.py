"""What the world's own words mean. The texts are its own, letter by letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.lifecycle import Event
from orders_svc.domain.verdicts import SEEN, Verdict, failure_event, verdict

E1 = "error: warehouse id/product_id/package id/truck id in certain world and warehouse(if product_id) does not exist"
E2 = "error: the id you want to create already exists"
E3 = "error: not enough number of product in stock - product count can not be less than 0"
E4 = (
    "cannot find truck or package you specified\n"
    "Possible reasons: do not exist, not in proper status or not in the same warehouse!"
)
E5 = "package you have specified is not currently in the truck you provided!"
E6 = ("serialization problem", "serialization error")
E7 = {
    "too long": "ERROR:  value too long for type character varying(50)\n",
    "race": "ERROR:  could not serialize access due to concurrent update\n",
    "interval": 'ERROR:  invalid input syntax for type interval: "-nan MINS"',
}
VERDICTS = {
    E1: Verdict.DOES_NOT_EXIST,
    E2: Verdict.EXISTS_ALREADY,
    E3: Verdict.NOT_ENOUGH_STOCK,
    E4: Verdict.OTHER,
    E5: Verdict.OTHER,
    E6[0]: Verdict.TRANSIENT,
    E6[1]: Verdict.TRANSIENT,
    E7["too long"]: Verdict.OTHER,
    E7["race"]: Verdict.TRANSIENT,
    E7["interval"]: Verdict.OTHER,
}
EVENTS = {
    "pack": {
        E1: Event.PACK_FAILED,
        E2: Event.PACK_REFUSED,
        E3: Event.PACK_FAILED,
        E6[1]: Event.PACK_FAILED,
        E7["race"]: Event.PACK_FAILED,
        E7["interval"]: Event.PACK_REFUSED,
    },
    "load": {E4: Event.LOAD_REFUSED, E6[1]: Event.LOAD_FAILED, E7["race"]: Event.LOAD_FAILED},
    "query_package": {E1: Event.SEEN_NOWHERE, E6[0]: Event.QUERY_FAILED, E7["race"]: Event.QUERY_FAILED},
    "request_truck": {E1: Event.TRUCK_REFUSED, "no such warehouse": Event.TRUCK_REFUSED},
    "deliver": {E5: Event.DELIVER_REFUSED, E6[1]: Event.DELIVER_REFUSED},
}


@pytest.mark.parametrize("text", VERDICTS)
def test_each_text_has_its_verdict_in_any_case(text: str) -> None:
    assert verdict(text) is verdict(text.upper()) is VERDICTS[text]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in EVENTS.items() for text in texts])
def test_each_failure_has_its_event(kind: str, text: str) -> None:
    assert failure_event(kind, text) is EVENTS[kind][text]


@given(st.text(), st.sampled_from(sorted(EVENTS)))
def test_any_words_have_a_meaning(text: str, kind: str) -> None:
    assert failure_event(kind, text) in Event


def test_a_buy_concerns_no_shipment() -> None:
    with pytest.raises(KeyError):
        failure_event("buy", E1)


def test_the_statuses_are_the_worlds_own() -> None:
    assert list(SEEN) == ["PACKING", "PACKED", "LOADING", "LOADED", "DELIVERING", "DELIVERED"]
