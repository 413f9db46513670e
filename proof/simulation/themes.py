"""What a seed is about: faults and wishes that must come together to meet what chance alone seldom brings together.

Rules: most harsh seeds have a theme; it only adds to what is drawn in any case, and says nothing of how
it ends.
"""

from dataclasses import dataclass
from random import Random

from proof.simulation.faults import BRIDGES, ERRANDS, INTERVENTIONS, Fault, Kind, Profile

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Twist:
    """A fault of a theme: when it begins and how long it lasts, both as parts of the time until the healing."""

    kind: Kind
    begins: Span = (0.0, 0.0)
    lasts: Span = (0.0, 0.0)
    # One of them.
    where: tuple[str, ...] = ("",)
    size: Span = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Theme:
    """A seed's theme; what it leaves out is as in any seed."""

    name: str = ""
    twists: tuple[Twist, ...] = ()
    # UPS speaks the whole extension.
    speaks: bool = False
    # How likely shoppers are to think again, and that they then cancel; seconds until they do, one of them.
    thinks_again: float = 0.5
    cancels: float = 0.5
    late: tuple[float, ...] = (0.0, 0.05, 3.0, 15.0, 30.0, 60.0)
    # After so many failures a person has to look; seconds between two looks of the staff, about.
    tries: int = 8
    looks: float = 40.0
    # Simulation speeds of the world, one of them: at 100 loading takes ten ticks, and the next parcel waits for it.
    speeds: tuple[int, ...] = (100, 120, 1000, 10_000)
    # How often it is drawn.
    weight: int = 1


PLAIN = Theme()


def _around(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The points around these transactions."""
    when = ("before begin of", "before commit of", "after commit of")
    return tuple(f"orders_svc: {point} {label}" for label in labels for point in when)


_DEATHS = _around(INTERVENTIONS)
_TAKEN = tuple(f"{bridge}: SendCommands taken" for bridge in BRIDGES)
# One of them is the theme of six harsh seeds in ten.
THEMES = (
    Theme(
        "UPS keeps its answers to itself while shoppers ask for one thing after the other",
        (
            Twist(Kind.UPS_UNDECIDED, (0.1, 0.2), (0.4, 0.7)),
            Twist(Kind.UPS_SILENT, (0.3, 0.6), (0.05, 0.2)),
        ),
        speaks=True,
        thinks_again=0.95,
        late=(15.0, 20.0, 30.0),
        speeds=(100, 120),
    ),
    Theme(
        "UPS forgets what is on the road, and takes nothing new",
        (
            Twist(Kind.UPS_FORGETS, (0.25, 0.5), (0.01, 0.03)),
            Twist(Kind.UPS_FULL, (0.24, 0.26), (0.6, 0.7)),
            Twist(Kind.CRASH_POINT, (0.1, 0.5), where=_DEATHS, size=(1.0, 1.0)),
        ),
        tries=4,
        looks=20.0,
    ),
    Theme(
        "the world refuses most of what it is told, and staff look often",
        (
            Twist(Kind.WORLD_COLLIDES, size=(0.6, 0.85)),
            Twist(Kind.CRASH_POINT, (0.1, 0.5), where=_DEATHS, size=(1.0, 1.0)),
        ),
        tries=4,
        looks=12.0,
    ),
    Theme(
        "the world refuses much, UPS is asked and does not say, and staff give up",
        (
            Twist(Kind.WORLD_COLLIDES, size=(0.4, 0.7)),
            Twist(Kind.UPS_UNDECIDED, (0.1, 0.2), (0.6, 0.8)),
            Twist(Kind.UPS_FULL, (0.1, 0.5), (0.3, 0.5)),
        ),
        speaks=True,
        thinks_again=0.9,
        cancels=0.7,
        late=(3.0, 15.0, 20.0, 30.0),
        tries=4,
        looks=8.0,
    ),
    Theme(
        "the world hears nothing for longer than it is waited for, and then some of it before the rest",
        (
            Twist(Kind.WORLD_LOSES, size=(60.0, 80.0)),
            Twist(Kind.LOSE, (0.05, 0.15), (0.25, 0.35), ("world>",), (1.0, 1.0)),
            Twist(Kind.LOSE, (0.5, 0.6), (0.25, 0.35), ("world>",), (1.0, 1.0)),
            Twist(Kind.LOSE, (0.7, 0.8), (0.2, 0.3), ("world<",), (0.3, 0.6)),
        ),
        weight=2,
    ),
)
# Drawn among the seeds that had no theme before there were these: the others are what they were.
LATER = (
    Theme(
        "commands are long on their way to bridges that die, and reach the next ones",
        (
            Twist(Kind.RPC_DELAY, (0.05, 0.2), (0.5, 0.7), ("orders_svc>world_bridge",), (12.0, 25.0)),
            Twist(Kind.RPC_DELAY, (0.05, 0.2), (0.5, 0.7), ("orders_svc>ups_bridge",), (12.0, 25.0)),
            Twist(Kind.CRASH_POINT, (0.1, 0.3), where=_TAKEN, size=(1.0, 1.0)),
            Twist(Kind.CRASH_POINT, (0.3, 0.5), where=_TAKEN, size=(1.0, 1.0)),
        ),
    ),
)


_OF_ERRANDS = (
    Twist(Kind.UNSAYABLE, (0.0, 0.3), (0.1, 0.3), BRIDGES, (0.1, 0.5)),
    *(Twist(Kind.CRASH_POINT, (0.0, 0.3), where=_around((label,)), size=(1.0, 1.0)) for label in ERRANDS),
    Twist(Kind.UPS_GARBAGE, (0.1, 0.6), (0.05, 0.1)),
)


def has_errands(seed: int, profile: Profile) -> bool:
    """Whether accounts are checked in a seed, letters written and late orders found: beside its theme, if any."""
    return Random(f"errands {seed}").random() < profile.errands


def theme_of(seed: int, profile: Profile) -> Theme:
    """The theme of a seed."""
    rng = Random(f"theme {seed}")
    lot = rng.random() - profile.themes
    if lot >= profile.later:
        return PLAIN
    themes = THEMES if lot < 0 else LATER
    (theme,) = rng.choices(themes, [theme.weight for theme in themes])
    return theme


def twisted(seed: int, profile: Profile) -> list[Fault]:
    """The faults of a seed's theme."""
    rng = Random(f"twists {seed}")
    return [_fault(rng, twist, profile.span) for twist in theme_of(seed, profile).twists]


def twisted_by_errands(seed: int, profile: Profile) -> list[Fault]:
    """The faults of a seed's errands."""
    if not has_errands(seed, profile):
        return []
    rng = Random(f"errands' twists {seed}")
    return [_fault(rng, twist, profile.span) for twist in _OF_ERRANDS]


def _fault(rng: Random, twist: Twist, span: float) -> Fault:
    at = rng.uniform(*twist.begins) * span
    until = min(at + rng.uniform(*twist.lasts) * span, span)
    return Fault(
        0, twist.kind, round(at, 3), round(until, 3), rng.choice(twist.where), round(rng.uniform(*twist.size), 2)
    )
