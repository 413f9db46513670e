"""What is told of an order: its lines, its parcels as people see them, and where their trucks were last.

Values alone; `reading`, `expecting` and `trucks` fill them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from orders_svc.domain import explain
from orders_svc.domain.amendments import Course
from orders_svc.domain.eta import Expected
from orders_svc.domain.lifecycle import Asked, State
from orders_svc.service.amending import Amendment
from orders_svc.service.commands import Thing


@dataclass(frozen=True, slots=True)
class Seen:
    """A truck at a place at a time."""

    truck_id: int
    x: int
    y: int
    at: float


@dataclass(frozen=True, slots=True)
class ParcelView:
    """One parcel of an order, as people are told."""

    row: Row[Any]
    state: State
    status: explain.Status
    warehouse: Row[Any]
    things: Sequence[Thing]
    waiting: explain.Waiting | None
    steps: Sequence[Row[Any]]
    # What would become of a request now; only of orders that are read alone.
    courses: Mapping[Asked, Course] = field(default_factory=dict)
    truck_seen: Seen | None = None
    # Why nobody can tell when it is there; empty: `service.expecting` may.
    held_up: str = ""
    expected: Expected | None = None
    # Of an open parcel without a range.
    unknown_because: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its lines and parcels; the rows are those of the tables."""

    row: Row[Any]
    lines: Sequence[Row[Any]]
    parcels: Sequence[ParcelView]
    amendments: Sequence[Amendment] = ()
