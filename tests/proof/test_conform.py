"""The conformance kit: good partners pass, bad ones are told what is wrong, wrong options end in one line."""

import re
import shlex
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from proof.conform.cases import Level, chosen
from proof.conform.catalogue import CASES
from tests.java import building

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
    done = conform(*ANYWHERE, "--strict", "--junit", str(report), "--start", *start, seconds=560)
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
