"""What staff had done: everything that was answered took effect once, and nothing else did (G1, G2, G5).

Rules: the answers that staff got and the rows of the tables, never the service's own queries; what was asked again
under one request id is one thing, whatever died in between.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from proof.simulation.book import DatabaseBook
from proof.simulation.staff import STAFF
from proof.simulation.wishes import Wish

# Kind of an intervention -> its RPC, and the events that are its effect.
_EFFECTS = {
    "retry": ("RetryShipment", ("retried",)),
    "redrive": ("RedriveShipment", ("superseded",)),
    "cancel": ("CancelShipment", ("given_up", "cancelled")),
}


def wrong(db: DatabaseBook, asked: Iterable[Wish]) -> Iterator[tuple[str, str]]:
    """All that is wrong about them, as (guarantee, words)."""
    wishes: dict[str, Wish] = {wish.request.request_id: wish for wish in asked}
    sql = "select request_id, user_id, kind, shipment_id, new_shipment_id from interventions order by id"
    rows: list[Any] = db.rows(sql)
    done: Counter[tuple[str, int]] = Counter()
    for request_id, user_id, kind, shipment_id, new_id in rows:
        wish = wishes.pop(request_id, None)
        method = _EFFECTS[kind][0]
        if wish is None or (wish.user_id, wish.method, wish.request.shipment_id) != (user_id, method, shipment_id):
            yield "G2", f"{kind} of shipment {shipment_id} under {request_id} was never asked for, or done twice"
        elif set(wish.answers) != {new_id or 0}:
            yield "G1", f"{request_id} led to {new_id}, and was answered {wish.answers}, refused {wish.refusals}"
        done[kind, shipment_id] += 1
        if kind == "redrive":
            yield from _redriven(db, shipment_id, new_id)
    for request_id, wish in wishes.items():
        if wish.answers:
            yield "G1", f"{request_id} was answered {wish.answers}, and nothing is written down"
    yield from _once(db, done)


def _once(db: DatabaseBook, done: Counter[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Each left one step, and each step is of one."""
    for kind, (method, events) in _EFFECTS.items():
        steps: Counter[tuple[str, int]] = Counter()
        sql = "select shipment_id, event from shipment_steps where cause = ?"
        for shipment_id, event in db.rows(sql, f"rpc:{method}:user {STAFF}"):
            if event in events:
                steps[kind, shipment_id] += 1
        expected = Counter({key: count for key, count in done.items() if key[0] == kind})
        for key in (steps - expected) + (expected - steps):
            yield "G2", f"{kind} of shipment {key[1]} was done {expected[key]} times and took effect {steps[key]} times"


def _redriven(db: DatabaseBook, shipment_id: int, new_id: int | None) -> Iterator[tuple[str, str]]:
    """The other one is in its place."""
    sql = "select order_id, parcel_no, attempt, superseded_by from shipments where id = ?"
    found: list[Any] = [*db.rows(sql, shipment_id), *db.rows(sql, new_id)]
    old, new = found if len(found) == 2 else ((None,) * 4, (None,) * 4)
    if old[3] != new_id or new[:3] != (*old[:2], (old[2] or 0) + 1):
        yield "G3", f"shipment {shipment_id} was to be sent anew as {new_id}: {old}, {new}"
