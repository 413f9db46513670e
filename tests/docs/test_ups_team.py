"""docs/ups-team.md is true: its files are there, its options are the commands', its script and its lines are real."""

import re
from pathlib import Path

import click
import pytest

from proof.conform.command import conform
from sim.amazon.command import mock
from sim.amazon.script import parse

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "ups-team.md").read_text(encoding="utf-8")
COMMANDS = {"mock amazon": mock, "conform ups": conform, "conform amazon": conform}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_one_of_its_command(name: str) -> None:
    (section,) = (part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE) if f"`minimart {name}`\n" in part)
    command = COMMANDS[name].commands[name.split()[1]]
    known = {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
    # Between quotes stands somebody else's command line.
    said = set(re.findall(r"(?<![\w-])--[a-z-]+", re.sub(r'"[^"]*"', "", section)))
    assert said
    assert said - known == set()


def test_its_script_says_what_it_shows() -> None:
    script = "\n".join(
        re.findall(r"^    (\d[\d.]* +(?:order|redirect|cancel|account|cut|reset|restart)\b.*)$", TEXT, re.M)
    )
    assert [type(step).__name__.lower() for step in parse(script)] == [
        "order",
        "order",
        "redirect",
        "cancel",
        "account",
        "cut",
        "reset",
        "restart",
    ]
