"""The conformance kit for an Amazon: ours and the mock pass, faults are named, wrong options end in one line."""

import asyncio
import contextlib
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proof.conform.cases import Level, chosen
from proof.conform.of_amazon.catalogue import CASES
from proof.conform.patience import Patience
from proof.conform.play import play_cases
from proof.conform.report import explained
from proof.conform.verdict import Outcome
from proof.processes import free_address
from tests.proof.conforming import Impatient
from tests.proof.conforming_amazon import mocked as mocked_here
from tests.proof.faulty_amazon import FAULTS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "ups-protocol.md").read_text(encoding="utf-8")
TICK = "0.2"
MINIMART = (
    f"{shlex.quote(sys.executable)} -m minimart up --data {{folder}}/shop --port {{port}} --world {{world}} "
    "--ups-listen {amazon} --world-tick {tick}"
)
KILLED = {"5.7a", "5.7b", "7.4a"}
MOCKS = 4
AT_ONCE = 8


def conform(*arguments: str, seconds: float = 400.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "minimart", "conform", "amazon", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


def named(word: str, done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(rf"^{word} +(\S+)", done.stdout, re.MULTILINE))


@contextlib.contextmanager
def mocked(folder: Path, *, fault: str = "", every: float = 0.5) -> Iterator[tuple[str, ...]]:
    """A mock Amazon that orders something all the time; where it is and where it looks for its world."""
    amazon, world = free_address(), free_address()
    script = folder / "orders.txt"
    script.write_text("".join(f"{at * every} order to {at % 40},{at // 40}\n" for at in range(600)))
    what = ("tests.proof.faulty_amazon", fault) if fault else ("minimart", "mock")
    options = ("--listen", amazon, "--world", world, "--tick", TICK, "--script", str(script))
    with (folder / "mock.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *what, "amazon", *options], stdout=log, stderr=log)
    try:
        yield ("--amazon", amazon, "--world", world, "--tick", TICK, "--order-wait", "60")
        assert process.poll() is None, (folder / "mock.log").read_text()[-3000:]
    finally:
        process.terminate()
        process.wait(30)


def test_each_case_has_an_id_of_its_own_that_is_a_rule_of_the_document() -> None:
    assert [id for id, count in Counter(case.id for case in CASES).items() if count > 1] == []
    rules = set(re.findall(r"^\* \*\*(\d+(?:\.\d+)+)\*\*", DOCUMENT, re.MULTILINE))
    assert {case.section for case in CASES} - rules == set()


def test_a_case_is_as_strict_as_its_rule() -> None:
    for case in CASES:
        if case.level is Level.SHOULD:
            rule = re.search(
                rf"^\* \*\*{re.escape(case.section)}\*\*(.*?)(?=^\* \*\*|^#)", DOCUMENT, re.MULTILINE | re.DOTALL
            )
            assert rule is not None
            assert "SHOULD" in rule[1], f"{case.id} is a SHOULD, its rule is not"


def test_the_list_names_every_case_and_needs_no_amazon() -> None:
    done = conform("--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [case.id for case in CASES]


@pytest.mark.timeout(600)
def test_minimart_passes_every_case(tmp_path: Path) -> None:
    page, log = tmp_path / "report.html", tmp_path / "amazon.log"
    where = ("--amazon", "127.0.0.1:0", "--world", "127.0.0.1:0", "--tick", TICK, "--wait", "120")
    how = ("--start", MINIMART, "--shop", "{folder}/shop", "--log", str(log), "--html", str(page))
    done = conform(*where, *how, seconds=550)
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr}\n{log.read_text()[-4000:]}"
    assert f"{len(CASES)} cases, " in done.stdout
    assert (named("FAILED", done), named("n/a", done)) == (set(), set())
    # Section 14 of the document says so.
    assert named("should", done) <= {"9.6a"}
    assert "minimart conform amazon" in page.read_text(encoding="utf-8")


@pytest.mark.timeout(500)
def test_the_mock_passes_every_case_that_does_not_kill_it(tmp_path: Path) -> None:
    """Several mocks side by side, each with cases of its own: nearly all of the time is waiting."""

    async def play_all() -> list[Outcome]:
        async with AsyncExitStack() as stack:
            room = [mocked_here(tmp_path, f"mock-{at}", Patience(float(TICK))) for at in range(MOCKS)]
            kits = await asyncio.gather(*map(stack.enter_async_context, room))
            return await play_cases(kits, CASES, lambda _: None)

    outcomes = asyncio.run(play_all())
    assert [outcome.case.id for outcome in outcomes] == [case.id for case in CASES]
    assert "\n".join("\n".join(explained(outcome)) for outcome in outcomes if outcome.expected) == ""
    assert {outcome.case.id for outcome in outcomes if outcome.skipped} == KILLED


@pytest.mark.timeout(300)
def test_each_planted_fault_is_named_by_its_case(tmp_path: Path) -> None:
    missed: list[str] = []

    async def play_all() -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def broken(fault: str, expected: set[str]) -> None:
            # What looks back on the whole run needs an order to look at.
            looks_back = any(case.whole_run for case in CASES if case.id in expected)
            only = sorted(expected) + ["6.1a"] * looks_back
            async with room, mocked_here(tmp_path, fault, Impatient(float(TICK), resend=3.0), fault) as kit:
                outcomes = await play_cases([kit], chosen(CASES, only), lambda _: None)
            named = {outcome.case.id for outcome in outcomes if outcome.expected}
            if not expected <= named:
                missed.append(f"{fault}: {sorted(expected)} were to fail, {sorted(named)} did")

        await asyncio.gather(*(broken(plant.__name__, ids) for plant, ids in FAULTS.items()))

    asyncio.run(play_all())
    assert not missed, "\n".join(missed)


def test_a_planted_fault_is_told_with_its_rule_and_exit_code_1(tmp_path: Path) -> None:
    with mocked(tmp_path, fault="acks_once") as where:
        done = conform(*where, "--resend", "2", "--only", "5.6a", "--only", "5.6b", seconds=100)
    assert done.returncode == 1, done.stdout + done.stderr
    assert named("FAILED", done) == {"5.6a", "5.6b"}
    assert "docs/ups-protocol.md, 5.6" in done.stdout


@pytest.mark.timeout(200)
def test_orders_come_from_a_command_too_and_a_command_that_fails_is_said(tmp_path: Path) -> None:
    placed = tmp_path / "placed"
    place = shlex.join([sys.executable, "-c", f"open({str(placed)!r}, 'w').write('{{x}},{{y}}')"])
    # Only a fresh order will do for this case, so one has to be placed.
    with mocked(tmp_path, every=2.0) as where:
        done = conform(*where, "--only", "5.4a", "--place", place)
        failing = conform(*where, "--only", "5.4a", "--place", "false")
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"\d+,\d+", placed.read_text())
    assert failing.returncode == 1
    assert "--place to end with exit code 0" in failing.stdout


@contextlib.contextmanager
def strange(behaviour: str) -> Iterator[str]:
    """A port that closes at once, floods, or says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    if behaviour == "floods":
                        while not ended.is_set():
                            connection.sendall(b"\x00" * 65536)
                    elif behaviour == "speaks HTTP":
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
                    elif behaviour == "says nothing":
                        ended.wait(30)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            # A close alone wakes nobody who waits for a connection.
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(40)
        listener.close()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("closes at once", "it closed the connection"),
        ("floods", "it floods"),
        ("speaks HTTP", "it sent"),
        ("says nothing", "it said nothing of it"),
    ],
)
def test_a_stranger_in_amazons_place_is_one_line_and_exit_code_1(behaviour: str, said: str) -> None:
    with strange(behaviour) as address:
        done = conform("--amazon", address, "--world", "127.0.0.1:0", "--wait", "2", seconds=90)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--only", "77.7"), 2, "no case and no section is called 77.7"),
        (("--amazon", "nowhere"), 2, "is not HOST:PORT"),
        (("--tick", "0"), 2, "--tick"),
        (("--shop", "a", "--place", "b"), 2, "name one"),
        (("--html", "/no/such/folder/report.html"), 2, "there is no folder"),
        (("--expected-failures", "/no/such/file"), 2, "cannot be read"),
        (
            ("--world", "127.0.0.1:0", "--amazon", "127.0.0.1:0", "--start", "no-such-program"),
            2,
            "--start cannot be run",
        ),
        (("--world", "127.0.0.1:0", "--amazon", "127.0.0.1:0", "--start", "{what}"), 2, "--start cannot be run"),
        (("--world", "127.0.0.1:0", "--amazon", "127.0.0.1:0", "--start", "false", "--wait", "2"), 1, "exit code 1"),
        (
            ("--world", "127.0.0.1:0", "--amazon", "127.0.0.1:1", "--wait", "1"),
            1,
            "an Amazon that listens at 127.0.0.1:1",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = conform(*arguments, seconds=60)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = conform("--world", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot listen on" in done.stderr
