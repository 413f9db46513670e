"""Which schedules can make a difference: statements that touch no common row may be swapped without anybody noticing.

Rules (READ COMMITTED): what a side has written is seen by the other one from its commit on; two writes or locks in one
table may be in each other's way at once; rows that are new are in nobody's way, but for unique keys. Only tables are
looked at, never rows, so nothing is left out that could make a difference by the statements alone.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from db.orders.base import OrdersBase
from tests.orders_svc.interleavings.lockstep import COMMIT, Schedule

# What is only read, by everybody.
FIXED = {"warehouses", "installation"}
TABLES = sorted(set(OrdersBase.metadata.tables) - FIXED)
# Where two who insert the same meet.
UNIQUE = {"orders", "inbox", "restocks", "order_requests", "interventions", "stock", "reorder_points"}
_SHARING = ("FOR SHARE", "FOR KEY SHARE")
_WORDS = re.compile(r"\b(" + "|".join(TABLES) + r")\b")


@dataclass(frozen=True, slots=True)
class Footprint:
    """The tables that a statement reads, inserts into, and locks or changes; for a commit: what it makes visible."""

    reads: frozenset[str] = frozenset()
    inserts: frozenset[str] = frozenset()
    locks: frozenset[str] = frozenset()
    # Locked as well, and in nobody's way who does the same.
    shares: frozenset[str] = frozenset()
    publishes: frozenset[str] = frozenset()

    def meets(self, other: "Footprint") -> bool:
        """Whether it matters which of the two comes first."""
        mine = self.reads | self.locks | self.shares | self.inserts
        theirs = other.reads | other.locks | other.shares | other.inserts
        return bool(
            self.locks & (other.locks | other.shares)
            or self.shares & other.locks
            or self.inserts & other.inserts & UNIQUE
            or self.publishes & theirs
            or other.publishes & mine
        )


def footprints(statements: Sequence[str]) -> list[Footprint]:
    """Of the statements of one side, in order, commits among them."""
    found: list[Footprint] = []
    changed: set[str] = set()
    for statement in statements:
        if statement == COMMIT:
            found.append(Footprint(publishes=frozenset(changed)))
            changed.clear()
            continue
        tables = frozenset(_WORDS.findall(statement))
        verb = statement.split(None, 1)[0].upper()
        if verb == "INSERT":
            into = frozenset(_WORDS.findall(statement)[:1])
            found.append(Footprint(reads=tables - into, inserts=into))
            changed |= into
        elif verb in ("UPDATE", "DELETE"):
            found.append(Footprint(locks=tables))
            changed |= tables
        elif verb == "LOCK":
            found.append(Footprint(locks=tables))
        elif statement.endswith(_SHARING):
            found.append(Footprint(shares=tables))
        elif " FOR " in f" {statement.upper()} ".replace("\n", " "):
            found.append(Footprint(locks=tables))
        else:
            found.append(Footprint(reads=tables))
    return found


def distinct(
    schedules: Iterable[Schedule], ours: Sequence[Footprint], theirs: Sequence[Footprint]
) -> Iterator[Schedule]:
    """The first of each lot of schedules between which nobody can tell."""
    meeting = [(a, b) for a, one in enumerate(ours) for b, other in enumerate(theirs) if one.meets(other)]
    seen: set[tuple[bool, ...]] = set()
    for schedule in schedules:
        place = _places(schedule, (len(ours), len(theirs)))
        key = tuple(place[0][a] < place[1][b] for a, b in meeting)
        if key not in seen:
            seen.add(key)
            yield schedule


def _places(schedule: Schedule, lengths: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Where in the whole each statement of each side comes, if nobody waits for anybody."""
    places: tuple[list[int], list[int]] = ([], [])
    at, side = 0, schedule.first
    for turn in (*schedule.turns, max(lengths), max(lengths)):
        for _ in range(min(turn, lengths[side] - len(places[side]))):
            places[side].append(at)
            at += 1
        side = 1 - side
    return places
