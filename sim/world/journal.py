"""The world's account as a file that grows: one JSON line for each thing that took effect, written as it happens.

Rules: a line is there before anybody is told of its event, and is one write of its own, so a killed program leaves
whole lines and loses none; each line names the life of the program (`boot`) in which it happened, since worlds are
numbered from 1 again in the next. What is written is decided in the model (`sim.world.model.book`).
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path


class Journal:
    """Appends to `path`. `clock` gives the seconds that stand in `at`. Raises `OSError` when it cannot be opened."""

    def __init__(self, path: Path, boot: str, clock: Callable[[], float]) -> None:
        self._boot = boot
        self._clock = clock
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.write({"event": "started"})

    def write(self, event: Mapping[str, object]) -> None:
        """Append one event."""
        line = json.dumps({"boot": self._boot, "at": round(self._clock(), 6), **event}, separators=(",", ":"))
        os.write(self._file, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file; nothing may be written after it."""
        os.close(self._file)
