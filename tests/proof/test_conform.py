"""The conformance kit: good partners pass, bad ones are told what is wrong, wrong options end in one line."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from proof.conform.cases import Level, chosen
from proof.conform.catalogue import CASES
from tests.java import building
from tests.waiting import wait_until

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "ups-protocol.md").read_text(encoding="utf-8")
ANYWHERE = ("--amazon", "127.0.0.1:0", "--world", "127.0.0.1:0", "--tick", "0.1")
STAND_IN = f"{shlex.quote(sys.executable)} -m sim ups --world {{world}} --amazon {{amazon}} --tick 0.1 --features all"
# It has no memory of its own: it is told which world it was in, and where to begin to count.
AGAIN = f"{STAND_IN} --join {{world_id}} --first-number {{number}} --first-news {{number}}"


def conform(*arguments: str, seconds: float = 200.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "minimart", "conform", "ups", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


def failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"^FAILED +(\S+)", done.stdout, re.MULTILINE))


def test_each_case_has_an_id_of_its_own_that_is_a_rule_of_the_document() -> None:
    assert [id for id, count in Counter(case.id for case in CASES).items() if count > 1] == []
    rules = set(re.findall(r"^(?:\* \*\*|###+ )(\d+(?:\.\d+)+)\b", DOCUMENT, re.MULTILINE))
    assert {case.section for case in CASES} - rules == set()


def test_a_case_is_as_strict_as_its_rule() -> None:
    for case in CASES:
        rule = re.search(
            rf"^\* \*\*{re.escape(case.section)}\*\*(.*?)(?=^\* \*\*|^#)", DOCUMENT, re.MULTILINE | re.DOTALL
        )
        if case.level is Level.SHOULD:
            assert rule is not None
            assert "SHOULD" in rule[1], f"{case.id} is a SHOULD, its rule is not"


@pytest.mark.parametrize(
    ("only", "some"), [(["5"], "5.4a"), (["5.4"], "5.4c"), (["5.4c"], "5.4c"), (["2.6", "9"], "9.6a")]
)
def test_cases_are_chosen_by_id_rule_or_section(only: list[str], some: str) -> None:
    found = [case.id for case in chosen(CASES, only)]
    assert some in found
    assert "4.1a" not in found
    assert len(found) < len(CASES)


def test_the_list_names_every_case_and_needs_no_partner() -> None:
    done = conform("--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [case.id for case in CASES]


def java_ups() -> str:
    arguments = ("--world", "{world}", "--amazon", "{amazon}", "--tick", "0.1", "--memory", "{folder}/memory")
    return shlex.join(building.command("ups.Main", *arguments))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("partner", ["stand-in", "java"])
def test_a_good_partner_passes_every_case(partner: str, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    start = (STAND_IN, "--restart", AGAIN) if partner == "stand-in" else (java_ups(),)
    done = conform(*ANYWHERE, "--strict", "--lanes", "8", "--junit", str(report), "--start", *start, seconds=560)
    assert done.returncode == 0, done.stdout + done.stderr
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(CASES)), "0")
    assert [case.get("name", "").split()[0] for case in suite] == [case.id for case in CASES]
    skipped = {case.get("name", "").split()[0] for case in suite if case.find("skipped") is not None}
    if partner == "java":
        assert {id.partition(".")[0] for id in skipped} == {"11", "12"}
    else:
        # A short way may end before a position is due.
        assert skipped <= {"11.7.1a"}


def test_a_partner_that_announces_another_world_is_told_so(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    options = ("--only", "4.1", "--only", "6.4", "--junit", str(report))
    done = conform(*ANYWHERE, *options, "--start", f"{STAND_IN} --announce 99")
    assert done.returncode == 1
    assert failed(done) == {"4.1b", "4.1c", "6.4a"}
    assert "docs/ups-protocol.md, 4.1" in done.stdout
    assert "not available" in done.stdout
    suite = ElementTree.parse(report).getroot()
    assert suite.get("failures") == "3"
    assert [case.get("name", "").split()[0] for case in suite.iter("testcase") if case.find("failure") is not None] == [
        "4.1b",
        "6.4a",
        "4.1c",
    ]


def test_a_partner_that_says_nothing_is_given_up_soon() -> None:
    done = conform(*ANYWHERE, "--resend", "1", "--start", f"{STAND_IN} --silent", seconds=60)
    assert done.returncode == 1
    assert "then given up: nobody is there" in done.stdout
    assert "none announced a world" in done.stdout


def test_a_partner_that_says_everything_twice_is_right() -> None:
    done = conform(*ANYWHERE, "--only", "5", "--only", "6.4", "--start", f"{STAND_IN} --duplicate")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--only", "77.7"), 2, "no case and no section is called 77.7"),
        (("--amazon", "nowhere"), 2, "is not HOST:PORT"),
        (("--tick", "0"), 2, "--tick"),
        (("--junit", "/no/such/folder/report.xml"), 2, "there is no folder"),
        ((*ANYWHERE, "--start", "no-such-program"), 2, "--start cannot be run"),
        ((*ANYWHERE, "--start", "{amazon"), 2, "--start cannot be run"),
        ((*ANYWHERE, "--wait", "1"), 1, "no partner came within 1 s"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = conform(*arguments, seconds=60)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = conform("--amazon", f"127.0.0.1:{taken.getsockname()[1]}", "--world", "127.0.0.1:0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot listen on" in done.stderr


class Stranger:
    """Dials Amazon and behaves in its own way; it never speaks to the world."""

    SOURCE = """
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
while True:
    try:
        with socket.create_connection((host, int(port))) as s:
            {behaviour}
    except OSError:
        pass
