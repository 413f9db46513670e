"""Entry of the command `minimart`. Each command's module is loaded only when it is asked for.

Whatever goes wrong ends as one line on stderr: exit code 2 for what the command was told, 1 for what did not work out.
"""

import importlib
import sys
from typing import NoReturn

import click

from minimart.failure import Failure, Wrong

COMMANDS = {
    "up": ("minimart.up:up", "Start and watch the whole shop; Ctrl-C stops it."),
    "buy": ("minimart.buy:buy", "Order something, and watch it until it is delivered."),
    "order": ("minimart.order:order", "Look at orders."),
    "staff": ("minimart.staff:staff", "Say who may look behind the counter."),
    "doctor": ("minimart.doctor:doctor", "Say which part is up, connected, waiting, and for what."),
    "conform": ("proof.conform.command:conform", "Check a partner's program against the contract."),
    "mock": ("sim.amazon.command:mock", "Be an Amazon, for a UPS team that works alone."),
    "sim": ("sim.cli:sim", "Run a stand-in for the world or for UPS."),
    "simulate": ("proof.simulation.command:simulate", "Run everything in virtual time under faults, and check it."),
    "chaos": ("proof.chaos.command:chaos", "Kill everything for some minutes; nothing may be lost or doubled."),
}

PROOFS = "proof."
"""Commands from here may use packages that the shop itself runs without."""


class _Commands(click.Group):
    """The commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if not module.startswith(PROOFS):
                raise
            raise Wrong(f"`minimart {cmd_name}` needs the test packages: make test (no module {error.name})") from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="minimart")
def cli() -> None:
    """Minimart: an online store whose orders are really fulfilled."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process."""
    try:
        code = cli.main(arguments, prog_name="minimart", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        sys.exit(Wrong.exit_code)
    except click.ClickException as error:
        _complain(error.format_message())
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(Failure.exit_code)
    except Exception as error:  # noqa: BLE001 - the edge of the process: people get a line, not a traceback
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(Failure.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    print(f"minimart: {' '.join(message.split())}", file=sys.stderr)


if __name__ == "__main__":
    main()
