"""The supervisor with small processes: restarts, crash loops, refusals, stopping in time, and nothing left behind."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from minimart.failure import Failure
from minimart.installation import Run, RunFile
from minimart.journal import Journal
from minimart.supervisor import Part, Supervisor, wait_seconds
from tests.waiting import is_alive, wait_until

FOREVER = "import signal; signal.pause()"
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""


class Watched:
    """A supervisor of one part in the main thread's event loop, and a script that acts on it from beside."""

    def __init__(self, code: str, *, ready: bool = True, stop_seconds: float = 5.0) -> None:
        self.output = io.StringIO()
        self.pids: list[int] = []
        self.opened = threading.Event()
        self.hear_of_pids: Callable[[dict[str, int]], None] = lambda pids: self.pids.extend(pids.values())

        async def is_ready() -> bool:
            return ready

        part = Part("part", [sys.executable, "-c", code], {}, is_ready)
        journal = Journal(self.output, ["part"])
        self.say = journal.say
        self.supervisor = Supervisor(
            [part],
            journal,
            environment=dict(os.environ),
            stop_seconds=stop_seconds,
            on_pids=lambda pids: self.hear_of_pids(pids),
            on_ready=lambda _name: self.opened.set(),
        )

    def run(self, script: Callable[[], None]) -> str | None:
        """Runs until `script`, on another thread, is through; then stops by a signal."""
        problems: list[BaseException] = []

        def act() -> None:
            try:
                script()
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                problems.append(error)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        beside = threading.Thread(target=act)
        beside.start()
        try:
            failure = asyncio.run(self.supervisor.run())
        finally:
            beside.join()
        if problems:
            raise problems[0]
        return failure

    @property
    def log(self) -> str:
        return self.output.getvalue()


def test_a_part_that_is_killed_is_started_again() -> None:
    watched = Watched(f"print('here', flush=True); {FOREVER}")

    def script() -> None:
        wait_until(lambda: watched.log.count("here") == 1, "it runs")
        os.kill(watched.pids[-1], signal.SIGKILL)
        wait_until(lambda: watched.log.count("here") == 2, "it runs again")
        wait_until(lambda: "serves again" in watched.log, "it is said to serve again")

    assert watched.run(script) is None
    assert "part died (killed by SIGKILL); starting it again in 0.2 s" in watched.log
    assert "part     | here" in watched.log
    assert watched.opened.is_set()
    assert not any(is_alive(pid) for pid in watched.pids)


def test_a_crash_loop_is_said_plainly_and_slows_down() -> None:
    watched = Watched("print('no'); raise SystemExit(3)")
    assert watched.run(lambda: wait_until(lambda: "cannot stay up" in watched.log, "the loop is named")) is None
    assert "died (exit code 3), 4 times in a row: it cannot stay up; starting it again in 1.6 s" in watched.log


def test_the_wait_grows_to_its_limit_and_stays_there_however_often_it_fails() -> None:
    assert [wait_seconds(failures) for failures in (1, 2, 3, 7, 2_000)] == [0.2, 0.4, 0.8, 10.0, 10.0]


def test_a_part_that_refuses_to_start_ends_everything() -> None:
    refusing = "import sys; print('starting'); print('wrong setting X: is wrong', file=sys.stderr); sys.exit(2)"
    watched = Watched(refusing, ready=False)
    assert asyncio.run(watched.supervisor.run()) == "part refused to start: wrong setting X: is wrong"


def test_a_part_that_refuses_without_a_word_is_said_to() -> None:
    watched = Watched("import sys; sys.exit(2)", ready=False)
    assert asyncio.run(watched.supervisor.run()) == "part refused to start: it did not say why"


def test_a_watch_that_breaks_ends_everything_in_one_line() -> None:
    watched = Watched(FOREVER)

    def broken(pids: dict[str, int]) -> None:
        watched.pids.extend(pids.values())
        if pids:
            raise RuntimeError("no more")

    watched.hear_of_pids = broken
    with pytest.raises(Failure, match=r"^could not go on watching part: RuntimeError: no more$"):
        asyncio.run(asyncio.wait_for(watched.supervisor.run(), 60))
    assert len(watched.pids) == 1
    assert not is_alive(watched.pids[0])


