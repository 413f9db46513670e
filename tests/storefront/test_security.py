"""Pages and sessions: nothing inline, cookies, what may be kept, and where we redirect to.

What is asked of every route is in `test_access`.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from storefront.bootstrap import Storefront
from storefront.security import COOKIE, SessionCookie, safe_next
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor

STRICT = "max-age=31536000"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: what storefront asks of both is tested with the cart, checkout and catalogue."""
    return sqlite_url


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


@pytest.mark.parametrize(("address", "name"), [("https://shop.example", "__Host-minimart"), (None, "minimart")])
def test_a_secure_cookie_is_for_this_host_alone(shop: Storefront, address: str | None, name: str) -> None:
    cookie = shop.app.test_client().get("/login", base_url=address).headers["Set-Cookie"]
    assert cookie.startswith(f"{name}=")
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_browsers_are_told_to_come_by_tls(build_shop: Callable[[], Storefront], settings: dict[str, object]) -> None:
    by_http = build_shop().app.test_client()
    assert "Strict-Transport-Security" not in by_http.get("/login").headers
    assert by_http.get("/login", base_url="https://localhost").headers["Strict-Transport-Security"] == STRICT
    settings["storefront_url"] = "https://shop.example"
    assert build_shop().app.test_client().get("/nothing").headers["Strict-Transport-Security"] == STRICT


@pytest.mark.parametrize("proxies", [1, 2])
def test_a_proxy_that_is_trusted_says_that_a_page_came_by_tls(
    build_shop: Callable[[], Storefront], settings: dict[str, object], proxies: int
) -> None:
    said = {"X-Forwarded-Proto": "https"}
    assert "Strict-Transport-Security" not in build_shop().app.test_client().get("/login", headers=said).headers
    # The outermost says it, and those behind it hand it on.
    settings["storefront_trusted_proxies"] = proxies
    trusting = build_shop().app.test_client().get("/login", headers=said)
    assert trusting.headers["Strict-Transport-Security"] == STRICT
    assert trusting.headers["Set-Cookie"].startswith("__Host-minimart=")


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


def test_nothing_is_changed_by_looking(shop: Storefront) -> None:
    for rule in shop.app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), f"{rule.rule}: a page that shows and one that changes are two views"


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


def test_scripts_take_nothing_for_html_and_keep_nothing_in_the_browser(shop: Storefront) -> None:
    scripts = list(Path(str(shop.app.static_folder)).glob("*.js"))
    assert scripts
    for script in [*scripts, *Path(shop.app.root_path).glob("templates/*.js")]:
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|sessionStorage"
            r"|indexedDB|document\.cookie",
            script.read_text("utf-8"),
        )
        assert found is None, f"{script.name}: {found}"


@pytest.mark.parametrize("path", ["/register", "/login", "/account/security", "/account/close"])
def test_passwords_are_hidden_and_left_to_password_managers(visitor: Visitor, path: str) -> None:
    if path.startswith("/account"):
        visitor.register()
    fields = re.findall(
        r"<input[^>]*name=\"(?:password|current)\"[^>]*>", visitor.get(path).response.get_data(as_text=True)
    )
    assert fields
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
        assert "onpaste" not in field


def test_a_cookie_that_others_have_signed_is_worth_nothing(shop: Storefront, visitor: Visitor) -> None:
    visitor.register()
    cookie = visitor.client.get_cookie(COOKIE)
    assert cookie is not None
    ours = SessionCookie()
    signer, key = ours.get_signing_serializer(shop.app), str(shop.app.secret_key)
    assert signer is not None
    held = signer.loads(cookie.value)

    def asks_with(secret: str, digest: Callable[..., Any]) -> int:
        signed = {"key_derivation": ours.key_derivation, "digest_method": digest}
        forger = URLSafeTimedSerializer(secret, salt=ours.salt, serializer=ours.serializer, signer_kwargs=signed)
        thief = shop.app.test_client()
        thief.set_cookie(COOKIE, str(forger.dumps(held)))
        return thief.get("/account").status_code

    assert asks_with(key, hashlib.sha256) == 200
    assert asks_with("another key, as long as the real one is", hashlib.sha256) == 303
    assert asks_with(key, hashlib.sha1) == 303


@pytest.mark.parametrize("path", ["/.git/config", "/static/../security.py", "/static/%2e%2e/security.py", "/static/"])
def test_nothing_but_static_files_is_served_from_the_disk(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status == 404
