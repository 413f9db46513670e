"""What a mock Amazon is told: times, features, and the faults that it makes on purpose."""

from dataclasses import dataclass

from sim.ups.model.extension import FEATURES


@dataclass(frozen=True, slots=True)
class Settings:
    """`tick` is the world's, in seconds; times below are in ticks of it, as docs/ups-protocol.md has them."""

    tick: float = 0.2
    features: tuple[str, ...] = FEATURES
    first_number: int = 1
    announce_seconds: float = 10.0
    max_waiting: int = 16
    copies: float = 1.15
    redial: float = 1.5
    patience: float = 50.0
    first_pause: float = 0.5
    longest_pause: float = 20.0


@dataclass(slots=True)
class Faults:
    """Shares from 0 to 1 of elements and acks, both ways; times in seconds, 0: never. May be changed at any time."""

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    cut_every: float = 0.0
    reset_every: float = 0.0
    restart_every: float = 0.0
    down: float = 2.0
