"""The page of an order in a real browser: changes, several tabs, a network that goes away, a truck that moves."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from shop.orders.v1 import orders_pb2 as pb
from tests.browser.conftest import PHONE, OpenShop, sign_up
from tests.browser.test_without import buy_one

NewPage = Callable[..., Page]
Picture = Callable[[Page, str], None]
DELIVERY_MS = 120_000


def status(page: Page) -> Locator:
    return page.locator(".order-head .pill")


def stop_the_clock(page: Page) -> None:
    """From the next page on, pages of this browser ask for nothing by themselves: what they show, they were told."""
    page.context.clock.install()
    page.context.clock.pause_at(time.time() + 3600)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_an_address_is_changed_and_then_the_order_is_cancelled(
    open_shop: OpenShop, new_page: NewPage, picture: Picture, script: bool
) -> None:
    page = new_page(java_script_enabled=script)
    sign_up(page, open_shop.url, "Ada")
    order_id = buy_one(page, open_shop.url)
    page.get_by_role("link", name="Change the address").click()
    expect(page.get_by_role("heading", name=f"Send order {order_id} elsewhere?")).to_be_visible()
    page.get_by_label("New address x").fill("far")
    page.get_by_role("button", name="Send it there").click()
    expect(page.get_by_text("Write a whole number, such as 12.")).to_be_visible()
    page.get_by_label("New address x").fill("7")
    page.get_by_label("New address y").fill("-8")
    if script:
        picture(page, "order-address")
    page.get_by_role("button", name="Send it there").click()
    expect(page.locator("#asked")).to_contain_text("Changed.")
    expect(page.locator(".facts-row")).to_contain_text("(7, -8)")
    page.get_by_role("link", name="Cancel the order").click()
    if script:
        picture(page, "order-cancel")
    page.get_by_role("link", name="Keep it").click()
    expect(status(page)).to_have_text("Being packed")
    page.get_by_role("link", name="Cancel the order").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.locator("#asked")).to_contain_text("Cancelled.")
    expect(page.locator("#asked")).to_contain_text("The goods stay on the shelf", ignore_case=True)
    expect(status(page)).to_have_text("Cancelled")
    if script:
        picture(page, "order-cancelled")


def test_what_ups_answers_later_appears_by_itself(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Ben")
    stop_the_clock(page)
    order_id = buy_one(page, open_shop.url)
    order = open_shop.orders.orders[order_id]
    asked = order.amendments.add(request_id="cancel-by-ben", decisions=[pb.ParcelDecision(parcel=1, decision=3)])
    order.shipments[0].cancellable = pb.CHANGEABLE_PENDING
    open_shop.orders.changed(order_id)
    expect(page.locator("#asked")).to_contain_text("Asked, waiting for UPS.")
    page.goto(f"{open_shop.url}/orders/{order_id}/cancel")
    expect(page.get_by_text("One at a time: wait for its answer.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)
    page.goto(f"{open_shop.url}/orders/{order_id}")
    page.get_by_role("link", name="Cancel the order").focus()
    asked.decisions[0].decision = pb.DECISION_TOO_LATE
    asked.decisions[0].reason = "UPS says that it has left"
    asked.decisions[0].left_at.FromSeconds(int(time.time()))
    open_shop.orders.changed(order_id)
    expect(page.locator("#asked")).to_contain_text("UPS says that it has left at")
    # Who uses the keyboard is still where they were, and who listens hears it.
    expect(page.get_by_role("link", name="Cancel the order")).to_be_focused()
    expect(page.locator("#live-words")).to_contain_text("Cancel the order: Too late to cancel")


def test_news_leave_what_is_pressed_and_what_is_selected_alone(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Pia")
    order_id = buy_one(page, open_shop.url)
    tracking = page.locator(".parcel .num").first
    tracking.evaluate("place => getSelection().selectAllChildren(place)")
    open_shop.orders.advance(order_id)
    expect(status(page)).to_have_text("Waiting for the truck")
    assert page.evaluate("getSelection().toString()") == tracking.inner_text()
    # A line more in the history moves what stands below it, but not away from under the mouse.
    page.get_by_role("link", name="Change the address").hover()
    page.mouse.down()
    with page.expect_response("**/live") as answer:
        open_shop.orders.advance(order_id)
    answer.value.finished()
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    page.mouse.up()
    expect(page.get_by_role("heading", name=f"Send order {order_id} elsewhere?")).to_be_visible()
    page.go_back()
    expect(status(page)).to_have_text("Being loaded")


def test_what_is_let_go_elsewhere_lets_news_in(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Lea")
    order_id = buy_one(page, open_shop.url)
    page.get_by_role("link", name="Change the address").hover()
    page.mouse.down()
    open_shop.orders.advance(order_id)
    page.get_by_role("link", name="Minimart").hover()
    page.mouse.up()
    expect(status(page)).to_have_text("Waiting for the truck")


def test_all_tabs_of_a_browser_share_one_place_and_each_is_told_at_once(open_shop: OpenShop, new_page: NewPage) -> None:
    """There are two places for a shopper here."""
    page = new_page()
    sign_up(page, open_shop.url, "Tab")
    first = buy_one(page, open_shop.url)
    second = buy_one(page, open_shop.url, 2)
    stop_the_clock(page)
    page.reload()
    tabs = [page]
    for order_id in (first, first, second, second):
        tab = page.context.new_page()
        tab.goto(f"{open_shop.url}/orders/{order_id}")
        expect(status(tab)).to_have_text("Being packed")
        tabs.append(tab)
    tabs[0].close()
    for order_id, mine in ((first, tabs[1:3]), (second, tabs[3:5])):
        open_shop.orders.advance(order_id)
        for tab in mine:
            expect(status(tab)).to_have_text("Waiting for the truck")
    # The one that came first has gone, and the others still hear.
    tabs[1].close()
    open_shop.orders.advance(first)
    expect(status(tabs[2])).to_have_text("Being loaded")


def test_without_shared_workers_a_page_listens_for_itself(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script("delete window.SharedWorker")
    sign_up(page, open_shop.url, "Fay")
    stop_the_clock(page)
    order_id = buy_one(page, open_shop.url)
    expect(status(page)).to_have_text("Being packed")
    open_shop.orders.advance(order_id)
    expect(status(page)).to_have_text("Waiting for the truck")


def test_a_page_comes_back_after_the_network_was_away_and_has_missed_nothing(
    open_shop: OpenShop, new_page: NewPage
) -> None:
    page = new_page()
    page.add_init_script("delete window.SharedWorker")
    sign_up(page, open_shop.url, "Nell")
    order_id = buy_one(page, open_shop.url)
    expect(status(page)).to_have_text("Being packed")
    page.context.set_offline(True)
    for _ in range(2):
        open_shop.orders.advance(order_id)
    expect(page.get_by_text("The shop does not answer at the moment.")).to_be_visible()
    page.context.set_offline(False)
    expect(status(page)).to_have_text("Being loaded")
    expect(page.get_by_text("The shop does not answer at the moment.")).to_be_hidden()


def test_the_map_shows_the_truck_move_and_the_page_when_to_expect_it(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page(viewport=PHONE)
    sign_up(page, open_shop.url, "Mia")
    order_id = buy_one(page, open_shop.url)
    for _ in range(3):
        open_shop.orders.advance(order_id)
    shipment = open_shop.orders.orders[order_id].shipments[0]

    def seen(x: int, y: int) -> None:
        shipment.truck_seen.truck_id, shipment.truck_seen.at.x, shipment.truck_seen.at.y = 7, x, y
        shipment.truck_seen.seen_at.FromSeconds(int(time.time()))

    seen(0, 0)
    shipment.expected.earliest.FromSeconds(int(time.time()) + 40)
    shipment.expected.latest.FromSeconds(int(time.time()) + 70)
    open_shop.orders.changed(order_id)
    expect(page.locator(".map-truck")).to_be_visible()
    expect(page.locator(".expected").first).to_contain_text(
        re.compile(r"Expected between .+ and .+ \(in \d+ to \d+ s\)")
    )
    drawing = page.get_by_role("img", name="Map")
    expect(drawing).to_have_accessible_description(re.compile(r"Truck 7 was last seen at \(0, 0\)"))
    before = page.locator(".map-truck").get_attribute("data-at")
    # No new version comes with a place: the page looks by itself while a truck is in sight.
    seen(1, 1)
    expect(page.locator(".map-truck")).not_to_have_attribute("data-at", str(before))
    expect(drawing).to_have_accessible_description(re.compile(r"Truck 7 was last seen at \(1, 1\)"))
    picture(page, "phone-order-map")
    shipment.ClearField("expected")
    shipment.expected.unknown_because = "UPS cannot be reached at the moment"
    open_shop.orders.changed(order_id)
    expect(page.get_by_text("When it comes is not known: UPS cannot be reached at the moment.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_button_of_which_nobody_hears_that_it_went_up_keeps_no_news_out(
    open_shop: OpenShop, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Uma")
    order_id = buy_one(page, open_shop.url)
    page.get_by_role("link", name="Change the address").dispatch_event("pointerdown")
    open_shop.orders.advance(order_id)
    expect(status(page)).to_have_text("Waiting for the truck")


def test_how_long_something_takes_is_told_in_a_unit_that_fits(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Eta")
    order_id = buy_one(page, open_shop.url)
    shipment = open_shop.orders.orders[order_id].shipments[0]
    for least, most, words in (
        (20, 200, "(in up to 4 min)"),
        (11_000, 39_900, "(in 3 to 11.1 h)"),
        (24_923_000, 28_038_000, "(in 288 to 325 days)"),
    ):
        now = int(time.time())
        shipment.expected.earliest.FromSeconds(now + least)
        shipment.expected.latest.FromSeconds(now + most)
        shipment.waiting.since.FromSeconds(now - least)
        open_shop.orders.changed(order_id)
        expect(page.locator(".expected").first).to_contain_text(words)
    expect(page.locator(".waits")).to_contain_text("(288 days)")


@pytest.mark.timeout(300)
def test_in_the_whole_shop_what_is_answered_is_what_happens(
    whole_shop: str, new_page: NewPage, picture: Picture
) -> None:
    """However fast the parcel is: changed and brought there, or too late and brought to the address of before."""
    page = new_page()
    sign_up(page, whole_shop, "Ivo")
    buy_one(page, whole_shop)
    order = page.url
    page.get_by_role("link", name="Change the address").click()
    page.get_by_label("New address x").fill("-31")
    page.get_by_label("New address y").fill("17")
    page.get_by_role("button", name="Send it there").click()
    expect(page).to_have_url(re.compile("#asked$"))
    answer = page.locator("#asked")
    expect(answer).to_contain_text(re.compile(r"Changed\.|Too late to change\."), timeout=DELIVERY_MS)
    went_there = "Changed." in answer.inner_text()
    expect(status(page)).to_have_text("Delivered", timeout=DELIVERY_MS)
    page.goto(order)
    expect(page.locator(".facts-row")).to_contain_text("(-31, 17)" if went_there else "(1, 2)")
    picture(page, "order-elsewhere")
    # What was delivered has taught how long it takes.
    buy_one(page, whole_shop, 2)
    expect(page.locator(".expected").first).to_contain_text("Expected between")
    picture(page, "order-expected")
