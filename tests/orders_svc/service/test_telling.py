"""News of orders: noted with what happened, listed until they are settled, and late once."""

from orders_svc.domain.news import News
from orders_svc.service.amending import Wish
from orders_svc.service.telling import Untold
from tests.orders_svc.stage import SHOPPER, SOLD_OUT, TICK, Stage

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


def test_without_a_time_an_order_is_late_after_the_limit(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    looks = 0
    while not kinds(shop, order_id) & News.LATE:
        ((look_at,),) = shop.rows("select look_at from order_news where order_id = :id", id=order_id)
        shop.clock.time = look_at
        shop.app.find_late()
        looks += 1
    assert shop.clock.time - shop.order(order_id).row.placed_at == shop.app.late_after_seconds
    assert looks < 25, "it is not looked at again and again"


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
