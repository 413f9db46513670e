"""Which moves of the lifecycle were made, counted while the real table is used.

Rules: only watches; a move counts when an event was obeyed, once for each of the three machines that moved.
"""

from collections import Counter
from types import TracebackType
from unittest.mock import patch

from orders_svc.domain import lifecycle
from orders_svc.domain.lifecycle import ASKED, GOODS, TRUCK, Event, Outcome, State

# Entries of the table that no fault of ours can lead to, and why: they are held in tests/orders_svc/domain. A run that
# meets one of them proves the reason wrong, and fails.
_UNASKED = "the world was asked to load only after it had said that the parcel is packed"
_UNTOLD = "UPS was told to go only after the world had said that the parcel is loaded"
UNREACHABLE = {
    **dict.fromkeys(
        (
            "goods packing + loaded",
            "goods packing + seen_loading",
            "goods packing + seen_loaded",
            "goods packing + seen_delivering",
            "goods packing + seen_delivered",
        ),
        _UNASKED,
    ),
    **dict.fromkeys(
        (
            "goods packed + seen_delivering",
            "goods packed + seen_delivered",
            "goods loading + seen_delivering",
            "goods loading + seen_delivered",
            "truck requested + seen_delivering",
            "truck requested + seen_delivered",
            "truck at_warehouse + seen_delivering",
            "truck at_warehouse + seen_delivered",
        ),
        _UNTOLD,
    ),
}


def all_transitions() -> tuple[str, ...]:
    """Every entry of the lifecycle table, as it is counted."""
    goods = [f"goods {state} + {event}" for state, moves in GOODS.items() for event in moves]
    truck = [f"truck {state} + {event}" for state, moves in TRUCK.items() for event in moves]
    return (
        *goods,
        *truck,
        *(f"asked {state or 'nothing'} + {event}" for state, moves in ASKED.items() for event in moves),
    )


class Transitions:
    """Counts within a `with` block."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._real = lifecycle.apply
        self._patch = patch.object(lifecycle, "apply", self._apply)

    def _apply(self, state: State, event: Event) -> Outcome:
        outcome = self._real(state, event)
        if outcome.ignored is None:
            if event in GOODS[state.goods]:
                self.seen[f"goods {state.goods} + {event}"] += 1
            if event in TRUCK[state.truck]:
                self.seen[f"truck {state.truck} + {event}"] += 1
            if event in ASKED[state.asked]:
                self.seen[f"asked {state.asked or 'nothing'} + {event}"] += 1
        return outcome

    def __enter__(self) -> None:
        self._patch.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.stop()
