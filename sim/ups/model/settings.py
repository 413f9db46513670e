"""What the UPS stand-in is told: its fleet, its times, and the ways in which it shall misbehave."""

from collections import Counter
from dataclasses import dataclass, field

from sim.ups.model.extension import FEATURES


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds. `tick` is the world's send tick; every other time follows from it unless given."""

    trucks: int = 20
    tick: float = 0.2
    join: int | None = None
    """A world to join; None makes a new one."""
    first_number: int = 1
    """Of our orders to the world: who joins one again must not use a number twice."""
    first_news: int = 1
    """Of what we tell the shop; it need not tell two lives apart by content if this is above the last one's."""
    simspeed: int | None = None
    """Sent to the world after each connect; None sends nothing."""
    capacity: int = 100
    """How many packages of one warehouse share a truck."""
    patience_ticks: float = 60.0
    """How long a truck waits at a warehouse for its first package, and then for the rest of them."""
    tries: int = 3
    """How often a world may refuse us before we take it for gone and make a new one."""
    features: tuple[str, ...] = ()
    """Of the extension: those that are named to the shop. None: a base partner."""
    strangers: tuple[str, ...] = ("nobody",)
    """Account names that UPS does not know; every other one it does."""

    def __post_init__(self) -> None:
        """Refuse what no UPS could run by."""
        if self.trucks < 1 or self.capacity < 1 or self.tries < 1:
            raise ValueError("trucks, capacity and tries are at least 1")
        if self.tick <= 0:
            raise ValueError("tick is above zero")
        unknown = sorted(set(self.features) - set(FEATURES))
        if unknown:
            raise ValueError(f"there is no feature {', '.join(unknown)}; there are {', '.join(FEATURES)}")
        if self.simspeed is not None and self.simspeed < 60:
            raise ValueError("a simspeed below 60 ends the world simulator")

    @property
    def world_resend(self) -> float:
        """Between two copies to the world: harmless without loss, and several chances a tick with it."""
        return self.tick / 8

    @property
    def shop_resend(self) -> float:
        """Between two copies to the shop, where nothing is lost but connections."""
        return self.tick

    @property
    def longest_redial(self) -> float:
        """Before dialling the shop again, after many dials that nothing came of; the first time it is a tick."""
        return max(self.tick, min(4 * self.tick, 5.0))

    @property
    def sure(self) -> float:
        """How long after the world's ack it has said that an order failed, if it did."""
        return self.tick * 1.5

    @property
    def sure_after_loss(self) -> float:
        """The same after a lost connection: what was said to that one comes again after five minutes."""
        return self.tick * 55

    @property
    def redial(self) -> float:
        """Before dialling the world again: longer than a tick, or the old connection's sender swallows the answers."""
        return self.tick * 1.5


@dataclass(slots=True)
class Faults:
    """How a partner can go wrong towards the shop; all may be switched while it runs."""

    silent: bool = False
    """Says nothing at all, not even acks."""
    base: bool = False
    """Speaks the base alone, whatever its features: from its next announcement on."""
    duplicate: bool = False
    """Sends every message twice."""
    unwilling: bool = False
    """Refuses every change that it is asked for; what it promised before it keeps."""
    undecided: bool = False
    """Answers no question; once this is over, it tells what it has decided."""
    full: bool = False
    """Refuses every package that it does not know yet."""
    announce: int | None = None
    """Announces this world instead of its own."""
    garbage: bytes = b""
    """Sent raw, before anything else, on each new connection."""
    done: Counter[str] = field(default_factory=Counter)
    """How often each of them, by its name, changed something."""
