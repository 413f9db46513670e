"""Every pair of use cases on shared rows, on two real connections, statement by statement, under the checkers.

What must hold for each order of their statements: both end, with an answer or with a refusal that the contract knows;
nobody ever waits for somebody who waits for him; and the books add up.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations_with_replacement
from random import Random
from typing import Any

import pytest

from db.engine import make_engine
from mesh.errors import Refusal
from orders_svc.service import shipments
from proof.checkers import BooksWrong, check_books
from proof.postgres import PostgresServer
from tests.orders_svc.interleavings.footprints import TABLES, Footprint, distinct, footprints
from tests.orders_svc.interleavings.lockstep import COMMIT, Outcome, Schedule, run, schedules
from tests.orders_svc.interleavings.use_cases import IN_ANOTHER_WORLD, USE_CASES, Actor, Scene, prepare
from tests.orders_svc.stage import Stage

PREEMPTIONS = 2
# Of one pair, of the schedules with so many pre-emptions, drawn by its names; those with fewer all are run.
MOST_DRAWN = 2
PAIRS = list(combinations_with_replacement(USE_CASES, 2))
EXPECTED = ("STALE_EPOCH", "LINK_OWNED", "LINK_MOVED", "OUT_OF_STOCK", "SHIPMENT_ENDED")


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
        works: list[Callable[[], Any]] = [lambda: None, lambda: None]
        for number, use_case in enumerate(names):
            actor = Actor(self.engines[number], self.clock, self.scene, number)
            works[number] = partial(USE_CASES[use_case], actor)
        outcome = run((self.engines[0], self.engines[1]), (works[0], works[1]), schedule, self.engines[2])
        try:
            check_books(self.engines[2], forgotten_before=2.0)
        finally:
            self._put_back(outcome)
        return outcome

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

    def schedules_of(self, pair: Pair) -> list[Schedule]:
        """Those that can make a difference: all with fewer than PREEMPTIONS, and MOST_DRAWN of the others."""
        ours, theirs = self.footprints_of(pair[0]), self.footprints_of(pair[1])
        # Of those between which nobody can tell, the one with the fewest pre-emptions stands for all.
        every = sorted(schedules((len(ours), len(theirs)), PREEMPTIONS), key=lambda one: len(one.turns))
        found = list(distinct(every, ours, theirs))
        few = [one for one in found if len(one.turns) < PREEMPTIONS]
        many = [one for one in found if len(one.turns) == PREEMPTIONS]
        return [*few, *Random(f"{pair}").sample(many, min(MOST_DRAWN, len(many)))]


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
def test_in_whatever_order_both_end_and_the_books_are_right(theatres: dict[bool, Theatre], pair: Pair) -> None:
    theatre = theatres[bool(IN_ANOTHER_WORLD & set(pair))]
    for schedule in theatre.schedules_of(pair):
        try:
            outcome = theatre.play(pair, schedule)
        except BooksWrong as error:
            pytest.fail(f"{pair}, {schedule}: {error}")
        _judge(pair, outcome)


def test_a_status_derived_without_a_lock_is_found(
    theatres: dict[bool, Theatre], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the order is not locked before its shipments are read."""
    pair = ("report packed", "report a truck")
    every = theatres[False].schedules_of(pair)
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
