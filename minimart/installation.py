"""One installation: its data folder, the lock that only one supervisor holds, and run.json, by which others find it.

Rules: the lock is the kernel's, so it is gone when its holder is, however it died; run.json is replaced as a whole and
stays when the shop stops, with no process in it. Ports of internal services are taken below the range from which the
system gives ports to outgoing connections, so that a service finds its port free again when it is started anew.
"""

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mesh.ports import NoFreePort, take_addresses
from mesh.settings import parse_address
from minimart.failure import Wrong

RUN_FILE = "run.json"
LOCK_FILE = "lock"


@dataclass(frozen=True, slots=True)
class Run:
    """What runs: the addresses of the parts by name, and the pids of those that are alive."""

    supervisor: int
    shop: str
    database: str
    addresses: dict[str, str]
    pids: dict[str, int] = field(default_factory=dict)


@contextmanager
def hold(data: Path) -> Iterator[None]:
    """Makes the data folder, for its owner alone, and holds its lock. Wrong: it cannot be had."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / LOCK_FILE).open("a+")
    except OSError as error:
        raise Wrong(f"cannot use the data folder {data}: {error.strerror or error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            run = read_run(data)
            who = f" (process {run.supervisor}, shop at {run.shop})" if run else ""
            raise Wrong(f"the data folder {data} is in use by another minimart{who}") from None
        yield


def write_run(data: Path, run: Run) -> None:
    """Replaces run.json. OSError: it stays as it was, and no draft is left."""
    handle, draft = tempfile.mkstemp(dir=data, prefix=RUN_FILE)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(run), file, indent=2)
        Path(draft).replace(data / RUN_FILE)
    except OSError:
        with suppress(OSError):
            Path(draft).unlink()
        raise


class RunFile:
    """run.json, kept as well as the disk allows: what cannot be written is said once, and the shop goes on."""

    def __init__(self, data: Path, run: Run, say: Callable[[str], None]) -> None:
        self._data = data
        self._run = run
        self._say = say
        self._failing = False

    def write(self, pids: dict[str, int]) -> None:
        """Writes who is alive, by name."""
        try:
            write_run(self._data, replace(self._run, pids=pids))
        except OSError as error:
            if not self._failing:
                self._say(
                    f"cannot write {self._data / RUN_FILE}: {error.strerror}; buy, order and doctor may not find us"
                )
            self._failing = True
        else:
            self._failing = False


def read_run(data: Path) -> Run | None:
    """What runs, or ran last, in this data folder; None: nothing ever did, or the file is not ours."""
    with suppress(OSError, ValueError, TypeError):
        return Run(**json.loads((data / RUN_FILE).read_text(encoding="utf-8")))
    return None


def is_free(address: str) -> bool:
    """Whether a server could listen on HOST:PORT now."""
    host, port = parse_address(address)
    with suppress(OSError):
        family, kind, proto, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            return True
    return False


def free_addresses(count: int, rng: random.Random) -> list[str]:
    """That many different loopback addresses on which nobody listens, held until this process ends. Wrong: too few."""
    try:
        return take_addresses(count, rng)
    except NoFreePort as error:
        raise Wrong(str(error)) from error
