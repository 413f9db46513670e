"""Accounts: who may log in, what a session is worth, and what a stranger can learn."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select

from db.shop.accounts import User
from db.shop.sessions import Session
from storefront.accounts import passwords
from storefront.accounts.sessions import hash_of
from storefront.bootstrap import Storefront
from tests.storefront.conftest import ShiftedClock
from tests.storefront.visitor import Visitor


def test_somebody_registers_logs_out_and_logs_in_again(visitor: Visitor) -> None:
    visitor.register()
    assert visitor.path == "/"
    assert visitor.sees("Welcome, Ann.")
    visitor.log_out()
    assert visitor.follow(visitor.get("/orders").response).path.startswith("/login")
    visitor.log_in()
    assert visitor.get("/orders").status == 200


def test_the_address_is_the_same_however_it_is_typed(visitor: Visitor, another: Visitor) -> None:
    visitor.register(email="Ann.Straße@Example.org")
    another.log_in(email="  ann.strasse@example.ORG ")
    assert another.get("/account").sees("Ann.Straße@Example.org")
    another.log_out()
    another.register(email="ANN.STRASSE@example.org")
    assert another.status == 422
    assert another.sees("There is an account with this address already.")


def test_addresses_that_differ_in_an_accent_are_two(visitor: Visitor, another: Visitor) -> None:
    visitor.register(email="jose@example.org")
    another.register(email="josé@example.org")
    assert another.get("/account").sees("josé@example.org")


def test_the_password_is_stored_as_an_argon2id_hash_only(visitor: Visitor, engine: Engine) -> None:
    visitor.register(password="correct horse")
    with engine.connect() as connection:
        stored = connection.execute(select(User.password_hash).where(User.email_key == "ann@example.org")).scalar_one()
    assert stored is not None
    assert stored.startswith("$argon2id$")
    assert "correct" not in stored


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ann@example.org", "not her password"),
        ("nobody@example.org", "a good password"),
        ("shopper@minimart.example", ""),
        ("seller@minimart.example", "nobody has this password"),
        ("", ""),
        ("x" * 300, "y" * 5000),
    ],
)
def test_every_wrong_log_in_gets_the_same_answer(visitor: Visitor, email: str, password: str) -> None:
    visitor.register().log_out()
    visitor.log_in(email=email, password=password)
    assert visitor.status == 422
    assert visitor.sees("The e-mail address or the password is wrong.")
    assert visitor.page.forms[-1].values["email"] == email


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"display_name": " "}, "Write your name."),
        ({"display_name": "x" * 81}, "at most 80 characters"),
        ({"display_name": "a\x07b"}, "cannot be shown"),
        ({"display_name": "\u200b"}, "Write your name."),
        ({"email": "ann@example.org\u200b"}, "There is a character in it that cannot be seen."),
        ({"email": "an\u00adn@example.org"}, "There is a character in it that cannot be seen."),
        ({"email": "ann"}, "Write an e-mail address"),
        ({"email": "a@b.c\r\nBcc: x@y.z"}, "Write an e-mail address"),
        ({"email": "a" * 250 + "@b.cd"}, "Write an e-mail address"),
        ({"password": "short"}, "8 to 128 characters"),
        ({"password": "x" * 129}, "8 to 128 characters"),
    ],
)
def test_what_cannot_be_used_is_told_beside_its_field_and_kept(
    visitor: Visitor, typed: dict[str, str], words: str
) -> None:
    good = {"display_name": "Ann", "email": "ann@example.org", "password": "a good password"}
    visitor.get("/register").submit("/register", **{**good, **typed})
    assert visitor.status == 422
    assert visitor.sees(words)
    kept = visitor.page.forms[-1].values
    assert kept["password"] == "", "a password is never sent back"
    if typed.get("display_name") is None:
        assert kept["display_name"] == "Ann"


@pytest.mark.parametrize("password", ["xkxkxkxk", "x" * 128, "пароль и пробел", "🔑" * 8, "é" * 8])
def test_any_eight_to_128_characters_are_a_password(visitor: Visitor, another: Visitor, password: str) -> None:
    visitor.register(password=password)
    another.log_in(password=password)
    assert another.get("/account").status == 200


@pytest.mark.parametrize("password", ["password", "PassWord", "1234567890", "qwertyuiop", "trustno1"])
def test_what_everybody_takes_is_no_password(visitor: Visitor, password: str) -> None:
    visitor.register(password=password)
    assert visitor.status == 422
    assert visitor.sees("This is among the first passwords that anybody would try.")


def test_more_than_three_thousand_common_passwords_are_known() -> None:
    assert len(passwords._COMMON) > 3000


def test_a_log_in_starts_another_session(visitor: Visitor) -> None:
    visitor.register().log_out()
    visitor.get("/login")
    before = visitor.client.get_cookie("minimart")
    token = visitor.page.forms[-1].values["csrf_token"]
    visitor.log_in()
    after = visitor.client.get_cookie("minimart")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    stale = visitor.client.post("/logout", data={"csrf_token": token})
    assert stale.status_code == 400, "a form of the old session is worth nothing"


def test_a_stolen_cookie_is_worth_nothing_after_the_log_out(visitor: Visitor, another: Visitor) -> None:
    visitor.register()
    cookie = visitor.client.get_cookie("minimart")
    assert cookie is not None
    another.client.set_cookie("minimart", cookie.value)
    assert another.get("/account").status == 200
    visitor.log_out()
    another.client.set_cookie("minimart", cookie.value)
    assert another.get("/account").status == 303


def test_only_a_hash_of_a_sessions_secret_is_stored(visitor: Visitor, engine: Engine, shop: Storefront) -> None:
    visitor.register()
    with visitor.client.session_transaction() as session:
        secret = session["_user_id"]
    with engine.connect() as connection:
        stored = connection.execute(select(Session.token_hash)).scalars().all()
    assert stored == [hash_of(secret)]
    assert secret not in stored


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\x00", "\ud800", "1.abcdef"])
def test_a_secret_that_was_never_given_out_is_nobodys(visitor: Visitor, shop: Storefront, token: str) -> None:
    visitor.register().get("/login")
    with visitor.client.session_transaction() as session:
        session["_user_id"] = token
    assert visitor.get("/account").status == 303


def test_a_log_in_ends_the_session_that_the_browser_had(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register()
    token = visitor.get("/account").page.forms[-1].values["csrf_token"]
    visitor.client.post("/login", data={"csrf_token": token, "email": "ann@example.org", "password": "a good password"})
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Session)).scalar_one() == 1


def test_a_session_ends_after_a_month_in_any_case(visitor: Visitor, clock: ShiftedClock) -> None:
    visitor.register()
    for _ in range(3):
        clock.ahead += 9.9 * 86400
        assert visitor.get("/account").status == 200
    clock.ahead += 1 * 86400
    assert visitor.get("/account").status == 303


def test_a_session_ends_after_two_weeks_without_use(visitor: Visitor, clock: ShiftedClock) -> None:
    visitor.register()
    clock.ahead += 14.1 * 86400
    assert visitor.get("/account").status == 303


def test_a_session_that_is_used_does_not_end_as_idle(visitor: Visitor, clock: ShiftedClock) -> None:
    visitor.register().get("/account")
    clock.ahead += 2 * 86400
    assert "Set-Cookie" in visitor.get("/account").response.headers
    assert "Set-Cookie" not in visitor.get("/account").response.headers


def test_too_many_wrong_log_ins_lock_the_account_for_a_while_and_nobody_else(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_login_limit_account"] = "3 per hour"
    client = build_shop().app.test_client()
    visitor = Visitor(client)
    visitor.register().log_out()
    for _ in range(3):
        assert visitor.log_in(password="a wrong password").status == 422
    assert visitor.log_in(email="ANN@example.org").status == 429
    assert visitor.sees("Too many tries")
    assert visitor.log_in(email="bob@example.org", password="whatever").status == 422


def test_a_stranger_elsewhere_locks_nobody_out(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings |= {"storefront_login_limit_account": "2 per hour", "storefront_login_limit_everywhere": "4 per hour"}
    app = build_shop().app
    owner = Visitor(app.test_client())
    owner.register().log_out()

    def guess(address: str) -> int:
        stranger = Visitor(app.test_client())
        stranger.client.environ_base["REMOTE_ADDR"] = address
        return stranger.log_in(password="a wrong password").status

    assert [guess("192.0.2.1") for _ in range(3)] == [422, 422, 429]
    assert owner.log_in().get("/account").status == 200
    assert [guess("192.0.2.2") for _ in range(2)] == [422, 422]
    assert guess("192.0.2.3") == 429, "guesses from everywhere are counted together"
    assert owner.get("/account").status == 200, "who is logged in stays so"


def test_right_log_ins_are_not_counted(settings: dict[str, object], build_shop: Callable[[], Storefront]) -> None:
    settings["storefront_login_limit_account"] = "2 per hour"
    visitor = Visitor(build_shop().app.test_client())
    visitor.register().log_out()
    for _ in range(4):
        visitor.log_in().log_out()
    assert visitor.log_in().get("/account").status == 200


def test_an_address_that_tries_many_accounts_is_stopped(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_login_limit_address"] = "3 per hour"
    visitor = Visitor(build_shop().app.test_client())
    answers = [visitor.log_in(email=f"u{number}@example.org").status for number in range(4)]
    assert answers == [422, 422, 422, 429]


def test_an_address_makes_only_so_many_accounts(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_register_limit"] = "2 per hour"
    shop = build_shop()
    answers = [Visitor(shop.app.test_client()).register(email=f"u{number}@example.org").status for number in range(3)]
    assert answers == [200, 200, 429]


@pytest.mark.parametrize(
    ("one", "another_one", "last_answer"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 429),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 422),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 422),
    ],
)
def test_who_has_a_network_is_one_visitor_for_the_limits(
    settings: dict[str, object], build_shop: Callable[[], Storefront], one: str, another_one: str, last_answer: int
) -> None:
    settings["storefront_login_limit_address"] = "1 per hour"
    app = build_shop().app
    answers = []
    for number, address in enumerate((one, another_one)):
        visitor = Visitor(app.test_client())
        visitor.client.environ_base["REMOTE_ADDR"] = address
        answers.append(visitor.log_in(email=f"u{number}@example.org").status)
    assert answers == [422, last_answer]


@pytest.mark.parametrize(("proxies", "last_answer"), [(0, 429), (1, 422), (2, 429)])
def test_visitors_are_told_apart_by_the_proxies_that_are_trusted_and_by_nobody_else(
    settings: dict[str, object], build_shop: Callable[[], Storefront], proxies: int, last_answer: int
) -> None:
    settings |= {"storefront_login_limit_address": "2 per hour", "storefront_trusted_proxies": proxies}
    app = build_shop().app

    def guess(address: str, number: int) -> int:
        stranger = Visitor(app.test_client())
        # What a stranger claims comes before what the one proxy there is adds.
        stranger.client.environ_base["HTTP_X_FORWARDED_FOR"] = f"198.51.100.7, {address}"
        return stranger.log_in(email=f"u{number}@example.org").status

    assert [guess("192.0.2.1", number) for number in range(3)] == [422, 422, 429]
    assert guess("192.0.2.2", 3) == last_answer


def test_the_profile_is_changed_and_offered_at_checkout(visitor: Visitor) -> None:
    visitor.register()
    visitor.get("/account").submit("/account", display_name="Ann B.", ups_account="ann-ups")
    assert visitor.sees("Saved.")
    visitor.put_in_cart(1)
    assert visitor.get("/checkout").page.forms[-1].values["ups_account"] == "ann-ups"
    visitor.get("/account").submit("/account", display_name="", ups_account="u" * 65)
    assert visitor.sees("Write your name.")
    assert visitor.sees("at most 64 characters")
    assert visitor.page.form("/account").values["ups_account"] == "u" * 65


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil.example",
        "javascript:alert(1)",
    ],
)
def test_a_log_in_leads_to_our_own_pages_only(visitor: Visitor, wanted: str) -> None:
    visitor.register().log_out()
    visitor.client.get("/login")
    visitor.get("/login")
    form = visitor.page.forms[-1]
    data = {**form.values, "email": "ann@example.org", "password": "a good password"}
    answer = visitor.client.post("/login", query_string={"next": wanted}, data=data)
    assert answer.status_code == 303
    assert answer.location == "/"


def test_a_log_in_leads_back_to_the_page_that_asked_for_it(visitor: Visitor) -> None:
    visitor.register().log_out()
    visitor.follow(visitor.get("/orders?page=7").response)
    visitor.submit("/login", email="ann@example.org", password="a good password")
    assert visitor.path.startswith("/orders")
