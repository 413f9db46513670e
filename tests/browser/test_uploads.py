"""Files that sellers send: what is too large is refused before it is sent, and stays refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Request, expect
from sqlalchemy import func, select

from db.shop.catalogue import Product
from tests.browser.conftest import OpenShop, describe_item, sign_up
from tests.browser.lives import a_photo

NewPage = Callable[..., Page]
HUGE = 50 * 2**20
FITTING: FilePayload = {"name": "bowl.png", "mimeType": "image/png", "buffer": a_photo()}
TOLD = "This file has 50 MB; at most 10 MB are fine."


@pytest.fixture
def sent() -> list[str]:
    """The paths to which forms were sent."""
    return []


@pytest.fixture
def item(open_shop: OpenShop, new_page: NewPage, sent: list[str], tmp_path: Path) -> Page:
    """The form for a new item, filled in, with a photo that is far too large."""
    page = new_page()
    sign_up(page, open_shop.url, "Pia")
    page.goto(f"{open_shop.url}/sell")
    page.get_by_role("button", name="Open my shop").click()
    describe_item(page, "Speckled bowl", "Glazed by hand.", "Kitchen & Table", "18")
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(HUGE)
    page.get_by_label("Picture").set_input_files(huge)
    expect(page.get_by_text(TOLD)).to_be_visible()

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    return page


def test_a_photo_that_is_too_large_keeps_the_form_until_another_is_chosen(
    open_shop: OpenShop, item: Page, sent: list[str]
) -> None:
    photo = item.get_by_label("Picture")
    for _ in range(2):
        item.get_by_role("button", name="Put it in the shop").click()
        expect(photo).to_be_focused()
    expect(item.get_by_text(TOLD)).to_be_visible()
    expect(photo).to_have_attribute("aria-invalid", "true")
    expect(item.get_by_label("Title")).to_have_value("Speckled bowl")
    assert sent == []
    photo.set_input_files(FITTING)
    expect(item.get_by_text(TOLD)).to_have_count(0)
    item.get_by_role("button", name="Put it in the shop").click()
    expect(item.get_by_text("Speckled bowl is in the shop")).to_be_visible()
    assert _newest_picture(open_shop).startswith("photo-")


def test_an_item_goes_without_the_photo_only_if_its_seller_says_so(
    open_shop: OpenShop, item: Page, sent: list[str]
) -> None:
    item.get_by_role("button", name="Go on without this file").click()
    expect(item.get_by_text(TOLD)).to_have_count(0)
    expect(item.get_by_role("button", name="Go on without this file")).to_be_hidden()
    assert sent == []
    item.get_by_role("button", name="Put it in the shop").click()
    expect(item.get_by_text("Speckled bowl is in the shop")).to_be_visible()
    assert _newest_picture(open_shop).startswith("bowl-")


def _newest_picture(shop: OpenShop) -> str:
    newest = select(func.max(Product.id)).scalar_subquery()
    with shop.orders.engine.connect() as connection:
        return connection.execute(select(Product.picture).where(Product.id == newest)).scalar_one()
