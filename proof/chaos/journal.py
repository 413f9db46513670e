"""Reading the worlds' journal: what took effect in which world, over all lives of the stand-in. Pure.

Rules: a world is named by the life of the program and its number in it, since numbers come again; the last line may
be half written by a killed program, and does not count. Who writes it is elsewhere (`sim.world.journal`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class WorldKey(NamedTuple):
    """One world: the life of the stand-in (`boot`), and the world's number in it."""

    boot: str
    number: int


@dataclass(slots=True)
class Parcel:
    """What happened to one package; times in seconds of the machine's steady clock."""

    world: WorldKey
    warehouse: int
    things: dict[int, int]
    packed: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    """Where it was delivered to, one for each time."""


@dataclass(slots=True)
class Account:
    """Everything that took effect."""

    boots: dict[str, float] = field(default_factory=dict)
    """Each life of the stand-in, oldest first, and when it began."""
    worlds: list[WorldKey] = field(default_factory=list)
    parcels: dict[int, list[Parcel]] = field(default_factory=lambda: defaultdict(list))
    """Package -> what happened to it, once for each world that it was packed in."""
    bought: dict[WorldKey, Counter[tuple[int, int]]] = field(default_factory=lambda: defaultdict(Counter))
    """World -> (warehouse, product) -> units."""
    taken: dict[WorldKey, Counter[tuple[int, int]]] = field(default_factory=lambda: defaultdict(Counter))

    def latest(self, number: int) -> WorldKey | None:
        """The world of this number in the stand-in's last life."""
        found = WorldKey(self.last_boot, number)
        return found if found in self.worlds else None

    @property
    def last_boot(self) -> str:
        """The stand-in's last life; empty before the first."""
        return next(reversed(self.boots), "")

    def is_over(self, boot: str, at: float) -> bool:
        """Whether another life had begun after this one by then."""
        return any(began <= at for began in list(self.boots.values())[list(self.boots).index(boot) + 1 :])


def read_journal(lines: Iterable[str]) -> Account:
    """Reads lines, oldest first. ValueError for one that is none, unless its end is missing."""
    account = Account()
    for line in lines:
        if not line.endswith("\n"):
            break
        _add(account, json.loads(line))
    return account


def _add(account: Account, line: dict[str, object]) -> None:
    event, boot, at = line["event"], str(line["boot"]), float(str(line["at"]))
    if event == "started":
        account.boots[boot] = at
        return
    world = WorldKey(boot, _int(line, "world"))
    if event == "world":
        account.worlds.append(world)
    elif event == "bought":
        account.bought[world][_int(line, "warehouse"), _int(line, "product")] += _int(line, "count")
    elif event == "taken":
        things = {int(product): int(count) for product, count in line["things"]}  # type: ignore[attr-defined]
        warehouse = _int(line, "warehouse")
        account.parcels[_int(line, "package")].append(Parcel(world, warehouse, things))
        for product, count in things.items():
            account.taken[world][warehouse, product] += count
    else:
        parcel = next(one for one in account.parcels[_int(line, "package")] if one.world == world)
        if event == "packed":
            parcel.packed.append(at)
        elif event == "loaded":
            parcel.loaded.append(at)
        elif event == "delivered":
            parcel.delivered.append(at)
            parcel.places.append((_int(line, "x"), _int(line, "y")))
        else:
            raise ValueError(f"the journal knows no event {event!r}")


def _int(line: dict[str, object], name: str) -> int:
    return int(str(line[name]))
