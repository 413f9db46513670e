"""Who is staff, given and taken at the command line, on both databases."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from db.clock import SystemClock
from db.engine import make_engine
from db.seed.shop import SHOPPER_EMAIL, seed_shop
from minimart.installation import Run, write_run
from minimart.staff import staff


@pytest.fixture
def data(database_url: str, tmp_path: Path) -> Path:
    """The folder of a shop that was started once."""
    engine = make_engine(database_url, SystemClock())
    seed_shop(engine, SystemClock())
    engine.dispose()
    write_run(tmp_path, Run(1, "http://127.0.0.1:1", database_url, {"orders": "127.0.0.1:1"}))
    return tmp_path


def say(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(staff, [*arguments, "--data", str(data)])


def test_staff_is_who_was_named_and_nobody_else(data: Path) -> None:
    assert "nobody is staff" in say(data, "list").output
    assert say(data, "grant", f" {SHOPPER_EMAIL.upper()}").output.endswith("is staff now\n")
    assert say(data, "grant", SHOPPER_EMAIL).output == f"{SHOPPER_EMAIL} is staff already\n"
    (line,) = say(data, "list").output.splitlines()
    assert line.startswith(f"{SHOPPER_EMAIL}  since 2")
    assert say(data, "revoke", SHOPPER_EMAIL).output == f"{SHOPPER_EMAIL} is staff no more\n"
    assert say(data, "revoke", SHOPPER_EMAIL).output == f"{SHOPPER_EMAIL} was no staff\n"
    assert "nobody is staff" in say(data, "list").output


@pytest.mark.parametrize("what", ["grant", "revoke"])
def test_an_address_that_nobody_has_is_said(data: Path, what: str) -> None:
    done = say(data, what, "nobody@example.org")
    assert done.exit_code == 2
    assert "nobody has an account as nobody@example.org" in done.output
