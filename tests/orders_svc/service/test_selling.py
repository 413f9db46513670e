"""What sellers are told of: own lines, sums by day, and nothing else."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from orders_svc.domain.explain import Status
from orders_svc.service import selling
from orders_svc.service.amending import Wish
from orders_svc.service.reading import Wanted
from orders_svc.service.selling import DAY_SECONDS, DayOfSales
from tests.orders_svc.stage import SELLER, SHOPPER, Stage

# The sample shopper sells something, too.
OTHER = SHOPPER
MINE, THEIRS = 1, 5


@pytest.fixture
def market(shop: Stage) -> Stage:
    shop.execute(f"update offers set seller_id = {OTHER} where id = {THEIRS}")
    return shop


def figures(day: DayOfSales) -> tuple[int, int, int]:
    return day.orders, day.units, day.cents


def test_a_seller_sees_own_lines_of_an_order_and_no_others(market: Stage) -> None:
    both = market.place((MINE, 2), (THEIRS, 3))
    theirs = market.place((THEIRS, 1))
    own = market.app.sales(SELLER, None, 10)
    assert [(sale.order_id, [(line.offer_id, line.quantity) for line in sale.lines]) for sale in own] == [
        (both, [(MINE, 2)])
    ]
    others = market.app.sales(OTHER, None, 10)
    assert [(sale.order_id, [line.offer_id for line in sale.lines]) for sale in others] == [
        (theirs, [THEIRS]),
        (both, [THEIRS]),
    ]


def test_sales_come_newest_first_a_page_at_a_time(market: Stage) -> None:
    orders = [market.place((MINE, 1)) for _ in range(5)]
    first = market.app.sales(SELLER, None, 3)
    second = market.app.sales(SELLER, first[-1].order_id, 3)
    assert [sale.order_id for sale in (*first, *second)] == orders[::-1]


def test_sales_are_found_by_own_words_by_number_and_by_how_they_stand(market: Stage) -> None:
    title = market.rows(f"select title from products where id = {MINE}")[0][0]
    word = Wanted(question=title[:5].upper())
    first, second = market.place((MINE, 1), (THEIRS, 1)), market.place((MINE + 1, 1))
    assert [sale.order_id for sale in market.app.sales(SELLER, None, 9, word)] == [first]
    assert market.app.sales(OTHER, None, 9, word) == [], "only own things have names"
    assert [sale.order_id for sale in market.app.sales(SELLER, None, 9, Wanted(question=str(second)))] == [second]
    market.drive(market.parcel(second).row.id)
    under_way = Wanted(statuses=(int(Status.PACKING),))
    assert [sale.order_id for sale in market.app.sales(SELLER, None, 9, under_way)] == [first]


def test_sums_say_what_was_sold_on_each_day_but_for_what_was_cancelled(market: Stage) -> None:
    price = market.rows(f"select price_cents from offers where id = {MINE}")[0][0]
    midnight = (market.clock.now() // DAY_SECONDS + 1) * DAY_SECONDS
    market.clock.time = midnight - 1
    market.place((MINE, 2), (THEIRS, 1))
    market.clock.time = midnight
    market.place((MINE, 1))
    market.place((MINE, 4))
    gone = market.place((MINE, 5))
    market.app.amend(Wish(SHOPPER, "cancel-this", gone))
    market.clock.time = midnight + DAY_SECONDS + 5
    days = market.app.sums_of_sales(SELLER, 4)
    assert [day.begins_at - midnight for day in days] == [-2 * DAY_SECONDS, -DAY_SECONDS, 0, DAY_SECONDS]
    assert [figures(day) for day in days] == [(0, 0, 0), (1, 2, 2 * price), (2, 5, 5 * price), (0, 0, 0)]
    assert figures(market.app.sums_of_sales(OTHER, 3)[0])[:2] == (1, 1)


def test_what_is_older_than_was_asked_for_does_not_count(market: Stage) -> None:
    market.place((MINE, 2))
    market.clock.time += 2 * DAY_SECONDS
    assert [figures(day) for day in market.app.sums_of_sales(SELLER, 2)] == [(0, 0, 0), (0, 0, 0)]


def test_a_clock_that_was_set_back_meanwhile_loses_no_sale(market: Stage) -> None:
    midnight = (market.clock.now() // DAY_SECONDS + 3) * DAY_SECONDS
    for time in (midnight - 2 * DAY_SECONDS, midnight + 7200, midnight - 7200, midnight + 60):
        market.clock.time = time
        market.place((MINE, 1))
    assert [figures(day)[0] for day in market.app.sums_of_sales(SELLER, 1)] == [2]
    assert [figures(day)[0] for day in market.app.sums_of_sales(SELLER, 3)] == [1, 1, 2]


def test_lines_of_orders_long_before_are_not_walked(market: Stage) -> None:
    """So that what it costs is what was sold in these days, however much a seller sold before."""
    for _ in range(3):
        market.place((MINE, 1))
    market.clock.time += 3 * DAY_SECONDS
    market.place((MINE, 2))
    with market.app.reader.connect() as connection:
        begin = market.clock.now() // DAY_SECONDS * DAY_SECONDS
        walked = connection.execute(select(selling._LINES), {"k_seller": SELLER, "k_begin": begin}).all()
    assert len(walked) == 1


def test_no_more_lines_are_looked_at_than_the_limit(market: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selling, "MAX_SEARCHED", 2)
    orders = [market.place((MINE, 1)) for _ in range(3)]
    wanted = replace(Wanted(), question=str(orders[0]))
    assert market.app.sales(SELLER, None, 5, wanted) == []
    assert [sale.order_id for sale in market.app.sales(SELLER, orders[1], 5, wanted)] == [orders[0]]
