"""The main job in a real browser through the whole shop, `minimart up`: from the shelf to the door.

The screenshots in docs/screenshots come from here: pytest tests/browser/test_purchase.py --screenshots docs/screenshots
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, describe_item, put_in_cart, sign_up
from tests.e2e.running import RunningShop
from tests.waiting import wait_until

Picture = Callable[[Page, str], None]
NewPage = Callable[..., Page]
DELIVERY_MS = 60_000


def order_here(page: Page) -> str:
    expect(page).to_have_url(re.compile(r"/orders/\d+$"))
    return page.url


@pytest.mark.timeout(600)
def test_a_shopper_buys_and_watches_it_come(whole_shop: str, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    page.goto(whole_shop)
    picture(page, "shop")

    page.get_by_label("Search the shop").fill("MUG")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="“MUG”")).to_be_visible()
    page.locator(".card a").first.click()
    expect(page.get_by_text("In stock: ships today from")).to_be_visible()
    picture(page, "product")
    page.get_by_role("spinbutton", name="Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_text("In your cart.")).to_be_visible()

    page.get_by_role("link", name="Log in").click()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("We put what you chose before into your cart.")).to_be_visible()

    put_in_cart(page, whole_shop, 8)
    expect(page.get_by_role("link", name="Cart 3 items")).to_be_visible()
    page.goto(f"{whole_shop}/cart")
    picture(page, "cart")

    page.get_by_role("button", name="Check out").click()
    page.get_by_label("Address x").fill("12")
    page.get_by_label("Address y").fill("-7")
    picture(page, "checkout")
    page.get_by_role("button", name="Place the order").click()
    order_here(page)

    # From here on nobody touches the page.
    page.evaluate("window.untouched = true")
    expect(page.locator(".order-head .pill")).to_have_text(
        re.compile("Being loaded|Out for delivery"), timeout=DELIVERY_MS
    )
    picture(page, "order-under-way")
    expect(page.locator(".order-head .pill")).to_have_text("Delivered", timeout=DELIVERY_MS)
    expect(page.get_by_text("Delivered. Enjoy it.").first).to_be_visible()
    assert page.evaluate("window.untouched")
    picture(page, "order-delivered")

    page.get_by_role("link", name="Orders").click()
    expect(page.locator(".order-row .pill")).to_have_text("Delivered")
    picture(page, "orders")


@pytest.mark.timeout(600)
def test_a_seller_opens_a_shop_and_sells(whole_shop: str, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    sign_up(page, whole_shop, "Sam")
    page.get_by_role("link", name="Sell", exact=True).click()
    page.get_by_label("Name of your shop").fill("Sam's Mugs & More")
    page.get_by_role("button", name="Open my shop").click()
    for title, shelf, price, units in (
        ("Speckled stoneware mug", "Kitchen & Table", "14.50", "12"),
        ("Walnut reading lamp", "Home & Light", "89", "3"),
        ("Oolong tea, 100 g", "Coffee, Tea & Pantry", "11,20", "40"),
    ):
        describe_item(page, title, "Made by hand in our workshop, one by one.", shelf, price, units)
        page.get_by_role("button", name="Put it in the shop").click()
        expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()

    def units_shown() -> list[str]:
        page.goto(f"{whole_shop}/sell/items")
        return page.locator(".stock-count").all_inner_texts()

    wait_until(lambda: units_shown() == ["40", "3", "12"], seconds=60)

    page.get_by_role("link", name="Speckled stoneware mug", exact=True).click()
    page.get_by_label("Units").fill("0")
    page.get_by_role("button", name="Restock").click()
    expect(page.get_by_text("Write a whole number from 1 to 10,000.")).to_be_visible()
    page.get_by_label("Warehouse", exact=True).select_option("Harbour")
    page.get_by_label("Units").fill("25")
    page.get_by_role("button", name="Restock").click()
    expect(page.get_by_text("On the way: 25 more of Speckled stoneware mug.")).to_be_visible()
    picture(page, "seller")

    page.goto(f"{whole_shop}/products?q=oolong")
    page.get_by_role("link", name="Oolong tea, 100 g").click()
    expect(page.get_by_text("Sold by Sam's Mugs & More")).to_be_visible()


@pytest.mark.timeout(600)
def test_what_runs_low_is_bought_by_itself(whole_shop: str, whole_shop_running: RunningShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, whole_shop, "Ole")
    page.goto(f"{whole_shop}/sell")
    page.get_by_label("Name of your shop").fill("Ole's Oars")
    page.get_by_role("button", name="Open my shop").click()
    describe_item(page, "Oar of ash", "Two metres long.", "Home & Light", "64", "6")
    page.get_by_role("button", name="Put it in the shop").click()
    page.get_by_role("link", name="Oar of ash", exact=True).click()
    item = page.url

    def stock(at: str = item) -> list[str]:
        page.goto(at)
        return page.get_by_role("row", name="Market Square").get_by_role("cell").all_inner_texts()

    # In stock, on the way, promised.
    wait_until(lambda: stock() == ["6", "0", "0"], seconds=60)
    page.get_by_label("With fewer left than").fill("5")
    page.get_by_label("Buy so many").fill("20")
    page.get_by_role("button", name="Keep to this").click()
    expect(page.get_by_text("With fewer than 5 left, we buy 20 more.")).to_be_visible()
    assert stock() == ["6", "0", "0"]
    product = page.get_by_role("link", name="See it in the shop").get_attribute("href")

    shopper = new_page()
    sign_up(shopper, whole_shop, "Una")
    with whole_shop_running.standing_still("sim_world"):
        buy(shopper, f"{whole_shop}{product}", units=2)
        assert stock() == ["4", "20", "2"]
        # On the dashboard, with the number of kinds.
        assert stock(f"{whole_shop}/sell") == ["1", "4", "20", "2"]
        low = page.get_by_role("region", name="Few left").get_by_role("listitem")
        expect(low).to_contain_text("20 on the way")
        expect(low).to_contain_text("4 left")
        buy(shopper, f"{whole_shop}{product}", units=1)
        assert stock() == ["3", "20", "3"], "while some are on the way, no more are bought"
    wait_until(lambda: stock() == ["23", "0", "0"], seconds=60)
    stock(f"{whole_shop}/sell")
    expect(page.get_by_text("Of everything you sell there is enough")).to_be_visible()


def buy(page: Page, product: str, units: int) -> None:
    page.goto(product)
    page.get_by_role("spinbutton", name="Quantity").fill(str(units))
    page.get_by_role("button", name="Buy now").click()
    page.get_by_label("Address x").fill("3")
    page.get_by_label("Address y").fill("4")
    page.get_by_role("button", name="Place the order").click()
    order_here(page)


@pytest.mark.timeout(600)
def test_while_what_keeps_orders_is_down_people_are_told_so_and_lose_nothing(
    whole_shop: str, whole_shop_running: RunningShop, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page, whole_shop, "Eva")
    buy(page, f"{whole_shop}/products/1", units=1)
    first = page.url
    elsewhere = page.context.new_page()
    elsewhere.goto(f"{first}/address")
    elsewhere.get_by_label("New address x").fill("-31")
    elsewhere.get_by_label("New address y").fill("17")

    with whole_shop_running.down("orders_svc"):
        page.goto(first)
        expect(page.get_by_role("heading", name="We cannot look at orders right now")).to_be_visible()
        waits = page.context.new_page()
        waits.goto(first)
        expect(waits.get_by_text("This page tries again by itself.")).to_be_visible()
        elsewhere.get_by_role("button", name="Send it there").click()
        expect(elsewhere.get_by_text("No answer came in time")).to_be_visible()

        page.goto(f"{whole_shop}/products/8")
        expect(page.get_by_text("In stock: ships today from")).to_be_visible()
        page.get_by_role("button", name="Add to cart").click()
        expect(page.get_by_text("In your cart.")).to_be_visible()
        page.get_by_role("spinbutton").fill("2")
        page.get_by_role("spinbutton").press("Enter")
        expect(page.get_by_text("2 items ticked")).to_be_visible()
        page.get_by_role("button", name="Check out").click()
        page.get_by_label("Address x").fill("12")
        page.get_by_label("Address y").fill("-7")
        page.get_by_role("button", name="Place the order").dblclick()
        expect(page.get_by_role("heading", name="We are confirming your order")).to_be_visible()
        confirming = page.url
        page.go_back()
        expect(page).to_have_url(confirming)
        page.goto(f"{whole_shop}/cart")
        expect(page.get_by_text("One order is being confirmed.")).to_be_visible()
        page.goto(confirming)

    second = order_here(page)
    expect(page.locator(".facts-row")).to_contain_text("(12, -7)")
    expect(waits.locator(".order-head h1")).to_have_text(f"Order {first.rpartition('/')[2]}")
    elsewhere.get_by_role("button", name="Send it there").click()
    expect(elsewhere).to_have_url(f"{first}#asked")
    expect(elsewhere.locator("#asked")).to_contain_text("(-31, 17)")
    page.goto(f"{whole_shop}/orders")
    expect(page.locator(".order-row h2")).to_have_text([f"Order {one.rpartition('/')[2]}" for one in (second, first)])
    page.goto(f"{whole_shop}/cart")
    expect(page.get_by_role("heading", name="Nothing in it yet")).to_be_visible()
    whole_shop_running.wait_until_well()


@pytest.mark.timeout(600)
def test_every_page_fits_a_phone_and_shows_in_the_dark(whole_shop: str, new_page: NewPage, picture: Picture) -> None:
    page = new_page(viewport=PHONE, color_scheme="dark", device_scale_factor=1.5)
    sign_up(page, whole_shop, "Pia")
    put_in_cart(page, whole_shop, 5)
    page.goto(f"{whole_shop}/checkout")
    page.get_by_label("Address x").fill("5")
    page.get_by_label("Address y").fill("5")
    page.get_by_role("button", name="Place the order").click()
    order = order_here(page)
    expect(page.locator(".order-head .pill")).to_have_text(
        re.compile("Being loaded|Out for delivery"), timeout=DELIVERY_MS
    )
    picture(page, "phone-order")
    put_in_cart(page, whole_shop, 9)
    paths = (
        *("/", "/products?q=mug", "/products/1", "/cart", "/checkout", "/orders", "/favourites", "/account"),
        *("/account/addresses", "/account/security", "/account/close", "/password/forgot", "/sell", "/nothing"),
    )
    for address in (order, *(whole_shop + path for path in paths)):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{address} is {wide} pixels wide"
    page.goto(whole_shop)
    picture(page, "phone-shop")
