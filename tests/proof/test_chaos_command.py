"""`minimart chaos` as it is used: a short performance on each database, its report, and what a Ctrl-C leaves behind."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until

SEED = "11"


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a performance that is killed leaves behind goes with the test. PostgreSQL's user may walk through it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        monkeypatch.setenv("TMPDIR", folder)
        yield


@contextmanager
def chaos(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, ended also where the test fails."""
    command = [sys.executable, "-m", "minimart", "chaos", "--seed", SEED, "--report", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_doubled_or_stuck_whatever_is_killed(tmp_path: Path, database: str) -> None:
    arguments = ("--minutes", "0.4", "--pace", "1.5", "--database", database)
    with chaos(*arguments, folder=tmp_path) as process:
        said, complained = process.communicate(timeout=840)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["findings"] == [], f"{report['repeat']}\n{said}\n{complained}"
    assert report["kills"] >= 3
    assert report["orders"]["orders"] >= 20
    assert report["orders"]["acknowledged over HTTP"] >= 1
    assert (tmp_path / "logs" / "supervisor.log").exists()
    assert "nothing lost, nothing doubled, nothing stuck" in said
    assert (tmp_path / "report.txt").read_text() in said


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended_in_the_middle(tmp_path: Path, number: signal.Signals) -> None:
    with chaos("--minutes", "5", "--database", "postgresql", folder=tmp_path) as process:
        everyone = wait_until_it_plays(process)
        process.send_signal(number)
        _, complained = process.communicate(timeout=150)
    assert process.returncode == (130 if number is signal.SIGINT else -number), complained
    _, left = psutil.wait_procs(everyone, timeout=60)
    assert not [one for one in left if command_line(one)]


def wait_until_it_plays(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Every process that it started, once the shop's services are among them."""
    everyone: list[psutil.Process] = []

    def plays() -> bool:
        assert process.poll() is None
        everyone[:] = psutil.Process(process.pid).children(recursive=True)
        lines = [command_line(one) for one in everyone]
        return all(any(part in line for line in lines) for part in ("-m storefront", "-m ups_bridge", "-m sim world"))

    wait_until(plays, "it plays")
    return everyone


def command_line(process: psutil.Process) -> str:
    """Empty: it has ended, maybe just now."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--minutes", "0"), "--minutes"),
        (("--database", "mysql://x/y"), "mysql is not supported"),
        (("--orders-per-second", "1000"), "--orders-per-second"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    with chaos(*arguments, folder=tmp_path / "report") as process:
        out, complained = process.communicate(timeout=150)
    assert (process.returncode, complained.count("\n"), out) == (2, 1, "")
    assert said in complained
