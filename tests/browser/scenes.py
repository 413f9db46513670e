"""Pages that come of what somebody sends, for `test_pages`: each of these leads a page there.

They are seen in several looks, one after the other, so each leaves everything such that it can be done again.
"""

import time
from collections.abc import Callable, Mapping

from playwright.sync_api import Page, expect
from sqlalchemy import update

from db.shop.catalogue import Offer
from db.shop.sessions import Session
from tests.browser.conftest import OpenShop

# How it is done, with the ids of the lives.
Scene = Callable[[Page, OpenShop, Mapping[str, str]], None]
MOST_TRIES = 20


def register_wrongly(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/register")
    page.get_by_label("E-mail").fill("nowhere")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("things to change.")).to_be_visible()


def try_too_often(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    for _ in range(MOST_TRIES):
        page.goto(f"{shop.url}/password/forgot")
        page.get_by_label("E-mail").fill("forgetful@example.org")
        page.get_by_role("button", name="Send me the link").click()
        too_many = page.get_by_role("heading", name="Too many tries")
        expect(too_many.or_(page.get_by_text("If there is an account"))).to_be_visible()
        if too_many.is_visible():
            return
    raise AssertionError("nobody minds")


def send_an_old_form(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/register")
    page.get_by_label("Your name").fill("Olive Oldfield")
    page.get_by_label("E-mail").fill("olive@example.org")
    page.context.clear_cookies()
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="This page was open for too long")).to_be_visible()
    expect(page.get_by_text("Olive Oldfield")).to_be_visible()


def send_a_form_when_logged_out(page: Page, shop: OpenShop, ids: Mapping[str, str]) -> None:
    began = update(Session).where(Session.user_id == int(ids["newcomer"]))
    page.goto(f"{shop.url}/account/addresses")
    page.get_by_label("Name of the place").fill("Grandmother's")
    page.get_by_label("Address x").fill("3")
    with shop.orders.engine.begin() as connection:
        connection.execute(began.values(began_at=0.0))
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="You are logged out by now")).to_be_visible()
    expect(page.get_by_text("Grandmother's")).to_be_visible()
    with shop.orders.engine.begin() as connection:
        connection.execute(began.values(began_at=time.time()))


def check_out_wrongly(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/checkout")
    page.get_by_label("Somewhere else").check()
    page.get_by_label("Address x").fill("north")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("to change.")).to_be_visible()


def add_an_address_wrongly(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/account/addresses")
    page.get_by_label("Address x").fill("north")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("things to change.")).to_be_visible()


def add_an_item_wrongly(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/sell/items/new")
    page.get_by_label("Price in dollars").fill("a lot")
    page.get_by_role("button", name="Put it in the shop").click()
    expect(page.get_by_text("things to change.")).to_be_visible()


def change_what_has_changed(page: Page, shop: OpenShop, ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/sell/items/{ids['item']}/edit")
    page.get_by_label("Description").fill("Glazed by hand, twice.")
    with shop.orders.engine.begin() as connection:
        cheaper = update(Offer).where(Offer.id == int(ids["item"])).values(price_cents=Offer.price_cents - 1)
        connection.execute(cheaper)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("nothing was saved yet")).to_be_visible()


def send_no_table(page: Page, shop: OpenShop, _ids: Mapping[str, str]) -> None:
    page.goto(f"{shop.url}/sell/items/table")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_text("Choose a file.")).to_be_visible()
