"""The fault plan of a seed: what goes wrong, where and when.

Rules: a plan is a list of entries that do not depend on each other, each with a generator of its own, so that leaving
some out changes nothing about the rest; what belongs to the seed's theme stands behind the rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from proof.simulation.faults import (
    BRIDGES,
    DIRECTIONS,
    ERRANDS,
    INTERVENTIONS,
    LINKS,
    ROUTES,
    SERVICES,
    Fault,
    Kind,
    Profile,
    crash_points,
)
from proof.simulation.themes import twisted, twisted_by_errands


def plan(seed: int, profile: Profile) -> tuple[Fault, ...]:
    """The whole plan of a seed, ordered by time; behind the rest what is drawn apart, its theme's, and its errands'."""
    rng = Random(f"plan {seed} {profile.name}")
    kinds, weights = list(profile.weights), list(profile.weights.values())
    count = rng.randint(*profile.faults)
    chosen = [_fault(rng, kind, profile) for kind in rng.choices(kinds, weights, k=count)] if count else []
    chosen.sort(key=lambda fault: fault.at)
    apart = Random(f"plan apart {seed} {profile.name}")
    chosen += [_mood(apart, kind, profile) for kind, chance in profile.apart.items() if apart.random() < chance]
    chosen += twisted(seed, profile)
    chosen += twisted_by_errands(seed, profile)
    return tuple(_number(seed, number, fault) for number, fault in enumerate(chosen))


def _number(seed: int, number: int, fault: Fault) -> Fault:
    """The fault with its number; crash points go in turn, since chance would leave some out for long."""
    if fault.kind is not Kind.CRASH_POINT or fault.where:
        return replace(fault, number=number)
    where = _POINTS[(seed * 5 + number) % len(_POINTS)]
    if where in _SELDOM:
        return replace(fault, number=number, where=where, at=0.0, size=min(fault.size, 2.0))
    return replace(fault, number=number, where=where, at=round(fault.at * 0.6, 3))


# Those that any seed may pass.
_COMMON = tuple(point for point in crash_points() if not point.endswith(ERRANDS))
# What is seldom done is died of at once, and drawn twice as often.
_SELDOM = tuple(
    point
    for point in _COMMON
    if any(word in point for word in ("AttachLink", "Restock", "SetReorderPoint", *INTERVENTIONS))
)
_POINTS = (*_COMMON, *_SELDOM)
_WHERE: dict[Kind, Sequence[str]] = {
    **dict.fromkeys((Kind.LOSE, Kind.DUPLICATE, Kind.DELAY, Kind.FLIP, Kind.CUT), DIRECTIONS),
    **dict.fromkeys((Kind.RESET, Kind.HALF_OPEN, Kind.REFUSE), LINKS),
    **dict.fromkeys((Kind.RPC_LOSE, Kind.RPC_MUTE, Kind.RPC_DELAY, Kind.RPC_TWICE), ROUTES),
    **dict.fromkeys((Kind.CRASH, Kind.PAUSE), SERVICES),
    Kind.SECOND_OWNER: BRIDGES,
    Kind.TWIN: BRIDGES,
}
_MOMENTS = (
    Kind.FLIP,
    Kind.CUT,
    Kind.RESET,
    Kind.CLOCK_JUMP,
    Kind.WORLD_DROPS,
    Kind.UPS_GARBAGE,
)
_LASTING = (Kind.WORLD_LOSES, Kind.WORLD_COLLIDES, Kind.WORLD_LOSES_LOADS)


def _fault(rng: Random, kind: Kind, profile: Profile) -> Fault:
    at = round(rng.uniform(0, 0.8 * profile.span), 3)
    longest = profile.span - at
    until = round(at + min(longest, rng.choice((2.0, 10.0, 40.0, 100.0)) * rng.uniform(0.5, 1.5)), 3)
    if kind in _LASTING:
        at, until = 0.0, 0.0
    elif kind in _MOMENTS:
        until = at
    where = rng.choice(_WHERE[kind]) if kind in _WHERE else ""
    return Fault(0, kind, at, until, where, _size(rng, kind, profile))


def _mood(rng: Random, kind: Kind, profile: Profile) -> Fault:
    """A way of UPS's that lasts, often for longer than the shop asks."""
    at = round(rng.uniform(0, 0.5 * profile.span), 3)
    until = round(rng.uniform(at, profile.span), 3)
    return Fault(0, kind, at, until)


def _size(rng: Random, kind: Kind, profile: Profile) -> float:
    if kind is Kind.LOSE:
        return round(rng.uniform(0.05, profile.loss), 2)
    if kind in (Kind.DUPLICATE, Kind.RPC_TWICE, Kind.DISK_BUSY, Kind.COMMIT_FAILS, Kind.COMMIT_UNSURE):
        return round(rng.uniform(0.2, 0.9), 2)
    if kind in (Kind.RPC_LOSE, Kind.RPC_MUTE):
        return round(rng.uniform(0.2, 1.0), 2)
    if kind in (Kind.DELAY, Kind.RPC_DELAY):
        return round(rng.choice((0.3, 3.0, 12.0, profile.delay)) * rng.uniform(0.5, 1.0), 2)
    if kind is Kind.CRASH_POINT:
        # At which passing of the point, from the moment on.
        return float(rng.choice((1, 1, 1, 2, 3, 5)))
    if kind is Kind.CLOCK_JUMP:
        return round(rng.choice((-60.0, -5.0, 5.0, 60.0, 600.0)) * rng.uniform(0.5, 1.0), 2)
    if kind is Kind.WORLD_LOSES:
        return float(rng.choice((10, 40, 60, 80)))
    if kind is Kind.WORLD_COLLIDES:
        return round(rng.uniform(0.02, 0.3), 2)
    if kind is Kind.WORLD_LOSES_LOADS:
        return round(rng.uniform(0.3, 0.9), 2)
    return 0.0
