"""What a model wants done with its connections, and what may be told to it.

Values only; a shell carries them out on sockets (`sim.dialler`) or in virtual time (`sim.virtual`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Link(StrEnum):
    """Which connection."""

    WORLD = "world"
    SHOP = "shop"
    UPS = "ups"


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a connection; answer with `opened` or `lost`."""

    at: float
    link: Link


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message: `body` without its length."""

    at: float
    link: Link
    body: bytes


@dataclass(frozen=True, slots=True)
class SendRaw:
    """Send bytes as they are, framed or not."""

    at: float
    link: Link
    data: bytes


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close a connection; nothing is to be answered."""

    at: float
    link: Link


Output = Dial | Send | SendRaw | HangUp


class LinkedModel(Protocol):
    """A model with connections, as a shell sees it; `now` in seconds, never going back."""

    def start(self, now: float) -> None:
        """Begin."""

    def opened(self, link: Link, now: float) -> None:
        """A connection that was dialled, or that somebody made to us, is there."""

    def received(self, link: Link, body: bytes, now: float) -> None:
        """A message (without its length) came."""

    def bad_bytes(self, link: Link, now: float) -> None:
        """Bytes came that are no message at all."""

    def lost(self, link: Link, now: float) -> None:
        """A connection ended, or could not be made."""

    def next_timer(self) -> float | None:
        """When `advance` has something to do, or None."""

    def advance(self, now: float) -> None:
        """Do everything that is due at `now`."""

    def outputs(self) -> list[Output]:
        """Take what is to be done, in order."""
