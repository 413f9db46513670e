"""The audit log: everything that happens to the security of an account, with no secret, for some weeks."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from db.shop.audit import SecurityEvent, SecurityNote
from storefront.audit import queries
from storefront.audit.damper import MOST_REMEMBERED, ONE_ROW_SECONDS, Damper
from storefront.bootstrap import Storefront
from storefront.operator.queries import grant, revoke
from tests.storefront.conftest import ShiftedClock
from tests.storefront.visitor import Visitor

DAY = 24 * 3600.0


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the statements are plain, and their table is migrated on both."""
    return sqlite_url


@pytest.fixture
def settings() -> dict[str, object]:
    return {"storefront_login_limit_account": "3 per 15 minutes"}


@pytest.fixture
def events(engine: Engine) -> Callable[[], list[str]]:
    """What was noted since the last call."""
    seen = 0

    def take() -> list[str]:
        nonlocal seen
        with engine.connect() as connection:
            rows = connection.execute(
                select(SecurityNote.id, SecurityNote.kind).where(SecurityNote.id > seen).order_by(SecurityNote.id)
            ).all()
        seen = rows[-1].id if rows else seen
        return [row.kind for row in rows]

    return take


def test_what_happens_to_an_account_is_noted(visitor: Visitor, events: Callable[[], list[str]]) -> None:
    visitor.register()
    assert events() == ["registered"]
    visitor.log_out()
    assert events() == ["logged_out"]
    visitor.log_in(password="not this one")
    assert events() == ["login_failed"]
    visitor.log_in()
    assert events() == ["logged_in"]
    visitor.get("/account/security").submit("/account/password", current="wrong", password="another good one")
    assert events() == ["proof_failed"]
    visitor.submit("/account/password", current="a good password", password="another good one")
    assert events() == ["password_changed", "sessions_ended"]
    visitor.submit("/account/email", current="another good one", email="new@example.org")
    assert events() == ["email_changed"]
    visitor.get("/sell/items/new")
    assert events() == ["access_denied"]
    visitor.get("/sell").submit("/sell", display_name="Ann's")
    visitor.get("/account").submit("/account/selling/stop")
    assert events() == ["role_changed", "role_changed"]
    visitor.client.post("/account", data={"csrf_token": "wrong"})
    assert events() == ["form_refused"]
    visitor.get("/password/forgot").submit("/password/forgot", email="new@example.org")
    assert events() == ["reset_asked"]


def test_who_tries_too_often_is_noted_once_in_a_while(
    visitor: Visitor, events: Callable[[], list[str]], clock: ShiftedClock
) -> None:
    visitor.register().log_out()
    events()
    for _ in range(6):
        visitor.log_in(password="not this one")
    assert events() == ["login_failed", "limit_hit"], "a row each, however often"
    clock.ahead += ONE_ROW_SECONDS
    visitor.log_in(password="not this one")
    assert events() == ["limit_hit"]


def test_nothing_that_was_typed_is_noted(visitor: Visitor, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    visitor.register()
    visitor.log_out().log_in("Gustav-1 is my password", "hunter2 hunter2")
    visitor.get("/password/forgot").submit("/password/forgot", email="nobody@example.org")
    with engine.connect() as connection:
        rows = str(connection.execute(select(*SecurityNote.__table__.c)).all())
    lines = "".join(line for line in capsys.readouterr().out.splitlines(True) if "kind=" in line)
    assert "login_failed" in rows
    assert "login_failed" in lines
    for typed in ("Gustav", "hunter2", "a good password", "nobody@example.org", "ann@example.org"):
        assert typed not in rows
        assert typed not in lines


def test_staff_is_noted_too(visitor: Visitor, engine: Engine, clock: ShiftedClock) -> None:
    visitor.register()
    with engine.begin() as connection:
        assert grant(connection, "ann@example.org", clock.now())
        assert revoke(connection, "ann@example.org", clock.now())
        assert not revoke(connection, "ann@example.org", clock.now())
    with engine.connect() as connection:
        details = select(SecurityNote.detail).where(SecurityNote.kind == SecurityEvent.ROLE_CHANGED)
        assert list(connection.execute(details).scalars()) == ["staff", "no staff any more"]


def test_people_see_what_happened_to_their_own_account(visitor: Visitor, another: Visitor) -> None:
    visitor.register()
    another.register("Bob", "bob@example.org").log_out()
    assert visitor.get("/account/security").sees("The account was made")
    another.log_in(password="not this one")
    another.log_in("bob@example.org").get("/account/security")
    assert not another.sees("A log-in with a wrong password"), "that was at Ann's account"
    assert visitor.get("/account/security").sees("A log-in with a wrong password")


def test_whoever_leaves_leaves_nothing_but_that(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    visitor.get("/account/close").submit("/account/close", current="a good password")
    with engine.connect() as connection:
        rows = connection.execute(select(SecurityNote.kind, SecurityNote.address, SecurityNote.browser)).all()
    assert [tuple(row) for row in rows] == [("account_closed", "", "")]


def test_old_events_go(shop: Storefront, visitor: Visitor, engine: Engine, clock: ShiftedClock) -> None:
    visitor.register()
    clock.ahead += 80 * DAY
    shop.sender.tidy_once()
    with engine.begin() as connection:
        assert len(connection.execute(select(SecurityNote.id)).all()) == 1
    clock.ahead += 11 * DAY
    shop.sender.tidy_once()
    with engine.begin() as connection:
        assert connection.execute(select(SecurityNote.id)).all() == []


def test_a_log_in_does_not_need_the_note(visitor: Visitor, engine: Engine) -> None:
    visitor.register().log_out()
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table security_events")
    assert visitor.log_in(password="not this one").status == 422


def test_every_kind_has_words_for_the_page() -> None:
    assert set(queries._WORDS) == set(SecurityEvent) - {SecurityEvent.ACCOUNT_CLOSED}


def test_a_damper_remembers_a_bounded_number_of_things() -> None:
    damper = Damper()
    assert all(damper.lets_through((number,), 0.0) for number in range(MOST_REMEMBERED + 1))
    assert damper.lets_through((0,), 1.0), "forgotten"
    assert not damper.lets_through((MOST_REMEMBERED,), 1.0)
