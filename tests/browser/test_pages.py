"""Every page, on a desk in the light and on a phone in the dark.

Each is read by axe, fits its screen, also with text of twice the size, does not move while it comes, and is light.
`--screenshots DIR` keeps a picture of each in DIR/pages, there in the other light too. A new page is a line in one of
the lists.
"""

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.shop.catalogue import Offer
from mesh.errors import Unavailable
from shop.orders.v1 import orders_pb2 as pb
from tests.browser.conftest import DESKTOP, PHONE, OpenShop, put_in_cart, sign_up
from tests.storefront.fake_orders import FakeOrders

NewPage = Callable[..., Page]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
MOST_BYTES = 100_000
# Half of what Chrome's own yardstick still calls good: a line may grow as its times are put in the reader's own words.
MOST_SHIFT = 0.05
LIGHTS: tuple[Literal["dark"], Literal["light"]] = ("dark", "light")
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"color_scheme": "light", "viewport": DESKTOP},
    "phone": {"color_scheme": "dark", "viewport": PHONE, "reduced_motion": "reduce"},
}
# For guests, then for a shopper who has something everywhere, for one who has nothing yet, and for a seller.
GUEST_PAGES = {
    "home": "/",
    "products": "/products",
    "search": "/products?q=mug&sort=price&stock=1",
    "nothing-found": "/products?q=zzzzzz",
    "product": "/products/1",
    "sold-out": "/products/46",
    "cart-guest": "/cart",
    "login": "/login",
    "register": "/register",
    "forgot": "/password/forgot",
    "reset-used-up": "/password/reset/none",
    "not-found": "/nothing",
    "offline": "/offline",
}
SHOPPER_PAGES = {
    "product-reviewed": "/products/5",
    "review": "/products/5/review",
    "cart": "/cart",
    "checkout": "/checkout",
    "orders": "/orders",
    "orders-none-fit": "/orders?status=cancelled",
    "order": "/orders/{order}",
    "order-address": "/orders/{order}/address",
    "order-cancel": "/orders/{order}/cancel",
    "order-delivered": "/orders/{delivered}",
    "favourites": "/favourites",
    "account": "/account",
    "addresses": "/account/addresses",
    "address": "/account/addresses/{address}",
    "security": "/account/security",
    "close": "/account/close",
    "become-seller": "/sell",
}
SELLER_PAGES = {
    "shop-overview": "/sell",
    "shop-items": "/sell/items",
    "shop-items-withdrawn": "/sell/items?show=withdrawn",
    "shop-item": "/sell/items/{item}",
    "shop-item-edit": "/sell/items/{item}/edit",
    "shop-item-new": "/sell/items/new",
    "shop-offer": "/sell/products/1",
    "shop-orders": "/sell/orders",
    "shop-tables": "/sell/items/table",
    "shop-table-good": "{good}",
    "shop-photo": "/products?q=speckled+bowl",
}
NEWCOMER_PAGES = {
    "cart-empty": "/cart",
    "orders-empty": "/orders",
    "favourites-empty": "/favourites",
    "addresses-empty": "/account/addresses",
}
TOO_WIDE = """(size) => {
    const all = document.documentElement;
    all.style.fontSize = size;
    const wide = all.scrollWidth - all.clientWidth;
    all.style.fontSize = "";
    return wide;
}"""
SHIFTS = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
    }).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""
# How a phone on the road loads pages in Lighthouse: seconds there and back, bytes in a second. What a page needs before
# anything can be seen comes in three turns: the connection, the page, its style sheets.
ROUND_TRIP, BYTES_PER_SECOND, TURNS = 0.15, 1.6e6 / 8, 3
LATEST_PAINT = 1.0
NEEDED_TO_PAINT = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource").filter((one) => one.renderBlockingStatus === "blocking")]
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
MOVING = """() => !matchMedia("(prefers-reduced-motion: reduce)").matches ? []
    : document.getAnimations().map((one) => one.effect.target.className)"""
WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((one) => !/[.]svg$|[.]webp$|[/]pictures[/]/.test(new URL(one.name).pathname))
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


def _photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 300), (120, 160, 170)).save(out, "PNG")
    return out.getvalue()


