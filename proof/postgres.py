"""A PostgreSQL server of one's own, in a folder of its own, that dies with the process that started it.

For tests and measurements. It is reached through a socket file in that folder, so it takes no port and no two of them
can meet. PostgreSQL does not run as root: root starts it as the user postgres. What is missing is an error that says
what to install.

Elsewhere: the tables (db.migrate); where the data of a real installation lives (DATABASE_URL).
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg2

from proof.tied import tied

START_SECONDS = 150.0
WITH_STRATEGIES = 150000


class PostgresMissingError(Exception):
    """There is no usable PostgreSQL on this machine; the message says what to install."""


class PostgresServer:
    """A running server. With `durable` False it does not flush to disk: for tests that never cut the power."""

    def __init__(self, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        self._binaries = find_binaries()
        self._identity = _identity()
        self._folder = Path(tempfile.mkdtemp(prefix="minimart-pg-"))
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        data = self._folder / "data"
        self._log = self._folder / "log"
        relaxed = () if durable else ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
        chosen = ("listen_addresses=", f"unix_socket_directories={self._folder}", "max_connections=200", *relaxed)
        options = [word for setting in (*chosen, *settings) for word in ("-c", setting)]
        self._command = [str(self._binaries / "postgres"), "-D", str(data), *options]
        self._numbers = itertools.count(1)
        initdb = self._binaries / "initdb"
        try:
            self._run([initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
            self.launch()
            self._wait()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def launch(self) -> None:
        """Starts the server without waiting for it. It ends again while the rest of one that was killed is there."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self._as_its_user(self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    @property
    def alive(self) -> bool:
        """Whether the server's main process is there."""
        return self._process.poll() is None

    def answers(self) -> bool:
        """Whether it can be connected to now."""
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """kill -9 of the main process; the others notice and go. What was committed is there after `launch`."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The server's main process."""
        return self._process.pid

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg2://postgres@/{database}?host={self._folder}"

    def create_database(self, template: str = "template1") -> str:
        """Makes a database as a copy of another that nobody is connected to; its name."""
        name = f"minimart_{next(self._numbers)}"
        with self._connected() as connection, connection.cursor() as cursor:
            # Otherwise each of the copy's pages is written to the log too; older ones know only this way.
            strategy = "strategy file_copy" if connection.server_version >= WITH_STRATEGIES else ""
            cursor.execute(f'create database "{name}" template "{template}" {strategy}')
        return name

    def drop_database(self, name: str) -> None:
        """Drops a database, whoever is connected to it."""
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(f'drop database if exists "{name}" with (force)')

    def stop(self) -> None:
        """Ends the server at once and removes its folder."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _connect(self) -> Any:
        return psycopg2.connect(host=str(self._folder), user="postgres", dbname="postgres")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        with contextlib.closing(self._connect()) as connection:
            connection.autocommit = True
            yield connection

    def _as_its_user(self, command: list[Any]) -> list[str]:
        # Not by subprocess's own `user`: that forks in full, and gRPC's fork handlers can break such a child.
        words = [str(word) for word in command]
        return tied(words, user=self._identity.get("user"), group=self._identity.get("group"))

    def _run(self, command: list[Any]) -> None:
        done = subprocess.run(  # noqa: S603 - our own command line
            self._as_its_user(command), capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode != 0:
            raise PostgresMissingError(f"{command[0]} failed: {done.stderr.strip()}")

    def _wait(self) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg2.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    self._process.kill()
                    self._process.wait()
                    said = self._log.read_text(errors="replace")
                    raise PostgresMissingError(f"PostgreSQL did not start: {said or error}") from error
                time.sleep(0.02)
            else:
                return


def find_binaries() -> Path:
    """The folder of PostgreSQL's server programs. PostgresMissingError: there is none."""
    candidates = []
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve().parent)
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        candidates.append(Path(said.stdout.strip()))
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versions, key=lambda path: _version(path.parent.name), reverse=True)
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise PostgresMissingError(
        "PostgreSQL's server programs (initdb, postgres) are missing: "
        "apt-get install postgresql, or put their folder on PATH"
    )


def _version(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresMissingError(
            "root cannot run PostgreSQL and there is no user postgres: apt-get install postgresql"
        ) from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
