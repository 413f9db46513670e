"""Whatever is wrong with a command is one line on stderr and exit code 2 or 1, never a traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.identity import ensure_tokens_file
from minimart.installation import Run, hold, write_run


def minimart(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minimart", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"MINIMART_DATA_DIR": str(data), "PATH": "/usr/bin:/bin"},
        timeout=150,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["up", "--port", "x"], "--port"),
        (["up", "--port", "0"], "--port"),
        (["up", "--world", "nowhere"], "'nowhere' is not HOST:PORT"),
        (["up", "--ups-listen", "host:99999"], "is not HOST:PORT"),
        (["up", "--flakiness", "100"], "--flakiness"),
        (["up", "--world", "w:1", "--flakiness", "5"], "stand-in"),
        (["up", "--world-tick", "0"], "--world-tick"),
        (["up", "--database", "mysql://x/y"], "not supported"),
        (["up", "--database", "nonsense"], "DATABASE_URL"),
        (["buy", "--to", "1,2"], "--product"),
        (["buy", "--product", "1", "--quantity", "0", "--to", "1,2"], "--quantity"),
        (["buy", "--product", "1", "--quantity", "1000000", "--to", "1,2"], "--quantity"),
        (["buy", "--product", "1", "--to", "1"], "is not X,Y"),
        (["buy", "--product", "1", "--to", "1,2.5"], "is not X,Y"),
        (["buy", "--product", "1", "--to", "1,3000000000"], "beyond the world's grid"),
        (["order", "show", "x"], "ORDER_ID"),
        (["order", "explain", "0"], "ORDER_ID"),
    ],
)
def test_a_bad_option_is_one_line_and_exit_code_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = minimart(*arguments, data=tmp_path)
    assert said in one_line(done)
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments", [["doctor"], ["buy", "--product", "1", "--to", "1,2"], ["order", "show", "1"], ["staff", "list"]]
)
def test_a_shop_that_was_never_started_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = minimart(*arguments, data=tmp_path)
    assert "no shop has been started" in one_line(done)
    assert done.returncode == 1


RUNTIME_ONLY = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("greenlet", "psutil", "hypothesis", "playwright", "pytest"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from minimart.__main__ import main
main()
"""


def without_the_test_packages(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUNTIME_ONLY, *arguments], capture_output=True, text=True, check=False, timeout=150
    )


def test_a_command_that_needs_the_test_packages_says_so_in_one_line() -> None:
    done = without_the_test_packages("simulate", "--help")
    assert one_line(done).startswith("minimart: `minimart simulate` needs the test packages: make test")
    assert done.returncode == 2


def test_what_can_be_done_is_shown_without_the_test_packages() -> None:
    done = without_the_test_packages("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "simulate" in done.stdout


@pytest.mark.parametrize("command", ["up", "buy", "order", "staff", "doctor", "sim", "conform", "chaos"])
def test_the_other_commands_need_none_of_the_test_packages(command: str) -> None:
    done = without_the_test_packages(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = minimart("up", "--port", str(port), data=tmp_path)
    assert f"cannot listen on 127.0.0.1:{port}" in one_line(done)
    assert done.returncode == 2


def test_a_data_folder_in_use_is_one_line(tmp_path: Path) -> None:
    with hold(tmp_path):
        done = minimart("up", data=tmp_path)
    assert "is in use by another minimart" in one_line(done)
    assert done.returncode == 2


def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(tmp_path: Path) -> None:
    done = minimart("up", "--port", "18080", "--database", "postgresql://me:secret@127.0.0.1:9/shop", data=tmp_path)
    assert "cannot reach the database" in one_line(done)
    assert "secret" not in done.stdout + done.stderr
    assert done.returncode == 2


def test_a_database_in_a_folder_that_is_not_there_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    nowhere = tmp_path / "not" / "there"
    done = minimart("up", "--port", "18080", "--database", f"sqlite:///{nowhere}/x.db", data=tmp_path / "data")
    assert f"there is no folder {nowhere}" in one_line(done)
    assert done.returncode == 2
    assert not nowhere.parent.exists()


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minimart", "up"],
        capture_output=True,
        text=True,
        check=False,
        env={"MINIMART_DATA_DIR": str(tmp_path), "MINIMART_LOG_LEVEL": "LOUD", "PATH": "/usr/bin:/bin"},
        timeout=150,
    )
    assert "MINIMART_LOG_LEVEL" in one_line(done)
    assert done.returncode == 2


def test_doctor_names_what_is_down(tmp_path: Path) -> None:
    ensure_tokens_file(tmp_path / "service-tokens")
    nowhere = "127.0.0.1:9"
    at = {"orders": nowhere, "shop": nowhere, "world_bridge": nowhere, "ups_bridge": nowhere}
    write_run(tmp_path, Run(999_999_999, f"http://{nowhere}", f"sqlite:///{tmp_path}/none.db", at, {}))
    done = minimart("doctor", data=tmp_path)
    assert one_line(done).endswith("not well: supervisor, orders_svc, storefront, world_bridge, ups_bridge, database")
    assert "BAD  supervisor    not running: minimart up" in done.stdout
    assert done.returncode == 1
