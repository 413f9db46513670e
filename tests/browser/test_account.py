"""An account from its first day to its last, with and without a script."""

import email
import email.policy
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenShop, press, sign_up
from tests.waiting import wait_until

NewPage = Callable[..., Page]
PASSWORD, ANOTHER = "a good password", "quite another one"


def log_in(page: Page, url: str, address: str, password: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(password)
    press(page, "Log in")


def letter_to(folder: Path, address: str) -> str:
    """The words of the one letter that was sent there."""
    letters = (
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in folder.glob("*.eml")
    )
    (letter,) = [one for one in letters if one["To"] == address]
    words = letter.get_body(("plain",))
    assert words is not None
    return str(words.get_content())


def test_a_forgotten_password_is_chosen_anew_with_the_link_of_a_letter(open_shop: OpenShop, page: Page) -> None:
    url = open_shop.url
    address = sign_up(page, url, "Flo")
    page.goto(f"{url}/account")
    press(page, "Log out")
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(address)
    press(page, "Send me the link")
    expect(page.get_by_role("status")).to_contain_text(f"If there is an account with {address}")
    wait_until(lambda: any(address in file.read_text() for file in open_shop.mail.glob("*.eml")), seconds=60)
    (link,) = re.findall(r"http\S+/password/reset/\S+", letter_to(open_shop.mail, address))
    page.goto(link)
    page.get_by_label("New password").fill("short")
    press(page, "Set it and log in")
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New password").fill(ANOTHER)
    press(page, "Set it and log in")
    expect(page.get_by_text("Your new password is set, and you are logged in.")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="This link is used up")).to_be_visible()
    page.goto(f"{url}/account")
    press(page, "Log out")
    log_in(page, url, address, PASSWORD)
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    log_in(page, url, address, ANOTHER)
    expect(page.get_by_role("link", name="Account")).to_be_visible()


def test_an_account_is_changed_sells_for_a_while_and_is_closed(open_shop: OpenShop, page: Page) -> None:
    url = open_shop.url
    address = sign_up(page, url, "Lou")
    page.goto(f"{url}/account")
    page.get_by_label("Your name").fill("Louise")
    page.get_by_label("UPS account").fill("lou-ups")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Password and e-mail").click()
    page.get_by_label("New e-mail").fill(f"new-{address}")
    page.locator("#email-current").fill(PASSWORD)
    press(page, "Change the address")
    expect(page.get_by_text("Your e-mail address is changed.")).to_be_visible()
    page.locator("#password-current").fill(PASSWORD)
    page.locator("#password-new").fill(ANOTHER)
    press(page, "Change the password")
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.goto(f"{url}/sell")
    expect(page.get_by_label("Name of your shop")).to_have_value("Louise")
    press(page, "Open my shop")
    page.goto(f"{url}/account")
    press(page, "Stop selling")
    expect(page.get_by_text("Your shop is closed; 0 items were withdrawn.")).to_be_visible()
    page.get_by_role("link", name="Close your account").click()
    page.get_by_label("Present password").fill(PASSWORD)
    press(page, "Close it for good")
    expect(page.get_by_label("Present password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Present password").fill(ANOTHER)
    press(page, "Close it for good")
    expect(page.get_by_text("Your account is closed.")).to_be_visible()
    log_in(page, url, f"new-{address}", ANOTHER)
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()


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
