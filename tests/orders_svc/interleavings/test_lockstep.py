"""The scheduler itself: it makes each order of the statements happen, and finds what is wrong on purpose."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from db.clock import SystemClock
from db.engine import make_engine
from orders_svc.service.transactions import LostRace, transact
from tests.orders_svc.interleavings.footprints import Footprint, distinct, footprints
from tests.orders_svc.interleavings.lockstep import COMMIT, Outcome, Schedule, run, schedules

ORDER = "select id from orders where id = 1 for update"
STOCK = "select offer_id from stock where offer_id = 1 for update"


@pytest.fixture
def engines(postgresql_url: str) -> Iterator[list[Engine]]:
    """Three on a database with an order and a row of stock: two for the sides, one for those who look."""
    made = [make_engine(postgresql_url, SystemClock(), pool_size=2) for _ in range(3)]
    with made[2].begin() as connection:
        connection.execute(text("insert into warehouses (id, name, x, y) values (1, 'here', 0, 0)"))
        connection.execute(
            text(
                "insert into stock (world_epoch, offer_id, warehouse_id, arrived, available, reserved, packed,"
                " scrapped, ordered, awaited) values (1, 1, 1, 5, 5, 0, 0, 0, 0, 0)"
            )
        )
        connection.execute(
            text(
                "insert into orders (id, user_id, request_id, request_digest, x, y, ups_account, total_cents, status,"
                " version, placed_at) values (1, 1, 'request', '', 0, 0, '', 0, 1, 1, 0)"
            )
        )
    yield made
    for engine in made:
        engine.dispose()


def play(engines: list[Engine], schedule: Schedule, *works: Callable[[Connection], Any]) -> Outcome:
    sides = [
        lambda engine=engine, work=work: transact(engine, work) for engine, work in zip(engines, works, strict=False)
    ]
    return run((engines[0], engines[1]), (sides[0], sides[1]), schedule, engines[2])


def says(*statements: str) -> Callable[[Connection], Any]:
    def work(connection: Connection) -> Any:
        return [connection.execute(text(statement)).all() for statement in statements]

    return work


def every(
    first: Callable[[Connection], Any], second: Callable[[Connection], Any], engines: list[Engine]
) -> list[Outcome]:
    lengths = [
        len(play(engines, Schedule(0), *works).endings[0].statements) for works in ((first, says()), (second, says()))
    ]
    return [play(engines, one, first, second) for one in schedules((lengths[0], lengths[1]), 2)]


def available(engines: list[Engine]) -> int:
    with engines[2].begin() as connection:
        return int(connection.execute(text("select available from stock")).scalar_one())


def test_statements_are_made_in_the_order_that_was_asked_for(engines: list[Engine]) -> None:
    outcome = play(
        engines, Schedule(1, (1, 2)), says("select 1", "select 2", "select 3"), says("select 11", "select 12")
    )
    assert [statement for _, statement in outcome.taken] == [
        "select 11", "select 1", "select 2", "select 12", COMMIT, "select 3", COMMIT,
    ]  # fmt: skip
    assert not outcome.deadlocked


def test_who_waits_for_a_lock_lets_the_other_one_go_on(engines: list[Engine]) -> None:
    outcome = play(engines, Schedule(0, (1,)), says(ORDER, "select 1"), says(ORDER, "select 11"))
    assert [statement for _, statement in outcome.taken] == [ORDER, ORDER, "select 1", COMMIT, "select 11", COMMIT]
    assert not outcome.deadlocked


def test_who_waits_for_a_third_is_not_waiting_for_the_other_one(engines: list[Engine]) -> None:
    """As PostgreSQL's vacuum has a table to itself for a moment."""
    looks = says("select 1 from stock")
    with engines[2].connect() as third:
        third.execute(text("lock table stock in access exclusive mode"))
        end = threading.Timer(0.3, third.rollback)
        end.start()
        outcome = play(engines, Schedule(0), looks, looks)
        end.join()
    assert [side for side, _ in outcome.taken] == ["A", "A", "B", "B"]
    assert not outcome.deadlocked


def test_every_schedule_is_made_once() -> None:
    found = list(schedules((3, 2), 1))
    assert found == [Schedule(0), Schedule(0, (1,)), Schedule(0, (2,)), Schedule(1), Schedule(1, (1,))]
    two = list(schedules((4, 4), 2))
    assert len(two) == len(set(two)) == 2 * (1 + 3 + 3 * 3)


def test_those_between_which_nobody_can_tell_are_made_once() -> None:
    reads, writes, commits = ["select 1 from orders", COMMIT], ["update stock set x = 1", COMMIT], [COMMIT]
    ours, theirs = footprints(reads), footprints(writes)
    assert len(list(distinct(schedules((2, 2), 2), ours, theirs))) == 1
    # Whether the other one's commit came before the look.
    looks = footprints(["select 1 from stock", *commits])
    assert len(list(distinct(schedules((2, 2), 2), looks, theirs))) == 2
    assert footprints(["select 1 from stock for update", "insert into outbox values (1)", COMMIT]) == [
        Footprint(locks=frozenset({"stock"})),
        Footprint(inserts=frozenset({"outbox"})),
        Footprint(publishes=frozenset({"outbox"})),
    ]


def test_locks_in_one_order_never_meet_and_in_two_orders_are_found(engines: list[Engine]) -> None:
    """Planted: stock is locked before the order."""
    right, wrong = says(ORDER, STOCK), says(STOCK, ORDER)
    assert not any(outcome.deadlocked for outcome in every(right, right, engines))
    found = [outcome for outcome in every(right, wrong, engines) if outcome.deadlocked]
    assert found
    # One of them was ended by the database, ran again and came through: the service's own retry. On a busy machine it
    # can have the row again before the other one wakes, which then is ended in its turn.
    for outcome in found:
        assert any(ending.lost_races for ending in outcome.endings), outcome.story()
        assert [ending.error for ending in outcome.endings] == [None, None]


def test_a_look_without_a_lock_is_found(engines: list[Engine]) -> None:
    """Planted: stock is read without FOR UPDATE, and written by what was read."""

    def takes(lock: str) -> Callable[[Connection], Any]:
        def work(connection: Connection) -> None:
            left = connection.execute(text(f"select available from stock where offer_id = 1 {lock}")).scalar_one()
            connection.execute(
                text("update stock set available = :left, reserved = 5 - :left where offer_id = 1"), {"left": left - 1}
            )

        return work

    def left_after_each(work: Callable[[Connection], Any]) -> set[int]:
        found = set()
        for one in schedules((3, 3), 2):
            with engines[2].begin() as connection:
                connection.execute(text("update stock set available = 5, reserved = 0"))
            play(engines, one, work, work)
            found.add(available(engines))
        return found

    assert left_after_each(takes("for update")) == {3}
    assert left_after_each(takes("")) == {3, 4}


def test_a_guarded_statement_that_lost_is_tried_again(engines: list[Engine]) -> None:
    def takes(connection: Connection) -> None:
        seen = connection.execute(text("select available from stock")).scalar_one()
        guarded = text("update stock set available = available - 1, reserved = reserved + 1 where available = :seen")
        if connection.execute(guarded, {"seen": seen}).rowcount != 1:
            raise LostRace("somebody was faster")

    outcome = play(engines, Schedule(0, (1, 3)), takes, takes)
    assert [ending.error for ending in outcome.endings] == [None, None]
    assert available(engines) == 3