A_PHOTO = _photo()


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
    for product_id in (5, 8):
        page.goto(f"{url}/products/{product_id}")
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
    photo.set_input_files({"name": "bowl.png", "mimeType": "image/png", "buffer": A_PHOTO})
    page.get_by_role("button", name="Put it in the shop").click()
    expect(page.get_by_text("Speckled bowl is in the shop")).to_be_visible()
    with shop.orders.engine.connect() as connection:
        offer = connection.execute(select(Offer.id, Offer.seller_id).order_by(Offer.id.desc()).limit(1)).one()
    # Somebody bought it, as a part of an order.
    order = shop.orders.orders[max(shop.orders.orders)]
    for line in order.lines:
        line.offer_id, line.seller_id, line.title = offer.id, offer.seller_id, "Speckled bowl"
    good = b"title,description,shelf,price\nCup,A cup.,kitchen,3\n"
    return {"item": str(offer.id), "good": a_table(page, shop, good)}


def a_table(page: Page, shop: OpenShop, content: bytes) -> str:
    """Sends a table; the address of what it would do."""
    page.goto(f"{shop.url}/sell/items/table")
    page.get_by_label("CSV file").set_input_files({"name": "items.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_role("heading", name="What your table would do")).to_be_visible()
    return page.url.removeprefix(shop.url)


def on_the_road(orders: FakeOrders, order_id: int) -> None:
    """An order with everything on its page: a truck in sight, a time, and an answer that is still to come."""
    for _ in range(3):
        orders.advance(order_id)
    order, now = orders.orders[order_id], int(time.time())
    shipment = order.shipments[0]
    shipment.truck_seen.CopyFrom(pb.TruckSeen(truck_id=7, at=pb.Address(x=6, y=0)))
    shipment.truck_seen.seen_at.FromSeconds(now)
    shipment.expected.earliest.FromSeconds(now + 40)
    shipment.expected.latest.FromSeconds(now + 70)
    asked = order.amendments.add(request_id="another-door", destination=pb.Address(x=9, y=9))
    asked.asked_at.FromSeconds(now)
    asked.decisions.add(parcel=1, decision=pb.DECISION_ASKED, reason="UPS is asked")
    orders.changed(order_id)


def problems(page: Page, path: str) -> list[str]:
    """What is wrong with the page that is shown."""
    found = []
    if (shift := page.evaluate(SHIFTS)) > MOST_SHIFT:
        found.append(f"{path}: moves by {shift:.3f} while it comes")
    page.evaluate(AXE)
    answer: dict[str, Any] = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    for violation in answer["violations"]:
        if violation["impact"] in ("serious", "critical"):
            where = json.dumps([node["target"] for node in violation["nodes"][:3]])
            found.append(f"{path}: axe {violation['id']} ({violation['help']}) at {where}")
    for size in ("100%", "200%"):
        if (wide := page.evaluate(TOO_WIDE, size)) > 0:
            found.append(f"{path}: {wide} pixels too wide with text of {size}")
    if (weight := page.evaluate(WEIGHT)) > MOST_BYTES:
        found.append(f"{path}: {weight} bytes without pictures")
    if moving := page.evaluate(MOVING):
        found.append(f"{path}: {moving} move for somebody who wants nothing to move")
    paint = TURNS * ROUND_TRIP + page.evaluate(NEEDED_TO_PAINT) / BYTES_PER_SECOND
    if paint > LATEST_PAINT:
        found.append(f"{path}: nothing to be seen for {paint:.2f} s on a phone on the road")
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("device", LOOKS)
def test_every_page_is_well_made(
    open_shop: OpenShop,
    new_page: NewPage,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
) -> None:
    chosen = request.config.getoption("--screenshots", default=None)
    look = LOOKS[device]
    found: list[str] = []

    def visit(page: Page, pages: dict[str, str], **ids: str) -> None:
        for name, path in pages.items():
            page.goto(open_shop.url + path.format(**ids))
            found.extend(problems(page, path))
            for light in LIGHTS if chosen else ():
                page.emulate_media(color_scheme=light)
                picture = Path(chosen) / "pages" / f"{device}-{light}" / f"{name}.jpg"
                page.screenshot(path=picture, type="jpeg", quality=70, animations="disabled")
            page.emulate_media(color_scheme=look["color_scheme"])

    visit(new_page(**look), GUEST_PAGES)
    shopper = new_page(**look)
    visit(shopper, SHOPPER_PAGES, **a_full_life(shopper, open_shop))
    newcomer = new_page(**look)
    sign_up(newcomer, open_shop.url, "Neo")
    visit(newcomer, NEWCOMER_PAGES)
    seller = new_page(**look)
    visit(seller, SELLER_PAGES, **a_shop(seller, open_shop))
    visit(seller, {"shop-table-bad": "{bad}"}, bad=a_table(seller, open_shop, b"title,price\nCup,free\n,3\n"))
    monkeypatch.setattr(open_shop.orders, "get_refusal", Unavailable("DATABASE_AWAY", "away"))
    visit(newcomer, {"orders-away": "/orders/1"})
    assert not found, "\n".join(found)
