"""What must be true when everything has come to rest: promises, books and the worlds' own journal held side by side.

Rules: the tables are read in one read-only transaction and never through the services; a finding names the rows that
are wrong. What nobody could know is no finding, but counted: a parcel delivered by a world that was lost, or that UPS
left, before anybody heard of it, is sent anew. Stock, steps and outbox are checked by `proof.checkers`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select

from db.orders.links import Link, World, WorldState
from db.orders.messages import InboxRow, OutboxRow
from db.orders.orders import Order, OrderLine
from db.orders.requests import Decision, OrderRequest, RequestDecision, RequestKind
from db.orders.shipments import Shipment, ShipmentItem, ShipmentStep
from db.orders.stock import Restock, Stock
from db.shop.accounts import User
from db.shop.checkouts import CheckoutAttempt, CheckoutState
from orders_svc.domain.lifecycle import Event, Goods
from proof import checkers
from proof.chaos.journal import Account, Parcel
from proof.chaos.ledger import Ledger, Outcome
from shop.fulfilment.v1 import fulfilment_pb2
from shop.orders.v1 import orders_pb2

DELIVERED, CANCELLED = orders_pb2.ORDER_STATUS_DELIVERED, orders_pb2.ORDER_STATUS_CANCELLED
ENDED = (DELIVERED, CANCELLED)
# Commands that a finding tells of, at the most.
NAMED = 5
Rows = Sequence[Row[Any]]


@dataclass(slots=True)
class Verdict:
    """`findings`: what is wrong, a line each. `counts`: what there was."""

    findings: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def unrest(connection: Connection) -> dict[str, int]:
    """What is still under way, by words; empty: everything has come to rest."""
    current = select(World.world_epoch).where(World.state.in_((WorldState.OPEN, WorldState.AWAITED)))
    counts = {
        "orders under way": select(func.count()).where(Order.status.not_in(ENDED)),
        "commands not acknowledged": select(func.count()).where(OutboxRow.closed_at.is_(None)),
        "units on their way": select(func.coalesce(func.sum(Stock.ordered), 0)).where(Stock.world_epoch.in_(current)),
        "checkouts being confirmed": select(func.count()).where(CheckoutAttempt.state == CheckoutState.CONFIRMING),
    }
    found = {words: int(connection.scalar(query) or 0) for words, query in counts.items()}
    return {words: count for words, count in found.items() if count}


def judge(connection: Connection, account: Account, ledger: Ledger, began_at: float = 0.0) -> Verdict:
    """Holds everything against everything. `began_at`: what the wall clock says when the steady clock says 0."""
    verdict = Verdict()
    orders = _rows(connection, Order)
    for finding in (
        *_promises(connection, orders, ledger),
        *_purchases(connection, orders, ledger),
        *_nothing_else(connection, orders, ledger),
        *_restockings(connection, ledger),
        *_wishes(connection, account, ledger),
        *_at_rest(connection, orders),
        *_deliveries(connection, account, began_at, verdict.counts),
        *_world_stock(connection, account),
        *(f"books: {line}" for line in checkers.violations(connection)),
        *(f"surprise: {line}" for line in ledger.surprises),
    ):
        verdict.findings.append(finding)
    verdict.counts["orders"] = len(orders)
    verdict.counts["orders delivered"] = sum(order.status == DELIVERED for order in orders)
    verdict.counts["orders cancelled"] = sum(order.status == CANCELLED for order in orders)
    return verdict


def _rows(connection: Connection, model: Any, *where: Any) -> Rows:
    table = model.__table__
    return connection.execute(select(*table.c).where(*where).order_by(*table.primary_key)).all()


def _promises(connection: Connection, orders: Rows, ledger: Ledger) -> Iterator[str]:
    """Every acknowledged order is there once, as it was asked for; every refused one is not."""
    by_request: defaultdict[tuple[int, str], list[Row[Any]]] = defaultdict(list)
    for order in orders:
        by_request[order.user_id, order.request_id].append(order)
    lines: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for line in _rows(connection, OrderLine):
        lines[line.order_id][line.offer_id] = line.quantity
    for promise in ledger.promises:
        name = f"request {promise.request_id} of user {promise.user_id}"
        found = by_request[promise.user_id, promise.request_id]
        if promise.outcome is Outcome.OPEN:
            yield f"{name}: no definite answer after {promise.tries} tries"
        elif promise.outcome is Outcome.REFUSED and found:
            yield f"{name}: refused, and order {found[0].id} is there"
        elif promise.outcome is Outcome.ACCEPTED:
            if [order.id for order in found] != [promise.order_id]:
                yield f"{name}: acknowledged as order {promise.order_id}, there are {[order.id for order in found]}"
            elif lines[found[0].id] != promise.items or (found[0].x, found[0].y) != promise.place:
                yield f"{name}: order {promise.order_id} is not what was asked for"


def _purchases(connection: Connection, orders: Rows, ledger: Ledger) -> Iterator[str]:
    """Every thank-you page's order is there, and every checkout attempt is what its order says."""
    users = {row.email: row.id for row in connection.execute(select(User.email, User.id))}
    mine = {(order.user_id, order.id) for order in orders}
    for purchase in ledger.purchases:
        if purchase.outcome is Outcome.OPEN:
            yield f"a checkout of {purchase.email} had no definite answer"
        elif purchase.outcome is Outcome.ACCEPTED and (users.get(purchase.email), purchase.order_id) not in mine:
            yield f"{purchase.email} saw order {purchase.order_id}, which is not there"
    by_request = {(order.user_id, order.request_id): order.id for order in orders}
    for attempt in _rows(connection, CheckoutAttempt):
        name, order_id = f"checkout attempt {attempt.id}", by_request.get((attempt.user_id, attempt.request_id))
        if attempt.state == CheckoutState.CONFIRMING:
            yield f"{name}: still being confirmed after {attempt.tries} tries"
        elif attempt.state == CheckoutState.ACCEPTED and order_id != attempt.order_id:
            yield f"{name}: accepted as order {attempt.order_id}, its request is order {order_id}"
        elif attempt.state == CheckoutState.REFUSED and order_id is not None:
            yield f"{name}: refused, and order {order_id} is there"


