"""What every `minimart conform` command offers: which cases, how strict, and where the verdict is written.

Rules: everything that can be wrong with an option is said before a case is played, in one line, with exit code 2.
"""

import functools
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from proof.conform.cases import Case, chosen
from proof.conform.report import line, listed, summary
from proof.conform.report_files import write_html, write_json, write_junit
from proof.conform.verdict import Outcome, Run, judge

_FILE = click.Path(dir_okay=False, path_type=Path)
_WRITERS: Mapping[str, Callable[[Path, Run], None]] = {"junit": write_junit, "json": write_json, "html": write_html}
_OPTIONS = (
    click.option(
        "--only", multiple=True, metavar="ID", help="Cases by id, rule or section (5.4b, 5.4, 5); may be repeated."
    ),
    click.option("--list", "list_only", is_flag=True, help="Name the cases and do nothing."),
    click.option("--strict", is_flag=True, help="Let a SHOULD, and a failure that was expected and passed, count."),
    click.option(
        "--expected-failures",
        type=_FILE,
        help="Cases that may fail: an id in each line, and behind # the reason.",
    ),
    click.option("--junit", type=_FILE, help="Write JUnit XML here."),
    click.option("--json", "json", type=_FILE, help="Write JSON here."),
    click.option("--html", type=_FILE, help="Write one HTML page here."),
)


@dataclass(frozen=True)
class Reporting:
    """The chosen cases, and what becomes of their outcomes."""

    side: str
    cases: Sequence[Case]
    strict: bool
    known: Mapping[str, str]
    files: Mapping[str, Path]

    def tell(self, outcome: Outcome) -> None:
        """Prints how a case went."""
        click.echo(line(outcome, judge(outcome, strict=self.strict, known=self.known)))

    def finish(self, outcomes: Sequence[Outcome], *, began_at: float, seconds: float, subject: str) -> int:
        """Prints the end and writes the files; gives the exit code. Raises UsageError if a file cannot be written."""
        run = Run(self.side, self.cases, outcomes, self.strict, self.known, began_at, seconds, subject)
        click.echo(summary(run))
        for name, path in self.files.items():
            try:
                _WRITERS[name](path, run)
            except OSError as error:
                raise click.UsageError(f"--{name} {path}: {error.strerror}") from error
        return run.exit_code


def reporting(side: str, cases: Sequence[Case]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command these options; it gets them as one argument `reporting`, and is not run for `--list`."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(command)
        def run(
            *,
            only: tuple[str, ...],
            list_only: bool,
            strict: bool,
            expected_failures: Path | None,
            junit: Path | None,
            json: Path | None,
            html: Path | None,
            **others: Any,
        ) -> int:
            try:
                selected = chosen(cases, only)
                known = {} if expected_failures is None else read_known(expected_failures, cases)
            except ValueError as error:
                raise click.UsageError(str(error)) from error
            if list_only:
                for case in selected:
                    click.echo(listed(case))
                return 0
            files = {"junit": junit, "json": json, "html": html}
            wanted = {name: path for name, path in files.items() if path is not None}
            for name, path in wanted.items():
                _check_writable(name, path)
            # However it is told to end: whom it started is ended with it.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            return command(reporting=Reporting(side, selected, strict, known, wanted), **others)

        for option in reversed(_OPTIONS):
            run = option(run)
        return run

    return decorate


def read_known(path: Path, cases: Sequence[Case]) -> dict[str, str]:
    """The ids that may fail, with the reasons. Raises ValueError in one line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"--expected-failures {path} cannot be read: {reason}") from error
    ids = {case.id for case in cases}
    known = {}
    for number, written in enumerate(text.splitlines(), 1):
        id, _, reason = (part.strip() for part in written.partition("#"))
        if id and id not in ids:
            shown = re.sub(r"\s+", " ", id)[:60]
            raise ValueError(f"--expected-failures {path}, line {number}: no case is called {shown}")
        if id:
            known[id] = reason or "no reason given"
    return known


def _check_writable(name: str, path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise click.UsageError(f"--{name} {path}: there is no folder {path.parent}")
    try:
        # Neither made empty nor cut short: the run may be interrupted.
        with path.open("ab"):
            pass
    except OSError as error:
        raise click.UsageError(f"--{name} {path}: {error.strerror}") from error
