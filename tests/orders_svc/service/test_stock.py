"""Arrivals, restocking and the initial stock."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from db.engine import make_engine
from db.orders.messages import Installation
from db.seed.stock import INITIAL_STOCK
from mesh.errors import AlreadyExists, NotFound
from orders_svc.domain.explain import Status
from orders_svc.service.installation import install
from orders_svc.service.restocking import RestockRequest
from proof.checkers import check_books
from tests.orders_svc.stage import BACKORDER, SELLER, Clock, Stage

ORDER = RestockRequest(SELLER, "restock-001", 1, 1, 5)


def test_the_initial_stock_is_bought_and_arrives(shop: Stage) -> None:
    for entry in INITIAL_STOCK:
        stock = shop.stock(entry.offer_id, entry.warehouse_id)
        assert (stock["available"], stock["ordered"]) == (entry.quantity, 0)


def test_an_installation_is_made_once(stage: Stage) -> None:
    before = stage.rows("select count(*), min(id), max(id) from outbox")
    assert install(stage.engine, stage.clock.now() + 100) is False
    assert stage.rows("select count(*), min(id), max(id) from outbox") == before
    assert stage.rows("select count(*) from worlds") == [(1,)]


def test_two_installations_at_once_make_one(database_url: str) -> None:
    clock = Clock()
    engine = make_engine(database_url, clock)
    barrier = threading.Barrier(4)

    def begin(_number: int) -> bool:
        barrier.wait()
        return install(engine, clock.now())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(4))) == [False, False, False, True]
    check_books(engine)
    engine.dispose()


def test_ids_begin_at_the_installations_time(shop: Stage) -> None:
    with shop.engine.begin() as connection:
        made = connection.execute(select(Installation.created_at, Installation.first_id)).one()
    assert made.first_id == int(made.created_at) << 20
    assert shop.rows("select min(id) from outbox") == [(made.first_id,)]
    assert shop.parcel(shop.place((1, 1))).row.id == made.first_id
    assert shop.rows("select id from orders") == [(1,)]
    # Exact in a double, and far from the markers.
    assert made.first_id < 2**51


def test_ids_are_not_used_again_after_a_rollback_or_a_deletion(shop: Stage) -> None:
    before = shop.rows("select max(id) from outbox")[0][0]
    shop.place((1, 1))
    newest = shop.rows("select max(id) from outbox")[0][0]
    with shop.engine.begin() as connection:
        connection.exec_driver_sql(f"delete from outbox where id > {before}")
    shop.place((1, 1))
    assert shop.rows(f"select min(id) from outbox where id > {before}")[0][0] > newest
    shop.execute("delete from shipment_steps")
    shop.execute("delete from shipment_items")
    shop.execute("delete from shipments")
    shop.execute("delete from order_news")
    shop.execute("delete from order_lines")
    shop.execute("delete from orders")
    shop.execute("update stock set available = available + reserved, reserved = 0")
    shop.execute("delete from outbox where shipment_id is not null")


def test_an_arrival_serves_the_oldest_first_and_none_of_them_twice(shop: Stage) -> None:
    first, second, third = (shop.place((BACKORDER, n)) for n in (2, 3, 1))
    shop.dispatch()
    shop.world_says(shop.arrived(1, (BACKORDER, 4)))
    shop.app.serve_waiting()
    statuses = [shop.order(order).row.status for order in (first, second, third)]
    # The second waits for its third unit; the one after it does not overtake.
    assert statuses == [Status.PACKING, Status.AWAITING_STOCK, Status.AWAITING_STOCK]
    shop.app.serve_waiting()
    assert [shop.order(order).row.status for order in (first, second, third)] == statuses
    shop.world_says(shop.arrived(1, (BACKORDER, 2)))
    shop.app.serve_waiting()
    assert {shop.order(order).row.status for order in (first, second, third)} == {Status.PACKING}
    assert len(shop.sent("pack")) == 3


def test_more_than_are_served_at_once_are_served_in_turns(shop: Stage) -> None:
    shop.app.place_orders([shop.request((BACKORDER, 1)) for _ in range(120)])
    shop.stocked()
    assert shop.rows("select goods, count(*) from shipments group by 1") == [("packing", 120)]


def test_a_parcel_is_packed_when_the_last_of_its_goods_has_come(shop: Stage) -> None:
    shop.execute("update offers set allow_backorder = :yes where id = 46", yes=True)
    order = shop.place((BACKORDER, 1), (46, 1))
    shop.world_says(shop.arrived(1, (46, 1)))
    shop.app.serve_waiting()
    assert shop.order(order).row.status == Status.AWAITING_STOCK
    assert shop.stock(46, 1)["reserved"] == 1
    shop.world_says(shop.arrived(1, (BACKORDER, 1)))
    shop.app.serve_waiting()
    assert shop.order(order).row.status == Status.PACKING


def test_a_late_order_does_not_take_units_that_are_promised(shop: Stage) -> None:
    shop.execute("update offers set allow_backorder = :yes where id = 46", yes=True)
    shop.place((46, 3))
    shop.execute("update offers set allow_backorder = :no where id = 46", no=False)
    shop.dispatch()
    # Three have arrived and nobody has been served yet.
    shop.world_says(shop.arrived(1, (46, 3)))
    (answer,) = shop.app.place_orders([shop.request((46, 1))])
    assert getattr(answer, "reason", "") == "OUT_OF_STOCK"
    shop.app.serve_waiting()


def test_one_thing_twice_in_one_arrival_is_added_up(shop: Stage) -> None:
    shop.place((BACKORDER, 5))
    shop.world_says(shop.arrived(1, (BACKORDER, 2), (BACKORDER, 3)))
    assert shop.stock(BACKORDER, 1) | {"arrived": 5, "ordered": 0} == shop.stock(BACKORDER, 1)


def test_a_restock_is_bought_once(shop: Stage) -> None:
    before = shop.stock(1, 1)["ordered"]
    assert shop.app.restock(ORDER) is False
    assert shop.app.restock(ORDER) is True
    assert shop.stock(1, 1)["ordered"] == before + 5
    (buy,) = shop.sent("buy")
    assert [(thing.offer_id, thing.count) for thing in buy.things] == [(1, 5)]
    with pytest.raises(AlreadyExists):
        shop.app.restock(replace(ORDER, quantity=6))


def test_threads_with_one_restock_buy_once(shop: Stage) -> None:
    barrier = threading.Barrier(6)

    def buy(_number: int) -> bool:
        barrier.wait()
        return shop.app.restock(ORDER)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(buy, range(6))).count(False) == 1
    assert len(shop.sent("buy")) == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"user_id": 2}, "OFFER_NOT_FOUND"),
        ({"offer_id": 9_999}, "OFFER_NOT_FOUND"),
        ({"offer_id": 2**62}, "OFFER_NOT_FOUND"),
        ({"warehouse_id": 11}, "WAREHOUSE_NOT_FOUND"),
        ({"warehouse_id": 2**62}, "WAREHOUSE_NOT_FOUND"),
    ],
)
def test_a_restock_of_what_is_not_there_or_not_mine_is_refused(shop: Stage, wrong: dict, reason: str) -> None:
    with pytest.raises(NotFound) as refused:
        shop.app.restock(replace(ORDER, **wrong))
    assert refused.value.reason == reason
    assert shop.rows("select count(*) from restocks") == [(0,)]


def test_restocked_units_serve_who_waits(shop: Stage) -> None:
    shop.app.restock(replace(ORDER, offer_id=46))
    # Units that are coming may be promised, and no more than those.
    assert shop.order(shop.place((46, 5))).row.status == Status.AWAITING_STOCK
    (answer,) = shop.app.place_orders([shop.request((46, 1))])
    assert getattr(answer, "reason", "") == "OUT_OF_STOCK"
    shop.stocked()
    assert shop.order(1).row.status == Status.PACKING


def test_waiting_takes_no_writers_turn(shop: Stage) -> None:
    """Who only looks whether there is something to do never keeps anybody else from writing."""
    shop.place((BACKORDER, 2))
    begun: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *args: begun.append(args[2]))
    assert not shop.app.serve_waiting()
    assert not shop.app.ask_overdue()
    assert not [statement for statement in begun if not statement.startswith(("SELECT", "BEGIN"))]
    assert "BEGIN IMMEDIATE" not in begun
    assert not [statement for statement in begun if "FOR " in statement]
