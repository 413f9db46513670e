"""Every field of every form at its edges: told beside the field, nothing lost of what was typed, and never a 500.

The forms are those of the table in `tests.storefront.access`, filled in well but for one field at a time.
"""

import html
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_wtf import FlaskForm
from werkzeug.test import TestResponse
from wtforms import FileField, MultipleFileField

from storefront.security import limiter
from tests.storefront.access import ACCESS, Answer, Row, Who
from tests.storefront.people import People, people_in

EDGES = {
    "empty": "",
    "blank": " \t ",
    "too long": "x" * 6000,
    "a script": "<script>alert(1)</script>",
    "a quote": "\"'><img src=x onerror=alert(1)>",
    "emoji": "\U0001f937\U0001f3fd\u200d\u2640\ufe0f",
    "right to left": "\u05e9\u05dc\u05d5\u05dd abc",
    "turned round": "\u202ecba",
    "nothing to see": "\u200b",
    "NUL": "a\0b",
    "two lines": "one\r\nX-Other: two",
    "a huge number": "9" * 400,
    "below zero": "-1",
    "digits of others": "\u0663",
    "half a code point": "%ff%fe",
}
# Never sent back, chosen and not typed, or no field that a person sees.
UNTYPED = {"seen", "password", "current", "ticket", "stamp", "request_id", "then", "stars", "address"}
# Taken, unknown, or told of.
ANSWERS = (200, 303, 404, 409, 422)
# What pages read from their addresses.
ARGUMENTS = (
    *("q", "page", "sort", "category", "seller", "low", "high", "stock", "status", "only", "units", "name", "reviews"),
    *("order", "quantity", "warehouse", "request_id", "next", "since", "until"),
)
FORMS = {endpoint: row for endpoint, row in ACCESS.items() if row.form}


@pytest.fixture(scope="module")
def shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    path = tmp_path_factory.mktemp("bad-input") / "minimart.db"
    shutil.copyfile(sqlite_template, path)
    with people_in(path) as people:
        yield people


@pytest.fixture
def people(shop: People) -> Iterator[People]:
    yield shop
    shop.restore()


def who_may(row: Row) -> Who:
    """Somebody who is let through."""
    return next(who for who in (Who.OWNER, *Who) if row.answer_to(who) in (Answer.DONE, Answer.PAGE))


def send(people: People, endpoint: str, form: dict[str, str], **files: object) -> TestResponse:
    """The form, by somebody who may send it."""
    (rule,) = people.app.url_map.iter_rules(endpoint)
    who = who_may(FORMS[endpoint])
    return people.client_of(who).post(people.address_of(rule), data=people.fill(who, form) | files)


@pytest.mark.parametrize("endpoint", FORMS)
def test_a_field_at_its_edge_is_taken_or_told_of_and_nothing_is_lost(people: People, endpoint: str) -> None:
    row = FORMS[endpoint]
    for name in row.form:
        for edge, value in EDGES.items():
            response = send(people, endpoint, row.form | {name: value})
            text = response.get_data(as_text=True)
            case = f"{name}: {edge}"
            assert response.status_code in ANSWERS, case
            assert "<script>alert" not in text, case
            assert "<img src=x" not in text, case
            if response.status_code in (409, 422):
                assert 'class="wrong"' in text or 'class="note' in text, f"{case}: no reason"
                for other, typed in row.form.items():
                    if other not in UNTYPED | {name} and typed not in ("y", ""):
                        assert html.escape(typed) in text or html.escape(typed, quote=False) in text, f"{case}: {other}"
                if name not in UNTYPED and edge in ("a script", "emoji", "below zero"):
                    kept = html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
                    is_choice = "<select" in text and f'name="{name}"' in text
                    assert kept in text or is_choice, f"{case}: not kept"
                limiter.reset()
            else:
                people.restore()


@pytest.mark.parametrize("endpoint", FORMS)
def test_a_field_that_is_missing_breaks_nothing(people: People, endpoint: str) -> None:
    form = FORMS[endpoint].form
    for name in form:
        response = send(people, endpoint, {other: value for other, value in form.items() if other != name})
        assert response.status_code in ANSWERS, name
        people.restore()
    assert send(people, endpoint, {}).status_code in ANSWERS


@pytest.mark.parametrize("endpoint", [one for one, row in ACCESS.items() if row.owner is Answer.PAGE])
def test_what_stands_behind_an_address_at_its_edge_breaks_no_page(shop: People, endpoint: str) -> None:
    client = shop.client_of(who_may(ACCESS[endpoint]))
    for rule in shop.app.url_map.iter_rules(endpoint):
        if "GET" not in (rule.methods or ()):
            continue
        for edge, value in EDGES.items():
            response = client.get(shop.address_of(rule), query_string=dict.fromkeys(ARGUMENTS, value[:500]))
            assert response.status_code in (200, 303, 404), f"{rule.rule}: {edge}"
            response.close()


def test_every_field_of_every_form_is_among_them() -> None:
    # Two forms on one page are told apart by what stands before the dash.
    known = {name.rpartition("-")[2] for row in FORMS.values() for name in row.form}
    forms = list(FlaskForm.__subclasses__())
    for form in forms:
        forms.extend(form.__subclasses__())
    for form in forms:
        if not form.__module__.startswith("storefront."):
            continue
        for name in dir(form):
            field = getattr(form, name)
            if hasattr(field, "field_class") and not issubclass(field.field_class, (FileField, MultipleFileField)):
                assert name in known, f"{form.__module__}.{form.__name__}.{name}: write it into tests.storefront.access"


def test_more_than_a_form_can_hold_is_told_kindly(people: People) -> None:
    response = send(people, "accounts.change_profile", {"display_name": "x" * 70_000})
    assert response.status_code == 413
    assert "larger than any of our forms needs" in response.get_data(as_text=True)


def test_more_fields_than_a_form_has_are_told_kindly(people: People) -> None:
    many = {f"field-{number}": "x" for number in range(300)}
    client = people.client_of(Who.OWNER)
    response = client.post("/cart/choose", data=many, content_type="multipart/form-data")
    assert response.status_code == 413
