"""Order pages: true at every step, followed by event, poll or reload, and nobody else's."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from mesh.channel import open_channel
from mesh.errors import NotFound, Unavailable
from shop.orders.v1 import orders_pb2 as pb
from storefront.bootstrap import Storefront
from storefront.orders import routes
from storefront.orders.fanout import MOST_ORDERS, REMEMBERED, Fanout, Subscription, TooManyListeners
from storefront.orders.feed import Feed
from storefront.orders_client import Deadlines, OrdersClient
from tests.storefront.fake_orders import TOKENS, FakeOrders, serving
from tests.storefront.visitor import Visitor
from tests.waiting import wait_until


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: what storefront asks of both is tested with the cart, checkout and catalogue."""
    return sqlite_url


def ordered(visitor: Visitor) -> Visitor:
    visitor.register().put_in_cart(1, 2)
    return visitor.get("/checkout").submit("/checkout", x="4", y="5", ups_account="ann-ups")


def test_the_page_tells_each_step_and_who_is_waited_for(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    assert visitor.sees("Being packed")
    assert visitor.sees("Waiting for the warehouse since")
    assert visitor.sees("Next: the parcel is packed")
    assert visitor.sees("(4, 5)")
    assert visitor.sees("ann-ups")
    tracking = str(orders.orders[1].shipments[0].shipment_id)
    assert visitor.sees(tracking)
    for words in ("Waiting for the truck", "Being loaded", "Out for delivery", "Delivered"):
        orders.advance(1)
        assert visitor.get("/orders/1").sees(words)
    assert visitor.sees("Truck 7")
    assert not visitor.sees("Waiting for")


def test_without_a_script_the_page_reloads_itself_until_the_order_has_ended(
    visitor: Visitor, orders: FakeOrders
) -> None:
    ordered(visitor)
    assert '<noscript><meta http-equiv="refresh"' in visitor.get("/orders/1").response.get_data(as_text=True)
    for _ in range(4):
        orders.advance(1)
    assert "refresh" not in visitor.get("/orders/1").response.get_data(as_text=True)


def test_the_page_of_a_delivered_order_goes_on_until_ups_has_answered(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    decision = orders.orders[1].amendments.add(request_id="cancel-1").decisions.add(parcel=1)
    decision.decision = pb.DECISION_ASKED
    for _ in range(4):
        orders.advance(1)
    page = visitor.get("/orders/1").response.get_data(as_text=True)
    assert "order.js" in page
    assert "data-ended" not in page
    decision.decision = pb.DECISION_TOO_LATE
    assert "data-ended" in visitor.get("/orders/1").response.get_data(as_text=True)


def test_the_part_that_changes_is_the_same_as_in_the_page(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    part = visitor.get("/orders/1/live").response.get_data(as_text=True).strip()
    assert part.startswith("<div data-version=")
    assert part in visitor.get("/orders/1").response.get_data(as_text=True)


def test_each_parcel_of_an_order_is_told_apart(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    order = orders.orders[1]
    other = order.shipments.add()
    other.CopyFrom(order.shipments[0])
    other.shipment_id, other.warehouse_name = 424242, "Hill"
    other.waiting.who = "UPS, which cannot be reached at the moment"
    other.waiting.next = "your order is safe; once that is over, the truck comes to the warehouse"
    for shipment, latest in ((order.shipments[0], 100), (other, 200)):
        shipment.expected.earliest.seconds, shipment.expected.latest.seconds = 50, latest
    visitor.get("/orders/1")
    for words in (
        "Parcel 1 of 2",
        "Parcel 2 of 2",
        "424242",
        str(order.shipments[0].shipment_id),
        "Waiting for UPS, which cannot be reached at the moment since",
        "Next: your order is safe; once that is over",
        "The last parcel is expected between",
    ):
        assert visitor.sees(words), words


def test_a_parcel_that_was_begun_anew_says_so_and_is_paid_for_once(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    assert not visitor.sees("begun anew")
    orders.orders[1].shipments[0].attempt = 2
    assert visitor.get("/orders/1").sees(
        "What was begun before was given up, and this parcel was begun anew: attempt 2. It is paid for once."
    )


def test_what_needs_attention_says_why_and_what_happens_next(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    shipment = orders.orders[1].shipments[0]
    shipment.attention_reason = "Tried 12 times without success."
    assert visitor.get("/orders/1").sees("This parcel needs our attention since")
    assert visitor.sees("Tried 12 times without success.")
    assert visitor.sees("Next: somebody of ours looks at it")


def test_what_is_read_out_has_the_last_answer_in_it(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    assert 'data-words="Order 1: Being packed"' in visitor.response.get_data(as_text=True)
    asked = orders.orders[1].amendments.add(request_id="cancel-1")
    asked.decisions.add(parcel=1, decision=pb.DECISION_ASKED, reason="UPS is asked")
    page = visitor.get("/orders/1").response.get_data(as_text=True)
    assert 'data-words="Order 1: Being packed. Cancel the order: Asked, waiting for UPS"' in page


def test_words_of_others_are_shown_as_words(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    shipment = orders.orders[1].shipments[0]
    shipment.waiting.who = shipment.history[0].what = "<script>alert(1)</script>"
    page = visitor.get("/orders/1").response.get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_list_shows_orders_newest_first_by_pages(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    for _ in range(24):
        visitor.put_in_cart(1)
        visitor.get("/checkout").press("/checkout", x="1", y="1")
    links = [link for link in visitor.get("/orders").page.links if link.startswith("/orders/")]
    assert links == [f"/orders/{number}" for number in range(25, 5, -1)]
    older = next(link for link in visitor.page.links if "page=" in link)
    links = [link for link in visitor.get(older).page.links if link.startswith("/orders/")]
    assert links == [f"/orders/{number}" for number in range(5, 0, -1)]


def test_a_strange_page_of_the_list_leads_to_the_first(visitor: Visitor) -> None:
    ordered(visitor)
    assert visitor.follow(visitor.get("/orders?page=nonsense").response).path == "/orders"
    assert visitor.status == 200


@pytest.mark.parametrize("path", ["/orders/2", "/orders/9223372036854775807", "/orders/9223372036854775808"])
def test_an_order_that_never_was_is_unknown(visitor: Visitor, path: str) -> None:
    assert ordered(visitor).get(path).status == 404


def test_while_orders_svc_is_away_the_shop_stays_open_and_says_so(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    assert visitor.get("/orders/1").status == 503
    assert visitor.sees("Every order is safe with it")
    assert visitor.response.headers["Retry-After"] == "5"
    assert visitor.get("/products/1").status == 200
    assert visitor.get("/orders/1/live").status == 503


def test_a_browser_that_listens_is_told_of_its_shoppers_orders_and_of_no_other(
    shop: Storefront, visitor: Visitor, another: Visitor, orders: FakeOrders
) -> None:
    ordered(visitor)
    another.register("Bob", "bob@example.org")
    another.put_in_cart(1)
    another.get("/checkout").submit("/checkout", x="1", y="2")
    with running(shop, orders), listening(visitor) as events:
        assert next(events) == "retry: 2000\n\n"
        assert "event: again" in next(events)
        orders.changed(2)
        orders.changed(1)
        told = next(events)
        assert 'event: changed\ndata: {"order": 1, "version": 2}\n\n' in told
        assert '"order": 2' not in told
    assert shop.fanout.listeners == 0


def test_a_browser_that_comes_back_is_told_what_it_missed_and_nothing_else(
    shop: Storefront, visitor: Visitor, orders: FakeOrders
) -> None:
    ordered(visitor)
    with running(shop, orders):
        with listening(visitor) as events:
            next(events)
            position = position_in(next(events))
        orders.changed(1)
        orders.changed(1)
        wait_until(lambda: shop.fanout.position == 3)
        with listening(visitor, heard_until=position) as events:
            next(events)
            missed = next(events)
            assert 'data: {"order": 1, "version": 3}' in missed
            assert "again" not in missed
            position = position_in(missed)
        with listening(visitor, heard_until=position) as events:
            next(events)
            orders.changed(1)
            assert 'data: {"order": 1, "version": 4}' in next(events)


@pytest.mark.parametrize(
    "heard", ["", "other-1", "x", "-", "-1", "{life}-99", "{life}--1", "{life}-" + "9" * 40, "\x00"]
)
def test_a_browser_whose_position_means_nothing_here_reads_everything_again(heard: str) -> None:
    fanout = Fanout(limit=4, limit_per_user=4)
    fanout.connected = True
    life = fanout.name_of(0).partition("-")[0]
    assert fanout.subscribe(1, heard.replace("{life}", life)).take(0).read_again


def test_places_for_browsers_that_listen_are_limited_with_a_share_for_each_shopper(
    visitor: Visitor, shop: Storefront, orders: FakeOrders
) -> None:
    ordered(visitor)
    opened = [visitor.client.get("/orders/events") for _ in range(5)]
    assert [answer.status_code for answer in opened] == [200, 200, 200, 200, 503]
    assert visitor.get("/orders/1").status == 200
    for answer in opened:
        answer.close()
    assert shop.fanout.listeners == 0


def test_a_stream_ends_after_a_while_and_the_browser_comes_back_at_once(
    shop: Storefront, visitor: Visitor, orders: FakeOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "WAITS_PER_STREAM", 3)
    ordered(visitor)
    with running(shop, orders), listening(visitor) as events:
        assert next(events) == "retry: 2000\n\n"
        next(events)
        orders.changed(1)
        next(events)
        orders.changed(1)
        told = list(events)
        assert told[-1] == "retry: 50\n\n"
        position = position_in(told[0])
        orders.changed(1)
        wait_until(lambda: shop.fanout.name_of(shop.fanout.position) != position)
        with listening(visitor, heard_until=position) as again:
            next(again)
            assert '"version": 4' in next(again)


def test_a_guest_hears_nothing(visitor: Visitor) -> None:
    assert visitor.get("/orders/events").status == 303


def test_stopping_ends_every_stream(shop: Storefront, visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    with running(shop, orders), listening(visitor) as events:
        next(events)
        reader = threading.Thread(target=lambda: list(events))
        reader.start()
        shop.begin_stop()
        reader.join(10)
        assert not reader.is_alive()


def test_after_a_cut_the_feed_comes_back_and_tells_everybody_to_read_again(engine: Engine) -> None:
    orders, fanout = FakeOrders(engine), Fanout(limit=4, limit_per_user=4)
    browser = fanout.subscribe(7)
    with serving(orders) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", TOKENS.token_of("storefront"))
        feed = Feed(OrdersClient(channel, Deadlines()), fanout, _Even())
        feed.start()
        wait_until(lambda: fanout.connected)
        while browser.take(0.05).read_again:
            pass
        orders.cut_streams()
        assert browser.take(10).read_again
        wait_until(lambda: fanout.connected and orders.watchers == 1)
        feed.stop()
        feed.join(10)
        channel.close()


def test_a_browser_that_has_gone_gives_its_place_back_once() -> None:
    fanout = Fanout(limit=2, limit_per_user=1)
    first = fanout.subscribe(1)
    with pytest.raises(TooManyListeners):
        fanout.subscribe(1)
    second = fanout.subscribe(2)
    with pytest.raises(TooManyListeners):
        fanout.subscribe(3)
    first.close()
    first.close()
    fanout.subscribe(1)
    second.close()
    assert fanout.listeners == 1


def connected_fanout() -> tuple[Fanout, Subscription]:
    """A fan-out whose stream is there, and a browser of shopper 1 that has read everything."""
    fanout = Fanout(limit=9, limit_per_user=9)
    fanout.connected = True
    browser = fanout.subscribe(1)
    assert browser.take(0).read_again
    return fanout, browser


def test_several_changes_of_an_order_are_told_as_its_last() -> None:
    fanout, browser = connected_fanout()
    for version in (2, 4, 3):
        fanout.order_changed(10, 1, version)
    fanout.order_changed(11, 1, 7)
    fanout.order_changed(12, 2, 7)
    assert dict(browser.take(1).changes) == {10: 4, 11: 7}
    assert not browser.take(0).changes


def test_while_our_own_stream_is_cut_every_wait_says_read_again() -> None:
    fanout, browser = connected_fanout()
    assert not browser.take(0.01).read_again
    fanout.connected = False
    assert browser.take(0.01).read_again
    assert fanout.subscribe(1, browser.take(0).position).take(0).read_again


def test_who_is_slow_is_told_to_read_again_and_takes_no_memory() -> None:
    fanout, browser = connected_fanout()
    for order_id in range(MOST_ORDERS + 1):
        fanout.order_changed(order_id, 1, 1)
    news = browser.take(1)
    assert (news.read_again, dict(news.changes)) == (True, {})


def test_what_is_too_long_ago_to_be_remembered_is_read_again() -> None:
    fanout, browser = connected_fanout()
    position = browser.take(0).position
    for number in range(REMEMBERED):
        fanout.order_changed(5, 2, number)
    assert not fanout.subscribe(1, position).take(0).read_again
    fanout.order_changed(5, 2, REMEMBERED)
    assert fanout.subscribe(1, position).take(0).read_again


def test_a_resync_forgets_what_was_heard() -> None:
    fanout, browser = connected_fanout()
    position = browser.take(0).position
    fanout.resync()
    assert browser.take(0).read_again
    assert fanout.subscribe(1, position).take(0).read_again


def test_the_order_page_asks_the_database_only_who_is_there(
    visitor: Visitor, count_queries: Callable[[], list[str]]
) -> None:
    ordered(visitor)
    count_queries()
    visitor.get("/orders/1")
    # And the warehouses, for the map; and the products, to lead back to them.
    assert len(count_queries()) == 3
    visitor.get("/orders/1/live")
    assert len(count_queries()) == 2
    visitor.get("/orders")
    assert len(count_queries()) == 2


def test_what_orders_svc_says_of_an_unknown_order_stays_between_us(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    orders.get_refusal = NotFound("ORDER_NOT_FOUND", "order 1 belongs to user 5")
    assert visitor.get("/orders/1").status == 404
    assert not visitor.sees("user 5")


class _Even:
    def uniform(self, _low: float, _high: float) -> float:
        return 1.0


@contextmanager
def running(shop: Storefront, orders: FakeOrders) -> Iterator[None]:
    shop.start()
    try:
        wait_until(lambda: shop.fanout.connected)
        yield
    finally:
        shop.stop()


@contextmanager
def listening(visitor: Visitor, *, heard_until: str = "") -> Iterator[Iterator[str]]:
    answer = visitor.client.get("/orders/events", headers={"Last-Event-ID": heard_until} if heard_until else {})
    assert answer.mimetype == "text/event-stream"
    chunks = (chunk.decode() if isinstance(chunk, bytes) else chunk for chunk in answer.response)
    yield (chunk for chunk in chunks if not chunk.startswith(":"))
    answer.close()


def position_in(told: str) -> str:
    return next(line.removeprefix("id: ") for line in told.splitlines() if line.startswith("id: "))
