"""One log of all parts: each line with the name of the part that wrote it, coloured only on a terminal."""

import contextlib
from typing import TextIO

OWN = "minimart"
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_MAX_LINE = 16_384


class Journal:
    """Writes lines of named parts to one stream. A reader who went away or a full disk is no error: the parts go on."""

    def __init__(self, stream: TextIO, names: list[str]) -> None:
        self._stream = stream
        self._width = max(len(name) for name in [OWN, *names])
        coloured = stream.isatty()
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)} if coloured else {}

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        self.write(OWN, text)

    def write(self, name: str, line: str) -> None:
        """A line of the part `name`, cut where it would be endless."""
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\x1b[{self._colours[name]}m{label}\x1b[0m"
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{label} {line[:_MAX_LINE]}\n")
            self._stream.flush()


class Lines:
    """Cuts what a part writes into lines, however it arrives; an endless line comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole if line.strip()]

    def end(self) -> list[str]:
        """The last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest.strip() else []
