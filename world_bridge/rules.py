"""The world bridge's own times and limits; those of frames and sessions have their own policies."""

from dataclasses import dataclass

from wire.session import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds, waits in ticks, limits in numbers."""

    greeting_seconds: float = 10.0
    # Between two connections to one world.
    reconnect_ticks: float = 1.25
    # An acked question without an answer is asked again after so long.
    answer_ticks: float = 3.0
    # Events that orders_svc has not taken yet; above half of it nothing more is read.
    max_queued: int = 20_000
    window: int = 4096
    max_frame: int = 256 * 1024

    def policy(self, tick: float) -> Policy:
        """The session's part of them, for a world whose step is `tick` seconds long."""
        return Policy(tick=tick, window=self.window, max_frame=self.max_frame, max_unconfirmed=self.max_queued)