def test_a_part_that_cannot_be_started_for_want_of_something_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(FOREVER)
    refused = iter([OSError(24, "Too many open files"), OSError(11, "Resource temporarily unavailable")])
    make_pipe = os.pipe

    def pipe() -> tuple[int, int]:
        for error in refused:
            raise error
        return make_pipe()

    monkeypatch.setattr("minimart.supervisor.os.pipe", pipe)
    assert watched.run(lambda: wait_until(watched.opened.is_set, "it runs")) is None
    assert "part cannot be started: Too many open files; starting it again in 0.2 s" in watched.log
    assert "part cannot be started: Resource temporarily unavailable; starting it again in 0.4 s" in watched.log


def test_a_folder_that_cannot_be_written_is_said_once_and_parts_are_still_watched(tmp_path: Path) -> None:
    watched = Watched(f"print('here', flush=True); {FOREVER}")
    gone = tmp_path / "gone"
    record = RunFile(gone, Run(1, "http://x", "sqlite:///x.db", {}), watched.say)

    def hear(pids: dict[str, int]) -> None:
        watched.pids.extend(pids.values())
        record.write(pids)

    watched.hear_of_pids = hear

    def script() -> None:
        wait_until(lambda: "here" in watched.log, "it runs")
        os.kill(watched.pids[-1], signal.SIGKILL)
        wait_until(lambda: watched.log.count("here") == 2, "it runs again")

    assert watched.run(script) is None
    assert watched.log.count(f"cannot write {gone / 'run.json'}: No such file or directory") == 1


def test_how_long_the_stop_took_is_said() -> None:
    watched = Watched(f"print('here', flush=True); {FOREVER}")
    assert watched.run(lambda: wait_until(lambda: "here" in watched.log, "it runs")) is None
    assert re.search(r"minimart \| stopped within \d+\.\d\d s\n$", watched.log)


def test_what_a_dead_part_left_behind_is_killed_with_it() -> None:
    code = f"""
        import os, signal, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "{FOREVER}"])
        print("left", child.pid, flush=True)
        signal.pause()
    """
    watched = Watched(textwrap.dedent(code))

    def left() -> list[int]:
        return [int(line.split()[-1]) for line in watched.log.splitlines() if "| left" in line]

    def script() -> None:
        wait_until(lambda: len(left()) == 1, "it has a child")
        os.kill(watched.pids[-1], signal.SIGKILL)
        wait_until(lambda: not is_alive(left()[0]), "the child is gone")
        wait_until(lambda: len(left()) == 2, "it was started again")

    watched.run(script)
    wait_until(lambda: not any(is_alive(pid) for pid in left()), "its children are gone")


def test_a_part_that_is_deaf_to_the_signal_is_killed() -> None:
    watched = Watched(STUBBORN, stop_seconds=0.5)
    watched.run(lambda: wait_until(lambda: "deaf" in watched.log, "it is deaf"))
    assert "did not stop in time and were killed: part" in watched.log
    assert not any(is_alive(pid) for pid in watched.pids)


def test_parts_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = f"""
        import asyncio, os, sys
        from minimart.journal import Journal
        from minimart.supervisor import Part, Supervisor
        part = Part("part", [sys.executable, "-c", {FOREVER!r}])
        supervisor = Supervisor([part], Journal(sys.stdout, ["part"]), environment=dict(os.environ), stop_seconds=1,
                                on_pids=lambda pids: print(*pids.values(), flush=True), on_ready=print)
        asyncio.run(supervisor.run())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert is_alive(pid)
        supervisor.kill()
    wait_until(lambda: not is_alive(pid), "the part is gone")


def test_a_reader_who_went_away_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    # Unbuffered, so that nothing is left to be written when the stream is closed.
    with io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True) as stream:
        journal = Journal(stream, ["part"])
        journal.say("is anybody there")
        journal.say("still here")


def test_a_full_disk_stops_nothing() -> None:
    with open("/dev/full", "wb", buffering=0) as full, io.TextIOWrapper(full, write_through=True) as stream:
        journal = Journal(stream, ["part"])
        journal.say("is there room")
        journal.say("still here")
