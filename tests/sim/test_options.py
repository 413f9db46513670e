"""Numbers that no command takes: nan passes every comparison with a limit, and inf is never waited for."""

import click
import pytest
from click.testing import CliRunner

from minimart.buy import buy
from minimart.up import up
from proof.chaos.command import chaos
from proof.conform.command import conform
from sim.amazon.command import mock
from sim.cli import sim
from sim.options import FiniteRange

COMMANDS = (buy, up, chaos, conform, mock, sim)


def numbers(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[click.Command, tuple[str, ...], str]]:
    if isinstance(command, click.Group):
        return [found for name, inner in command.commands.items() for found in numbers(inner, (*path, name))]
    return [
        (command, path, parameter.opts[0])
        for parameter in command.params
        if isinstance(parameter.type, (click.types.FloatParamType, click.FloatRange))
    ]


OPTIONS = [(root, path, option) for root in COMMANDS for _, path, option in numbers(root)]


@pytest.mark.parametrize("value", ["nan", "inf", "-nan"])
@pytest.mark.parametrize(
    ("root", "path", "option"), OPTIONS, ids=[" ".join((*path, option)) for _, path, option in OPTIONS]
)
def test_what_is_no_number_is_refused(root: click.Command, path: tuple[str, ...], option: str, value: str) -> None:
    done = CliRunner().invoke(root, [*path, f"{option}={value}"])
    assert done.exit_code == 2, done.output
    assert option in done.output


def test_there_are_such_options_and_numbers_pass() -> None:
    assert len(OPTIONS) > 15
    assert FiniteRange(0.5, 2).convert("1.5", None, None) == 1.5
