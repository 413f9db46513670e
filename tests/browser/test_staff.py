"""What staff see of parcels that do not go on by themselves, what they do about them, and what shoppers see of that."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine, update

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.shipments import Shipment
from orders_svc.domain.patience import Patience
from tests.browser.conftest import OpenShop, press, sign_up
from tests.browser.lives import something_to_do
from tests.browser.test_order_page import DELIVERY_MS, status
from tests.browser.test_without import buy_one
from tests.e2e.running import RunningShop

NewPage = Callable[..., Page]
MAX_CHECKS = Patience(tick=1.0).max_checks


@pytest.fixture
def database(whole_shop_running: RunningShop) -> Iterator[Engine]:
    """That of the whole shop."""
    engine = make_engine(whole_shop_running.run.database, SystemClock())
    yield engine
    engine.dispose()


def lose_patience(database: Engine, order_id: int) -> None:
    """Whoever has to say something of an order's parcel was asked in vain for minutes; the next time is the last."""
    asked = update(Shipment).where(Shipment.order_id == order_id).values(checks=MAX_CHECKS - 1, check_at=0.0)
    with database.begin() as connection:
        assert connection.execute(asked).rowcount == 1


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


@pytest.mark.timeout(300)
def test_what_staff_do_about_a_parcel_is_what_its_shopper_sees(
    whole_shop: str, whole_shop_running: RunningShop, database: Engine, new_page: NewPage
) -> None:
    """Of three parcels about which the world says nothing, one is tried again, one sent anew, and one ended."""
    reason = f"Asked {MAX_CHECKS} times without progress. Last: No word from the warehouse for long"
    staff, shopper = new_page(), new_page()
    address = sign_up(staff, whole_shop, "Sue")
    assert whole_shop_running.command("staff", "grant", address).returncode == 0
    sign_up(shopper, whole_shop, "Pam")
    orders: dict[int, Page] = {}

    def needed(order_id: int) -> Locator:
        """Where the staff page tells of an order that needs a person."""
        title = staff.get_by_role("link", name=f"Order {order_id}", exact=True)
        return staff.get_by_role("listitem").filter(has=title)

    def do(remedy: str, order_id: int, told: str) -> None:
        staff.goto(f"{whole_shop}/operator")
        needed(order_id).get_by_role("link", name=remedy).click()
        expect(staff.locator(".reason")).to_have_text(reason)
        press(staff, remedy)
        expect(staff.get_by_text(told)).to_be_visible()

    with whole_shop_running.standing_still("sim_world"):
        for product_id in (1, 2, 3):
            order_id = buy_one(shopper, whole_shop, product_id)
            orders[order_id] = shopper.context.new_page()
            orders[order_id].goto(shopper.url)
            lose_patience(database, order_id)
        tried, anew, ended = orders
        for page in orders.values():
            expect(status(page)).to_have_text("Needs attention")
            expect(page.locator(".waits-trouble")).to_contain_text(reason)
        staff.goto(f"{whole_shop}/operator")
        for order_id in orders:
            expect(needed(order_id).locator(".reason")).to_have_text(reason)
        given_up = tracking_number(orders[anew])
        do("Try again", tried, "It is being tried again.")
        do("Send anew", anew, "Another parcel is sent in its place.")
        do("End it", ended, "The parcel is ended.")
        expect(status(orders[tried])).to_have_text("Being packed")
        expect(orders[tried].get_by_text("The shop has it tried again")).to_be_visible()
        expect(status(orders[ended])).to_have_text("Cancelled")
        expect(orders[anew].get_by_text("this parcel was begun anew: attempt 2.")).to_be_visible()
        assert tracking_number(orders[anew]) != given_up
        staff.goto(f"{whole_shop}/operator")
        for order_id in orders:
            expect(needed(order_id)).to_have_count(0)
    for order_id in (tried, anew):
        expect(status(orders[order_id])).to_have_text("Delivered", timeout=DELIVERY_MS)
    expect(status(orders[ended])).to_have_text("Cancelled")


def tracking_number(page: Page) -> str:
    return page.locator(".facts-wide dd").inner_text()