"""

    @classmethod
    def command(cls, behaviour: str, folder: Path) -> str:
        script = folder / "stranger.py"
        script.write_text(cls.SOURCE.format(behaviour=behaviour))
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{amazon}}"


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("pass", "closed again, and none announced a world"),
        ("s.sendall(bytes([4, 8, 7, 16, 1]) + bytes(1 << 20))", "it floods: "),
        ("s.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n' * 9); s.recv(1)", "and none announced a world: it sent"),
    ],
    ids=["closes at once", "floods", "speaks something else"],
)
def test_a_partner_of_no_use_is_told_so_and_given_up_soon(behaviour: str, said: str, tmp_path: Path) -> None:
    start = Stranger.command(behaviour, tmp_path)
    done = conform(*ANYWHERE, "--resend", "1", "--start", start, seconds=100)
    assert done.returncode == 1
    assert said in done.stdout
    assert "then given up" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_partner_whose_program_ends_is_told_so_at_once() -> None:
    done = conform(*ANYWHERE, "--start", f"{shlex.quote(sys.executable)} -c 'raise SystemExit(3)' {{amazon}} {{world}}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "its program ended with exit code 3" in done.stderr


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_kit_ends_the_partners_that_it_started(name: signal.Signals, tmp_path: Path) -> None:
    start = Stranger.command("s.recv(1)", tmp_path)
    command = [sys.executable, "-m", "minimart", "conform", "ups", *ANYWHERE, "--only", "4.1", "--start"]
    with subprocess.Popen([*command, start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as kit:
        assert kit.stdout is not None
        assert kit.stdout.readline().startswith("Amazon listens at ")
        wait_until(lambda: len(partners_from(tmp_path)) == 1, "the partner to be started")
        kit.send_signal(name)
        assert "Traceback" not in kit.communicate(timeout=60)[1]
    assert kit.returncode != 0
    assert partners_from(tmp_path) == []


def partners_from(folder: Path) -> list[str]:
    """The processes whose command line names this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().split(b"\0")
            if str(folder / "stranger.py").encode() in line:
                found.append(path.parent.name)
    return found


def test_a_partner_that_listens_is_dialled(tmp_path: Path) -> None:
    """The stand-in dials; a relay between makes it one that listens."""
    with Relay() as relay:
        start = f"{STAND_IN.replace('{amazon}', relay.for_partner)} --features all"
        places = ("--connect", relay.for_kit, "--world", "127.0.0.1:0", "--tick", "0.1")
        only = ("--only", "2.4", "--only", "4.1", "--only", "4.10", "--only", "5.4", "--only", "6.4", "--only", "11.2b")
        done = conform(*places, *only, "--strict", "--start", start)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 not applicable" in done.stdout.splitlines()[-1]
    assert "the partner is dialled here" in done.stdout


