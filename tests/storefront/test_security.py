"""Every answer and every session: headers, cookies, CSRF, and who reaches what."""

import re

import pytest
from werkzeug.routing import Rule

from storefront.bootstrap import Storefront
from storefront.security import safe_next
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: what storefront asks of both is tested with the cart, checkout and catalogue."""
    return sqlite_url


PUBLIC = {
    "/",
    "/products",
    "/products/<id32:product_id>",
    "/cart",
    "/search/suggestions",
    "/pictures/<name>.svg",
    "/login",
    "/register",
    "/password/forgot",
    "/password/reset/<token>",
    "/offline",
    "/worker.js",
    "/healthz",
    "/static/<path:filename>",
}
# Changes that somebody may ask for without an account; each leads to the log-in or does no harm.
PUBLIC_POSTS = {
    "/login",
    "/register",
    "/logout",
    "/password/forgot",
    "/password/reset/<token>",
    "/cart/items",
    "/cart/items/<id32:offer_id>",
    "/cart/items/<id32:offer_id>/remove",
    "/cart/items/<id32:offer_id>/save",
    "/cart/items/<id32:offer_id>/back",
    "/cart/choose",
    "/cart/prices",
}


def address_of(rule: Rule) -> str:
    return re.sub(r"<[^>]*id\d*:[^>]*>", "1", re.sub(r"<(path:)?\w+>", "something", rule.rule))


@pytest.mark.parametrize("path", ["/", "/products/1", "/login", "/nothing", "/healthz", "/static/base.css"])
def test_every_answer_carries_the_headers(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).response.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_has_anything_inline(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register().put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    visitor.put_in_cart(2)
    for path in (
        "/checkout",
        "/account/addresses",
        "/account/security",
        "/account/close",
        "/favourites",
        "/products?q=mug",
        "/",
        "/products",
        "/products/1",
        "/cart",
        "/orders",
        "/orders/1",
        "/sell",
        "/account",
    ):
        page = visitor.get(path).response.get_data(as_text=True)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), path
        assert not re.search(r"<script(?! src=)", page), path
        assert "http://" not in page.replace("http://www.w3.org", ""), path
        assert "https://" not in page, path


def test_the_session_cookie_is_out_of_reach(visitor: Visitor) -> None:
    cookie = visitor.get("/login").response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie, "plain http on this very machine"


@pytest.mark.parametrize("address", ["https://localhost", "http://shop.example", "http://192.0.2.7:8080"])
def test_the_session_cookie_is_secure_anywhere_else(shop: Storefront, address: str) -> None:
    answer = shop.app.test_client().get("/login", base_url=address)
    assert "Secure" in answer.headers["Set-Cookie"]


def test_an_answer_that_comes_late_undoes_nothing_in_the_session(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    made_at_log_in = visitor.get("/account").page.forms[-1].values["csrf_token"]
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    for path in ("/pictures/mug-1.svg", "/static/base.css", "/orders/1/live", "/products/1", "/healthz", "/orders"):
        assert "Set-Cookie" not in visitor.get(path).response.headers, path
    answer = visitor.client.post("/cart/items/1/remove", data={"csrf_token": made_at_log_in})
    assert answer.status_code == 303


def test_pages_of_a_shopper_are_never_kept_by_anybody(visitor: Visitor) -> None:
    visitor.register()
    assert visitor.get("/account").response.headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_and_change_their_address_with_their_content(visitor: Visitor) -> None:
    page = visitor.get("/").response.get_data(as_text=True)
    found = re.search(r'href="(/static/base\.css\?v=[0-9a-f]{12})"', page)
    assert found
    answer = visitor.get(found[1]).response
    assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_every_change_needs_a_token_of_the_page(visitor: Visitor, shop: Storefront) -> None:
    visitor.register().put_in_cart(1)
    for rule in shop.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            answer = visitor.client.post(address_of(rule), data={"quantity": "1", "csrf_token": "wrong"})
            assert answer.status_code == 400, rule.rule
            assert "open for too long" in answer.get_data(as_text=True)


def test_nothing_is_changed_by_looking(shop: Storefront) -> None:
    for rule in shop.app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), f"{rule.rule}: a page that shows and one that changes are two views"


def test_guests_reach_what_is_public_and_nothing_else(shop: Storefront) -> None:
    for rule in shop.app.url_map.iter_rules():
        guest = shop.app.test_client()
        if "GET" in (rule.methods or ()):
            answer = guest.get(address_of(rule))
            if rule.rule in PUBLIC:
                assert answer.status_code in (200, 404), rule.rule
            else:
                assert answer.status_code == 303, rule.rule
                assert answer.location.startswith("/login"), rule.rule
        else:
            page = Visitor(guest).get("/login").page
            answer = guest.post(address_of(rule), data={"csrf_token": page.forms[-1].values["csrf_token"]})
            if rule.rule not in PUBLIC_POSTS:
                assert answer.status_code == 303, rule.rule
                assert answer.location.startswith("/login"), rule.rule


def test_what_is_somebody_elses_is_as_unknown_as_what_never_was(
    visitor: Visitor, another: Visitor, orders: FakeOrders
) -> None:
    visitor.register().put_in_cart(1)
    visitor.get("/checkout")
    ticket = visitor.page.forms[-1].values["ticket"]
    assert ticket
    visitor.submit("/checkout", x="1", y="2")
    visitor.get("/sell").submit("/sell", display_name="Ann's")

    another.register("Bob", "bob@example.org")
    another.get("/sell").submit("/sell", display_name="Bob's")
    for path in (
        "/orders/1",
        "/orders/1/live",
        "/orders/1/cancel",
        "/orders/1/address",
        "/sell/items/1",
        "/sell/items/999",
    ):
        assert another.get(path).status == 404, path
        assert another.sees("There is nothing here"), path
    page = another.get("/sell").page
    token = {
        "csrf_token": page.forms[-1].values.get("csrf_token")
        or another.get("/account").page.forms[-1].values["csrf_token"]
    }
    stolen = another.client.post("/sell/items/1/restock", data={**token, "request_id": "x" * 20, "quantity": "5"})
    assert stolen.status_code == 404
    assert orders.restocks == []


def test_a_shopper_is_no_seller_until_they_become_one(visitor: Visitor) -> None:
    visitor.register()
    assert visitor.get("/sell").sees("Open my shop")
    for path in ("/sell/items/new", "/sell/items/1"):
        assert visitor.get(path).status == 403
        assert "/sell" in visitor.page.links


@pytest.mark.parametrize("wanted", ["/", "/cart", "/orders?page=2", "/products?q=a%20b&page=2#x"])
def test_our_own_pages_are_safe_to_go_to(wanted: str) -> None:
    assert safe_next(wanted) == wanted


@pytest.mark.parametrize("wanted", [None, "", "cart", "//x", "/\\x", "/a\\b", "http:x", "/a\nb", "/\x00", "/" * 3000])
def test_anything_else_is_not(wanted: str | None) -> None:
    assert safe_next(wanted) is None
