"""Passwords, addresses, resets and the end of an account."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from db.shop.accounts import Profile, User
from db.shop.base import ShopBase
from db.shop.carts import Cart
from db.shop.catalogue import Offer
from db.shop.mails import Mail, MailState
from db.shop.sessions import Session
from storefront.bootstrap import Storefront
from storefront.operator.queries import grant
from storefront.seller import imports
from tests.storefront.conftest import ShiftedClock
from tests.storefront.fake_orders import FakeOrders, away
from tests.storefront.visitor import Visitor

NEW = "another good password"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    return {"storefront_order_deadline": 2.0, "data_dir": tmp_path}


def letters(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(Mail.recipient, Mail.subject, Mail.body).order_by(Mail.id))
        return [tuple(row) for row in rows]


def link_in(body: str) -> str:
    found = re.search(r"http://localhost(/password/reset/\S+)", body)
    assert found, body
    return found[1]


def ask_for_link(visitor: Visitor, engine: Engine, email: str = "ann@example.org") -> str:
    visitor.get("/password/forgot").submit("/password/forgot", email=email)
    assert visitor.sees(f"If there is an account with {email}")
    return link_in(letters(engine)[-1][2])


def test_a_forgotten_password_is_set_anew_by_a_letter(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register()
    link = ask_for_link(another, engine, "ANN@example.org")
    assert letters(engine)[0][:2] == ("ann@example.org", "Your new password")
    another.get(link).submit(link, password=NEW)
    assert another.sees("Your new password is set, and you are logged in.")
    assert visitor.get("/account").status == 303, "all sessions of before are over"
    assert letters(engine)[-1][:2] == ("ann@example.org", "Your password was changed")
    another.log_out()
    assert another.log_in().sees("The e-mail address or the password is wrong.")
    assert another.log_in(password=NEW).get("/account").status == 200


def test_a_link_is_good_for_one_use_and_one_hour(visitor: Visitor, engine: Engine, clock: ShiftedClock) -> None:
    visitor.register().log_out()
    first, second = ask_for_link(visitor, engine), ask_for_link(visitor, engine)
    token = visitor.get(second).token
    assert visitor.submit(second, password="short").status == 422
    visitor.submit(second, password=NEW).log_out()
    for link in (first, second):
        assert visitor.get(link).status == 404
        assert visitor.sees("This link is used up")
        assert visitor.client.post(link, data={"csrf_token": token, "password": NEW + "x"}).status_code in (400, 404)
    third = ask_for_link(visitor, engine)
    clock.ahead += 3601
    assert visitor.get(third).status == 404
    assert visitor.log_in(password=NEW).get("/account").status == 200


@pytest.mark.parametrize("token", ["x", "none", "x" * 5000, "%00", "..", "%F0%9F%8D%B5"])
def test_a_link_that_was_never_given_is_worth_nothing(visitor: Visitor, token: str) -> None:
    assert visitor.get(f"/password/reset/{token}").status in (404, 405)


@pytest.mark.parametrize("email", ["nobody@example.org", "shopper@minimart.example"])
def test_who_has_no_account_is_told_the_same_and_gets_nothing(visitor: Visitor, engine: Engine, email: str) -> None:
    visitor.get("/password/forgot").submit("/password/forgot", email=email)
    assert visitor.status == 200
    assert visitor.sees(f"If there is an account with {email}")
    with engine.connect() as connection:
        assert connection.execute(select(Mail.state)).scalars().all() == [MailState.FAILED]


def test_a_link_never_leads_to_where_the_browser_says_that_we_are(visitor: Visitor, engine: Engine) -> None:
    visitor.register().log_out()
    visitor.get("/password/forgot")
    data = {"csrf_token": visitor.token, "email": "ann@example.org"}
    visitor.client.post(
        "/password/forgot", data=data, base_url="http://evil.example", headers={"Cookie": cookie(visitor)}
    )
    for _, _, body in letters(engine):
        assert "evil" not in body


def cookie(visitor: Visitor) -> str:
    kept = visitor.client.get_cookie("minimart")
    assert kept is not None
    return f"minimart={kept.value}"


def test_the_links_in_letters_are_what_the_setting_says(
    settings: dict[str, object], build_shop: Callable[[], Storefront], engine: Engine
) -> None:
    settings["storefront_url"] = "https://shop.example/"
    visitor = Visitor(build_shop().app.test_client())
    visitor.register().get("/password/forgot").submit("/password/forgot", email="ann@example.org")
    assert "https://shop.example/password/reset/" in letters(engine)[0][2]


def test_links_are_asked_for_so_often_and_no_more(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_reset_limit_account"] = "2 per hour"
    visitor = Visitor(build_shop().app.test_client())
    answers = [
        visitor.get("/password/forgot").submit("/password/forgot", email="ann@example.org").status for _ in range(3)
    ]
    assert answers == [200, 200, 429]


def test_letters_are_sent_by_the_thread_beside_the_shop(
    visitor: Visitor, shop: Storefront, engine: Engine, tmp_path: Path
) -> None:
    visitor.register()
    ask_for_link(visitor, engine)
    assert shop.sender.send_once() == 1
    (path,) = (tmp_path / "mail").iterdir()
    assert "/password/reset/" in path.read_text().replace("=\n", "")


def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(
    visitor: Visitor, another: Visitor, engine: Engine
) -> None:
    visitor.register()
    another.log_in()
    form = {"current": "a wrong one", "password": NEW}
    visitor.get("/account/security").submit("/account/password", **form)
    assert visitor.status == 422
    assert visitor.sees("This is not your password.")
    visitor.submit("/account/password", current="a good password", password="short")
    assert visitor.sees("8 to 128 characters")
    visitor.submit("/account/password", current="a good password", password=NEW)
    assert visitor.sees("Your password is changed.")
    assert visitor.get("/account").status == 200
    assert another.get("/account").status == 303
    assert letters(engine)[-1][:2] == ("ann@example.org", "Your password was changed")


def test_guessing_the_password_of_an_open_session_is_limited(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_login_limit_account"] = "2 per hour"
    visitor = Visitor(build_shop().app.test_client())
    visitor.register()
    answers = [
        visitor.get("/account/security").submit(path, current="x", password=NEW, email="b@example.org").status
        for path in ("/account/password", "/account/email", "/account/password")
    ]
    assert answers == [422, 422, 429]


def test_another_address_is_told_to_the_old_one(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    another.register("Bob", "bob@example.org")
    visitor.register()
    good = "a good password"
    for email, current, words in (
        ("bob@example.org", good, "There is another account with this address."),
        ("nonsense", good, "Write an e-mail address"),
        ("new@example.org", "wrong", "This is not your password."),
    ):
        visitor.get("/account/security").submit("/account/email", email=email, current=current)
        assert visitor.status == 422
        assert visitor.sees(words)
        assert visitor.page.form("/account/email").values["email"] == email
    visitor.submit("/account/email", email="new@example.org", current=good)
    assert visitor.sees("Your e-mail address is changed.")
    assert letters(engine)[-1][0] == "ann@example.org"
    assert another.log_out().log_in(email="new@example.org").get("/account").sees("new@example.org")


def test_the_other_sessions_are_shown_and_ended(visitor: Visitor, another: Visitor) -> None:
    visitor.register()
    another.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/130.0"
    another.log_in()
    assert visitor.get("/account/security").sees("Firefox on Linux since")
    visitor.submit("/account/sessions/end")
    assert not visitor.sees("Firefox on Linux since")
    assert another.get("/account").status == 303
    assert visitor.get("/account").status == 200


def test_who_stops_selling_has_everything_withdrawn_and_may_begin_again(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's")
    with engine.begin() as connection:
        user_id = connection.execute(select(User.id).where(User.email_key == "ann@example.org")).scalar_one()
        row = {"product_id": 1, "seller_id": user_id, "price_cents": 1, "created_at": 1.0}
        connection.execute(insert(Offer), row)
    assert visitor.get("/products/1").sees("Sold by Ann's")
    visitor.get("/account").submit("/account/selling/stop")
    assert visitor.sees("Your shop is closed; 1 item was withdrawn.")
    assert not visitor.get("/products/1").sees("Sold by Ann's")
    assert visitor.get("/sell").sees("Open my shop")
    visitor.submit("/sell", display_name="Ann's again")
    assert visitor.get("/account").sees("Your shop is open.")


def rows_of(engine: Engine, user_id: int) -> set[str]:
    """The tables of the shop that have something of a user."""
    theirs = [
        (table.name, select(func.count()).select_from(table).where(column == user_id))
        for table in ShopBase.metadata.sorted_tables
        for column in table.columns
        if column.references(User.__table__.c.id)
    ]
    with engine.connect() as connection:
        return {name for name, count in theirs if connection.execute(count).scalar_one()}


def test_a_closed_account_leaves_nothing_of_a_person(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", x="1", y="2", remember="y")
    visitor.put_in_cart(2)
    visitor.get("/products/3").submit("/favourites/3")
    visitor.get("/account").submit("/account", letters=None)
    visitor.get("/sell").submit("/sell", display_name="Ann's")
    with engine.begin() as connection:
        user_id = connection.execute(select(User.id).where(User.email_key == "ann@example.org")).scalar_one()
        imports.keep(connection, user_id, "batch", "title", 1.0)
        grant(connection, "ann@example.org", 1.0)
    another.log_in()
    ask_for_link(another.log_out(), engine)
    assert rows_of(engine, user_id) >= {"addresses", "item_imports", "letters_off", "password_resets", "staff"}
    visitor.get("/account/close").submit("/account/close", current="wrong")
    assert visitor.status == 422
    visitor.submit("/account/close", current="a good password")
    assert visitor.sees("Your account is closed.")
    assert visitor.get("/account").status == 303
    assert another.log_in().sees("The e-mail address or the password is wrong.")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Mail)).scalar_one() == 0
        closed = connection.execute(select(User.email, User.password_hash).where(User.closed_at.is_not(None))).one()
        assert tuple(closed) == ("", None)
        assert "Ann" not in connection.execute(select(Profile.display_name)).scalars().all()
    assert rows_of(engine, user_id) <= {"profiles", "security_events"}
    another.register()
    assert another.get("/account").status == 200, "the address is free again"


def test_what_is_still_to_be_told_goes_to_the_new_address_and_nothing_is_left_of_the_old_ones(
    visitor: Visitor, engine: Engine
) -> None:
    visitor.register().log_out()
    ask_for_link(visitor, engine)
    visitor.log_in()
    for email in ("ann@example.com", "ann@example.net"):
        visitor.get("/account/security").submit("/account/email", email=email, current="a good password")
    assert [(recipient, subject) for recipient, subject, _ in letters(engine)] == [
        ("ann@example.net", "Your new password"),
        ("ann@example.org", "Your e-mail address was changed"),
        ("ann@example.com", "Your e-mail address was changed"),
    ]
    visitor.get("/account/close").submit("/account/close", current="a good password")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Mail)).scalar_one() == 0


def test_an_account_is_not_closed_while_an_order_is_being_confirmed(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register().put_in_cart(1)
    orders.moods.append(away)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    visitor.get("/account/close").submit("/account/close", current="a good password")
    assert visitor.status == 422
    assert visitor.sees("One of your orders is being confirmed.")
    assert visitor.get("/account").status == 200


def test_what_is_over_is_removed(visitor: Visitor, shop: Storefront, engine: Engine, clock: ShiftedClock) -> None:
    visitor.register().log_out()
    visitor.log_in()
    Visitor(shop.app.test_client()).put_in_cart(1)
    clock.ahead += 32 * 86400
    shop.sender.tidy_once()
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Session)).scalar_one() == 0
        assert connection.execute(select(func.count()).where(Cart.guest_key.is_not(None))).scalar_one() == 0
