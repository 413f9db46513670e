"""What a seed decides beside the faults: sizes, durations, the partners' habits, and its theme."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from orders_svc.domain.patience import Patience
from orders_svc.outbox.dispatch import LOOK_SECONDS
from proof.simulation.faults import Fault, Kind, Profile
from proof.simulation.themes import PLAIN, Theme, has_errands, theme_of
from sim.ups.model import Settings
from sim.ups.model.extension import FEATURES
from sim.world.model import Rules

TICK = 6.0
# How many ticks a truck waits for a parcel: less than we do, or one truck for all would be too slow.
UPS_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a seed decides beside the faults. Times in seconds."""

    warehouses: int
    lease_seconds: float
    # How often a worker looks by itself.
    look_seconds: float
    # From a parcel's end until messages about it are deleted.
    keep_seconds: float
    group_seconds: float
    patience: Patience
    rules: Rules
    ups: Settings
    orders: int
    span: float
    theme: Theme = PLAIN
    # Accounts are checked, letters written and late orders found.
    errands: bool = False


def setup_of(seed: int, profile: Profile, faults: Iterable[Fault], orders: int | None) -> Setup:
    """What the seed decides; the world's own bad habits are faults, and so in the plan."""
    rng = Random(f"setup {seed}")
    theme = theme_of(seed, profile)
    sizes = {fault.kind: fault.size for fault in faults}
    rules = Rules(
        tick=TICK,
        poll=5.0,
        package_phase=round(rng.uniform(0, 5), 3),
        truck_phase=round(rng.uniform(0, 5), 3),
        resend_after=150.0,
        default_simspeed=rng.choice(theme.speeds),
        flakiness=int(sizes.get(Kind.WORLD_LOSES, 0)),
        transient_errors=sizes.get(Kind.WORLD_COLLIDES, 0.0),
        lost_loads=sizes.get(Kind.WORLD_LOSES_LOADS, 0.0),
    )
    return Setup(
        warehouses=rng.choice((2, 3)),
        lease_seconds=rng.choice((20.0, 60.0, 120.0)),
        look_seconds=rng.choice((LOOK_SECONDS, 4.0, 8.0)),
        keep_seconds=Random(f"keep {seed}").choice((15.0, 60.0, 150.0, 1e6)),
        group_seconds=rng.choice((0.0, 0.002, 0.05)),
        patience=replace(patience_of(TICK, quick=True), max_failures=theme.tries),
        rules=rules,
        ups=Settings(
            trucks=rng.choice((1, 2, 5)), tick=TICK, features=_features(seed, theme), patience_ticks=UPS_PATIENCE
        ),
        orders=orders if orders is not None else rng.randint(*profile.orders),
        span=0.6 * profile.span or 30.0,
        theme=theme,
        errands=has_errands(seed, profile),
    )


def _features(seed: int, theme: Theme) -> tuple[str, ...]:
    """What this UPS speaks beside the base: often nothing, else most of it."""
    if theme.speaks:
        return FEATURES
    rng = Random(f"features {seed}")
    return tuple(name for name in FEATURES if rng.random() < 0.8) if rng.random() < 0.7 else ()


def patience_of(tick: float, *, quick: bool) -> Patience:
    """Production's patience, or the same with shorter silences, so that runs end sooner."""
    if not quick:
        return Patience(tick)
    return Patience(
        tick,
        packing=8.0,
        loading=8.0,
        truck=16.0,
        delivery=16.0,
        answer=3.0,
        max_asks=2,
        longest=24.0,
        max_failures=8,
        retry=0.5,
        longest_retry=6.0,
    )
