"""Letters about orders: each once, whatever fails in between, and to nobody who does not want them."""

import email
import email.policy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from threading import Barrier
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, select

from db.shop.mails import Mail
from mesh.errors import Unavailable
from shop.orders.v1 import orders_pb2 as pb
from storefront.bootstrap import Storefront
from storefront.mail.html import as_html
from storefront.mail.outbox import Letter
from storefront.mail.transport import compose
from storefront.orders import teller
from storefront.orders.letters import letter_about
from storefront.orders.teller import PAGE_SIZE
from storefront.orders_client import CallFailed
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor

AWAY = Unavailable("DATABASE_AWAY", "the database is away; send the same again")
URL = "https://shop.example"


@pytest.fixture
def settings() -> dict[str, object]:
    return {"storefront_url": f"{URL}/"}


@pytest.fixture
def ann(visitor: Visitor, orders: FakeOrders) -> Visitor:
    """Somebody with an order, of which the first thing is to be told."""
    visitor.register().put_in_cart(1, 2)
    visitor.get("/checkout").submit("/checkout", x="3", y="-4")
    orders.happens(1, pb.NEWS_KIND_PLACED)
    return visitor


@pytest.fixture
def tell(shop: Storefront) -> Callable[[], int]:
    return shop.teller.tell_once


def letters(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(Mail.key, Mail.recipient, Mail.body).order_by(Mail.id))
        return [(row.key, row.recipient, row.body) for row in rows]


def keys(engine: Engine) -> list[str]:
    return [key for key, _, _ in letters(engine)]


