import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, make_url, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

import db.engine
from db.clock import SystemClock, sql_now
from db.engine import make_engine, read_only
from db.errors import WrongDatabaseUrl
from db.writers import WriterQueue, queue_of
from tests.waiting import wait_until

DEADLINE_SECONDS = 30


@contextmanager
def somebody_else(sqlite_url: str) -> Iterator[sqlite3.Connection]:
    """Another process at the same file, as far as SQLite can tell, that waits for nobody."""
    with closing(sqlite3.connect(make_url(sqlite_url).database, timeout=0, isolation_level=None)) as connection:
        yield connection


class StoppedClock:
    def now(self) -> float:
        return 1_700_000_000.25


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"pragma {name}").scalar()


class TestSqlite:
    def test_survives_a_crash_and_lets_readers_read(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url, SystemClock())

        assert pragma(engine, "journal_mode") == "wal"
        full = 2
        assert pragma(engine, "synchronous") == full
        assert pragma(engine, "foreign_keys") == 1
        assert pragma(engine, "busy_timeout") == 5000
        engine.dispose()

    def test_a_transaction_is_a_writer_from_its_first_moment(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url, SystemClock())
        with somebody_else(sqlite_url) as other:
            with engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("begin immediate")
            other.execute("begin immediate")
        engine.dispose()

    @pytest.mark.parametrize("is_broken", [False, True], ids=["another process writes", "the connection breaks"])
    def test_a_turn_that_came_to_nothing_is_over(self, sqlite_url: str, is_broken: bool) -> None:
        engine = make_engine(sqlite_url, SystemClock(), pool_size=1)
        with somebody_else(sqlite_url) as other:
            if is_broken:
                with engine.connect() as connection:
                    connection.begin()
                    connection.invalidate()
            else:
                with engine.connect() as connection:
                    connection.connection.cursor().execute("pragma busy_timeout = 1")
                other.execute("begin immediate")
                with pytest.raises(OperationalError, match="locked"), engine.begin():
                    pass
        with engine.begin() as connection:
            assert connection.exec_driver_sql("select 1").scalar() == 1
        engine.dispose()

    def test_a_reader_reads_beside_a_writer_and_cannot_see_what_is_not_committed(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url, SystemClock())

        with engine.begin() as writer:
            writer.execute(text("insert into categories (slug, name) values ('a', 'A')"))
            with read_only(engine).begin() as reader:
                assert reader.execute(text("select count(*) from categories")).scalar() == 0

        with read_only(engine).begin() as reader:
            assert reader.execute(text("select count(*) from categories")).scalar() == 1
        engine.dispose()

    def test_a_change_of_tables_is_rolled_back_too(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url, SystemClock())

        with engine.connect() as connection:
            transaction = connection.begin()
            connection.execute(text("create table half_way (id integer)"))
            transaction.rollback()

        with engine.begin() as connection:
            assert not connection.execute(text("select * from sqlite_master where name = 'half_way'")).all()
        engine.dispose()

    def test_sql_time_is_the_clocks_time(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url, StoppedClock())

        with engine.begin() as connection:
            assert connection.execute(select(sql_now())).scalar_one() == StoppedClock().now()
        engine.dispose()

    def test_a_writer_that_waits_is_not_overtaken(self, sqlite_url: str) -> None:
        engine, other = make_engine(sqlite_url, SystemClock()), make_engine(sqlite_url, SystemClock())
        came: list[str] = []

        def write(who: str) -> None:
            with other.begin():
                came.append(who)

        with ThreadPoolExecutor(2) as pool:
            with engine.begin():
                queue = queue_of(engine.url.database)
                waiting = []
                for number, who in enumerate(("first", "second"), 1):
                    waiting.append(pool.submit(write, who))
                    wait_until(lambda number=number: queue.length == number)  # type: ignore[misc]
            write("third")
            for one in waiting:
                one.result(DEADLINE_SECONDS)
        assert came == ["first", "second", "third"]
        for one in (engine, other):
            one.dispose()

    @pytest.mark.parametrize("is_given", [False, True], ids=["before its turn", "when its turn has come"])
    def test_a_writer_that_is_interrupted_while_it_waits_is_in_nobodys_way(
        self, monkeypatch: pytest.MonkeyPatch, is_given: bool
    ) -> None:
        queue = WriterQueue()
        assert queue.take(0)

        def interrupted(_turn: threading.Event, _seconds: float) -> bool:
            if is_given:
                queue.end()
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(threading.Event, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                queue.take(DEADLINE_SECONDS)
        if not is_given:
            queue.end()
        assert queue.length == 0
        assert queue.take(0)

    def test_a_writer_that_waits_too_long_is_told_so_and_is_in_nobodys_way(
        self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = make_engine(sqlite_url, SystemClock())
        monkeypatch.setattr(db.engine, "LOCK_WAIT_SECONDS", 0.05)
        with engine.begin():
            with pytest.raises(OperationalError, match="locked"), engine.begin():
                pass
            assert queue_of(engine.url.database).length == 0
        for _ in range(2):
            with engine.begin() as connection:
                assert connection.exec_driver_sql("select 1").scalar() == 1
        engine.dispose()

    def test_a_new_file_is_opened_by_many_at_once_without_a_locked_error(self, tmp_path: Path) -> None:
        for attempt in range(20):
            engines = [make_engine(f"sqlite:///{tmp_path}/{attempt}.db", SystemClock()) for _ in range(6)]

            run_in_threads([partial(pragma, engine, "journal_mode") for engine in engines])

            assert {pragma(engine, "journal_mode") for engine in engines} == {"wal"}
            for engine in engines:
                engine.dispose()


class TestPostgresql:
    def test_a_commit_is_durable_and_isolation_is_read_committed(self, postgresql_url: str) -> None:
        engine = make_engine(postgresql_url, SystemClock())

        with engine.begin() as connection:
            assert connection.exec_driver_sql("show transaction_isolation").scalar() == "read committed"
            # Durability is the server's own setting; a session must not have turned it down.
            query = "select source from pg_settings where name = 'synchronous_commit'"
            assert connection.exec_driver_sql(query).scalar() not in ("session", "client")
        engine.dispose()

    def test_who_waits_too_long_for_a_lock_is_told_so(
        self, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = make_engine(postgresql_url, SystemClock())
        with holder.begin() as connection:
            assert connection.exec_driver_sql("show lock_timeout").scalar() == "5s"
        monkeypatch.setattr(db.engine, "LOCK_WAIT_SECONDS", 0.05)
        waiter = make_engine(postgresql_url, SystemClock())
        lock = "lock table categories in exclusive mode"
        with holder.begin() as connection:
            connection.exec_driver_sql(lock)
            with pytest.raises(OperationalError, match="lock timeout"), waiter.begin() as other:
                other.exec_driver_sql(lock)
        with waiter.begin() as other:
            other.exec_driver_sql(lock)
        for engine in (holder, waiter):
            engine.dispose()

    def test_connections_that_the_server_dropped_are_replaced_without_an_error(self, postgresql_url: str) -> None:
        engine, other = make_engine(postgresql_url, SystemClock()), make_engine(postgresql_url, SystemClock())
        with engine.begin() as connection:
            pid = connection.exec_driver_sql("select pg_backend_pid()").scalar()
        with other.begin() as connection:
            connection.exec_driver_sql("select pg_terminate_backend(%s, 5000)", (pid,))

        with engine.begin() as connection:
            assert connection.exec_driver_sql("select 1").scalar() == 1

        engine.dispose()
        other.dispose()

    def test_readers_begin_no_transaction_and_leave_writers_theirs_on_the_same_connection(
        self, postgresql_url: str
    ) -> None:
        engine = make_engine(postgresql_url, SystemClock(), pool_size=1)
        own = "select state, pid from pg_stat_activity where pid = pg_backend_pid()"
        with make_engine(postgresql_url, SystemClock()).connect() as other:
            state = "select state from pg_stat_activity where pid = :pid"

            for _ in range(2):
                with read_only(engine).connect() as reader:
                    pid = reader.exec_driver_sql(own).one().pid
                    assert other.execute(text(state), {"pid": pid}).scalar() == "idle"
                    other.rollback()
                with engine.begin() as writer:
                    assert writer.exec_driver_sql(own).one().pid == pid
                    assert other.execute(text(state), {"pid": pid}).scalar() == "idle in transaction"
                    other.rollback()
            with engine.connect() as writer:
                writer.execute(text("insert into categories (slug, name) values ('a', 'A')"))
                writer.rollback()
            with read_only(engine).connect() as reader:
                assert reader.execute(text("select count(*) from categories")).scalar() == 0
        engine.dispose()

    @pytest.mark.parametrize("first_reads", [True, False])
    def test_a_server_that_goes_between_two_uses_is_an_error_of_a_statement(
        self, postgresql_url: str, first_reads: bool
    ) -> None:
        engine, other = (
            make_engine(postgresql_url, SystemClock(), pool_size=1),
            make_engine(postgresql_url, SystemClock()),
        )
        first, second = (read_only(engine), engine) if first_reads else (engine, read_only(engine))
        with first.begin() as connection:
            pid = connection.exec_driver_sql("select pg_backend_pid()").scalar()

        with second.connect() as connection:
            assert connection.connection.dbapi_connection  # It has left the pool, where it was looked at.
            with other.begin() as killing:
                killing.exec_driver_sql("select pg_terminate_backend(%s, 5000)", (pid,))
            with pytest.raises(OperationalError):
                connection.exec_driver_sql("select 1")

        engine.dispose()
        other.dispose()

    def test_a_url_without_a_driver_means_the_one_that_is_installed(self) -> None:
        assert make_engine("postgresql://somewhere/shop", SystemClock()).url.drivername == "postgresql+psycopg2"


class TestBoth:
    def test_sql_time_is_near_the_machines_time_and_moves_within_a_transaction(self, engine: Engine) -> None:
        before = SystemClock().now()
        with engine.begin() as connection:
            times = [connection.execute(select(sql_now())).scalar_one() for _ in range(3)]

        assert all(isinstance(moment, float) for moment in times)
        assert times == sorted(times)
        assert times[0] < times[2]
        assert before - 1.0 <= times[0] <= SystemClock().now() + 1.0

    def test_nothing_connects_before_the_first_use(self, tmp_path: Path) -> None:
        make_engine(f"sqlite:///{tmp_path}/not-yet.db", SystemClock())
        make_engine("postgresql://127.0.0.1:1/nowhere", SystemClock())

        assert not (tmp_path / "not-yet.db").exists()

    def test_writers_in_many_threads_wait_for_each_other_and_lose_nothing(self, engine: Engine) -> None:
        each, writers = 25, 4
        with engine.begin() as connection:
            connection.execute(text("insert into categories (id, slug, name) values (1, 'n', '0')"))

        def add_one(connection: Connection) -> None:
            number = connection.execute(text("select name from categories where id = 1" + for_update(engine))).scalar()
            connection.execute(text("update categories set name = :name"), {"name": str(int(str(number)) + 1)})

        def write() -> None:
            for _ in range(each):
                run_in_transaction(engine, add_one)

        run_in_threads([write] * writers)

        with engine.begin() as connection:
            assert connection.execute(text("select name from categories")).scalar() == str(each * writers)

    def test_of_two_threads_that_insert_the_same_key_one_wins_and_one_is_told(self, engine: Engine) -> None:
        def insert(connection: Connection) -> None:
            connection.execute(text("insert into categories (slug, name) values ('same', 'Same')"))

        outcomes: list[str] = []

        def attempt() -> None:
            try:
                run_in_transaction(engine, insert)
            except IntegrityError:
                outcomes.append("told")
            else:
                outcomes.append("won")

        run_in_threads([attempt, attempt])

        assert sorted(outcomes) == ["told", "won"]

    def test_four_writers_and_readers_at_once_see_no_locked_error(self, engine: Engine, database_url: str) -> None:
        """Engines of their own, as processes have."""
        engines = [make_engine(database_url, SystemClock(), pool_size=2) for _ in range(4)]

        def write(own: Engine, number: int) -> None:
            for turn in range(20):
                with own.begin() as connection:
                    row = {"slug": f"{number}-{turn}", "name": "x"}
                    connection.execute(text("insert into categories (slug, name) values (:slug, :name)"), row)
                with read_only(own).begin() as connection:
                    connection.execute(text("select count(*) from categories")).scalar_one()

        run_in_threads([partial(write, own, number) for number, own in enumerate(engines)])

        with engine.begin() as connection:
            assert connection.execute(text("select count(*) from categories")).scalar() == 80
        for own in engines:
            own.dispose()

    def test_a_pool_is_no_larger_than_told(self, database_url: str) -> None:
        engine = make_engine(database_url, SystemClock(), pool_size=2)

        with engine.connect(), engine.connect():
            assert engine.pool.status().count("Connections in pool: 0") == 1
            assert engine.pool.checkedout() == 2  # type: ignore[attr-defined]
            assert engine.pool._max_overflow == 0  # type: ignore[attr-defined]
        engine.dispose()


def for_update(engine: Engine) -> str:
    return " for update" if engine.dialect.name == "postgresql" else ""


def run_in_transaction(engine: Engine, work: Callable[[Connection], None]) -> None:
    with engine.begin() as connection:
        work(connection)


def run_in_threads(works: list[Callable[[], object]]) -> None:
    """Runs all at the same moment; raises what any of them raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait(DEADLINE_SECONDS)
        work()

    with ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(run, work) for work in works]:
            done.result(DEADLINE_SECONDS)


class TestWrongUrl:
    @pytest.mark.parametrize("url", ["", "minimart.db", "post gres://x", "postgresql://user:p4ss@host:port/db"])
    def test_what_is_no_url_is_said_in_one_line_that_does_not_repeat_it(self, url: str) -> None:
        with pytest.raises(WrongDatabaseUrl, match="DATABASE_URL: not a URL") as wrong:
            make_engine(url, SystemClock())

        assert "p4ss" not in str(wrong.value)
        assert wrong.value.__suppress_context__

    def test_another_database_is_named(self) -> None:
        with pytest.raises(WrongDatabaseUrl, match="DATABASE_URL: mysql is not supported"):
            make_engine("mysql://user:p4ss@host/db", SystemClock())
