"""Processes of the stage: started, killed and started again, each tied to this one by the kernel.

Rules: a child is a session of its own, so a Ctrl-C at the terminal is this process's alone; it dies with the thread
that started it, so children are started on the main thread; only what was started here, or by what was started here,
is ever sent a signal. Which children there are is elsewhere (`proof.chaos.stage`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from proof.config import inherited
from proof.tied import tied

STOP_SECONDS = 8.0


class Child:
    """One process. `command` is asked at each start, so that a second life can have other arguments."""

    def __init__(self, name: str, log: Path, command: Callable[[], Sequence[str]], **settings: str) -> None:
        self.name = name
        self.starts = 0
        # In the machine's steady time.
        self.started_at = 0.0
        self.wanted = True
        # In this process's steady time: not to be started before.
        self.not_before = 0.0
        self._log = log
        self._command = command
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs, or None."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process as it was started last."""
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        """Starts it, unless it runs."""
        if self.alive:
            return
        self.starts += 1
        self.started_at = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                tied([sys.executable, "-m", *self._command()]),
                env={**inherited(), "PYTHONUNBUFFERED": "1", **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it in its own way, or by force after STOP_SECONDS."""
        self.wanted = False
        if self._process is None or not self.alive:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def is_child(pid: int, parent: int | None) -> bool:
    """Whether `parent` started `pid`, and it still runs."""
    return parent is not None and _parent_of(Path(f"/proc/{pid}")) == parent


def children_of(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    return sorted(int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent_of(path) == pid)


def _parent_of(process: Path) -> int | None:
    with suppress(OSError):
        # The name, in brackets, may hold anything; the state and the parent come after it.
        state, parent = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        return int(parent) if state != "Z" else None
    return None


def send(pids: Sequence[int], number: signal.Signals) -> bool:
    """Sends a signal to processes; whether at least one was there."""
    there = False
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            there = True
    return there
