"""People who have been in the shop for a while: what the pages of `test_pages` are looked at with.

They live once, for all the looks that their pages are seen in: a look takes over who is logged in.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, expect
from sqlalchemy import select

from db.shop.accounts import User
from db.shop.catalogue import Offer
from shop.operations.v1 import operations_pb2
from shop.orders.v1 import orders_pb2 as pb
from storefront.operator.queries import grant
from tests.browser.conftest import OpenShop, put_in_cart, sign_up
from tests.storefront.fake_orders import FakeOrders


@dataclass(frozen=True, slots=True)
class Lives:
    """Who is logged in, as browsers keep it: a shopper who has something everywhere, a seller of whom something was
    bought, staff who look after that, and somebody who has nothing yet. `ids` are those in addresses of their pages.
    """

    shopper: StorageState
    seller: StorageState
    staff: StorageState
    newcomer: StorageState
    ids: dict[str, str]


def live(browser: Browser, shop: OpenShop) -> Lives:
    """Lives all of it."""
    ids: dict[str, str] = {}

    def lived(life: Callable[[Page], None]) -> StorageState:
        context = browser.new_context(locale="en-GB")
        life(context.new_page())
        kept = context.storage_state()
        context.close()
        return kept

    return Lives(
        lived(lambda page: ids.update(a_full_life(page, shop))),
        lived(lambda page: ids.update(a_shop(page, shop))),
        lived(lambda page: ids.update(parcel=something_to_do(page, shop, int(ids["order"])))),
        lived(lambda page: sign_up(page, shop.url, "Neo")),
        ids,
    )


def a_full_life(page: Page, shop: OpenShop) -> dict[str, str]:
    """Signs up and does something everywhere; the ids that are in addresses of pages."""
    url = shop.url
    sign_up(page, url, "Ada")
    page.goto(f"{url}/account/addresses")
    page.get_by_label("Name of the place").fill("Home")
    page.get_by_label("Address x").fill("12")
    page.get_by_label("Address y").fill("-7")
    page.get_by_role("button", name="Add it").click()
    address = page.get_by_role("link", name="Change Home").get_attribute("href")
    numbers = []
    for chosen in ("Chef's knife, 20 cm", "Smörgås plates, set of four"):
        page.goto(f"{url}/products?q={quote(chosen)}")
        page.get_by_role("link", name=chosen).first.click()
        page.get_by_role("button", name="Favourite").click()
        expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Buy now").click()
        page.get_by_role("button", name="Place the order").click()
        page.wait_for_url("**/orders/*")
        numbers.append(int(page.url.rpartition("/")[2]))
    for _ in range(4):
        shop.orders.advance(numbers[0])
    page.goto(f"{url}/products/5/review")
    page.get_by_label("4 stars: good").check()
    page.get_by_label("In your words").fill("It is sharp, it is light, and it came the same day.")
    page.get_by_role("button", name="Send the review").click()
    for product_id in (1, 2, 3):
        put_in_cart(page, url, product_id)
    page.get_by_role("button", name="Save for later").last.click()
    expect(page.get_by_role("heading", name="Saved for later")).to_be_visible()
    on_the_road(shop.orders, numbers[1])
    return {
        "order": str(numbers[1]),
        "delivered": str(numbers[0]),
        "address": (address or "").rpartition("/")[2],
    }


def a_shop(page: Page, shop: OpenShop) -> dict[str, str]:
    """Opens a shop with a thing that has a photo and was sold; what is in addresses of its pages."""
    url = shop.url
    sign_up(page, url, "Sal")
    page.goto(f"{url}/sell")
    page.get_by_role("button", name="Open my shop").click()
    page.get_by_role("link", name="Add an item").click()
    page.get_by_label("Title").fill("Speckled bowl")
    page.get_by_label("Description").fill("Glazed by hand.")
    page.get_by_label("Shelf").select_option("Kitchen & Table")
    page.get_by_label("Price in dollars").fill("18")
    photo = page.get_by_label("Picture")
    photo.set_input_files({"name": "huge.png", "mimeType": "image/png", "buffer": bytes(11 * 2**20)})
    expect(page.get_by_text("This file has 11 MB; at most 10 MB are fine.")).to_be_visible()
    photo.set_input_files({"name": "bowl.png", "mimeType": "image/png", "buffer": a_photo()})
    page.get_by_role("button", name="Put it in the shop").click()
    expect(page.get_by_text("Speckled bowl is in the shop")).to_be_visible()
    with shop.orders.engine.connect() as connection:
        offer = connection.execute(select(Offer.id, Offer.seller_id).order_by(Offer.id.desc()).limit(1)).one()
    # Somebody bought it, as a part of an order.
    order = shop.orders.orders[max(shop.orders.orders)]
    for line in order.lines:
        line.offer_id, line.seller_id, line.title = offer.id, offer.seller_id, "Speckled bowl"
    good, bad = b"title,description,shelf,price\nCup,A cup.,kitchen,3\n", b"title,price\nCup,free\n,3\n"
    return {"item": str(offer.id), "good": a_table(page, shop, good), "bad": a_table(page, shop, bad)}


def a_table(page: Page, shop: OpenShop, content: bytes) -> str:
    """Sends a table; the address of what it would do."""
    page.goto(f"{shop.url}/sell/items/table")
    page.get_by_label("CSV file").set_input_files({"name": "items.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_role("heading", name="What your table would do")).to_be_visible()
    return page.url.removeprefix(shop.url)


def a_photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 300), (120, 160, 170)).save(out, "PNG")
    return out.getvalue()


def something_to_do(page: Page, shop: OpenShop, order_id: int) -> str:
    """Signs up somebody of the staff, for whom a parcel of an order waits; its number."""
    sign_up(page, shop.url, "Sue")
    operations = shop.orders.operations
    with shop.orders.engine.begin() as connection:
        newest = connection.execute(select(User.email).order_by(User.id.desc()).limit(1)).scalar_one()
        grant(connection, newest, time.time())
    parcel = operations.need_attention(shop.orders.orders[order_id])
    said = operations_pb2.Message(link="world", number=1, shipment_id=parcel, kind="command_failed")
    said.outcome, said.text = "recorded, not obeyed: late", 'command_failed {\n  text: "no such truck"\n}'
    said.at.FromSeconds(int(time.time()))
    operations.messages = [said]
    return str(parcel)


def on_the_road(orders: FakeOrders, order_id: int) -> None:
    """An order with everything on its page: a truck in sight, a time, and an answer that is still to come."""
    for _ in range(3):
        orders.advance(order_id)
    order, now = orders.orders[order_id], int(time.time())
    shipment = order.shipments[0]
    shipment.truck_seen.CopyFrom(pb.TruckSeen(truck_id=7, at=pb.Address(x=6, y=0)))
    shipment.truck_seen.seen_at.FromSeconds(now)
    shipment.expected.earliest.FromSeconds(now + 400)
    shipment.expected.latest.FromSeconds(now + 700)
    asked = order.amendments.add(request_id="another-door", destination=pb.Address(x=9, y=9))
    asked.asked_at.FromSeconds(now)
    asked.decisions.add(parcel=1, decision=pb.DECISION_ASKED, reason="UPS is asked")
    orders.changed(order_id)
