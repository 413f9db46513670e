"""Every route, asked by every kind of visitor: the table in `tests.storefront.access` says what each is answered.

Beside the answer: whoever is not let through changes nothing at all, and whoever is changes nothing of the owner's. And
what holds for every route: the headers of its answers, and that a form needs a token.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from storefront.security import HEADERS
from tests.storefront.access import ACCESS, Answer, Row, Who
from tests.storefront.people import People, people_in

NEVER_WAS = {
    "order_id": 999_999,
    "address_id": 999_999,
    "offer_id": 999_999,
    "request_id": "never-was-a-request",
    "batch": "none",
}


@pytest.fixture(scope="module")
def shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    path = tmp_path_factory.mktemp("access") / "minimart.db"
    shutil.copyfile(sqlite_template, path)
    with people_in(path) as people:
        yield people


@pytest.fixture
def people(shop: People) -> Iterator[People]:
    yield shop
    shop.restore()


def ask(people: People, rule: Rule, who: Who, row: Row, **instead: object) -> TestResponse:
    """The route, asked with a good token; with ids of what never was, on request."""
    client, address = people.client_of(who), people.address_of(rule, **instead)
    if "GET" in (rule.methods or ()):
        return client.get(address)
    return client.post(address, data=people.fill(who, row.form))


def send(people: People, rule: Rule, who: Who, row: Row, token: str | None) -> TestResponse:
    """A form that is filled in well but for its token; None: it has none."""
    form = people.fill(who, row.form) | {"csrf_token": token or ""}
    if token is None:
        del form["csrf_token"]
    return people.client_of(who).post(people.address_of(rule), data=form)


def answer_of(response: TestResponse) -> tuple[int, str]:
    """The status, and for a way on whether it leads to the log-in."""
    to_login = (response.location or "").startswith("/login")
    return response.status_code, "to the log-in" if response.status_code == 303 and to_login else ""


EXPECTED = {
    Answer.PAGE: (200, ""),
    Answer.DONE: (303, ""),
    Answer.SENT_ON: (303, ""),
    Answer.LOG_IN: (303, "to the log-in"),
    Answer.REFUSED: (403, ""),
    Answer.AGAIN: (422, ""),
    Answer.NOTHING_HERE: (404, ""),
}


def test_every_route_is_in_the_table(shop: People) -> None:
    assert {rule.endpoint for rule in shop.app.url_map.iter_rules()} == set(ACCESS)


@pytest.mark.parametrize("endpoint", ACCESS)
def test_a_route_answers_everybody_as_the_table_says(people: People, endpoint: str) -> None:
    row = ACCESS[endpoint]
    for rule in people.app.url_map.iter_rules(endpoint):
        for who in Who:
            wanted = row.answer_to(who)
            all_before, owners_before = people.everything(), people.of_the_owner()
            response = ask(people, rule, who, row)
            assert answer_of(response) == EXPECTED[wanted], f"{who.value}: {response.get_data(as_text=True)[-1500:]}"
            may_change = wanted in (Answer.DONE, Answer.PAGE) and "POST" in (rule.methods or ())
            if not may_change:
                assert people.everything() == all_before, f"{who.value} changed something"
            elif who is not Who.OWNER and not row.proves:
                assert people.of_the_owner() == owners_before, f"{who.value} changed what is the owner's"
            response.close()
            if may_change:
                people.restore()


@pytest.mark.parametrize(
    "endpoint", [endpoint for endpoint, row in ACCESS.items() if Answer.NOTHING_HERE in (row.other, row.seller)]
)
def test_what_is_somebody_elses_is_answered_as_what_never_was(people: People, endpoint: str) -> None:
    row = ACCESS[endpoint]
    for rule in people.app.url_map.iter_rules(endpoint):
        for who in (Who.OTHER, Who.SELLER, Who.STAFF):
            if row.answer_to(who) is Answer.NOTHING_HERE:
                theirs = ask(people, rule, who, row).get_data(as_text=True)
                nobodys = ask(people, rule, who, row, **NEVER_WAS).get_data(as_text=True)
                assert theirs == nobodys, f"{who.value} can tell them apart"


def test_every_answer_carries_the_headers(shop: People) -> None:
    for endpoint, row in ACCESS.items():
        for rule in shop.app.url_map.iter_rules(endpoint):
            for who in (Who.GUEST, Who.OWNER, Who.OTHER):
                # A form without a token: refused by all, so nothing is to be restored.
                response = (
                    ask(shop, rule, who, row) if "GET" in (rule.methods or ()) else send(shop, rule, who, row, "")
                )
                for name, value in HEADERS.items():
                    assert response.headers.get(name) == value, f"{rule.rule}: {name}"
                may_be_kept = endpoint in ("static", "catalogue.picture", "photos.show", "offline.worker")
                assert may_be_kept or response.headers["Cache-Control"] == "no-store", rule.rule
                assert "Server" not in response.headers
                response.close()


def test_every_answer_says_what_it_is_and_shares_it_with_nobody(shop: People) -> None:
    for endpoint, row in ACCESS.items():
        for rule in shop.app.url_map.iter_rules(endpoint):
            if "GET" in (rule.methods or ()):
                response = ask(shop, rule, Who.OWNER, row)
                kind = response.headers["Content-Type"]
                assert not kind.startswith("text/") or "charset=utf-8" in kind, rule.rule
                assert not any(name.startswith("Access-Control-") for name in dict(response.headers)), rule.rule
                response.close()


def test_the_policy_of_pages_lets_nothing_inline_and_nothing_foreign_run() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_every_form_needs_the_token_of_its_own_session(shop: People) -> None:
    before = shop.everything()
    for rule in shop.app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()):
            continue
        for who in Who:
            somebody_else = Who.OTHER if who is not Who.OTHER else Who.OWNER
            for token in (None, "", "wrong", shop.tokens[somebody_else]):
                response = send(shop, rule, who, ACCESS[rule.endpoint], token)
                assert response.status_code == 400, f"{rule.rule}, {who.value}: {token}"
                assert "open for too long" in response.get_data(as_text=True)
    assert shop.everything() == before
