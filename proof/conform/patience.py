"""How long the kit waits for what: generous where something has to come, since only the partner's time is lost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that are waited at most for what has to come."""

    tick: float
    # For a partner to send again what is not acked, and to dial again.
    resend: float = 15.0

    @property
    def ack(self) -> float:
        """For an ack."""
        return 2 * self.tick + min(5.0, self.resend)

    @property
    def coming(self) -> float:
        """For a partner that was lost to be there again."""
        return self.resend + self.ack

    @property
    def trip(self) -> float:
        """For a truck to come, or to deliver."""
        return 60 * self.tick + 5.0 + self.resend

    @property
    def quiet(self) -> float:
        """That nothing may come within, where nothing has to."""
        return 3 * self.tick + 0.5
