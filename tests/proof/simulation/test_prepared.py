"""The prepared engine does what SQLAlchemy's own does: rows, counts, errors, and whole runs byte for byte."""

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from db.engine import READ_ONLY
from proof.simulation import room
from proof.simulation.database import Database
from proof.simulation.prepared import PreparedEngine

META = MetaData()
PARTS = Table(
    "parts", META, Column("id", Integer, primary_key=True), Column("name", String, unique=True), Column("new", Boolean)
)
ADD = insert(PARTS)
ADD_ONE = insert(PARTS).returning(PARTS.c.id, PARTS.c.new)
AMONG = (
    select(PARTS.c.id, PARTS.c.name, PARTS.c.new)
    .where(PARTS.c.id.in_(bindparam("k_ids", expanding=True)), PARTS.c.new.in_((True, False)))
    .order_by(PARTS.c.id)
)
RENAME = update(PARTS).where(PARTS.c.id == bindparam("k_id")).values(name=bindparam("d_name"), new=False)


class NoHooks:
    def begin(self, read_only: bool) -> None:
        pass

    def commit(self, commit: object) -> None:
        assert callable(commit)
        commit()


@pytest.fixture
def engine() -> Iterator[PreparedEngine]:
    raw = sqlite3.connect(":memory:", isolation_level=None)
    META.create_all(create_engine("sqlite://", creator=lambda: raw))
    yield PreparedEngine(raw, NoHooks())
    raw.close()


def add(engine: PreparedEngine, *names: str) -> None:
    with engine.begin() as connection:
        connection.execute(ADD, [{"name": name, "new": True} for name in names])


@pytest.mark.parametrize("ids", [[], [1], [2, 3], [1, 2, 3, 4]])
def test_a_statement_says_the_same_each_time(engine: PreparedEngine, ids: list[int]) -> None:
    add(engine, "a", "b", "c", "d")
    for _ in range(4):
        with engine.execution_options(**{READ_ONLY: True}).begin() as connection:
            rows = connection.execute(AMONG, {"k_ids": ids}).all()
            assert [(row.id, row.name, row.new) for row in rows] == [(i, "abcd"[i - 1], True) for i in ids]
            assert connection.execute(AMONG, {"k_ids": [3]}).one()._mapping["name"] == "c"
            assert connection.scalar(AMONG, {"k_ids": [9]}) is None


def test_rows_are_counted_and_given_back_each_time(engine: PreparedEngine) -> None:
    for number in range(1, 5):
        with engine.begin() as connection:
            made = connection.execute(ADD_ONE, [{"name": str(number), "new": True}]).one()
            assert (made.id, made.new) == (number, True)
            one = {"k_id": number, "d_name": f"part {number}"}
            assert connection.execute(RENAME, one).rowcount == 1
            assert connection.execute(RENAME, [one, {"k_id": 99, "d_name": "none"}]).rowcount == 1
    with engine.begin() as connection:
        assert [row.name for row in connection.execute(AMONG, {"k_ids": [1, 4]})] == ["part 1", "part 4"]


def test_an_error_is_sqlalchemys_and_takes_the_transaction_back(engine: PreparedEngine) -> None:
    add(engine, "a")
    for _ in range(3):
        with pytest.raises(IntegrityError):
            add(engine, "b", "a")
    with engine.begin() as connection:
        assert connection.execute(select(PARTS.c.name)).scalars().all() == ["a"]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_run_is_the_same_on_either_engine_byte_for_byte(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_prepared = room.run_seed(seed, "harsh", traced=True).trace.text()
    plain = Database(prepared=False)
    monkeypatch.setattr(room, "database", lambda: plain)
    assert room.run_seed(seed, "harsh", traced=True).trace.text() == on_prepared
