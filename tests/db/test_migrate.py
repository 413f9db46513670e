from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from db.clock import SystemClock
from db.engine import make_engine
from db.errors import DatabaseBusy, DatabaseTooNew, DatabaseUnreachable, MigrationFailed
from db.migrate import revisions, upgrade
from db.migrations.newest import alembic_config
from db.tables import METADATA
from proof.postgres import PostgresServer
from tests.db.processes import run_at_once
from tests.db.schema import describe

NEWEST = ScriptDirectory.from_config(alembic_config()).get_current_head()
ALL_TABLES = {name for metadata in METADATA for name in metadata.tables}

UPGRADE_PROGRAM = """
import sys
from db.clock import SystemClock
from db.engine import make_engine
from db.migrate import upgrade
print("ready", flush=True)
sys.stdin.readline()
upgrade(make_engine(sys.argv[1], SystemClock()))
"""

NOTHING_DUE_PROGRAM = """
import sys
from db.clock import SystemClock
from db.engine import make_engine
from db.migrate import upgrade
print("ready", flush=True)
sys.stdin.readline()
upgrade(make_engine(sys.argv[1], SystemClock()))
sys.exit("alembic was read" if "alembic" in sys.modules else 0)
"""


class TestUpgrade:
    def test_knows_the_revisions_by_the_names_of_their_files(self) -> None:
        scripts = ScriptDirectory.from_config(alembic_config())
        assert revisions() == [script.revision for script in reversed(list(scripts.walk_revisions()))]

    def test_does_not_read_alembic_when_nothing_is_due(self, empty_engine: Engine, empty_database_url: str) -> None:
        upgrade(empty_engine)

        assert run_at_once([NOTHING_DUE_PROGRAM], empty_database_url) == [""]

    def test_makes_every_table_of_the_models(self, empty_engine: Engine) -> None:
        upgrade(empty_engine)

        assert set(inspect(empty_engine).get_table_names()) == ALL_TABLES | {"alembic_version"}

    def test_equals_the_models_in_every_column_constraint_and_index(self, empty_engine: Engine) -> None:
        upgrade(empty_engine)
        by_migrations = describe(empty_engine)
        for metadata in reversed(METADATA):
            metadata.drop_all(empty_engine)
        for metadata in METADATA:
            metadata.create_all(empty_engine)
        by_models = describe(empty_engine)

        for what, described in by_models.items():
            assert by_migrations[what] == described, what

    def test_twice_changes_nothing_and_keeps_the_rows(self, empty_engine: Engine) -> None:
        upgrade(empty_engine)
        before = describe(empty_engine)
        with empty_engine.begin() as connection:
            connection.execute(text("insert into categories (slug, name) values ('tools', 'Tools')"))

        upgrade(empty_engine)

        assert describe(empty_engine) == before
        with empty_engine.begin() as connection:
            assert connection.execute(text("select count(*) from categories")).scalar() == 1

    def test_many_processes_at_the_same_moment_all_succeed(self, empty_database_url: str) -> None:
        errors = run_at_once([UPGRADE_PROGRAM] * 4, empty_database_url)

        assert errors == [""] * 4
        engine = make_engine(empty_database_url, SystemClock())
        assert set(inspect(engine).get_table_names()) == ALL_TABLES | {"alembic_version"}
        engine.dispose()

    def test_refuses_a_database_of_a_newer_program_and_leaves_it_alone(self, empty_engine: Engine) -> None:
        upgrade(empty_engine)
        with empty_engine.begin() as connection:
            connection.execute(text("update alembic_version set version_num = '9999'"))

        with pytest.raises(DatabaseTooNew, match="9999") as refused:
            upgrade(empty_engine)

        assert (refused.value.found, refused.value.known) == ("9999", NEWEST)
        with empty_engine.begin() as connection:
            assert connection.execute(text("select version_num from alembic_version")).scalar() == "9999"

    def test_a_migration_that_the_database_refuses_leaves_nothing_behind(self, empty_engine: Engine) -> None:
        with empty_engine.begin() as connection:
            connection.execute(text("create table stock (somebody_elses integer)"))

        with pytest.raises(MigrationFailed, match="stock"):
            upgrade(empty_engine)

        assert inspect(empty_engine).get_table_names() == ["stock"]


class FakeTime:
    """A clock that its own sleep moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def nobody_listens() -> Iterator[Engine]:
    engine = make_engine("postgresql://minimart:p4ssw0rd@127.0.0.1:1/minimart", SystemClock())
    yield engine
    engine.dispose()


class TestADatabaseThatCannotBeUsed:
    def test_nobody_listens_is_one_line_without_the_password(self, nobody_listens: Engine) -> None:
        with pytest.raises(DatabaseUnreachable) as away:
            upgrade(nobody_listens)

        line = str(away.value)
        assert line.startswith("cannot reach the database postgresql+psycopg2://minimart:***@127.0.0.1:1/minimart: ")
        assert "refused" in line
        assert "\n" not in line
        assert "p4ssw0rd" not in line

    def test_it_is_tried_again_only_as_long_as_told(self, nobody_listens: Engine) -> None:
        time = FakeTime()

        with pytest.raises(DatabaseUnreachable):
            upgrade(nobody_listens, wait_seconds=1.0, clock=time, sleep=time.sleep)

        assert sum(time.slept) == 1.0

    def test_an_unknown_postgresql_database_is_named(self, postgres_server: PostgresServer) -> None:
        engine = make_engine(postgres_server.url("no_such_place"), SystemClock())

        with pytest.raises(DatabaseUnreachable, match='database "no_such_place" does not exist'):
            upgrade(engine)

        engine.dispose()

    def test_a_file_that_is_no_database_is_named_and_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "letter.txt"
        file.write_text("Dear Minimart, " * 100)
        engine = make_engine(f"sqlite:///{file}", SystemClock())

        with pytest.raises(DatabaseUnreachable, match="file is not a database"):
            upgrade(engine)

        assert file.read_text() == "Dear Minimart, " * 100
        engine.dispose()

    def test_a_folder_that_is_a_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("not a folder")
        engine = make_engine(f"sqlite:///{tmp_path}/var/minimart.db", SystemClock())

        with pytest.raises(DatabaseUnreachable, match="var"):
            upgrade(engine)

        engine.dispose()

    def test_our_own_folder_is_made_for_the_owner_alone(self, tmp_path: Path) -> None:
        engine = make_engine(f"sqlite:///{tmp_path}/a/b/minimart.db", SystemClock())

        upgrade(engine, own_folder=tmp_path / "a/b")

        assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700
        engine.dispose()

    @pytest.mark.parametrize("own_folder", [None, "a", "other"])
    def test_any_other_missing_folder_is_refused_and_not_made(self, tmp_path: Path, own_folder: str | None) -> None:
        engine = make_engine(f"sqlite:///{tmp_path}/a/b/minimart.db", SystemClock())

        with pytest.raises(DatabaseUnreachable, match=r"there is no folder .*/a/b"):
            upgrade(engine, own_folder=None if own_folder is None else tmp_path / own_folder)

        assert list(tmp_path.iterdir()) == []
        engine.dispose()

    def test_a_lock_held_for_too_long_is_called_busy(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/minimart.db"
        holder, engine = make_engine(url, SystemClock()), make_engine(url, SystemClock())
        with engine.connect() as connection:
            # Of this one pooled connection, which upgrade then gets.
            connection.connection.cursor().execute("pragma busy_timeout = 1")

        with holder.begin(), pytest.raises(DatabaseBusy, match="locked"):
            upgrade(engine)

        holder.dispose()
        engine.dispose()