def _nothing_else(connection: Connection, orders: Rows, ledger: Ledger) -> Iterator[str]:
    """No order that nobody asked for, and no two for one request."""
    asked = {(promise.user_id, promise.request_id) for promise in ledger.promises}
    asked |= {
        (row[0], row[1]) for row in connection.execute(select(CheckoutAttempt.user_id, CheckoutAttempt.request_id))
    }
    counts = Counter((order.user_id, order.request_id) for order in orders)
    for (user_id, request_id), count in counts.items():
        if (user_id, request_id) not in asked:
            yield f"request {request_id} of user {user_id}: an order that nobody asked for"
        if count > 1:
            yield f"request {request_id} of user {user_id}: {count} orders"


def _restockings(connection: Connection, ledger: Ledger) -> Iterator[str]:
    made = Counter((row.user_id, row.request_id) for row in _rows(connection, Restock))
    for asked in ledger.restockings:
        if asked.outcome is Outcome.OPEN:
            yield f"restock {asked.request_id}: no definite answer"
        elif (times := made[asked.user_id, asked.request_id]) != (asked.outcome is Outcome.ACCEPTED):
            yield f"restock {asked.request_id}: {asked.outcome.value}, and made {times} times"


def _wishes(connection: Connection, account: Account, ledger: Ledger) -> Iterator[str]:
    """What was taken back was never packed, and what was to go elsewhere goes there; the answer is the row."""
    attempts: defaultdict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for row in _rows(connection, Shipment):
        attempts[row.order_id, row.parcel_no].append(row)
    parcels = {row.id: rows for rows in attempts.values() for row in rows}
    requests = {(row.user_id, row.request_id): row.id for row in _rows(connection, OrderRequest)}
    decided: defaultdict[int, dict[int, bool]] = defaultdict(dict)
    after_all: set[tuple[int, int]] = set()
    for decision in _rows(connection, RequestDecision):
        decided[decision.order_request_id][decision.shipment_id] = decision.decision == Decision.DONE
        if "after all" in decision.reason:
            # UPS said yes when nobody waited for it any more, and a shopper may have been told no before.
            after_all.add((decision.order_request_id, decision.shipment_id))
    given_up = {
        step.shipment_id for step in _rows(connection, ShipmentStep, ShipmentStep.event == Event.CANCEL_ACCEPTED)
    }
    for wish in ledger.wishes:
        name = f"{'cancellation' if wish.place is None else 'new address'} of order {wish.order_id}"
        request = requests.get((wish.user_id, wish.request_id))
        if wish.outcome is Outcome.OPEN:
            yield f"{name}: no definite answer"
        written = {} if request is None else decided[request]
        told = {key: done or (request, key) in after_all for key, done in wish.done.items()}
        if wish.outcome is Outcome.ACCEPTED and told != written:
            yield f"{name}: answered {wish.done}, written down {None if request is None else written}"
        for shipment_id in (shipment_id for shipment_id, done in told.items() if done):
            last = parcels[shipment_id][-1]
            if wish.place is not None and (last.x, last.y) != wish.place:
                yield f"{name}: parcel {last.id} goes to {(last.x, last.y)}, not to {wish.place}"
            packed = last.id in account.parcels and last.id not in given_up
            if wish.place is None and (last.goods != Goods.CANCELLED or packed):
                yield f"{name}: parcel {last.id} is {last.goods}/{last.truck}, packed {last.id in account.parcels}"


