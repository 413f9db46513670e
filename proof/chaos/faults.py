"""The weather on a link: what happens to the frames of one direction, for how long. Pure; drawn from a generator.

Rules: the two directions of a link have weathers of their own; a blow (cut, reset, half-close) hits one connection
once; a calm sky stays calm. What weather does to bytes is elsewhere (`proof.chaos.proxy`).
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """What can happen to a frame, or to the connection that carries it."""

    LOSS = "loss"
    SILENCE = "silence"
    DELAY = "delay"
    DRIP = "drip"
    CUT = "cut"
    RESET = "reset"
    HALF_CLOSE = "half_close"


BLOWS = (Fault.CUT, Fault.RESET, Fault.HALF_CLOSE)


@dataclass(frozen=True, slots=True)
class Weather:
    """What one direction of a link is like for `seconds`. All zero: nothing happens."""

    seconds: float = float("inf")
    # The share of frames that vanish, 0 to 1; 1 is a peer that cannot be heard.
    loss: float = 0.0
    # How late each frame comes, in seconds.
    delay: float = 0.0
    # Bytes that come at once, every DRIP_SECONDS; 0: all of a frame.
    drip: int = 0
    # What hits the next frame's connection.
    blow: Fault | None = None


FAIR = Weather()
DRIP_SECONDS = 0.02
# kind -> how often, of all weathers drawn.
_ODDS: dict[Fault | None, int] = {
    None: 30,
    Fault.LOSS: 20,
    Fault.SILENCE: 4,
    Fault.DELAY: 16,
    Fault.DRIP: 10,
    Fault.CUT: 8,
    Fault.RESET: 6,
    Fault.HALF_CLOSE: 6,
}


class Sky:
    """Draws one direction's weathers, one after the other."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._calm = False

    def calm(self) -> None:
        """From now on the weather is fair."""
        self._calm = True

    def next(self) -> Weather:
        """The next weather."""
        rng = self._rng
        if self._calm:
            return FAIR
        seconds = rng.uniform(0.5, 5.0)
        kind = rng.choices(list(_ODDS), list(_ODDS.values()))[0]
        if kind is Fault.LOSS:
            return Weather(seconds, loss=rng.uniform(0.05, 0.7))
        if kind is Fault.SILENCE:
            return Weather(seconds, loss=1.0)
        if kind is Fault.DELAY:
            return Weather(seconds, delay=rng.choice((0.02, 0.2, 1.0, 3.0)) * rng.random())
        if kind is Fault.DRIP:
            return Weather(seconds, drip=rng.choice((1, 7, 40)))
        return Weather(seconds, blow=kind)
