"""News of orders: noted with what happened, listed until they are settled, and late once."""

from sqlalchemy import event

from orders_svc.domain.explain import Status
from orders_svc.domain.news import News
from orders_svc.service.amending import Wish
from orders_svc.service.telling import LOOKED_AT_ONCE, Untold
from tests.orders_svc.stage import BACKORDER, SHOPPER, SOLD_OUT, TICK, Stage

FAR = 10**6


def untold(stage: Stage) -> list[Untold]:
    return stage.app.untold(0, 100)


def kinds(stage: Stage, order_id: int) -> News:
    return next((one.news for one in untold(stage) if one.order_id == order_id), News(0))


def settle(stage: Stage) -> None:
    stage.app.settle_news({one.order_id: one.news for one in untold(stage)})


def test_what_happens_to_an_order_is_told_as_it_happens(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    assert untold(shop) == [Untold(order_id, SHOPPER, News.PLACED)]
    settle(shop)
    shop.drive(shop.parcel(order_id).row.id, until="truck")
    assert untold(shop) == [], "nothing that is worth a letter"
    shop.world_says(shop.loaded(shop.parcel(order_id).row.id))
    assert kinds(shop, order_id) == News.SHIPPED
    shop.ups_says(shop.delivered(shop.parcel(order_id).row.id))
    assert kinds(shop, order_id) == News.SHIPPED | News.DELIVERED, "what is not settled stays"
    settle(shop)
    assert untold(shop) == []


def test_a_refused_order_is_no_news(shop: Stage) -> None:
    shop.app.place_orders([shop.request((SOLD_OUT, 1))])
    assert untold(shop) == []


def test_an_order_of_two_parcels_is_delivered_with_the_last_one(shop: Stage) -> None:
    order_id = shop.place((1, 20), (25, 1))
    parcels = [one.row.id for one in shop.order(order_id).parcels]
    assert len(parcels) == 2
    shop.drive(parcels[0])
    assert kinds(shop, order_id) == News.PLACED | News.SHIPPED
    shop.drive(parcels[1])
    assert kinds(shop, order_id) == News.PLACED | News.SHIPPED | News.DELIVERED


def test_a_cancelled_order_is_news_too(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.app.amend(Wish(SHOPPER, "take-it-back", order_id))
    assert kinds(shop, order_id) == News.PLACED | News.CANCELLED


def test_settling_more_than_happened_keeps_what_is_to_come(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.app.settle_news({order_id: News.PLACED | News.DELIVERED, order_id + 1: News.PLACED})
    shop.drive(shop.parcel(order_id).row.id)
    assert kinds(shop, order_id) == News.SHIPPED | News.DELIVERED


def test_pages_of_news_follow_one_another(shop: Stage) -> None:
    ids = [shop.place((1, 1)) for _ in range(3)]
    first = shop.app.untold(0, 2)
    assert [one.order_id for one in first] == ids[:2]
    assert [one.order_id for one in shop.app.untold(ids[1], 2)] == ids[2:]


def look(stage: Stage, ticks: float) -> None:
    """Time passes, and the worker looks."""
    stage.clock.time += ticks * TICK
    while stage.app.find_late():
        pass


def test_an_order_is_late_once_what_was_promised_is_well_past(shop: Stage) -> None:
    for _ in range(5):
        shop.drive(shop.parcel(shop.place((1, 1))).row.id)
    settle(shop)
    order_id = shop.place((1, 1))
    look(shop, 3)
    (promised,) = shop.rows("select promised_at from order_news where order_id = :id", id=order_id)
    assert promised[0] is not None
    look(shop, 3)
    assert not kinds(shop, order_id) & News.LATE, "not yet"
    look(shop, FAR)
    assert kinds(shop, order_id) & News.LATE
    settle(shop)
    look(shop, FAR)
    assert untold(shop) == [], "once"
    assert shop.rows("select promised_at from order_news where order_id = :id", id=order_id) == [promised]


def look_at(stage: Stage, order_id: int) -> float:
    ((at,),) = stage.rows("select look_at from order_news where order_id = :id", id=order_id)
    return float(at)


def test_without_a_time_an_order_is_late_after_the_limit_and_not_looked_at_before(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    look(shop, 3)
    limit = shop.order(order_id).row.placed_at + shop.app.late_after_seconds
    assert look_at(shop, order_id) == limit
    shop.clock.time = limit - 1
    look(shop, 0)
    assert not kinds(shop, order_id) & News.LATE
    look(shop, 1)
    assert kinds(shop, order_id) & News.LATE


def test_what_can_be_told_after_a_move_is_what_was_promised(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.lapse("ups")
    look(shop, 3)
    for _ in range(5):
        shop.drive(shop.parcel(shop.place((1, 1))).row.id)
    look(shop, 3)
    assert look_at(shop, order_id) > shop.clock.time + 1000, "nothing has moved"
    shop.drive(shop.parcel(order_id).row.id, until="packed")
    look(shop, 0)
    assert look_at(shop, order_id) > shop.clock.time + 1000, "UPS is away"
    shop.execute("update links set lease_until_at = 1e12 where name = 'ups'")
    shop.ups_says(shop.truck(shop.parcel(order_id).row.id))
    look(shop, 0)
    promised = shop.parcel(order_id).expected
    assert promised is not None
    look(shop, FAR)
    assert shop.rows("select promised_at from order_news where order_id = :id", id=order_id) == [(promised.latest,)]
    assert kinds(shop, order_id) & News.LATE


def test_a_move_makes_no_new_promise(shop: Stage) -> None:
    for _ in range(5):
        shop.drive(shop.parcel(shop.place((1, 1))).row.id)
    order_id = shop.place((1, 1))
    look(shop, 3)
    before = look_at(shop, order_id)
    shop.drive(shop.parcel(order_id).row.id, until="truck")
    assert look_at(shop, order_id) == before


def test_a_look_sees_until_when_the_page_expects_each_order(shop: Stage) -> None:
    for ticks in range(5):
        shop.clock.time += ticks * TICK
        shop.drive(shop.parcel(shop.place((1, 1))).row.id)
    ids = [shop.place((1, 1)), shop.place((1, 20), (25, 1)), shop.place((1, 1)), shop.place((BACKORDER, 1))]
    shop.drive(shop.parcel(ids[0]).row.id, until="truck")
    shop.execute("update shipments set attention_reason = 'stuck' where order_id = :id", id=ids[2])
    shop.execute("update orders set status = :status where id = :id", id=ids[2], status=int(Status.NEEDS_ATTENTION))
    with shop.app.reader.begin() as connection:
        latest = shop.app.expecting.latest(connection, ids, shop.clock.time)
    shown = {}
    for order_id in ids:
        ranges = [parcel.expected for parcel in shop.order(order_id).parcels]
        if known := [one.latest for one in ranges if one is not None]:
            assert len(known) == len(ranges)
            shown[order_id] = max(known)
    assert latest == shown
    assert list(shown) == ids[:2]


def test_a_look_at_many_orders_asks_no_more_than_at_one(shop: Stage) -> None:
    for _ in range(5):
        shop.drive(shop.parcel(shop.place((1, 1))).row.id)

    def statements(orders: int) -> int:
        for _ in range(orders):
            shop.place((1, 1))
        asked: list[str] = []
        note = lambda *of: asked.append(of[2])  # noqa: E731
        shop.clock.time += 3 * TICK
        event.listen(shop.engine, "before_cursor_execute", note)
        shop.app.find_late()
        event.remove(shop.engine, "before_cursor_execute", note)
        return len([one for one in asked if one.startswith("SELECT")])

    assert 0 < statements(1) == statements(LOOKED_AT_ONCE - 1)


def test_who_has_ended_is_never_late(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.drive(shop.parcel(order_id).row.id)
    look(shop, FAR)
    assert not kinds(shop, order_id) & News.LATE


def test_looking_for_who_is_late_costs_nothing_while_nobody_may_be(shop: Stage) -> None:
    for _ in range(3):
        shop.place((1, 1))
    look(shop, 3)
    before = shop.rows("select look_at from order_news order by order_id")
    look(shop, 0)
    assert shop.rows("select look_at from order_news order by order_id") == before