class Relay:
    """Two ports; what dials the first is joined with what dials the second, and when one ends so does the other."""

    def __enter__(self) -> "Relay":
        self.partner, self.kit = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        self.open: list[socket.socket] = [self.partner, self.kit]
        self.thread = threading.Thread(target=self.join, daemon=True)
        self.thread.start()
        return self

    @property
    def for_partner(self) -> str:
        return f"127.0.0.1:{self.partner.getsockname()[1]}"

    @property
    def for_kit(self) -> str:
        return f"127.0.0.1:{self.kit.getsockname()[1]}"

    def join(self) -> None:
        with suppress(OSError):
            while True:
                kit, _ = self.kit.accept()
                partner, _ = self.partner.accept()
                self.open += [kit, partner]
                back = threading.Thread(target=self.carry, args=(partner, kit), daemon=True)
                back.start()
                self.carry(kit, partner)
                back.join()

    @staticmethod
    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __exit__(self, *_: object) -> None:
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.thread.join(10)


def test_an_unreachable_partner_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = conform("--connect", f"127.0.0.1:{port}", "--world", "127.0.0.1:0", "--wait", "1", seconds=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the partner cannot be reached within 1 s: " in done.stderr


def test_expected_failures_are_none_and_those_that_pass_are_told(tmp_path: Path) -> None:
    known, page = tmp_path / "known", tmp_path / "page.html"
    known.write_text("# ours\n\n4.1b  # announces another world\n4.1c\n4.2a # slow\n")
    report = tmp_path / "report.json"
    options = ("--only", "4.1", "--only", "4.2", "--expected-failures", str(known), "--json", str(report))
    start = ("--start", f"{STAND_IN} --announce 99")
    done = conform(*ANYWHERE, *options, "--html", str(page), *start)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed unexpectedly: 4.2a" in done.stdout
    told = json.loads(report.read_text())
    verdicts = {one["id"]: one["verdict"] for one in told["outcomes"]}
    assert verdicts == {
        "4.1a": "passed",
        "4.2a": "passed unexpectedly",
        "4.1b": "failed as expected",
        "4.1c": "failed as expected",
    }
    (one,) = [one for one in told["outcomes"] if one["id"] == "4.1b"]
    assert one["known"] == "announces another world"
    assert (one["section"], one["sent"]) == ("4.1", ["nothing"])
    assert "not available" in one["came"]
    written = page.read_text()
    assert "failed as expected" in written
    assert "http" not in re.sub(r"docs/[\w./-]+", "", written.replace("http-equiv", "")), "the page needs nothing else"
    strict = conform(*ANYWHERE, *options, "--strict", *start)
    assert strict.returncode == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"9.9z # no such case", "line 1: no case is called 9.9z"),
        (b"\xff\xfe\x00", "it is not text"),
        (None, "No such"),
    ],
)
def test_an_unusable_file_of_expected_failures_is_one_line_and_exit_code_2(
    text: bytes | None, said: str, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    if text is not None:
        known.write_bytes(text)
    done = conform("--expected-failures", str(known))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr


def test_a_case_that_fails_says_what_was_sent_expected_and_came_and_where_it_is_written() -> None:
    start = f"{shlex.quote(sys.executable)} -m proof.conform.faulty.planted --world {{world}} --amazon {{amazon}}"
    done = conform(*ANYWHERE, "--resend", "2", "--only", "5.6b", "--start", f"{start} --fault no-re-ack")
    assert done.returncode == 1
    failure = done.stdout[done.stdout.index("FAILED  5.6b") :]
    assert re.search(r"sent: +AUCommand \{ pickupRequests \{ seqNum: \d+", failure)
    assert re.search(r"expected: its ack, 2 times in all, of \d+ within", failure)
    assert re.search(r"but: +it did not come; the last that came: UACommand \{ ", failure)
    assert "see:      docs/ups-protocol.md, 5.6" in failure
    assert re.search(r"\|\s+[\d.]+ s  came  UACommand", failure)