def _at_rest(connection: Connection, orders: Rows) -> Iterator[str]:
    """Nothing is stuck."""
    reasons: defaultdict[int, list[str]] = defaultdict(list)
    for row in _rows(connection, Shipment, Shipment.ended_at.is_(None)):
        where = f"parcel {row.id} {row.goods}/{row.truck} attempt {row.attempt}"
        reasons[row.order_id].append(f"{where}, attention: {row.attention_reason}" if row.attention_reason else where)
    for order in orders:
        if order.status not in ENDED:
            yield f"order {order.id} is stuck: {'; '.join(reasons[order.id]) or f'status {order.status}'}"
    for words, count in unrest(connection).items():
        yield f"not at rest: {count} {words}"
    links = {row.name: f"link_epoch {row.link_epoch}" for row in _rows(connection, Link)}
    worlds = {row.world_epoch: row.state for row in _rows(connection, World)}
    for row in _rows(connection, OutboxRow, OutboxRow.closed_at.is_(None))[:NAMED]:
        yield (
            f"command {row.id} {row.kind} of parcel {row.shipment_id} is open since {row.created_at:.3f}: "
            f"world_epoch {row.world_epoch} ({worlds.get(row.world_epoch)}), handed {row.handed_at}, "
            f"due {row.due_at:.3f}, given to epoch {row.sent_epoch} of {row.link}, {links.get(row.link)}"
        )


def _deliveries(connection: Connection, account: Account, began_at: float, counts: Counter[str]) -> Iterator[str]:
    """Each parcel was packed, loaded and delivered once, to its address, by the world that it counts in."""
    contents: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for item in _rows(connection, ShipmentItem):
        contents[item.shipment_id][item.offer_id] = item.quantity
    shipments = {row.id: row for row in _rows(connection, Shipment)}
    in_vain = _asked_in_vain(connection)
    known_delivered = _heard_of(connection)
    markers = {row.marker_ship_id for row in _rows(connection, World)}
    for package, lives in account.parcels.items():
        # A marker that a world took and lost before it was heard of may be made again in the world's next life.
        places = {life.world.boot for life in lives} if package in markers else {0}
        if len(lives) > len(places):
            yield f"parcel {package}: packed in {len(lives)} worlds"
        if package not in shipments and (package not in markers or lives[0].things):
            yield f"parcel {package}: a world packed it, and it is nobody's"
    counts["parcels"] = sum(row.superseded_by is None for row in shipments.values())
    for row in shipments.values():
        name = f"parcel {row.id} of order {row.order_id}"
        lives = account.parcels.get(row.id, [])
        times = sum(len(life.delivered) for life in lives)
        if row.goods == Goods.CANCELLED:
            counts["parcels cancelled"] += 1
            if times:
                yield f"{name}: cancelled, and delivered"
            continue
        if row.superseded_by is None:
            place = (row.x, row.y)
            went = next((life.places[0] for life in lives if life.places), place)
            if went != place and went in in_vain[row.id]:
                counts["delivered where UPS was asked to take it, and forgot to say so"] += 1
                place = went
            yield from _once(name, lives, contents[row.id], place)
            continue
        counts["attempts given up with their world"] += 1
        if times > 1:
            yield f"{name}: given up, and delivered {times} times"
        elif times and row.id in known_delivered:
            yield f"{name}: heard of as delivered, and sent anew"
        elif times:
            (life,) = (life for life in lives if life.delivered)
            counts[_unheard(account, life, row.ended_at - began_at)] += 1


