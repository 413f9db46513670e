"""One purchase in a real browser, from the shelf to the door, with the page following each step."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, OpenShop, sign_up

Picture = Callable[[Page, str], None]
NewPage = Callable[..., Page]


def order_number(page: Page) -> int:
    expect(page).to_have_url(re.compile(r"/orders/\d+$"))
    return int(page.url.rpartition("/")[2])


def test_a_shopper_buys_and_watches_it_come(open_shop: OpenShop, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    page.goto(open_shop.url)
    picture(page, "shop")

    page.get_by_label("Search the shop").fill("coffee")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="“coffee”")).to_be_visible()
    picture(page, "search")
    page.locator(".card a").first.click()
    picture(page, "product")
    page.get_by_role("spinbutton", name="Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_text("Log in to keep a cart.")).to_be_visible()

    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("We put it in your cart.")).to_be_visible()

    page.goto(f"{open_shop.url}/products/8")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("link", name="Cart 3 items")).to_be_visible()
    page.goto(f"{open_shop.url}/cart")
    picture(page, "cart")

    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Address x").fill("12")
    page.get_by_label("Address y").fill("-7")
    picture(page, "checkout")
    page.get_by_role("button", name="Place the order").click()
    order_id = order_number(page)
    expect(page.get_by_text("Waiting for the warehouse")).to_be_visible()

    # From here on nobody touches the page.
    page.evaluate("window.untouched = true")
    open_shop.orders.advance(order_id)
    expect(page.get_by_text("Waiting for UPS")).to_be_visible()
    open_shop.orders.advance(order_id)
    open_shop.orders.advance(order_id)
    expect(page.locator(".order-head .pill")).to_have_text("Out for delivery")
    picture(page, "order-under-way")
    open_shop.orders.advance(order_id)
    expect(page.locator(".order-head .pill")).to_have_text("Delivered")
    assert page.evaluate("window.untouched")
    picture(page, "order-delivered")

    page.get_by_role("link", name="Orders").click()
    expect(page.get_by_role("link", name=f"Order {order_id}")).to_be_visible()
    picture(page, "orders")


def test_a_seller_opens_a_shop_and_adds_an_item(open_shop: OpenShop, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Sam")
    page.get_by_role("link", name="Sell", exact=True).click()
    page.get_by_label("Name of your shop").fill("Sam's Mugs & More")
    page.get_by_role("button", name="Open my shop").click()
    for title, price in (("Speckled stoneware mug", "14.50"), ("Walnut stool", "89"), ("Oolong tea, 100 g", "11,20")):
        page.get_by_role("link", name="Add an item").click()
        page.get_by_label("Title").fill(title)
        page.get_by_label("Description").fill("Made by hand in our workshop, one by one.")
        page.get_by_label("Shelf").select_option("Home & Light")
        page.get_by_label("Price in dollars").fill(price)
        page.get_by_label("Units to begin with").fill("12")
        page.get_by_role("button", name="Put it in the shop").click()
        expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()
    picture(page, "seller")
    page.get_by_role("link", name="Restock Walnut stool").click()
    page.get_by_label("Units").fill("0")
    page.get_by_role("button", name="Restock").click()
    expect(page.get_by_text("Write a whole number from 1 to 10,000.")).to_be_visible()
    picture(page, "restock")


def test_every_page_fits_a_phone_and_shows_in_the_dark(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page(viewport=PHONE, color_scheme="dark", device_scale_factor=2)
    sign_up(page, open_shop.url, "Pia")
    page.goto(f"{open_shop.url}/products/5")
    page.get_by_role("button", name="Add to cart").click()
    page.goto(f"{open_shop.url}/checkout")
    page.get_by_label("Address x").fill("5")
    page.get_by_label("Address y").fill("5")
    page.get_by_role("button", name="Place the order").click()
    order_id = order_number(page)
    open_shop.orders.advance(order_id)
    expect(page.get_by_text("Waiting for UPS")).to_be_visible()
    picture(page, "phone-order")
    page.goto(f"{open_shop.url}/products/9")
    page.get_by_role("button", name="Add to cart").click()
    paths = (
        "/",
        "/products",
        "/products/1",
        "/cart",
        "/checkout",
        "/orders",
        f"/orders/{order_id}",
        "/account",
        "/sell",
    )
    for path in (*paths, "/nothing"):
        page.goto(open_shop.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{path} is {wide} pixels wide"
    page.goto(open_shop.url)
    picture(page, "phone-shop")
    page.goto(open_shop.url + "/cart")
    picture(page, "phone-cart")
