"""People who have been in the shop for a while: what the pages of `test_pages` are looked at with.

They live once, for all the looks that their pages are seen in: a look takes over who is logged in.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, expect
from sqlalchemy import insert, select

from db.shop.accounts import User
from db.shop.catalogue import Offer
from db.shop.checkouts import CheckoutAttempt, CheckoutState
from shop.operations.v1 import operations_pb2
from shop.orders.v1 import orders_pb2 as pb
from storefront.accounts.resets import give_link
from storefront.operator.queries import grant
from tests.browser.conftest import OpenShop, describe_item, put_in_cart, sign_up
from tests.storefront.fake_orders import FakeOrders


@dataclass(frozen=True, slots=True)
class Lives:
    """Who is logged in, as browsers keep it: a shopper who has something everywhere, a seller of whom something was
    bought, staff who look after that, somebody who has nothing yet, and one whose orders do not go on. `ids` are those
    in addresses of their pages.
    """

    shopper: StorageState
    seller: StorageState
    staff: StorageState
    newcomer: StorageState
    unlucky: StorageState
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
        lived(lambda page: ids.update(a_new_life(page, shop))),
        lived(lambda page: ids.update(an_unlucky_life(page, shop, int(ids["order"])))),
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


def an_unlucky_life(page: Page, shop: OpenShop, like: int) -> dict[str, str]:
    """Signs up and has an order in several parcels, and others that do not go on, all of the things of another one."""
    user_id = _user(shop, sign_up(page, shop.url, "Pat"))

    def order(*parcels: Parcel) -> str:
        return str(_order_like(shop.orders, like, user_id, parcels).order_id)

    trouble = "Tried 5 times without success. Last: Packing failed; it is tried again"
    return {
        "parcels": order(UNDER_WAY, PACKED, WAITS_FOR_GOODS),
        "attention": order(replace(PACKED, status=pb.ORDER_STATUS_NEEDS_ATTENTION, trouble=trouble)),
        "waiting": order(WAITS_FOR_GOODS),
        "cancelled": order(CANCELLED),
        "confirming": _attempt(shop, user_id, CheckoutState.CONFIRMING),
        "refused": _attempt(shop, user_id, CheckoutState.REFUSED),
    }


def a_new_life(page: Page, shop: OpenShop) -> dict[str, str]:
    """Signs up, and has forgotten the password already."""
    email = sign_up(page, shop.url, "Neo")
    with shop.orders.engine.begin() as connection:
        link = give_link(connection, email, time.time())
    assert link is not None
    return {"token": link.token, "newcomer": str(link.user_id)}


def a_shop(page: Page, shop: OpenShop) -> dict[str, str]:
    """Opens a shop with a thing that has a photo and was sold; what is in addresses of its pages."""
    url = shop.url
    sign_up(page, url, "Sal")
    page.goto(f"{url}/sell")
    page.get_by_role("button", name="Open my shop").click()
    describe_item(page, "Speckled bowl", "Glazed by hand.", "Kitchen & Table", "18")
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


@dataclass(frozen=True, slots=True)
class Parcel:
    """How a parcel stands, and who is waited for."""

    goods: pb.GoodsState.ValueType
    truck: pb.TruckState.ValueType
    status: pb.OrderStatus.ValueType
    who: str
    next: str
    trouble: str = ""


UNDER_WAY = Parcel(
    pb.GOODS_STATE_LOADED,
    pb.TRUCK_STATE_EN_ROUTE,
    pb.ORDER_STATUS_OUT_FOR_DELIVERY,
    "the UPS truck on its way to you",
    "the truck delivers the parcel",
)
PACKED = Parcel(
    pb.GOODS_STATE_PACKED,
    pb.TRUCK_STATE_REQUESTED,
    pb.ORDER_STATUS_AWAITING_TRUCK,
    "UPS, which cannot be reached at the moment",
    "your order is safe; once that is over, the truck comes to the warehouse, then the parcel is loaded",
)
WAITS_FOR_GOODS = Parcel(
    pb.GOODS_STATE_AWAITING_STOCK,
    pb.TRUCK_STATE_NONE,
    pb.ORDER_STATUS_AWAITING_STOCK,
    "the supplier",
    "the goods arrive at the warehouse and are packed",
)
SIDE_BY_SIDE = ("Market Square", "Harbour", "Hill")
CANCELLED = Parcel(pb.GOODS_STATE_CANCELLED, pb.TRUCK_STATE_NONE, pb.ORDER_STATUS_CANCELLED, "", "")


def _order_like(orders: FakeOrders, like: int, user_id: int, parcels: Sequence[Parcel]) -> pb.Order:
    """One more order of the same things, in these parcels from warehouses side by side."""
    order = pb.Order()
    order.CopyFrom(orders.orders[like])
    order.order_id, order.user_id, order.status = max(orders.orders) + 1, user_id, parcels[-1].status
    model = order.shipments[0]
    del order.shipments[:], order.amendments[:]
    now = int(time.time())
    for number, one in enumerate(parcels):
        parcel = order.shipments.add()
        parcel.CopyFrom(model)
        parcel.shipment_id += 1000 * order.order_id + number
        parcel.warehouse.x += 5 * number
        parcel.warehouse_name = SIDE_BY_SIDE[number]
        parcel.goods, parcel.truck, parcel.status, parcel.attention_reason = (
            one.goods,
            one.truck,
            one.status,
            one.trouble,
        )
        parcel.ClearField("waiting")
        if one is not UNDER_WAY:
            for name in ("truck_seen", "truck_id", "left_at", "expected"):
                parcel.ClearField(name)
            del parcel.history[1:]
        if one.who:
            if one is not UNDER_WAY:
                parcel.expected.unknown_because = "no parcel of this world has shown yet how long it takes from here"
            parcel.waiting.who, parcel.waiting.next = one.who, one.next
            parcel.waiting.since.FromSeconds(now)
    orders.orders[order.order_id] = order
    return order


def _attempt(shop: OpenShop, user_id: int, state: CheckoutState) -> str:
    """A press of "place order" that has come so far, and goes no further; its request_id."""
    request = pb.PlaceOrderRequest(request_id=f"{state}-{user_id}", destination=pb.Address(x=1, y=2))
    is_refused = state is CheckoutState.REFUSED
    with shop.orders.engine.begin() as connection:
        connection.execute(
            insert(CheckoutAttempt).values(
                user_id=user_id,
                request_id=request.request_id,
                request=request.SerializeToString(),
                state=state,
                refusal_reason="OUT_OF_STOCK" if is_refused else None,
                refusal_message="Of one thing fewer are left than you asked for." if is_refused else None,
                tries=3,
                created_at=time.time(),
                next_try_at=time.time() + 86_400,
            )
        )
    return request.request_id


def _user(shop: OpenShop, email: str) -> int:
    with shop.orders.engine.connect() as connection:
        return connection.execute(select(User.id).where(User.email == email)).scalar_one()


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
