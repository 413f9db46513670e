"""The UPS bridge's own times and limits; those of frames and sessions have their own policies."""

from dataclasses import dataclass

# The world that a report is about is the one in use.
CURRENT = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds, limits in numbers or bytes."""

    # From accept to UAstart.
    announce_seconds: float = 10.0
    # Connections that have not announced a world; above it the oldest is closed.
    max_waiting: int = 16
    max_queued: int = 20_000
    window: int = 4096
    # In one wait. TCP loses nothing, so an ack that is missing means a partner that is slow, or one that dropped
    # something: the first needs no copies, the second gets the next wait's.
    max_copies: int = 1
    max_frame: int = 256 * 1024
