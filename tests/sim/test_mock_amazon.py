"""`minimart mock amazon` as a process: a UPS delivers for it through faults, features are asked, all is shown."""

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.processes import free_address
from tests.java import building

TICK = "0.1"


def mock(*options: str, seconds: float = 100.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "minimart", "mock", "amazon", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


@contextlib.contextmanager
def ups(*options: str, java: bool = False) -> Iterator[tuple[str, ...]]:
    """A UPS that dials; the options that put the mock where it looks for it."""
    amazon, world = free_address(), free_address()
    where = ("--world", world, "--amazon", amazon, "--tick", TICK)
    command = building.command("ups.Main") if java else [sys.executable, "-m", "sim", "ups"]
    process = subprocess.Popen([*command, *where, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield ("--listen", amazon, "--world-ups", world, "--tick", TICK)
    finally:
        process.terminate()
        process.wait(30)


FAULTS = {
    "none": (),
    "loss": ("--loss", "50"),
    "twice and late": ("--duplicate", "60", "--delay", "0.5"),
    "cut": ("--cut", "0.5"),
    "reset": ("--reset", "0.5"),
    "restart": ("--restart", "1", "--down", "0.3"),
    "a lossy world": ("--flakiness", "50"),
    "all": ("--loss", "20", "--duplicate", "20", "--delay", "0.2", "--cut", "2", "--reset", "2", "--restart", "4"),
}
SHOWN = {
    "loss": r"\[lost on purpose\]",
    "twice and late": r"\[twice on purpose\].*late on purpose",
    "cut": "cut inside a frame on purpose",
    "reset": "reset on purpose",
    "restart": "(?s)away for 0.3 s on purpose.*back again",
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_order_is_delivered_whatever_goes_wrong_on_purpose(fault: str) -> None:
    # Long enough for a fault that comes every so often.
    with ups() as where:
        done = mock(
            *where, "--orders", "20", "--every", "0.15", *FAULTS[fault], "--exit", "--timeout", "90", "--seed", "3"
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "20 of 20 orders have ended" in done.stdout
    assert done.stdout.count(": delivered\n") == 20
    assert re.search(SHOWN.get(fault, "UADelivered #"), done.stdout)
    assert ("on purpose" in done.stdout) == (fault not in ("none", "a lossy world"))
    # Plain where nobody looks.
    assert "\x1b" not in done.stdout


@pytest.mark.timeout(200)
def test_the_java_ups_delivers_for_it() -> None:
    with ups(java=True) as where:
        done = mock(*where, "--orders", "10", "--every", "0.1", "--loss", "30", "--exit", "--timeout", "80")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "10 of 10 orders have ended" in done.stdout


SCRIPT = """
0    order to 5,9
0.1  order to 7,7 from 2 items "2 x Green tea" account zoe
0.2  order to 1,1 from 3
0    account zoe
0.1  redirect 1 to 8,8
0.3  cancel 3
"""


def test_a_script_asks_a_ups_that_speaks_the_extension(tmp_path: Path) -> None:
    script = tmp_path / "orders.txt"
    script.write_text(SCRIPT)
    with ups("--features", "all") as where:
        done = mock(*where, "--script", str(script), "--exit", "--timeout", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        r"Amazon <- UPS  UAstart #\d+ world 1 features redirect cancel",
        r"Amazon -> UPS  AUHello features redirect cancel",
        r"Amazon -> UPS  AUPickupRequest #\d+ ship \d+ warehouse 2 at \(60, 40\) to \(7, 7\) '2 x Green tea' for 'zoe'",
        r"Amazon <- UPS  UAAccountAnswer #\d+ about #\d+ account 'zoe' known",
        r"Amazon -> UPS  AURedirect #\d+ ship \d+ x 8 y 8",
        r"order 1 goes to \(8, 8\) now",
        r"Amazon <- UPS  UACancelAnswer #\d+ about #\d+ ship \d+ accepted",
        r"order 3: cancelled",
        r"Amazon <- UPS  UADeliveryStarted #\d+ ship \d+ truck \d+",
        r"Amazon -> UPS  acks (#\d+ ?)+",
        r"order 2: delivered",
    ):
        assert re.search(shown, done.stdout), f"{shown}\n{done.stdout}"


def test_a_base_ups_is_asked_nothing_of_the_extension(tmp_path: Path) -> None:
    script = tmp_path / "orders.txt"
    script.write_text(SCRIPT)
    with ups() as where:
        done = mock(*where, "--script", str(script), "--exit", "--timeout", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "UPS is not asked to redirect order 1: it does not speak redirect" in done.stdout
    assert not re.search("-> UPS +(AURedirect|AUCancel|AUAccountCheck|AUHello)", done.stdout)
    assert "3 of 3 orders have ended" in done.stdout


def test_without_a_ups_it_gives_up_in_time() -> None:
    done = mock("--listen", "127.0.0.1:0", "--world-ups", "127.0.0.1:0", "--exit", "--timeout", "1")
    assert done.returncode == 1
    assert "0 of 3 orders have ended" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--script", "/no/such/file"), "--script /no/such/file cannot be read"),
        (("--script", "/"), "cannot be read"),
        (("--script", "/dev/null", "--orders", "3"), "does not go with --orders"),
        (("--loss", "101"), "--loss"),
        (("--listen", "nowhere"), "--listen"),
        (("--features", "teleport"), "nothing is called 'teleport'"),
        (("--timeout", "3"), "--timeout goes with --exit"),
        (("--orders", "many"), "--orders"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    done = mock("--listen", "127.0.0.1:0", "--world-ups", "127.0.0.1:0", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr


def test_a_line_of_a_script_that_cannot_be_is_named(tmp_path: Path) -> None:
    script = tmp_path / "orders.txt"
    script.write_text("0 order to 5,9\n1 explode\n")
    done = mock("--script", str(script))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{script}, line 2: nothing is called explode" in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = mock("--world-ups", "127.0.0.1:0", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot listen on" in done.stderr


def test_steps_are_taken_from_a_console_and_what_cannot_be_read_there_is_said() -> None:
    with ups("--features", "all") as where:
        command = [sys.executable, "-m", "minimart", "mock", "amazon", *where, "--orders", "0", "--console"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            assert running.stderr is not None
            told = iter(running.stdout.readline, "")
            assert any("in world 1 now" in line for line in told)
            running.stdin.write("fly 1\norder to 5,9\naccount zoe\n")
            running.stdin.flush()
            assert "nothing is called fly" in running.stderr.readline()
            assert any("order 1: delivered" in line for line in told)
            running.terminate()
            assert "1 of 1 orders have ended" in running.stdout.read()
        assert running.returncode == 0


def test_a_console_that_is_a_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "minimart", "mock", "amazon", "--console", "--listen", "127.0.0.1:0"]
    with (tmp_path / "file").open() as file:
        done = subprocess.run(
            [*command, "--world-ups", "127.0.0.1:0"],
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "--console needs a terminal or a pipe" in done.stderr
