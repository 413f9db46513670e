"""The real program's oddities, each with a switch, so that a test can show that each one matters.

All are on by default: a client has to live with them. What the world does by rule rather than by oddity is not here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """Which of the real program's oddities the model has; a switched-off one is replaced by what one would expect."""

    first_leg_ignores_dy: bool = True
    """The time of the first delivery leg counts abs(dx) only. Off: Manhattan distance, as on every other leg."""

    swallows_results: bool = True
    """A closed connection's sender wakes once more and takes everything pending. Off: it sends `finished` only."""

    resends_with_fresh_status: bool = True
    """A re-sent status answer carries the state of that moment. Off: what the first copy said."""

    simspeed_per_connection: bool = True
    """Each connection works with its own copy of simspeed, read at connect. Off: one value for both sides at once."""

    reused_seqnums_are_acked: bool = True
    """A known seqnum is acked and not executed whatever it carries. Off: other content under it is executed."""

    slot_freed_at_once: bool = True
    """A side can connect again as soon as it left. Off: only after the old connection's last response."""
