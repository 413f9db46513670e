"""Shrinking: the fewest faults of a plan that still break the same guarantee (delta debugging).

Rules: every try is a whole run of the same seed with a part of its plan; the number of tries is bounded, so a shrunk
plan may still hold a fault too many, never one too few.
"""

from collections.abc import Callable, Sequence

from proof.simulation.faults import Fault

MAX_TRIES = 120


def shrink(plan: Sequence[Fault], fails: Callable[[tuple[Fault, ...]], bool]) -> tuple[Fault, ...]:
    """A part of `plan` for which `fails` holds; `plan` itself must fail."""
    kept = tuple(plan)
    tries = 0
    parts = 2
    if fails(()):
        return ()
    while len(kept) > 1:
        size = max(1, len(kept) // parts)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            tries += 1
            if tries > MAX_TRIES:
                return kept
            if rest and fails(rest):
                kept, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                return kept
            parts = min(len(kept), parts * 2)
    return kept
