"""The partner's program, where the kit was told how to start it: started, killed, started again.

Rules: a kill is kill -9; what it prints goes to one file or nowhere; it is stopped at the end of the run.
"""

import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_STOP_SECONDS = 3.0


class CannotStart(Exception):
    """The command cannot be run; the message says why."""


class Program:
    """One partner's program. `again` is the command for each further start; the values are put in for {names}."""

    def __init__(self, command: str, again: str | None, values: Mapping[str, str], log: Path | None) -> None:
        self._command = command
        self._again = again or command
        self._values = dict(values)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self, **values: str) -> None:
        """Starts it. Raises CannotStart."""
        command = self._again if self._starts else self._command
        self._starts += 1
        try:
            words = [word.format(**self._values, **values) for word in shlex.split(command)]
            if not words:
                raise CannotStart("the command is empty")
            if self._log is None:
                self._process = _run(words, subprocess.DEVNULL)
            else:
                with self._log.open("ab") as log:
                    self._process = _run(words, log.fileno())
        except KeyError as error:
            raise CannotStart(f"there is nothing called {error} to put in") from error
        except (OSError, ValueError, IndexError) as error:
            raise CannotStart(str(error)) from error

    @property
    def ended(self) -> str:
        """How it ended by itself; empty while it runs."""
        code = None if self._process is None else self._process.poll()
        return "" if code is None else f"its program ended with exit code {code}"

    def kill(self) -> None:
        """Ends it at once: nothing is said and nothing is tidied up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Asks it to end, and ends it."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
            self.kill()


def _run(words: list[str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - as told
