"""The world's own account of what happened, for tests and checkers: it says what was done, not what was told.

Rules: only effects are counted (a repeat that is acked and not executed leaves `duplicates`, nothing else); it can be
read at any time; `as_json` is plain data with stable keys; a `witness` hears of each effect as it happens.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class PackageRecord:
    """What happened to one package; the times are the model's `now` of each time it happened."""

    world: int
    id: int
    warehouse: int
    things: dict[int, int]
    """Product -> count taken from the stock."""
    packed: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    trucks: list[int] = field(default_factory=list)
    """Trucks it was loaded on."""
    delivered_to: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """Everything that took effect, over all worlds."""

    packages: dict[tuple[int, int], PackageRecord] = field(default_factory=dict)
    """(world, package) -> its record."""
    bought: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """(world, warehouse, product) -> count bought."""
    taken: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """(world, warehouse, product) -> count packed."""
    elements: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, outcome) -> how many; outcomes: executed, failed, duplicates, dropped."""
    errors: Counter[str] = field(default_factory=Counter)
    """First line of an error text -> how often it was given."""
    worlds: list[int] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    """What happened to connections: connected, refused, malformed, wrong port, closed, sent, resent."""
    lost_loads: list[tuple[int, int]] = field(default_factory=list)
    """(world, package) of loads that were acked and never started."""
    died: str | None = None
    witness: Callable[[Mapping[str, object]], None] | None = None

    def tell(self, event: str, world: int, **facts: object) -> None:
        """Let the witness know of an effect."""
        if self.witness is not None:
            self.witness({"event": event, "world": world, **facts})

    def elements_received(self, *kinds: str) -> int:
        """How many elements of these kinds came in all (all kinds if none is named), whatever became of them."""
        return sum(count for (kind, _), count in self.elements.items() if not kinds or kind in kinds)

    def delivered_once(self, world: int) -> set[int]:
        """The packages of `world` that were packed, loaded and delivered exactly once."""
        return {
            record.id
            for record in self.packages.values()
            if record.world == world and len(record.packed) == len(record.loaded) == len(record.delivered) == 1
        }

    def as_json(self) -> dict[str, Any]:
        """Give the whole book as plain data, lists sorted by ids."""
        return {
            "worlds": self.worlds,
            "died": self.died,
            "packages": [
                {
                    "world": record.world,
                    "id": record.id,
                    "warehouse": record.warehouse,
                    "things": {str(product): count for product, count in sorted(record.things.items())},
                    "packed": len(record.packed),
                    "loaded": len(record.loaded),
                    "delivered": len(record.delivered),
                    "packed_at": record.packed,
                    "loaded_at": record.loaded,
                    "delivered_at": record.delivered,
                    "trucks": record.trucks,
                    "delivered_to": [list(place) for place in record.delivered_to],
                }
                for _, record in sorted(self.packages.items())
            ],
            "bought": _rows(self.bought),
            "taken": _rows(self.taken),
            "elements": [
                {"kind": kind, "outcome": outcome, "count": count}
                for (kind, outcome), count in sorted(self.elements.items())
            ],
            "errors": dict(sorted(self.errors.items())),
            "events": dict(sorted(self.events.items())),
            "lost_loads": [list(pair) for pair in self.lost_loads],
        }


def _rows(counts: Counter[tuple[int, int, int]]) -> list[dict[str, int]]:
    return [
        {"world": world, "warehouse": warehouse, "product": product, "count": count}
        for (world, warehouse, product), count in sorted(counts.items())
    ]
