"""What the model wants done, and what it lets people see. Values only; a shell carries them out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

WORLD = 0
"""The line to the world; UPS's connections count from 1."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Open the line to the world; answer with `opened` or `lost`."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message: `body` without its length."""

    line: int
    body: bytes


@dataclass(frozen=True, slots=True)
class SendRaw:
    """Send bytes as they are."""

    line: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End a line; with a TCP reset if `hard`. Nothing is to be answered."""

    line: int
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Listen:
    """Open UPS's port, or close it."""

    on: bool


Output = Dial | Send | SendRaw | Close | Listen


class Sign(StrEnum):
    """What a line of the view is about."""

    SENT = "->"
    CAME = "<-"
    NOTE = "--"


See = Callable[[float, Sign, str], None]
"""Hears of everything: when, which way, in words."""
