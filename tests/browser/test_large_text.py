"""Text of twice the size on a phone: nothing runs into its neighbour, no word is broken, what is around it grows."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenShop, sign_up
from tests.browser.test_order_page import buy_one

PHONE = {"width": 390, "height": 844}
NewPage = Callable[..., Page]
Picture = Callable[[Page, str], None]
# The pairs of these elements of one row whose texts touch.
TOUCHING = """rows => rows.filter((row) => {
    const [name, at] = [...row.children].map((one) => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getBoundingClientRect();
    });
    return at && name.right + 4 > at.left && name.bottom - 1 > at.top;
}).map((row) => row.textContent)"""
# The words of an element of which parts stand on different lines.
BROKEN = """element => {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), broken = [];
    while (texts.nextNode())
        for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map((one) => one.top)).size > 1) broken.push(word[0]);
        }
    return broken;
}"""
# The names on a map that its edge cuts.
OUTSIDE = """map => {
    const edge = map.querySelector("svg").getBoundingClientRect();
    return [...map.querySelectorAll("g:not(.map-grid) > text")].filter((one) => {
        const name = one.getBoundingClientRect();
        return name.left < edge.left || name.right > edge.right || name.top < edge.top || name.bottom > edge.bottom;
    }).map((one) => one.textContent);
}"""
# The least room between a button's text and its edge.
ROOM = """buttons => Math.min(...buttons.map((button) => {
    const range = document.createRange(), edge = button.getBoundingClientRect();
    range.selectNodeContents(button);
    const text = range.getBoundingClientRect();
    return Math.min(text.top - edge.top, edge.bottom - text.bottom, text.left - edge.left);
}))"""


def enlarge(page: Page) -> None:
    page.evaluate("document.documentElement.style.fontSize = '200%'")


def test_no_word_of_the_front_page_is_broken_and_buttons_grow(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page(viewport=PHONE)
    page.goto(open_shop.url)
    enlarge(page)
    picture(page, "large-home")
    assert page.locator(".hero h1").evaluate(BROKEN) == []
    page.goto(f"{open_shop.url}/products/1")
    enlarge(page)
    picture(page, "large-product")
    assert page.locator("main .button:visible").evaluate_all(ROOM) >= 12


def test_stages_and_their_times_stand_apart_and_the_map_can_be_read(
    open_shop: OpenShop, new_page: NewPage, picture: Picture
) -> None:
    page = new_page(viewport=PHONE)
    sign_up(page, open_shop.url, "Lea")
    order_id = buy_one(page, open_shop.url)
    open_shop.orders.orders[order_id].shipments[0].destination.x = 40
    for _ in range(3):
        open_shop.orders.advance(order_id)
    expect(page.locator(".order-head .pill")).to_have_text("Out for delivery")
    picture(page, "order-phone")
    sizes = page.locator(".map text").evaluate_all(
        "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)"
    )
    assert min(sizes) >= 11
    assert page.locator(".map").evaluate(OUTSIDE) == []
    enlarge(page)
    picture(page, "large-order")
    assert page.locator(".stage-words").evaluate_all(TOUCHING) == []
    assert page.locator(".map").evaluate(OUTSIDE) == []
