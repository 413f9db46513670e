"""What an answer means: every status code and reason is a definite no or leaves the question open."""

import grpc
import pytest

from mesh.errors import RpcFailure
from storefront.checkout.answers import DEFINITE, Refused, Unanswered, read_failure
from storefront.checkout.attempts import LONGEST_RETRY_SECONDS, retry_delay
from storefront.fields import one_line
from storefront.presentation import clock_words, iso, moment, money

OFFERS = ((7, "Mug"), (9, "Bowl"))
REASONS = ("", "OFFER_NOT_FOUND", "PRICE_CHANGED", "OUT_OF_STOCK", "OVERLOADED", "REQUEST_ID_REUSED", "STOCK_CONTENDED",
           "DATABASE_AWAY", "INVALID_FIELD", "SOMETHING_NEW")  # fmt: skip


@pytest.mark.parametrize("code", list(grpc.StatusCode))
@pytest.mark.parametrize("reason", REASONS)
def test_only_refusals_of_the_contract_are_definite(code: grpc.StatusCode, reason: str) -> None:
    failure = RpcFailure(code, reason or code.name, "said")
    answer = read_failure(failure, OFFERS)
    definite = bool(reason) and ((code, reason) in DEFINITE or code is grpc.StatusCode.INVALID_ARGUMENT)
    assert isinstance(answer, Refused if definite else Unanswered)


@pytest.mark.parametrize("offer_id", ["9", "", "x", "-1", "12345678901234567890", "٩"])
def test_words_for_a_line_need_an_offer_of_this_order(offer_id: str) -> None:
    failure = RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_STOCK", "", {"offer_id": offer_id, "left": "2"})
    answer = read_failure(failure, OFFERS)
    assert isinstance(answer, Refused)
    assert dict(answer.offers) == ({9: "There are not that many left (only 2)."} if offer_id == "9" else {})
    assert ("Bowl" if offer_id == "9" else "an item") in answer.message


def test_the_pauses_between_tries_grow_to_a_ceiling() -> None:
    assert [retry_delay(tries) for tries in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert retry_delay(10_000) == LONGEST_RETRY_SECONDS


def test_values_are_written_for_people() -> None:
    assert money(123456789) == "$1,234,567.89"
    assert money(5) == "$0.05"
    assert iso(0.25) == "1970-01-01T00:00:00.250Z"
    assert moment(0) == "01 Jan 1970, 00:00:00 UTC"
    assert clock_words(3600, now=86_399) == "01:00:00 UTC"
    assert clock_words(3600, now=86_400) == "01 Jan 1970, 01:00:00 UTC"
    assert one_line("  a \n\t e\u0301 ") == "a \u00e9"
    assert one_line(None) == ""
