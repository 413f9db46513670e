"""Every pair of use cases on shared rows, on two real connections, statement by statement, under the checkers.

What must hold for each order of their statements: both end, with an answer or with a refusal that the contract knows;
nobody ever waits for somebody who waits for him; the books add up; and what both were told is so.

Of the orders that can make a difference some are drawn for each pair, most for those that write or lock a common row.
`pytest tests/orders_svc/interleavings --every-schedule` runs each of theirs that has at most one pre-emption.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations_with_replacement
from random import Random
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from db.engine import make_engine, read_only
from db.orders.base import OrdersBase
from mesh.errors import Refusal
from orders_svc.service import shipments
from proof.checkers import BooksWrong, check_books
from proof.postgres import PostgresServer
from tests.orders_svc.interleavings.answers import broken_promises, counted_twice
from tests.orders_svc.interleavings.footprints import TABLES, Footprint, distinct, footprints
from tests.orders_svc.interleavings.lockstep import COMMIT, Outcome, Schedule, run, schedules
from tests.orders_svc.interleavings.use_cases import IN_ANOTHER_WORLD, USE_CASES, Actor, Scene, prepare
from tests.orders_svc.stage import Stage

PREEMPTIONS = 2
# Of one pair, drawn by its names, beside those without a pre-emption: so many with one where both are close, and
# with two.
MOST_CLOSE = 8
MOST_DRAWN = 1
PAIRS = list(combinations_with_replacement(USE_CASES, 2))
EXPECTED = {
    *("STALE_EPOCH", "LINK_OWNED", "LINK_MOVED"),
    *("OUT_OF_STOCK", "SHIPMENT_ENDED", "CHANGE_PENDING", "NO_ATTENTION_NEEDED"),
}


Pair = tuple[str, str]


class Theatre:
    """A database with a scene that is put back after each run; and what each use case does there when it is alone."""

    def __init__(self, url: str, *, announced: bool) -> None:
        stage = Stage.resumed(url)
        self.scene: Scene = prepare(stage, announced=announced)
        self.clock = stage.clock
        stage.engine.dispose()
        self.engines = [make_engine(url, self.clock, pool_size=2) for _ in range(3)]
        self.alone: dict[str, list[Footprint]] = {}
        self.touched: dict[str, set[str]] = {}
        check_books(self.engines[2], forgotten_before=2.0)
        with self.engines[2].begin() as connection:
            connection.exec_driver_sql("create schema kept")
            for table in TABLES:
                connection.exec_driver_sql(f"create table kept.{table} as table {table}")

    def close(self) -> None:
        for engine in self.engines:
            engine.dispose()

    def play(self, names: Sequence[str], schedule: Schedule) -> Outcome:
        """One run of one use case or of two, from the scene on. Raises BooksWrong."""
        self.clock.time = time.time()
        with self.engines[2].begin() as connection:
            began = connection.execute(_TRANSACTION_ID).scalar_one()
        works: list[Callable[[], Any]] = [lambda: None, lambda: None]
        for number, use_case in enumerate(names):
            actor = Actor(self.engines[number], self.clock, self.scene, number)
            works[number] = partial(USE_CASES[use_case], actor)
        outcome = run((self.engines[0], self.engines[1]), (works[0], works[1]), schedule, self.engines[2])
        try:
            check_books(self.engines[2], forgotten_before=2.0)
            self._check_answers(names, [ending.answer for ending in outcome.endings])
            if len(names) == 1:
                self.touched[names[0]] = self._rows_since(began)
        finally:
            self._put_back(outcome)
        return outcome

    def _check_answers(self, names: Sequence[str], answers: Sequence[Any]) -> None:
        with read_only(self.engines[2]).begin() as connection:
            found = broken_promises(connection, answers)
        if len(set(names)) < len(names):
            found += counted_twice(*answers)
        if found:
            raise BooksWrong(found)

    def _rows_since(self, transaction_id: int) -> set[str]:
        """The rows of the scene that were written or locked since."""
        with read_only(self.engines[2]).begin() as connection:
            return {
                f"{table} {row[0]}"
                for table, key in KEYS.items()
                for row in connection.execute(_touched(table, key), {"k_since": transaction_id})
            }

    def _put_back(self, outcome: Outcome) -> None:
        steps = [one for ending in outcome.endings for one in footprints([*ending.statements, COMMIT])]
        changed = frozenset[str]().union(*(one.publishes for one in steps))
        again = [f"delete from {table}; insert into {table} select * from kept.{table}" for table in sorted(changed)]
        with self.engines[2].begin() as connection:
            connection.exec_driver_sql("; ".join(["set local session_replication_role = replica", *again]))

    def footprints_of(self, use_case: str) -> list[Footprint]:
        """What the use case does when it is alone."""
        if use_case not in self.alone:
            ending = self.play([use_case], Schedule(0)).endings[0]
            assert ending.error is None, (use_case, ending.error)
            self.alone[use_case] = footprints(ending.statements)
        return self.alone[use_case]

    def are_close(self, pair: Pair) -> bool:
        """Whether both write or lock a row of the scene; one that both only share does not count."""
        steps = [*self.footprints_of(pair[0]), *self.footprints_of(pair[1])]
        locked = frozenset[str]().union(*(one.locks for one in steps))
        shared = frozenset[str]().union(*(one.shares for one in steps)) - locked
        common = self.touched[pair[0]] & self.touched[pair[1]]
        return any(row.split()[0] not in shared for row in common)

    def schedules_of(self, pair: Pair, most_close: int = MOST_CLOSE) -> list[Schedule]:
        """Some of those that can make a difference, those without a pre-emption among them."""
        ours, theirs = self.footprints_of(pair[0]), self.footprints_of(pair[1])
        # Of those between which nobody can tell, the one with the fewest pre-emptions stands for all.
        every = sorted(schedules((len(ours), len(theirs)), PREEMPTIONS), key=lambda one: len(one.turns))
        found = list(distinct(every, ours, theirs))
        none, few, many = ([one for one in found if len(one.turns) == turns] for turns in range(PREEMPTIONS + 1))
        rng, most = Random(f"{pair}"), most_close if self.are_close(pair) else 0
        return [*none, *rng.sample(few, min(most, len(few))), *rng.sample(many, min(MOST_DRAWN, len(many)))]


KEYS = {
    table.name: ", ".join(f"of_scene.{column.name}" for column in table.primary_key)
    for table in OrdersBase.metadata.sorted_tables
    if table.name in TABLES
}
_TRANSACTION_ID = text("select cast(cast(pg_current_xact_id() as text) as bigint)")


def _touched(table: str, key: str) -> TextClause:
    """The keys of the rows that a transaction after `k_since` has changed, deleted, or locked."""
    names = key.replace("of_scene.", "")
    untouched = "cast(cast(xmin as text) as bigint) < :k_since and cast(cast(xmax as text) as bigint) < :k_since"
    return text(
        f"select concat_ws('/', {key}) from kept.{table} of_scene"
        f" where ({key}) not in (select {names} from {table} where {untouched})"
    )


@pytest.fixture(scope="session")
def theatres(postgres_server: PostgresServer, postgres_shop: str) -> Iterator[dict[bool, Theatre]]:
    """One where UPS is in our world, and one where it is in another that only remains to be opened."""
    urls = {
        announced: postgres_server.url(postgres_server.create_database(postgres_shop)) for announced in (False, True)
    }
    made = {announced: Theatre(url, announced=announced) for announced, url in urls.items()}
    yield made
    for theatre in made.values():
        theatre.close()


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_in_whatever_order_both_end_and_the_books_are_right(
    theatres: dict[bool, Theatre], pair: Pair, pytestconfig: pytest.Config
) -> None:
    theatre = theatres[bool(IN_ANOTHER_WORLD & set(pair))]
    most_close = sys.maxsize if pytestconfig.getoption("every_schedule", default=False) else MOST_CLOSE
    for schedule in theatre.schedules_of(pair, most_close):
        try:
            outcome = theatre.play(pair, schedule)
        except BooksWrong as error:
            pytest.fail(f"{pair}, {schedule}: {error}")
        _judge(pair, outcome)


def test_close_are_those_that_write_or_lock_a_common_row(theatres: dict[bool, Theatre]) -> None:
    theatre = theatres[False]
    assert theatre.are_close(("cancel", "dispatch to the world")), "the pack command"
    assert theatre.are_close(("set a reorder point", "report loaded")), "the world, which one of them locks for itself"
    assert not theatre.are_close(("restock", "report loaded")), "the world, which both share"


def test_a_status_derived_without_a_lock_is_found(
    theatres: dict[bool, Theatre], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the order is not locked before its shipments are read."""
    pair = ("report packed", "report a truck")
    every = theatres[False].schedules_of(pair, sys.maxsize)
    monkeypatch.setattr(shipments, "_LOCK_ORDERS", shipments._LOCK_ORDERS.with_for_update(read=True, key_share=True))
    wrong = 0
    for schedule in every:
        try:
            theatres[False].play(pair, schedule)
        except BooksWrong:
            wrong += 1
    assert wrong


def _judge(pair: Pair, outcome: Outcome) -> None:
    story = f"{pair}\n{outcome.story()}"
    assert not outcome.deadlocked, f"each waits for the other one: {story}"
    for name, ending in zip(pair, outcome.endings, strict=True):
        assert not ending.lost_races, f"{name} lost a race by {ending.lost_races}: {story}"
        if ending.error is not None:
            is_answer = isinstance(ending.error, Refusal) and ending.error.reason in EXPECTED
            assert is_answer, f"{name} ended with {ending.error!r}: {story}"
