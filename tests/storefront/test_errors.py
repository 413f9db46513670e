"""What goes wrong is told in plain words, with a way on, and never with a traceback."""

import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from storefront.bootstrap import Storefront
from storefront.services import services
from tests.storefront.visitor import Visitor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: what storefront asks of both is tested with the cart, checkout and catalogue."""
    return sqlite_url


@pytest.fixture
def database_away(engine: Engine) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OperationalError("select 1", {}, Exception("connection refused by /secret/place"))

    event.listen(engine, "before_cursor_execute", refuse)
    yield
    event.remove(engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize("path", ["/", "/products/1", "/cart", "/orders", "/nothing"])
def test_a_database_that_is_away_is_a_calm_page(visitor: Visitor, request: pytest.FixtureRequest, path: str) -> None:
    visitor.register()
    request.getfixturevalue("database_away")
    assert visitor.get(path).status == (404 if path == "/nothing" else 503)
    text = visitor.response.get_data(as_text=True)
    assert "secret" not in text
    assert "Traceback" not in text
    assert "/" in visitor.page.links


def test_health_needs_no_database(visitor: Visitor, database_away: None) -> None:
    assert visitor.get("/healthz").status == 200
    assert visitor.get("/static/base.css").status == 200


def test_a_bug_of_ours_is_a_page_too(shop: Storefront, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_number: int) -> str:
        raise ZeroDivisionError("the inside of the shop")

    monkeypatch.setitem(shop.app.jinja_env.filters, "money", broken)
    visitor.get("/products/1")
    assert visitor.status == 500
    assert visitor.sees("Something broke on our side")
    assert "inside" not in visitor.response.get_data(as_text=True)


@pytest.mark.parametrize(("method", "path"), [("POST", "/products"), ("PUT", "/cart"), ("GET", "/logout")])
def test_a_method_that_a_page_does_not_know_is_told(visitor: Visitor, method: str, path: str) -> None:
    visitor.get("/login")
    token = visitor.page.forms[-1].values["csrf_token"]
    answer = visitor.client.open(path, method=method, data={"csrf_token": token})
    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert "cannot be done like this" in answer.get_data(as_text=True)


def test_too_much_at_once_is_refused_before_it_is_read(visitor: Visitor) -> None:
    visitor.get("/login")
    answer = visitor.client.post("/login", data={"email": "x" * 100_000, "csrf_token": "x"})
    assert answer.status_code == 413
    assert "too much at once" in answer.get_data(as_text=True)


def test_the_parts_are_found_by_the_application_only(shop: Storefront) -> None:
    with shop.app.app_context():
        assert services().fanout is shop.fanout


def test_a_page_is_small(visitor: Visitor, put_stock: Callable[..., None]) -> None:
    page = len(visitor.get("/products").response.get_data())
    sheets = sum(
        len(visitor.get(f"/static/{name}").response.get_data())
        for name in ("tokens.css", "base.css", "parts.css", "pages.css", "shop.js", "icons.svg")
    )
    assert page + sheets < 100_000


def test_the_page_for_no_network_is_nobodys_and_what_it_needs_is_there(visitor: Visitor) -> None:
    visitor.register("Ann Offline")
    assert "Ann Offline" not in visitor.get("/offline").response.get_data(as_text=True)
    script = visitor.client.get("/worker.js")
    assert script.mimetype == "text/javascript"
    assert script.headers["Cache-Control"] == "no-cache"
    kept = re.findall(r'"(/[^"]+)"', script.get_data(as_text=True))
    assert "/offline" in kept
    assert len(kept) >= 6
    for path in kept:
        assert visitor.get(path).status == 200, path


OUR_OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def half_written(visitor: Visitor, another: Visitor) -> dict[str, str]:
    """A form of somebody whose sessions were ended meanwhile, from another browser."""
    visitor.register().get("/account/addresses")
    form = {"csrf_token": visitor.token, "label": "Aunt <Eve>", "x": "3", "y": "4", "current": "a good password"}
    another.log_in().get("/account/security").submit("/account/sessions/end")
    return form


def test_what_was_written_before_the_session_ended_is_shown_again(
    visitor: Visitor, half_written: dict[str, str]
) -> None:
    headers = OUR_OWN | {"Referer": "http://localhost/account/addresses"}
    visitor.follow(visitor.client.post("/account/addresses", data=half_written, headers=headers))
    assert visitor.status == 401
    assert visitor.sees("Aunt <Eve>")
    assert "/login?next=/account/addresses" in visitor.page.links
    for secret in ("a good password", half_written["csrf_token"]):
        assert secret not in visitor.response.get_data(as_text=True)
    visitor.log_in().get("/account/addresses")
    assert not visitor.sees("Aunt"), "nothing was changed"


def test_what_is_on_a_page_that_is_too_old_is_shown_again(visitor: Visitor) -> None:
    visitor.register()
    (box,) = [one for one in visitor.get("/account/addresses").response.text.split("<") if 'name="make_default"' in one]
    ticked = box.partition('value="')[2].partition('"')[0]
    form = {"csrf_token": "of yesterday", "label": "Aunt Eve", "x": "3", "y": "4", "make_default": ticked}
    headers = OUR_OWN | {"Referer": "http://localhost/account/addresses?of=then"}
    visitor.follow(visitor.client.post("/account/addresses", data=form, headers=headers))
    assert visitor.status == 400
    assert visitor.sees("Name of the place Aunt Eve")
    assert visitor.sees("Suggest it first at the checkout ticked")
    assert "/account/addresses?of=then" in visitor.page.links, "the way back to the form"


@pytest.mark.parametrize(
    ("page", "form", "words"),
    [
        (
            "/checkout",
            {"ticket": "t", "address": "elsewhere", "x": "3", "ups_account": "ann"},
            "What you wrote Address x 3 UPS account (optional) ann",
        ),
        (
            "/orders/1/address",
            {"request_id": "r", "x": "3", "y": "4"},
            "What you wrote New address x 3 New address y 4",
        ),
    ],
)
def test_what_was_written_is_called_as_on_its_page(
    visitor: Visitor, page: str, form: dict[str, str], words: str
) -> None:
    visitor.register()
    visitor.follow(visitor.client.post(page, data=form, headers=OUR_OWN))
    assert visitor.status == 400
    assert visitor.sees(words)
    assert not visitor.sees("elsewhere")


@pytest.mark.parametrize(
    "said",
    [
        "http://elsewhere.example/account",
        "http://[",
        "/account",
        "http://localhost//x.example",
        # The answer to a form that had something wrong in it.
        "http://localhost/account/addresses/1/remove",
    ],
)
def test_whatever_a_browser_says_of_where_it_was_leads_to_a_page_of_ours(
    visitor: Visitor, half_written: dict[str, str], said: str
) -> None:
    headers = OUR_OWN | {"Referer": said}
    logged_out = visitor.follow(visitor.client.post("/account/addresses", data=half_written, headers=headers))
    assert (logged_out.status, logged_out.page.links.count("/login")) == (401, 2)
    stale = visitor.follow(visitor.client.post("/account", data={"display_name": "Ann"}, headers=headers))
    assert stale.status == 400
    assert not [link for link in stale.page.links if "account" in link or "example" in link]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_the_words_of_others_are_not_shown_as_ours(visitor: Visitor, half_written: dict[str, str], site: str) -> None:
    answer = visitor.client.post("/account/addresses", data=half_written, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 303
    answer = visitor.client.post("/account", data={"display_name": "Aunt Eve"}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400
    assert "Aunt Eve" not in answer.get_data(as_text=True)
