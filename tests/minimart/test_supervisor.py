"""The supervisor with small processes: restarts, crash loops, refusals, stopping in time, and nothing left behind."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

from minimart.journal import Journal
from minimart.supervisor import Part, Supervisor
from tests.minimart.deadlines import is_alive, wait_until

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

        async def is_ready() -> bool:
            return ready

        part = Part("part", [sys.executable, "-c", code], {}, is_ready)
        self.supervisor = Supervisor(
            [part],
            Journal(self.output, ["part"]),
            environment=dict(os.environ),
            stop_seconds=stop_seconds,
            on_pids=lambda pids: self.pids.extend(pids.values()),
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


def test_a_part_that_refuses_to_start_ends_everything() -> None:
    watched = Watched("import sys; sys.exit('wrong setting X: is wrong') if 0 else sys.exit(2)", ready=False)
    failure = None

    async def run() -> None:
        nonlocal failure
        failure = await watched.supervisor.run()

    asyncio.run(run())
    assert failure == "part refused to start: its last line says why"


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


def test_a_part_that_is_deaf_to_the_signal_is_killed_in_time() -> None:
    watched = Watched(STUBBORN, stop_seconds=0.5)
    began = []

    def script() -> None:
        wait_until(lambda: "deaf" in watched.log, "it is deaf")
        began.append(time.monotonic())

    watched.run(script)
    assert time.monotonic() - began[0] < 3.0
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
