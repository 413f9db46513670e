"""Processes that end with the one that started them, even if that is killed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Run as a script, by its path: the new process need not find our packages.
TETHER = Path(__file__).resolve().parent.parent / "minimart" / "tether.py"


def tied(command: Sequence[str], *, user: int | None = None, group: int | None = None) -> list[str]:
    """The command line that runs `command` (its first word a path) tied to this process, as another user if given.

    The starter may have threads: nothing of Python runs between its fork and the new program.
    """
    as_other = ["--as", f"{user}:{group}"] if user is not None else []
    return [sys.executable, str(TETHER), str(os.getpid()), *as_other, *command]
