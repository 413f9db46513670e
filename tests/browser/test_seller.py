"""A seller's own shop: what is withdrawn and comes back, and tables out of the shop and into it."""

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenShop, describe_item, press, put_in_cart, sign_up
from tests.browser.test_without import order_number

NewPage = Callable[..., Page]
Table = list[dict[str, str]]


def open_a_shop(page: Page, url: str, name: str) -> str:
    """Signs up and opens a shop with one thing in it; the thing's name, which nothing else has."""
    title = f"Wicker basket {time.time_ns()}"
    sign_up(page, url, name)
    page.goto(f"{url}/sell")
    press(page, "Open my shop")
    describe_item(page, title, "Woven by hand.", "Home & Light", "24.50", "9")
    press(page, "Put it in the shop")
    return title


def test_what_a_seller_withdraws_is_gone_for_shoppers_until_it_is_brought_back(
    open_shop: OpenShop, new_page: NewPage, page: Page
) -> None:
    url, shopper = open_shop.url, page
    seller = new_page()
    title = open_a_shop(seller, url, "Wes")
    seller.get_by_role("link", name=title, exact=True).click()
    product = seller.get_by_role("link", name="See it in the shop").get_attribute("href")
    assert product is not None
    search = f"{url}/products?q={title.replace(' ', '+')}"

    sign_up(shopper, url, "Bea")
    put_in_cart(shopper, url, 1)
    shopper.goto(search)
    shopper.get_by_role("link", name=title).click()
    press(shopper, "Add to cart")
    line = shopper.get_by_role("list", name="In your cart").get_by_role("listitem").filter(has_text=title)
    expect(line).to_be_visible()
    press(seller, "Withdraw it")
    expect(seller.get_by_text(f"{title} is off the shelves.")).to_be_visible()
    expect(seller.get_by_text("Nobody can order it.")).to_be_visible()

    # The cart that was open all the while.
    press(shopper, "Check out")
    expect(shopper.get_by_text("Something that you had ticked is no longer sold.")).to_be_visible()
    expect(line).to_contain_text("No longer sold.")
    expect(line.get_by_role("checkbox")).to_be_disabled()
    expect(shopper.get_by_text("1 item ticked")).to_be_visible()
    shopper.goto(url + product)
    expect(shopper.get_by_text("Nobody sells this at the moment.")).to_be_visible()
    expect(shopper.get_by_role("button", name="Add to cart")).to_have_count(0)
    shopper.goto(search)
    expect(shopper.get_by_role("link", name=title)).to_have_count(0)

    seller.goto(f"{url}/sell/items")
    expect(seller.get_by_role("link", name=title, exact=True)).to_have_count(0)
    seller.get_by_role("link", name="Withdrawn").click()
    seller.get_by_role("link", name=title, exact=True).click()
    press(seller, "Bring it back")
    expect(seller.get_by_text(f"{title} is on sale again")).to_be_visible()
    shopper.reload()
    expect(shopper.get_by_role("link", name=title)).to_be_visible()
    shopper.goto(f"{url}/cart")
    expect(line).not_to_contain_text("No longer sold.")
    expect(line.get_by_role("checkbox")).to_be_checked()
    press(shopper, "Check out")
    shopper.get_by_label("Address x").fill("1")
    shopper.get_by_label("Address y").fill("2")
    press(shopper, "Place the order")
    order = open_shop.orders.orders[order_number(shopper)]
    assert title in [line.title for line in order.lines]


def test_a_table_with_mistakes_does_nothing_and_the_mended_one_does_all_of_it(open_shop: OpenShop, page: Page) -> None:
    url = open_shop.url
    title = open_a_shop(page, url, "Tab")
    page.get_by_role("link", name="Tables").click()
    before = table_out(page)
    (basket,) = before
    assert (basket["title"], basket["price"], basket["on_sale"]) == (title, "24.50", "yes")
    fresh = dict.fromkeys(basket, "") | {"title": "Log basket", "description": "Holds logs.", "shelf": "Nowhere"}
    wrong = [basket | {"price": "cheap"}, fresh | {"price": "60"}, fresh | {"shelf": "Home & Light", "price": "61"}]

    send_table(page, wrong)
    expect(page.get_by_role("alert")).to_contain_text("2 lines need a change, so nothing was done.")
    mistakes = page.get_by_role("region", name="What is wrong").locator("tbody tr")
    expect(mistakes).to_have_text(["2priceWrite a price in dollars, such as 4.50.", "3shelfThere is no such shelf."])
    expect(page.get_by_role("button", name="Do it")).to_have_count(0)
    page.get_by_role("link", name="Send another file").click()
    assert table_out(page) == before

    mended = [basket | {"price": "19.99", "on_sale": "no"}, fresh | {"shelf": "Home & Light", "price": "60"}]
    send_table(page, mended)
    expect(page.get_by_text("1 item would be added, 1 changed; 0 stay as they are.")).to_be_visible()
    expect(page.get_by_role("region", name="What would be done").locator("tbody tr")).to_have_text(
        [re.compile("^3Log basketadded"), re.compile(r"^2.*changed: price, on sale \(withdrawn\)\$19\.99$")]
    )
    would = page.url
    page.get_by_role("link", name="Tables").click()
    assert table_out(page) == before
    page.goto(would)
    press(page, "Do it")
    expect(page.get_by_text("Done: 1 added, 1 changed.")).to_be_visible()
    expect(page.get_by_role("link", name="Log basket", exact=True)).to_be_visible()
    page.get_by_role("link", name="Tables").click()
    after = table_out(page)
    assert [(row["title"], row["price"], row["on_sale"]) for row in after] == [
        (title, "19.99", "no"),
        ("Log basket", "60.00", "yes"),
    ]
    send_table(page, after)
    expect(page.get_by_text("Everything in this file is so already.")).to_be_visible()


def table_out(page: Page) -> Table:
    """The items as the file says that one is given for them."""
    with page.expect_download() as download:
        page.locator("a[download]", has_text="Items").click()
    assert download.value.suggested_filename == "minimart-items.csv"
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"), newline="")))


def send_table(page: Page, rows: Table) -> None:
    """Sends a file; what it would do is shown."""
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    content = out.getvalue().encode()
    page.get_by_label("CSV file").set_input_files({"name": "items.csv", "mimeType": "text/csv", "buffer": content})
    press(page, "See what it would do")
    expect(page.get_by_role("heading", name="What your table would do")).to_be_visible()