def test_each_thing_that_happens_is_one_letter_with_a_way_to_the_order(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    assert tell() == 1
    ((key, recipient, body),) = letters(engine)
    assert (key, recipient) == ("order-1-placed", "ann@example.org")
    assert f"{URL}/orders/1" in body
    assert f"{URL}/account" in body
    assert "2 x " in body
    assert "(3, -4)" in body
    assert tell() == 0
    for kind in (pb.NEWS_KIND_SHIPPED, pb.NEWS_KIND_DELIVERED):
        orders.happens(1, kind)
    assert tell() == 2
    assert keys(engine) == ["order-1-placed", "order-1-shipped", "order-1-delivered"]
    assert orders.news == []


def test_a_letter_whose_settling_was_lost_is_not_written_again(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    orders.news_refusals.append(AWAY)
    with pytest.raises(CallFailed):
        tell()
    assert keys(engine) == ["order-1-placed"]
    assert len(orders.news) == 1
    assert tell() == 0
    assert keys(engine) == ["order-1-placed"]
    assert orders.news == []


def test_what_cannot_be_read_is_told_later(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    orders.list_refusals.append(AWAY)
    with pytest.raises(CallFailed):
        tell()
    assert len(orders.news) == 1
    assert tell() == 1
    assert orders.news == []


def test_a_letter_without_words_waits_and_holds_up_no_other(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    waiting = orders.orders[1].shipments[0].waiting
    # No calendar has that day.
    waiting.since.seconds = 10**15
    orders.happens(1, pb.NEWS_KIND_LATE)
    orders.happens(1, pb.NEWS_KIND_SHIPPED)
    assert tell() == 2
    assert keys(engine) == ["order-1-placed", "order-1-shipped"]
    assert [one.kind for one in orders.news] == [pb.NEWS_KIND_LATE]
    waiting.since.seconds = 1_800_000_000
    assert tell() == 1
    assert orders.news == []


def test_letters_without_words_are_not_all_that_is_looked_at_and_are_told_of_once(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Mock()
    monkeypatch.setattr(teller, "_log", log)
    monkeypatch.setattr(teller, "PAGE_SIZE", 2)
    monkeypatch.setattr(teller, "MAX_PAGES", 1)
    for order_id in (2, 3, 4):
        orders.orders[order_id] = pb.Order()
        orders.orders[order_id].CopyFrom(orders.orders[1])
        orders.orders[order_id].order_id = order_id
        orders.happens(order_id, pb.NEWS_KIND_LATE)
    for order_id in (2, 3):
        orders.orders[order_id].shipments[0].waiting.since.seconds = 10**15
    assert [tell() for _ in range(6)] == [1, 1, 0, 0, 0, 0]
    assert keys(engine) == ["order-1-placed", "order-4-late"]
    assert [call.kwargs["order_id"] for call in log.exception.call_args_list] == [2, 3]


def test_many_pages_of_news_are_told_in_one_round(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    for order_id in range(2, PAGE_SIZE + 5):
        orders.orders[order_id] = pb.Order()
        orders.orders[order_id].CopyFrom(orders.orders[1])
        orders.orders[order_id].order_id = order_id
        orders.happens(order_id, pb.NEWS_KIND_PLACED)
    assert tell() == PAGE_SIZE + 4
    assert orders.news == []


def test_two_workers_write_each_letter_once(
    ann: Visitor, orders: FakeOrders, build_shop: Callable[[], Storefront], engine: Engine
) -> None:
    for kind in (pb.NEWS_KIND_LATE, pb.NEWS_KIND_SHIPPED):
        orders.happens(1, kind)
    tellers = [build_shop().teller, build_shop().teller]
    barrier = Barrier(2)

    def tell(number: int) -> int:
        barrier.wait()
        return tellers[number].tell_once()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(tell, range(2))) == 3
    assert sorted(keys(engine)) == ["order-1-late", "order-1-placed", "order-1-shipped"]


def test_who_wants_no_letters_gets_none(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    ann.get("/account")
    assert ann.page.form("/account").values["letters"]
    ann.submit("/account", letters=None)
    assert ann.sees("Saved.")
    assert "letters" not in ann.get("/account").page.form("/account").values
    assert tell() == 0
    assert (letters(engine), orders.news) == ([], [])
    ann.submit("/account", letters="y")
    orders.happens(1, pb.NEWS_KIND_SHIPPED)
    assert tell() == 1


def test_who_has_left_gets_no_letter(ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine) -> None:
    ann.get("/account/close").submit("/account/close", current="a good password")
    assert tell() == 0
    assert (letters(engine), orders.news) == ([], [])


def test_what_has_come_meanwhile_is_not_called_late(
    ann: Visitor, orders: FakeOrders, tell: Callable[[], int], engine: Engine
) -> None:
    while orders.orders[1].status != pb.ORDER_STATUS_DELIVERED:
        orders.advance(1)
    orders.happens(1, pb.NEWS_KIND_LATE)
    tell()
    assert keys(engine) == ["order-1-placed"]
    assert orders.news == []


def test_a_late_letter_says_who_is_waited_for(ann: Visitor, orders: FakeOrders) -> None:
    letter = letter_about(orders.orders[1], pb.NEWS_KIND_LATE, "a@b.c", "Ann", URL)
    assert letter is not None
    assert "We are waiting for the warehouse, since " in letter.body
    assert "The parcel is packed." in letter.body


def test_a_cancelled_order_was_asked_for_only_if_it_was() -> None:
    def body(*amendments: pb.Amendment) -> str:
        order = pb.Order(order_id=1, status=pb.ORDER_STATUS_CANCELLED, amendments=amendments)
        letter = letter_about(order, pb.NEWS_KIND_CANCELLED, "a@b.c", "Ann", URL)
        assert letter is not None
        return letter.body

    def asked(*decisions: "pb.Decision.ValueType") -> pb.Amendment:
        return pb.Amendment(request_id="a", decisions=[pb.ParcelDecision(decision=one) for one in decisions])

    assert "as you asked" in body(asked(pb.DECISION_DONE, pb.DECISION_TOO_LATE))
    assert "had to cancel it" in body(asked(pb.DECISION_TOO_LATE)), "it was staff who ended it"
    moved = pb.Amendment(destination=pb.Address(x=1, y=2), decisions=asked(pb.DECISION_DONE).decisions)
    assert "had to cancel it" in body(moved)
    assert "had to cancel it" in body()


def test_right_to_left_letters_stand_by_themselves_in_both_parts_of_a_letter(ann: Visitor, orders: FakeOrders) -> None:
    order, name = orders.orders[1], "\u05d3\u05e0\u05d4 3"
    order.lines[0].title = f"\u202e{name}\u2069"
    letter = letter_about(order, pb.NEWS_KIND_PLACED, "a@b.c", name, URL)
    assert letter is not None
    assert f"Hello \u2068{name}\u2069,\n" in letter.body
    assert f"2 x \u2068{name}\u2069, $" in letter.body, "and nobody's own marks are in it"
    html = as_html(letter.body)
    assert f"Hello <bdi>{name}</bdi>," in html
    assert f"2 x <bdi>{name}</bdi>, $" in html
    assert not set("\u202e\u2068\u2069") & set(html)


def test_other_letters_need_no_marks(ann: Visitor, orders: FakeOrders) -> None:
    letter = letter_about(orders.orders[1], pb.NEWS_KIND_PLACED, "a@b.c", "Zo\u00eb \N{WAVING HAND SIGN}", URL)
    assert letter is not None
    assert not set("\u2068\u2069") & set(letter.body)


def test_a_kind_that_is_not_known_yet_is_no_letter(ann: Visitor, orders: FakeOrders) -> None:
    assert letter_about(orders.orders[1], 99, "a@b.c", "Ann", URL) is None  # type: ignore[arg-type]


def test_a_letter_has_its_words_twice_and_obeys_nothing_in_them() -> None:
    text = 'Hello <b>Ann</b> & "friends",\n\ntwo\nlines\n\nhttps://shop.example/orders/1?a=1&b=2\n'
    message = email.message_from_bytes(
        compose(Letter("k", "a@b.c", "s", text), "Shop <s@h.example>", 0.0).as_bytes(), policy=email.policy.default
    )
    assert isinstance(message, EmailMessage)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == text
    assert html.get_content() == as_html(text)
    assert "<p>Hello &lt;b&gt;Ann&lt;/b&gt; &amp; &#34;friends&#34;,</p>" in as_html(text)
    assert "<p>two<br>\nlines</p>" in as_html(text)
    link = "https://shop.example/orders/1?a=1&amp;b=2"
    assert f'<a href="{link}">{link}</a>' in as_html(text)
