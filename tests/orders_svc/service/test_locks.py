"""Races that only row locks show: two connections of PostgreSQL, one step at a time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from orders_svc.service import arrivals, recognition, worlds
from orders_svc.service.current import current_world
from orders_svc.service.links import fence
from orders_svc.service.placing import Placed
from proof.checkers import check_books
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import BACKORDER, Stage


@pytest.fixture
def shop(postgresql_shop_url: str) -> Iterator[Stage]:
    stage = Stage.resumed(postgresql_shop_url)
    yield stage
    check_books(stage.engine)
    stage.engine.dispose()


@pytest.fixture
def beside() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


def until_somebody_waits(shop: Stage, work: Future[Any], others: int = 0) -> None:
    """Until the other connection waits for a lock, beside so many others; fails if it does not."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    give_up = threading.Event()
    threading.Timer(20, give_up.set).start()
    while shop.rows(query)[0][0] <= others:
        assert not work.done(), f"it was to wait, and ended: {work}"
        assert not give_up.is_set()


def test_two_who_serve_at_once_serve_each_shipment_once(
    shop: Stage, beside: Callable[..., Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "SERVED_AT_ONCE", 1)
    for _ in range(2):
        shop.place((BACKORDER, 5))
    shop.dispatch()
    shop.world_says(shop.arrived(1, (BACKORDER, 10)))
    with shop.engine.begin() as connection:
        arrivals.serve_waiting(connection, shop.patience, shop.clock.now())
        second = beside(shop.app.serve_waiting)
        until_somebody_waits(shop, second)
    second.result(20)
    check_books(shop.engine)
    while shop.app.serve_waiting():
        pass
    assert shop.stock(BACKORDER, 1) | {"reserved": 10, "awaited": 0} == shop.stock(BACKORDER, 1)


def test_two_reports_of_the_marker_do_not_wait_for_each_other(shop: Stage, beside: Callable[..., Future[Any]]) -> None:
    ask = shop.connected(shop.start().dial).ask
    (answer,) = shop.yes(ask)
    with shop.engine.begin() as connection:
        current_world(connection)
        fence(connection, "world", shop.epochs["world"])
        # It was sent again, because the first seemed lost; it stands behind the first one.
        second = beside(shop.world_says, answer)
        until_somebody_waits(shop, second)
        recognition.observe(connection, shop.world_epoch, answer, None)
    second.result(20)
    assert shop.rows("select deadlocks from pg_stat_database where datname = current_database()") == [(0,)]


def test_an_order_that_waits_for_a_switch_is_planned_in_the_new_world(
    shop: Stage, beside: Callable[..., Future[Any]]
) -> None:
    shop.announce(8)
    ask = shop.connected(shop.start(8).dial).ask
    shop.report("world", *shop.yes(ask), epoch=2)
    terms = worlds.Terms(shop.patience, False, shop.app.rng)
    request = pb.AdvanceWorldRequest(link_epoch=shop.epochs["world"], answered=pb.Answered(world_epoch=2))
    with shop.engine.begin() as connection:
        advance = worlds.Advance(connection, terms, request.link_epoch, shop.clock.now())
        assert advance.step(request).HasField("open")
        order = beside(shop.app.place_orders, [shop.request((1, 1))])
        until_somebody_waits(shop, order)
    (placed,) = order.result(20)
    assert isinstance(placed, Placed)
    assert shop.rows("select world_epoch from shipments") == [(2,)]


def test_a_switch_waits_for_an_order_that_is_being_planned(shop: Stage, beside: Callable[..., Future[Any]]) -> None:
    ask = shop.connected(shop.start().dial).ask
    with shop.engine.begin() as connection:
        current_world(connection)
        leaving = beside(shop.hand_over, ask, [shop.no(ask.commands[0], "... does not exist")])
        until_somebody_waits(shop, leaving)
    assert leaving.result(20).HasField("redial")


def test_who_plans_later_does_not_overtake_a_switch_that_waits(shop: Stage, beside: Callable[..., Future[Any]]) -> None:
    order: list[str] = []

    def take(who: str, for_switch: bool) -> None:
        with shop.engine.begin() as connection:
            current_world(connection, for_switch=for_switch)
            order.append(who)

    with shop.engine.begin() as connection:
        current_world(connection)
        switch = beside(take, "switch", True)
        until_somebody_waits(shop, switch)
        later = beside(take, "later", False)
        until_somebody_waits(shop, later, others=1)
        order.append("first")
    for one in (switch, later):
        one.result(20)
    assert order == ["first", "switch", "later"]
