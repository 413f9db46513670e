"""The shop without a mouse, without JavaScript, without a free place for live pages, and without an answer."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from mesh.errors import Aborted, Unavailable
from storefront.errors import RELOAD_SECONDS
from tests.browser.conftest import OpenShop, order_number, put_in_cart, sign_up
from tests.storefront.fake_orders import refuse

NewPage = Callable[..., Page]


def buy_one(page: Page, url: str, product_id: int = 1) -> int:
    put_in_cart(page, url, product_id)
    page.goto(f"{url}/checkout")
    page.get_by_label("Address x").fill("1")
    page.get_by_label("Address y").fill("2")
    page.get_by_role("button", name="Place the order").click()
    return order_number(page)


def tab_to(page: Page, words: str) -> None:
    """Presses Tab until the thing that these words name has the focus, which must be seen all the way."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const it = document.activeElement;
                if (it === document.body) return null;
                const style = getComputedStyle(it);
                const name = [it.getAttribute("aria-label"), it.labels?.[0]?.textContent, it.textContent].find(Boolean);
                return [(name || "").trim().replace(/\\s+/g, " "), style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        if focused is None:
            continue
        assert focused[1] != "none", f"the focus on {focused[0]!r} cannot be seen"
        assert focused[2] >= 2, f"the focus on {focused[0]!r} can hardly be seen"
        if focused[0].startswith(words):
            return
    raise AssertionError(f"no way to {words!r} by keyboard")


def test_without_a_mouse(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    page.goto(open_shop.url)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "See everything")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All products")).to_be_visible()

    page.goto(f"{open_shop.url}/products/2")
    tab_to(page, "Quantity")
    tab_to(page, "Add to cart")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()
    tab_to(page, "Check out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    tab_to(page, "Make an account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    tab_to(page, "Your name")
    page.keyboard.type("Kim")
    tab_to(page, "E-mail")
    page.keyboard.type("kim@example.org")
    tab_to(page, "Password")
    page.keyboard.type("a good password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check out")).to_be_visible()
    tab_to(page, "Address x")
    page.keyboard.type("ten")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Address x")).to_be_focused()
    expect(page.get_by_label("Address x")).to_have_accessible_description(re.compile("Write a whole number"))
    page.keyboard.press("Control+A")
    page.keyboard.type("10")
    tab_to(page, "Address y")
    page.keyboard.type("-4")
    tab_to(page, "Place the order")
    page.keyboard.press("Enter")
    assert open_shop.orders.orders[order_number(page)].destination.y == -4


def test_without_javascript(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    sign_up(page, open_shop.url, "Noa")
    order_id = buy_one(page, open_shop.url)
    expect(page.get_by_text("Waiting for the warehouse")).to_be_visible()
    for _ in range(4):
        open_shop.orders.advance(order_id)
    # The page comes back by itself.
    expect(page.locator(".order-head .pill")).to_have_text("Delivered")


def test_without_an_answer_the_page_says_confirming_and_then_shows_the_order(
    open_shop: OpenShop, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    page = new_page(java_script_enabled=False)
    sign_up(page, open_shop.url, "Una")
    put_in_cart(page, open_shop.url, 3)
    page.get_by_role("button", name="Check out").click()
    page.get_by_label("Address x").fill("1")
    page.get_by_label("Address y").fill("2")
    open_shop.orders.moods += [refuse(Aborted("STOCK_CONTENDED", "send the same again"))] * 50
    before = len(open_shop.orders.orders)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="We are confirming your order")).to_be_visible()
    confirming = page.url
    page.goto(f"{open_shop.url}/cart")
    expect(page.get_by_text("One order is being confirmed.")).to_be_visible()
    picture(page, "cart-confirming")
    page.goto(f"{open_shop.url}/checkout")
    expect(page).to_have_url(confirming)
    picture(page, "confirming")
    put_in_cart(page, open_shop.url, 4)
    picture(page, "cart-confirming-and-more")
    page.goto(f"{open_shop.url}/checkout")
    expect(page.get_by_text("Without what is being confirmed.")).to_be_visible()
    picture(page, "checkout-confirming")
    open_shop.orders.moods.clear()
    page.goto(confirming)
    expect(page).to_have_url(re.compile(r"/orders/\d+$"), timeout=30_000)
    assert len(open_shop.orders.orders) == before + 1


def test_while_orders_cannot_be_looked_at_their_page_waits_and_then_comes_by_itself(
    open_shop: OpenShop, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Wim")
    order_id = buy_one(page, open_shop.url)
    page.clock.install()
    with monkeypatch.context() as away:
        away.setattr(open_shop.orders, "get_refusal", Unavailable("DATABASE_AWAY", "away"))
        page.reload()
        expect(page.get_by_role("heading", name="We cannot look at orders right now")).to_be_visible()
        expect(page.get_by_role("link", name="Look around meanwhile")).to_be_visible()
    page.clock.fast_forward(RELOAD_SECONDS * 1000)
    expect(page.get_by_role("heading", name=f"Order {order_id}", exact=True)).to_be_visible()


def test_every_step_is_shown_as_it_happens(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Eve")
    # The page's own time stands still: it asks for nothing by itself.
    page.clock.install()
    page.clock.pause_at(time.time() + 3600)
    order_id = buy_one(page, open_shop.url)
    expect(page.get_by_text("Waiting for the warehouse")).to_be_visible()
    page.evaluate("window.untouched = true")
    for words in ("Waiting for the truck", "Being loaded", "Out for delivery", "Delivered"):
        open_shop.orders.advance(order_id)
        expect(page.locator(".order-head .pill")).to_have_text(words)
        expect(page.locator("#live-words")).to_have_text(f"Order {order_id}: {words}")
    assert page.evaluate("window.untouched")


def test_without_a_free_place_the_page_asks_now_and_then(open_shop: OpenShop, new_page: NewPage) -> None:
    """There are two places for a shopper here, and each browser takes one."""
    page = new_page()
    sign_up(page, open_shop.url, "Tab")
    order_id = buy_one(page, open_shop.url)
    cookies = page.context.cookies()
    others = [new_page() for _ in range(3)]
    for other in others:
        other.context.add_cookies(cookies)  # type: ignore[arg-type]
        other.goto(page.url)
        expect(other.get_by_text("Waiting for the warehouse")).to_be_visible()
    for _ in range(4):
        open_shop.orders.advance(order_id)
    for shown in (page, *others):
        expect(shown.locator(".order-head .pill")).to_have_text("Delivered")


def press_twice(page: Page) -> int:
    """From the checkout, of somebody in a hurry; the order's number."""
    page.get_by_label("Address x").fill("1")
    page.get_by_label("Address y").fill("2")
    page.get_by_role("button", name="Place the order").dblclick()
    return order_number(page)


def test_pressing_twice_and_going_back_is_one_order(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Dora")
    put_in_cart(page, open_shop.url, 6)
    page.goto(f"{open_shop.url}/checkout")
    before = len(open_shop.orders.orders)
    order_id = press_twice(page)
    page.go_back()
    page.reload()
    page.goto(f"{open_shop.url}/orders/{order_id}")
    page.reload()
    assert len(open_shop.orders.orders) == before + 1


def test_going_back_after_buying_one_now_does_not_offer_another_one(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Bea")
    put_in_cart(page, open_shop.url, 6)
    page.goto(f"{open_shop.url}/products/6")
    page.get_by_role("button", name="Buy now").click()
    before = len(open_shop.orders.orders)
    order_id = press_twice(page)
    page.go_back()
    expect(page.get_by_text("You have ordered this already. Nothing more was ordered.")).to_be_visible()
    assert order_number(page) == order_id
    page.reload()
    assert len(open_shop.orders.orders) == before + 1
    expect(page.locator("#cart-link .count")).to_contain_text("1")


def test_times_of_the_history_stay_on_one_line_with_a_twelve_hour_clock(
    open_shop: OpenShop, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    # Before noon, whenever the test runs: hours of two digits are the widest. The sign in such a name is turned round.
    zone = f"Etc/GMT{datetime.now(UTC).hour - 11:+d}"
    page = new_page(viewport={"width": 1200, "height": 900}, locale="en-US", timezone_id=zone)
    sign_up(page, open_shop.url, "Lou")
    order_id = buy_one(page, open_shop.url)
    for _ in range(4):
        open_shop.orders.advance(order_id)
    expect(page.locator(".order-head .pill")).to_have_text("Delivered")
    expect(page.locator(".history time").first).to_have_text(re.compile("^1[12]:.* [AP]M$"))
    picture(page, "history")

    def lines(place: str) -> list[int]:
        counted = page.locator(place).evaluate_all(
            "all => all.map((one) => new Set([...one.getClientRects()].map((part) => part.top)).size)"
        )
        return [int(count) for count in counted]

    assert set(lines(".history time")) == {1}
    assert set(lines(".stage time")) == {1}