def _asked_in_vain(connection: Connection) -> defaultdict[int, set[tuple[int, int]]]:
    """The addresses that UPS may have been asked for, of each parcel, and did not agree to as far as was heard."""
    requests = {row.id: row for row in _rows(connection, OrderRequest, OrderRequest.kind == RequestKind.ADDRESS)}
    found: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
    for row in _rows(connection, RequestDecision, RequestDecision.decision == Decision.TOO_LATE):
        if row.order_request_id in requests:
            request = requests[row.order_request_id]
            found[row.shipment_id].add((request.x, request.y))
    return found


def _unheard(account: Account, life: Parcel, given_up_at: float) -> str:
    """In which way a delivery came to be one that nobody heard of before the parcel was sent anew."""
    if account.is_over(life.world.boot, given_up_at):
        return "sent anew, delivered before by a world that died"
    if life.delivered[0] < given_up_at:
        return "sent anew, delivered before in the world that UPS left"
    return "sent anew, on the road in the world that UPS left"


def _heard_of(connection: Connection) -> set[int]:
    """Attempts whose delivery was reported and obeyed."""
    heard = set()
    for row in _rows(connection, InboxRow, InboxRow.ignored_reason.is_(None), InboxRow.shipment_id.is_not(None)):
        if row.kind == "delivered":
            heard.add(row.shipment_id)
        elif row.kind == "package_status":
            status = fulfilment_pb2.PeerEvent.FromString(row.event).package_status.status
            if status.upper() == "DELIVERED":
                heard.add(row.shipment_id)
    return heard


def _once(name: str, lives: Sequence[Parcel], things: dict[int, int], place: tuple[int, int]) -> Iterator[str]:
    packed, loaded, delivered = (
        sum(len(getattr(life, what)) for life in lives) for what in ("packed", "loaded", "delivered")
    )
    if (packed, loaded, delivered) != (1, 1, 1):
        yield f"{name}: packed {packed}, loaded {loaded}, delivered {delivered} times"
    for life in lives:
        if life.things != things:
            yield f"{name}: holds {things}, the world packed {life.things}"
        if life.places and life.places != [place]:
            yield f"{name}: goes to {place}, the world brought it to {life.places}"


def _world_stock(connection: Connection, account: Account) -> Iterator[str]:
    """What the shop thinks it bought and packed in the world in use is what that world did."""
    current = connection.execute(
        select(World.world_epoch, World.world_id).where(World.state == WorldState.OPEN)
    ).first()
    world = account.latest(current.world_id) if current is not None and current.world_id is not None else None
    if current is None or world is None:
        yield "the shop is in no world that is there"
        return
    bought, packed = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for row in _rows(connection, Stock, Stock.world_epoch == current.world_epoch):
        bought[row.warehouse_id, row.offer_id] = row.arrived
        packed[row.warehouse_id, row.offer_id] = row.packed + row.scrapped
    for what, ours, theirs in (("bought", bought, account.bought[world]), ("packed", packed, account.taken[world])):
        for key in sorted(ours.keys() | theirs.keys()):
            if ours[key] != theirs[key]:
                where = f"warehouse {key[0]}, offer {key[1]}"
                yield f"{where}: {ours[key]} {what} by our books, {theirs[key]} by the world's"
