"""What a shopper does in a browser: search, narrow down, fill the cart, check out, review, come back."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, OpenShop, order_number, put_in_cart, sign_up
from tests.waiting import wait_until

NewPage = Callable[..., Page]
Picture = Callable[[Page, str], None]


def stay(page: Page) -> Callable[[], bool]:
    """Marks the page; the answer says whether it is still the same one."""
    page.evaluate("window.untouched = true")
    return lambda: bool(page.evaluate("window.untouched === true"))


def keep_address(page: Page, url: str, label: str = "Home", x: int = 12, y: int = -7) -> None:
    page.goto(f"{url}/account/addresses")
    page.get_by_label("Name of the place").fill(label)
    page.get_by_label("Address x").fill(str(x))
    page.get_by_label("Address y").fill(str(y))
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name=label)).to_be_visible()


def test_suggestions_come_while_somebody_types_and_go_by_keyboard(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    page.goto(open_shop.url)
    field = page.get_by_role("combobox", name="Search the shop")
    field.press_sequentially("straß", delay=20)
    options = page.get_by_role("option")
    expect(options.first).to_contain_text("Straße map of Köln")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-1")
    page.keyboard.press("ArrowUp")
    expect(field).not_to_have_attribute("aria-activedescendant", re.compile(".*"))
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    field.press_sequentially("e")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Straße map of Köln")).to_be_visible()
    picture(page, "product-beyond-ascii")


def test_results_are_narrowed_down_in_place(open_shop: OpenShop, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    page.goto(f"{open_shop.url}/products")
    untouched = stay(page)
    page.get_by_label("Sort by").select_option("Price, low to high")
    expect(page).to_have_url(re.compile("sort=price"))
    page.get_by_label("From $").fill("50")
    page.get_by_label("From $").press("Tab")
    expect(page).to_have_url(re.compile("low=50"))
    page.get_by_label("In stock only").check()
    expect(page).to_have_url(re.compile("stock=1"))
    prices = [float(text.strip("$").replace(",", "")) for text in page.locator(".price").all_inner_texts()]
    assert prices == sorted(prices)
    assert prices[0] >= 50
    page.get_by_label("To $").fill("soon")
    page.get_by_label("To $").press("Enter")
    expect(page.get_by_text("Write a price in dollars, such as 4.50.")).to_be_visible()
    expect(page.get_by_label("To $")).to_have_value("soon")
    assert untouched()
    picture(page, "products")
    page.reload()
    expect(page.get_by_label("In stock only")).to_be_checked()


def test_what_is_wrong_with_one_filter_moves_none_of_them(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page(viewport={"width": 1200, "height": 900})
    middles = []
    for low in ("1", "cheap"):
        page.goto(f"{open_shop.url}/products?low={low}")
        boxes = page.locator(".filters select, .filters .field input, .filters .choice, .filters .button")
        found = [box.bounding_box() for box in boxes.all() if box.is_visible()]
        middles.append([round(box["y"] + box["height"] / 2) for box in found if box is not None])
        assert len(middles[-1]) >= 5
    expect(page.locator(".filters .wrong")).to_be_visible()
    right, wrong = middles
    assert max(right) - min(right) <= 2
    assert max(wrong) - min(wrong) <= 2


def test_the_cart_changes_in_place(open_shop: OpenShop, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Carla")
    for product_id in (1, 2, 3):
        put_in_cart(page, open_shop.url, product_id)
    untouched = stay(page)
    expect(page.get_by_role("button", name="Update the quantity of")).to_have_count(3)
    page.get_by_role("spinbutton").first.fill("5")
    page.get_by_role("spinbutton").first.press("Tab")
    expect(page.locator("#cart-link .count")).to_contain_text("7")
    expect(page.get_by_text("7 items ticked")).to_be_visible()
    page.get_by_role("checkbox").nth(1).uncheck()
    expect(page.get_by_text("6 items ticked")).to_be_visible()
    page.get_by_role("button", name="Save for later").nth(2).click()
    expect(page.get_by_role("heading", name="Saved for later")).to_be_visible()
    expect(page.get_by_text("5 items ticked")).to_be_visible()
    picture(page, "cart-saved")
    page.get_by_role("spinbutton").first.fill("0")
    page.get_by_role("spinbutton").first.press("Enter")
    expect(page.get_by_text("Write a whole number from 1 to 1,000.")).to_be_visible()
    expect(page.get_by_role("spinbutton").first).to_be_focused()
    assert untouched()
    page.reload()
    expect(page.get_by_text("5 items ticked")).to_be_visible()
    expect(page.get_by_role("checkbox").nth(1)).not_to_be_checked()


def test_a_guests_cart_comes_along_and_two_presses_order_it(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    put_in_cart(page, open_shop.url, 7)
    sign_up(page, open_shop.url, "Gus")
    expect(page.locator("#cart-link .count")).to_contain_text("1")
    keep_address(page, open_shop.url)
    page.goto(f"{open_shop.url}/products/9")
    page.get_by_role("button", name="Buy now").click()
    page.get_by_role("button", name="Place the order").click()
    order = open_shop.orders.orders[order_number(page)]
    assert (order.destination.x, order.destination.y) == (12, -7)
    assert [line.offer_id for line in order.lines] == [9]
    expect(page.locator("#cart-link .count")).to_contain_text("1")


def test_a_spot_is_picked_on_the_map_by_mouse_and_by_keyboard(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Mia")
    keep_address(page, open_shop.url, x=0, y=0)
    put_in_cart(page, open_shop.url, 4)
    page.get_by_role("button", name="Check out").click()
    grid = page.get_by_role("application", name=re.compile("Map of the grid"))
    expect(grid).to_be_hidden()
    page.get_by_label("Somewhere else").check()
    box = grid.bounding_box()
    assert box is not None
    grid.click(position={"x": box["width"] / 4, "y": box["height"] / 4})
    x, y = (int(page.get_by_label(f"Address {name}").input_value()) for name in "xy")
    assert x < 0 < y, "up is up"
    grid.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_label("Address x")).to_have_value(str(x + 1))
    expect(page.get_by_label("Address y")).to_have_value(str(y - 10))
    page.get_by_label("Keep this place in my address book").check()
    page.get_by_label("Name for this place").fill("Aunt May")
    picture(page, "checkout-map")
    page.get_by_role("button", name="Place the order").click()
    assert open_shop.orders.orders[order_number(page)].destination.x == x + 1
    page.goto(f"{open_shop.url}/account/addresses")
    expect(page.get_by_role("heading", name="Aunt May")).to_be_visible()
    picture(page, "addresses")


def test_who_got_it_reviews_it_and_buys_it_again(open_shop: OpenShop, new_page: NewPage, picture: Picture) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Rita")
    keep_address(page, open_shop.url)
    page.goto(f"{open_shop.url}/products/5")
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Buy now").click()
    page.get_by_role("button", name="Place the order").click()
    number = order_number(page)
    for _ in range(4):
        open_shop.orders.advance(number)
    page.goto(f"{open_shop.url}/products/5")
    page.get_by_role("link", name="Write a review").click()
    page.get_by_role("button", name="Send the review").click()
    expect(page.get_by_text("Choose from one to five stars.")).to_be_visible()
    page.get_by_label("4 stars: good").check()
    page.get_by_label("In your words").fill("Does what it should. 🍵")
    picture(page, "review")
    page.get_by_role("button", name="Send the review").click()
    expect(page.get_by_text("Does what it should.")).to_be_visible()
    picture(page, "product-reviewed")
    page.goto(f"{open_shop.url}/favourites")
    expect(page.get_by_text("4.0 of 5 stars")).to_be_attached()
    picture(page, "favourites")
    page.get_by_role("button", name="Remove").first.press("Enter")
    expect(page.get_by_role("heading", name="None yet")).to_be_visible()
    expect(page.locator("#favourites")).to_be_focused()
    page.goto(f"{open_shop.url}/orders")
    untouched = stay(page)
    page.get_by_label("Status").select_option("Cancelled")
    expect(page.get_by_text("None of your orders fits")).to_be_visible()
    page.get_by_label("Status").select_option("Delivered")
    expect(page.get_by_role("heading", name=f"Order {number}")).to_be_visible()
    assert untouched()
    page.get_by_role("button", name="Buy again").click()
    expect(page.get_by_text("In your cart again: all of it.")).to_be_visible()


def test_all_of_it_works_without_javascript(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False, viewport=PHONE)
    for product_id in (1, 2):
        put_in_cart(page, open_shop.url, product_id)
    page.get_by_role("spinbutton").first.fill("4")
    page.get_by_role("button", name="Update the quantity of").first.click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="Work out the sum").click()
    expect(page.get_by_text("1 item ticked")).to_be_visible()
    sign_up(page, open_shop.url, "Nona")
    keep_address(page, open_shop.url)
    page.goto(f"{open_shop.url}/cart")
    page.get_by_role("button", name="Check out").click()
    page.get_by_role("button", name="Place the order").click()
    assert [line.offer_id for line in open_shop.orders.orders[order_number(page)].lines] == [2]
    page.goto(f"{open_shop.url}/products?q=mug")
    page.get_by_label("Sort by").select_option("Best rated")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("sort=rating"))


def test_what_another_tab_did_is_told_and_nothing_is_ordered_twice(open_shop: OpenShop, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Toni")
    keep_address(page, open_shop.url)
    put_in_cart(page, open_shop.url, 6)
    page.goto(f"{open_shop.url}/checkout")
    other = page.context.new_page()
    other.goto(f"{open_shop.url}/cart")
    other.get_by_role("button", name="Remove").click()
    expect(other.get_by_role("heading", name="Nothing in it yet")).to_be_visible()
    before = len(open_shop.orders.orders)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="Nothing in it yet")).to_be_visible()
    assert len(open_shop.orders.orders) == before
    other.goto(f"{open_shop.url}/account")
    other.get_by_role("button", name="Log out").click()
    page.goto(f"{open_shop.url}/orders")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_slow_network_shows_that_something_is_under_way_and_sends_once(
    open_shop: OpenShop, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Slow")
    keep_address(page, open_shop.url)
    put_in_cart(page, open_shop.url, 8)
    page.goto(f"{open_shop.url}/checkout")
    held: list[Route] = []
    page.route("**/checkout", lambda route: held.append(route))
    button = page.get_by_role("button", name="Place the order")
    busy = button.evaluate("(pressed) => { pressed.click(); pressed.click(); return pressed.ariaBusy; }")
    assert busy == "true"
    # Any word to the browser lets what it has to say come through.
    wait_until(lambda: bool(page.context.cookies() and held))
    assert len(held) == 1
    held[0].continue_()
    order_number(page)


def test_without_a_network_the_shop_says_so_and_goes_on_later(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    sign_up(page, open_shop.url, "Olga")
    put_in_cart(page, open_shop.url, 8)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("You seem to be offline. Nothing was changed")).to_be_visible()
    page.goto(f"{open_shop.url}/products")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    picture(page, "offline")
    page.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="All products")).to_be_visible()
    page.goto(f"{open_shop.url}/cart")
    expect(page.locator("#cart-link .count")).to_contain_text("1")
