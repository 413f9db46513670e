"""Services as processes whose memory and CPU are watched while strangers talk to them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.waiting import wait_until
from tests.world_bridge.running import tokens_file

START_SECONDS = 150.0
STOP_SECONDS = 60.0


class Watched:
    """A service; `port(name)` is what its first log line said, `grown` the most that it took since `mark`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self._psutil = psutil.Process(process.pid)
        self._memory = self._cpu = 0.0
        self.mark()

    @property
    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def port(self, name: str = "port") -> int:
        found = re.search(rf"event=(?:serving|listening).* {name}=(?:http://127.0.0.1:)?(\d+)", self.words)
        assert found, self.words
        return int(found[1])

    def everyone(self) -> list[psutil.Process]:
        return [self._psutil, *self._psutil.children(recursive=True)]

    def mark(self) -> None:
        """From now on `grown` and `cpu` count."""
        self._memory, self._cpu = self._held("VmRSS"), self._used()

    @property
    def grown(self) -> float:
        """Megabytes, of all its processes, each at its peak: nothing depends on when one looks."""
        return self._held("VmHWM") - self._memory

    @property
    def cpu(self) -> float:
        """Seconds."""
        return self._used() - self._cpu

    @property
    def threads(self) -> int:
        return sum(one.num_threads() for one in self.everyone())

    @property
    def connections(self) -> int:
        return sum(len(one.net_connections("tcp")) for one in self.everyone())

    def is_well(self) -> None:
        assert self.process.poll() is None, self.words
        assert "Traceback" not in self.words, self.words

    def _held(self, kind: str) -> float:
        statuses = [Path(f"/proc/{one.pid}/status").read_text() for one in self.everyone()]
        return sum(int(status.partition(f"{kind}:")[2].split()[0]) for status in statuses) / 1024

    def _used(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self.everyone())


@contextmanager
def service(module: str, folder: Path, **settings: str) -> Iterator[Watched]:
    """`python -m module` on free ports, as soon as it serves; it must end when it is told."""
    tokens_file(folder)
    ours = {key: value for key, value in os.environ.items() if not key.startswith("MINIMART_")}
    log = folder / f"{module}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={
                **ours,
                "MINIMART_TOKENS_FILE": str(folder / "service-tokens"),
                "MINIMART_DATA_DIR": str(folder),
                **{f"MINIMART_{name}": value for name, value in settings.items() if name != "DATABASE_URL"},
                **{name: value for name, value in settings.items() if name == "DATABASE_URL"},
            },
            stdout=output,
            stderr=output,
        )
    try:

        def serves() -> bool:
            words = log.read_text(errors="replace")
            assert process.poll() is None, words
            return re.search(r"event=(serving|listening)", words) is not None

        wait_until(serves, "it serves", START_SECONDS)
        watched = Watched(process, log)
        yield watched
        watched.is_well()
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, watched.words
    finally:
        process.kill()
        process.wait()
