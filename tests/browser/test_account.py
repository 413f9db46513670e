"""The page of an account."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenShop, sign_up

NewPage = Callable[..., Page]


@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_ups_says_of_an_account_moves_no_button(
    open_shop: OpenShop, new_page: NewPage, window: dict[str, int]
) -> None:
    page = new_page(viewport=window)
    sign_up(page, open_shop.url, "Moe")
    page.goto(f"{open_shop.url}/account")
    button = page.get_by_role("button", name="Save", exact=True)
    page.get_by_label("UPS account").fill("moe-ups")
    before = button.bounding_box()
    page.get_by_label("UPS account").blur()
    # Pressed in that moment, it would be gone from under the finger.
    assert button.bounding_box() == before
    expect(page.locator(".verdict")).to_have_text("Not verified: UPS does not say. You can order all the same.")
    assert button.bounding_box() == before
