"""The numbers a world runs by: times, chances and the speed of new worlds.

`Rules()` is the real program; `Rules.quick()` is the same with shorter ticks, for people who do not want to wait.
"""

from dataclasses import dataclass

REAL_TICK = 6.0
REAL_RESEND = 300.0
DEADLY_SIMSPEED = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds, chances from 0 to 1, flakiness in percent (0..99)."""

    tick: float = REAL_TICK
    """Between two sends of one connection; the first send is right at connect."""

    poll: float = 5.0
    """Between two looks of the package and of the truck thread."""

    package_phase: float = 0.0
    truck_phase: float = 0.0
    """Any one moment at which the thread polls; all others follow by `poll`."""

    resend_after: float = REAL_RESEND
    """An element that nobody acked goes out again with the first tick after so long."""

    default_simspeed: int = 100
    flakiness: int = 0
    transient_errors: float = 0.0
    """How many elements fail by a race with the world's own threads (about 0.005 in the real one under stress)."""

    lost_loads: float = 0.0
    """How many queued loads are acked and never start (seen once in the real one)."""

    dies_below_60: bool = True
    """Whether a load at a simspeed below 60 ends the whole program (an integer division by zero)."""

    first_seqnum: int = 1
    first_world: int = 1

    def __post_init__(self) -> None:
        """Refuse what no world could run by."""
        if not 0 <= self.flakiness <= 99:
            raise ValueError(f"flakiness is {self.flakiness}, not within 0..99")
        if self.tick <= 0 or self.poll <= 0 or self.resend_after <= 0:
            raise ValueError("tick, poll and resend_after are above zero")
        for name in ("transient_errors", "lost_loads"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, not within 0..1")

    @classmethod
    def quick(
        cls,
        tick: float = 0.2,
        poll: float = 0.15,
        *,
        default_simspeed: int = 10_000,
        flakiness: int = 0,
        transient_errors: float = 0.0,
    ) -> "Rules":
        """The same world with short ticks; the re-send of unacked elements stays at fifty ticks."""
        return cls(
            tick=tick,
            poll=poll,
            resend_after=REAL_RESEND * tick / REAL_TICK,
            default_simspeed=default_simspeed,
            flakiness=flakiness,
            transient_errors=transient_errors,
        )
