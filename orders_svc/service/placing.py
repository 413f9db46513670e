"""Placing orders: idempotent, all or nothing, many in one transaction.

Rules: (user, request_id) gives at most one order, for ever; the same request
again is answered with that order, another content under the same request_id is
refused; a refusal never rolls back its neighbours, a database error rolls back
all. The commit is the acknowledgement.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from db.orders.orders import Order, OrderLine
from db.shop.catalogue import OfferForSale, offers_for_sale, open_accounts
from mesh.errors import AlreadyExists, FailedPrecondition, NotFound, Refusal, ResourceExhausted
from orders_svc.domain import explain
from orders_svc.domain.allocation import Allocation, Shelves, Shortage, Wanted
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.numbering import insert_numbered
from orders_svc.service import commands, telling
from orders_svc.service.changes import Changes, OrderChange
from orders_svc.service.current import current_world
from orders_svc.service.moving import NewParcel
from orders_svc.service.shipments import Shipments
from orders_svc.service.stock import StockChanges, read_levels, read_places

CAUSE = "rpc:PlaceOrder"


@dataclass(frozen=True, slots=True)
class Item:
    """A line as the client sent it."""

    offer_id: int
    quantity: int
    expected_unit_price_cents: int | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A request that passed validation."""

    user_id: int
    request_id: str
    items: tuple[Item, ...]
    x: int
    y: int
    ups_account: str = ""

    def digest(self) -> bytes:
        """SHA-256 of what the client sent: tells a repetition from a reuse.

        Over named values without the defaults: a field that is added later leaves the digests of before as they are.
        """
        content = {"x": self.x, "y": self.y, "ups_account": self.ups_account, "items": [_given(i) for i in self.items]}
        canonical = json.dumps({k: v for k, v in content.items() if v}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()


def _given(item: Item) -> dict[str, int]:
    price = item.expected_unit_price_cents
    given = {"offer_id": item.offer_id, "quantity": item.quantity}
    return given if price is None else given | {"expected_unit_price_cents": price}


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that answers a request."""

    order_id: int
    total_cents: int
    replayed: bool


@dataclass(slots=True)
class _Accepted:
    request: PlaceOrder
    offers: list[OfferForSale]
    allocation: Allocation
    total_cents: int


def place_orders(
    connection: Connection, patience: Patience, requests: Sequence[PlaceOrder], now: float
) -> tuple[list[Placed | Refusal], Changes]:
    """Accepts or refuses each request; one answer each, in the same order.

    Raises LostRace if stock was taken by somebody else meanwhile.
    """
    world = current_world(connection)
    placed = _placed_before(connection, requests)
    offer_ids = {item.offer_id for request in requests for item in request.items}
    offers = offers_for_sale(connection, offer_ids)
    people = open_accounts(connection, {request.user_id for request in requests})
    shelves = Shelves(read_levels(connection, world.world_epoch, offer_ids), read_places(connection))
    accepted: dict[tuple[int, str], _Accepted] = {}
    refusals: dict[int, Refusal] = {}
    for index, request in enumerate(requests):
        key = (request.user_id, request.request_id)
        if key not in placed and key not in accepted:
            decided = _decide(request, offers, shelves) if request.user_id in people else _nobody(request.user_id)
            if isinstance(decided, Refusal):
                refusals[index] = decided
            else:
                accepted[key] = decided
    orders, changes = _write(connection, patience, world.world_epoch, list(accepted.values()), now)
    answers: list[Placed | Refusal] = []
    fresh = set(accepted)
    for index, request in enumerate(requests):
        key = (request.user_id, request.request_id)
        if index in refusals:
            answers.append(refusals[index])
            continue
        if key in fresh and request is accepted[key].request:
            answers.append(Placed(orders[key], accepted[key].total_cents, replayed=False))
            continue
        order_id, total, digest = placed.get(key) or (
            orders[key],
            accepted[key].total_cents,
            accepted[key].request.digest(),
        )
        if digest == request.digest():
            answers.append(Placed(order_id, total, replayed=True))
        else:
            answers.append(
                AlreadyExists("REQUEST_ID_REUSED", "this request_id was used for another order", order_id=order_id)
            )
    return answers, changes


def _placed_before(
    connection: Connection, requests: Sequence[PlaceOrder]
) -> dict[tuple[int, str], tuple[int, int, bytes]]:
    # Not by pairs, which PostgreSQL plans one by one; the few pairs too many that this may find do no harm.
    among = {
        "k_users": sorted({request.user_id for request in requests}),
        "k_requests": sorted({request.request_id for request in requests}),
    }
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in connection.execute(_PLACED_BEFORE, among)}


_PLACED_BEFORE = select(Order.user_id, Order.request_id, Order.id, Order.total_cents, Order.request_digest).where(
    Order.user_id.in_(bindparam("k_users", expanding=True)),
    Order.request_id.in_(bindparam("k_requests", expanding=True)),
)
_NEW_LINE = insert(OrderLine)


def _nobody(user_id: int) -> NotFound:
    return NotFound("USER_NOT_FOUND", f"there is no user {user_id}", user_id=user_id)


def _decide(request: PlaceOrder, offers: dict[int, OfferForSale], shelves: Shelves) -> _Accepted | Refusal:
    """Checks a request against the catalogue, and takes its units from the shelves."""
    chosen = []
    for item in request.items:
        offer = offers.get(item.offer_id)
        if offer is None:
            return NotFound("OFFER_NOT_FOUND", f"offer {item.offer_id} is not for sale", offer_id=item.offer_id)
        expected = item.expected_unit_price_cents
        if expected is not None and expected != offer.unit_price_cents:
            return FailedPrecondition(
                "PRICE_CHANGED",
                f"{offer.title} costs {offer.unit_price_cents} cents now",
                offer_id=offer.offer_id,
                unit_price_cents=offer.unit_price_cents,
            )
        chosen.append(offer)
    wanted = [
        Wanted(item.offer_id, item.quantity, offer.allow_backorder)
        for item, offer in zip(request.items, chosen, strict=True)
    ]
    allocation = shelves.allocate(wanted, request.x, request.y)
    if isinstance(allocation, Shortage):
        title = offers[allocation.offer_id].title
        return ResourceExhausted(
            "OUT_OF_STOCK",
            f"{title}: {allocation.wanted} wanted, {allocation.left} left",
            offer_id=allocation.offer_id,
            left=allocation.left,
        )
    total = sum(item.quantity * offer.unit_price_cents for item, offer in zip(request.items, chosen, strict=True))
    return _Accepted(request, chosen, allocation, total)


def _write(
    connection: Connection, patience: Patience, world_epoch: int, accepted: Sequence[_Accepted], now: float
) -> tuple[dict[tuple[int, str], int], Changes]:
    """Inserts orders, lines, shipments, stock changes and commands; returns the order ids by (user, request_id)."""
    shipments = Shipments(connection, patience, world_epoch, now)
    if not accepted:
        return {}, shipments.changes
    rows: list[dict[str, object]] = [
        {
            "user_id": entry.request.user_id,
            "request_id": entry.request.request_id,
            "request_digest": entry.request.digest(),
            "x": entry.request.x,
            "y": entry.request.y,
            "ups_account": entry.request.ups_account,
            "total_cents": entry.total_cents,
            "status": int(
                explain.Status.PACKING
                if all(parcel.ready for parcel in entry.allocation.parcels)
                else explain.Status.AWAITING_STOCK
            ),
            "version": 1,
            "placed_at": now,
        }
        for entry in accepted
    ]
    ids = insert_numbered(connection, Order, Order.id, rows)
    lines = [line for order_id, entry in zip(ids, accepted, strict=True) for line in _lines(order_id, entry)]
    connection.execute(_NEW_LINE, lines)
    owners = {order_id: entry.request.user_id for order_id, entry in zip(ids, accepted, strict=True)}
    telling.begin(connection, owners, now, patience.tick)
    parcels = []
    for order_id, entry in zip(ids, accepted, strict=True):
        titles = {offer.offer_id: offer.title for offer in entry.offers}
        for number, parcel in enumerate(entry.allocation.parcels, start=1):
            units = {offer_id: (titles[offer_id], quantity) for offer_id, quantity in parcel.units.items()}
            x, y = entry.request.x, entry.request.y
            parcels.append(NewParcel(order_id, number, 1, parcel.warehouse_id, x, y, parcel.ready, units))
            for offer_id, quantity in parcel.units.items():
                delta = shipments.stock.of(offer_id, parcel.warehouse_id)
                if parcel.ready:
                    delta.available -= quantity
                    delta.reserved += quantity
                else:
                    delta.awaited += quantity
    accounts = {order_id: entry.request.ups_account for order_id, entry in zip(ids, accepted, strict=True)}
    shipments.add(parcels, CAUSE, new_orders=accounts)
    changes = shipments.changes
    _buy_what_is_missing(connection, world_epoch, accepted, shipments.stock, changes, now)
    changes.orders.extend(
        OrderChange(order_id, entry.request.user_id, 1) for order_id, entry in zip(ids, accepted, strict=True)
    )
    shipments.flush()
    return {
        (e.request.user_id, e.request.request_id): order_id for order_id, e in zip(ids, accepted, strict=True)
    }, changes


def _lines(order_id: int, entry: _Accepted) -> list[dict[str, object]]:
    return [
        {
            "order_id": order_id,
            "line_no": number,
            "offer_id": offer.offer_id,
            "title": offer.title,
            "seller_id": offer.seller_id,
            "seller_name": offer.seller_name,
            "unit_price_cents": offer.unit_price_cents,
            "quantity": item.quantity,
        }
        for number, (item, offer) in enumerate(zip(entry.request.items, entry.offers, strict=True), start=1)
    ]


def _buy_what_is_missing(
    connection: Connection,
    world_epoch: int,
    accepted: Sequence[_Accepted],
    stock: StockChanges,
    changes: Changes,
    now: float,
) -> None:
    missing: dict[int, dict[int, commands.Thing]] = {}
    for entry in accepted:
        titles = {offer.offer_id: offer.title for offer in entry.offers}
        for (offer_id, warehouse_id), units in entry.allocation.buys.items():
            stock.of(offer_id, warehouse_id).ordered += units
            of_place = missing.setdefault(warehouse_id, {})
            before = of_place[offer_id].count if offer_id in of_place else 0
            of_place[offer_id] = commands.Thing(offer_id, titles[offer_id], before + units)
    new = [
        outbox.NewCommand(command)
        for warehouse_id, things in sorted(missing.items())
        for command in commands.buys(world_epoch, warehouse_id, list(things.values()))
    ]
    if new:
        outbox.append(connection, new, now)
        changes.links.add(outbox.WORLD)
