"""Answers against rows: what both callers were told is so when both have ended.

Elsewhere: whether the rows add up among themselves (proof.checkers).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from orders_svc.service.amending import Decided
from orders_svc.service.intervening import Intervened
from orders_svc.service.placing import Placed
from orders_svc.service.reports import Result


def broken_promises(connection: Connection, answers: Sequence[Any]) -> list[str]:
    """What was said and is not so, a line each. `answers`: what each side was told, None where it was refused."""
    found = [line for answer in answers for line in _broken(connection, answer)]
    placed = [answer for answer in answers if isinstance(answer, Placed)]
    made = Counter(answer.order_id for answer in placed if not answer.replayed)
    if any(count > 1 for count in made.values()) or not {one.order_id for one in placed} <= made.keys():
        found.append(f"an order is made by one request, and repeated to the others: {placed}")
    return found


def _broken(connection: Connection, answer: Any) -> list[str]:
    if isinstance(answer, Placed):
        orders = connection.execute(_ORDERS, {"k_id": answer.order_id}).all()
        if [row.total_cents for row in orders] != [answer.total_cents]:
            return [f"{answer} was said, and its request has made {orders}"]
    elif isinstance(answer, Intervened):
        if not connection.execute(_INTERVENTIONS, {"k_new": answer.new_shipment_id}).scalar_one():
            return [f"{answer} was said, and not written down"]
    elif isinstance(answer, list):
        decided = [one for one in answer if isinstance(one, Decided)]
        for one in decided:
            if not connection.execute(_DECISIONS, {"k_id": one.shipment_id}).scalar_one():
                return [f"{one} was said, and not written down"]
    return []


# All that the request of an order has made.
_ORDERS = text(
    "select orders.id, orders.total_cents from orders join orders mine using (user_id, request_id)"
    " where mine.id = :k_id"
)
_INTERVENTIONS = text("select count(*) from interventions where new_shipment_id is not distinct from :k_new")
_DECISIONS = text("select count(*) from order_request_decisions where shipment_id = :k_id")


def counted_twice(ours: Any, theirs: Any) -> list[str]:
    """What a peer said once, came twice, and was not told apart. Both: the results of one report."""
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return []
    pairs = zip(ours, theirs, strict=True)
    return [
        f"event {number} of both reports: {one}, {other}"
        for number, (one, other) in enumerate(pairs)
        if isinstance(one, Result) and (one is Result.DUPLICATE) == (other is Result.DUPLICATE)
    ]
