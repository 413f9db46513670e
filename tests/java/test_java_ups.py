"""A UPS in Java, written from docs/ups-protocol.md alone, delivers for the whole shop, with losses and kills."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from proof.processes import free_address
from tests.e2e.running import RunningShop, shop
from tests.java import building

TICK = "0.2"
SECONDS = 300.0


class JavaUps:
    """The Java UPS as a process that is killed and started again."""

    def __init__(self, world: str, amazon: str, log: Path) -> None:
        self._arguments = ("--world", world, "--amazon", amazon, "--tick", TICK)
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                building.command("ups.Main", *self._arguments, *options), stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9: nothing is said and nothing is tidied up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()


def buy(running: RunningShop, count: int, restart_at: Sequence[int], ups: JavaUps, *options: str) -> None:
    """Orders and watches; each time that so many orders have ended the UPS is killed and started again."""
    command = [sys.executable, "-m", "minimart", "buy", "--watch", "--product", "3", "--to", "10,10"]
    watching = subprocess.Popen(
        [*command, "--count", str(count), "--data", str(running.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert watching.stdout is not None
    lines, restarts, until = [], list(restart_at), time.monotonic() + SECONDS
    with watching.stdout as output:
        for line in iter(output.readline, ""):
            lines.append(line)
            ended = re.search(r"(\d+) of \d+ have ended", line)
            accepted = "are accepted" in line
            if restarts and (accepted or ended) and (0 if ended is None else int(ended[1])) >= restarts[0]:
                del restarts[0]
                ups.kill()
                ups.start(*options)
            if time.monotonic() > until:
                watching.kill()
    said = "".join(lines)
    assert watching.wait() == 0, f"{said}\n{ups.log[-3000:]}\n{running.log[-6000:]}"
    assert f"all {count} are DELIVERED" in said
    assert not restarts, f"no restart at {restarts}:\n{said}"


# How often it is killed, and what it has left after that.
KILLS = {
    "remembers": (200, (0, 60, 130), "--memory"),
    "forgets all but the world": (60, (0, 25), "--join"),
    "forgets everything": (60, (20,), ""),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("after", KILLS)
def test_orders_are_delivered_once_whatever_is_lost_and_however_often_it_is_killed(after: str, tmp_path: Path) -> None:
    count, restart_at, option = KILLS[after]
    book_file, listen = tmp_path / "book.json", free_address()
    options = ("--ups-listen", listen, "--flakiness", "40", "--seed", "7", "--book", str(book_file))
    with shop(tmp_path / "data", *options) as running:
        ups = JavaUps(running.run.addresses["world_ups"], listen, tmp_path / "ups.log")
        values = {"--memory": str(tmp_path / "memory"), "--join": "1"}
        left = (option, values[option]) if option else ()
        try:
            ups.start(*(left if option == "--memory" else ()))
            buy(running, count, restart_at, ups, *left)
            parcels = running.parcels(range(1, count + 1))
            assert ups.process is not None
            assert ups.process.poll() is None, ups.log
        finally:
            ups.kill()
        running.stop(signal.SIGTERM)
        assert "died" not in running.log, running.log[-6000:]
    assert "Exception in" not in ups.log
    book = json.loads(book_file.read_text())
    counted = {
        package["id"]: (package["packed"], package["loaded"], package["delivered"])
        for package in book["packages"]
        if package["things"]
    }
    assert {ship: counted[ship] for ship in parcels} == dict.fromkeys(parcels, (1, 1, 1))
    if option:
        assert counted.keys() == parcels
    else:
        # In the world that was left nothing was delivered twice either.
        assert all(max(times) <= 1 for times in counted.values())


def test_a_wrong_command_line_is_one_line_and_exit_code_2() -> None:
    done = subprocess.run(building.command("ups.Main", "--world"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "usage:" in done.stderr
