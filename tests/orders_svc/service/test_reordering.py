"""Reorder points: one fall below the point is one purchase, whoever comes at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection

from mesh.errors import NotFound
from orders_svc.service import placing
from orders_svc.service.points import ReorderRequest
from orders_svc.service.restocking import RestockRequest
from orders_svc.service.stock import StockChanges
from proof.checkers import check_books
from tests.orders_svc.service.test_locks import until_somebody_waits
from tests.orders_svc.stage import BACKORDER, SELLER, SHOPPER, SOLD_OUT, Stage

OFFER, PLACE = 1, 4


def left(shop: Stage, offer_id: int = OFFER) -> int:
    query = "select sum(available) - sum(awaited) from stock where offer_id = :id and world_epoch = :epoch"
    return int(shop.rows(query, id=offer_id, epoch=shop.world_epoch)[0][0] or 0)


def on_the_way(shop: Stage, offer_id: int = OFFER) -> int:
    query = "select sum(ordered) from stock where offer_id = :id and world_epoch = :epoch"
    return int(shop.rows(query, id=offer_id, epoch=shop.world_epoch)[0][0] or 0)


def set_point(shop: Stage, level: int, quantity: int = 25, **other: int) -> None:
    wanted = {"user_id": SELLER, "offer_id": OFFER, "warehouse_id": PLACE} | other
    shop.app.set_reorder_point(ReorderRequest(**wanted, level=level, quantity=quantity))


def bought(shop: Stage) -> list[tuple[int, int, int]]:
    """What the world is asked for now: (warehouse, offer, units)."""
    return [
        (command.buy.warehouse_id, thing.offer_id, thing.count)
        for command in shop.dispatch("world")
        if command.WhichOneof("body") == "buy"
        for thing in command.buy.things
    ]


def test_the_order_that_falls_below_the_point_buys_and_the_next_ones_do_not(shop: Stage) -> None:
    set_point(shop, left(shop) - 1)
    shop.place((OFFER, 1))
    assert bought(shop) == []
    shop.place((OFFER, 1))
    assert bought(shop) == [(PLACE, OFFER, 25)]
    for _ in range(3):
        shop.place((OFFER, 1))
    assert bought(shop) == []
    assert on_the_way(shop) == 25


def test_a_second_fall_after_the_first_purchase_has_come_buys_again(shop: Stage) -> None:
    set_point(shop, left(shop), quantity=2)
    shop.place((OFFER, 1))
    assert bought(shop) == [(PLACE, OFFER, 2)]
    shop.world_says(shop.arrived(PLACE, (OFFER, 2)))
    assert bought(shop) == []
    shop.place((OFFER, 2))
    assert bought(shop) == [(PLACE, OFFER, 2)]


def test_what_came_and_is_still_too_little_is_followed_by_more(shop: Stage) -> None:
    set_point(shop, left(shop), quantity=1)
    shop.place((OFFER, 3))
    assert bought(shop) == [(PLACE, OFFER, 1)]
    shop.world_says(shop.arrived(PLACE, (OFFER, 1)))
    assert bought(shop) == [(PLACE, OFFER, 1)]


def test_units_that_the_seller_bought_are_waited_for(shop: Stage) -> None:
    set_point(shop, left(shop))
    shop.app.restock(RestockRequest(SELLER, "restock-001", OFFER, 2, 1))
    shop.place((OFFER, 5))
    assert bought(shop) == [(2, OFFER, 1)]
    shop.world_says(shop.arrived(2, (OFFER, 1)))
    assert bought(shop) == [(PLACE, OFFER, 25)]


def test_a_point_that_is_set_too_late_buys_at_once_and_only_once(shop: Stage) -> None:
    for _ in range(3):
        set_point(shop, left(shop) + 1)
    assert bought(shop) == [(PLACE, OFFER, 25)]


def test_an_offer_that_never_had_stock_is_bought_when_its_point_is_set(shop: Stage) -> None:
    set_point(shop, 3, offer_id=SOLD_OUT)
    assert bought(shop) == [(PLACE, SOLD_OUT, 25)]


def test_units_that_are_promised_are_not_left(shop: Stage) -> None:
    shop.place((BACKORDER, 4))
    set_point(shop, 1, quantity=7, offer_id=BACKORDER)
    ((place, _, units),) = bought(shop)
    assert units == 4, "they are on their way"
    shop.world_says(shop.arrived(place, (BACKORDER, 4)))
    assert bought(shop) == [(PLACE, BACKORDER, 7)]


def test_without_a_point_nothing_is_bought(shop: Stage) -> None:
    set_point(shop, left(shop))
    set_point(shop, 0)
    shop.place((OFFER, 1))
    assert bought(shop) == []


def test_of_what_was_withdrawn_no_more_is_bought(shop: Stage) -> None:
    set_point(shop, left(shop), quantity=1)
    shop.place((OFFER, 3))
    assert bought(shop) == [(PLACE, OFFER, 1)]
    shop.execute("update offers set withdrawn_at = 1 where id = :id", id=OFFER)
    shop.world_says(shop.arrived(PLACE, (OFFER, 1)))
    assert bought(shop) == []


def test_two_orders_that_take_from_different_warehouses_at_once_buy_once(
    postgresql_shop_url: str, beside: Callable[..., Future[Any]]
) -> None:
    shop = Stage.resumed(postgresql_shop_url)
    near, far = shop.rows(
        "select warehouses.id, x, y from stock join warehouses on warehouses.id = warehouse_id"
        " where offer_id = 1 and available > 1 order by warehouses.id limit 2"
    )
    level = left(shop) - 1
    set_point(shop, level)
    first, second = (shop.request((OFFER, 1), at=(place.x, place.y)) for place in (near, far))
    with shop.engine.begin() as connection:
        placing.place_orders(connection, shop.patience, [first], shop.clock.now())
        other = beside(shop.app.place_orders, [second])
        until_somebody_waits(shop, other)
    other.result(20)
    assert (left(shop), on_the_way(shop)) == (level - 1, 25)
    check_books(shop.engine)
    shop.engine.dispose()


def test_a_point_that_is_set_while_an_order_takes_units_sees_what_it_leaves(
    postgresql_shop_url: str, beside: Callable[..., Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Stage.resumed(postgresql_shop_url)
    level = left(shop)
    write = StockChanges.write
    setting: list[Future[Any]] = []

    def write_beside(stock: StockChanges, connection: Connection) -> None:
        """The order has found no point, and has not taken its units yet."""
        monkeypatch.undo()
        setting.append(beside(set_point, shop, level))
        until_somebody_waits(shop, setting[0])
        write(stock, connection)

    monkeypatch.setattr(StockChanges, "write", write_beside)
    shop.place((OFFER, 1))
    setting[0].result(20)
    assert (left(shop), on_the_way(shop)) == (level - 1, 25)
    check_books(shop.engine)
    shop.engine.dispose()


@pytest.fixture
def beside() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"user_id": SHOPPER}, "OFFER_NOT_FOUND"),
        ({"offer_id": 99_999}, "OFFER_NOT_FOUND"),
        ({"warehouse_id": 99}, "WAREHOUSE_NOT_FOUND"),
    ],
)
def test_only_own_offers_and_known_warehouses(shop: Stage, wrong: dict[str, int], reason: str) -> None:
    with pytest.raises(NotFound) as refused:
        set_point(shop, 5, **wrong)
    assert refused.value.reason == reason
    assert shop.rows("select count(*) from reorder_points") == [(0,)]
