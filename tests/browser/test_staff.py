"""What staff see of parcels that do not go on by themselves, and what they do about them."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenShop, press, sign_up
from tests.browser.lives import something_to_do
from tests.browser.test_without import buy_one

NewPage = Callable[..., Page]


def test_staff_look_at_what_needs_a_person_and_have_it_tried_again(
    open_shop: OpenShop, new_page: NewPage, page: Page
) -> None:
    shopper = new_page()
    sign_up(shopper, open_shop.url, "Pat")
    order_id = buy_one(shopper, open_shop.url)
    shopper.goto(f"{open_shop.url}/operator")
    expect(shopper.get_by_role("heading", level=1)).not_to_have_text("Behind the counter")
    parcel = something_to_do(page, open_shop, int(order_id))
    page.goto(f"{open_shop.url}/account")
    page.get_by_role("link", name="Behind the counter", exact=True).click()
    page.get_by_role("link", name=re.compile(rf"Try again\s*: parcel {parcel}")).click()
    expect(page.get_by_role("heading", name="Try it again?")).to_be_visible()
    page.get_by_label("Why (may stay empty)").fill("The warehouse is open again.")
    press(page, "Try again")
    expect(page.get_by_text("It is being tried again.")).to_be_visible()
    expect(page.get_by_text(f"Try again: parcel {parcel}")).to_contain_text("“The warehouse is open again.”")
    page.locator(".log summary").click()
    expect(page.get_by_text("no such truck")).to_be_visible()
