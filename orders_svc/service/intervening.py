"""Intervening: what staff does about a parcel that does not go on by itself.

Rules: only where a person has to look, so nobody meddles with what works; once per (user, request_id), written down
with a note of theirs. Trying again looks first and does second, as everybody does who may have been heard. A parcel
that is given up is over whatever comes of it: units that the world was ever asked to pack count as lost, and those that
are sent in their place are bought anew. Elsewhere: what the moves do (domain.lifecycle), another world (redrive).
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from db.orders.interventions import Intervention, InterventionKind
from db.orders.requests import Decision
from db.orders.shipments import Shipment
from mesh.errors import AlreadyExists, FailedPrecondition
from orders_svc.domain.amendments import CANCEL
from orders_svc.domain.lifecycle import Asked, Effect, Event, Goods
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service import commands, links
from orders_svc.service.changes import Changes
from orders_svc.service.commands import Thing
from orders_svc.service.current import current_world
from orders_svc.service.moving import Moving, NewParcel
from orders_svc.service.refusals import shipment_not_found
from orders_svc.service.shipments import Shipments
from orders_svc.service.transactions import LostRace

# All that may be on its way to a peer about one parcel.
ABOUT_A_PARCEL = ("pack", "load", "query_package", "request_truck", "deliver", "redirect", "cancel_job")
RPC = {
    InterventionKind.RETRY: "RetryShipment",
    InterventionKind.REDRIVE: "RedriveShipment",
    InterventionKind.CANCEL: "CancelShipment",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody of the staff wants done; it passed validation."""

    kind: InterventionKind
    user_id: int
    request_id: str
    shipment_id: int
    note: str = ""

    @property
    def cause(self) -> str:
        """What a step of the parcel's history names."""
        return f"rpc:{RPC[self.kind]}:user {self.user_id}"


@dataclass(frozen=True, slots=True)
class Intervened:
    """The answer; `new_shipment_id` is that of a parcel that is sent in the other's place."""

    new_shipment_id: int | None = None
    replayed: bool = False


def intervene(connection: Connection, patience: Patience, order: Order, now: float) -> tuple[Intervened, Changes]:
    """Does it, or says what an earlier call had done.

    Raises NotFound (SHIPMENT_NOT_FOUND), AlreadyExists (REQUEST_ID_REUSED), FailedPrecondition (SHIPMENT_ENDED,
    NO_ATTENTION_NEEDED, GOODS_AWAITED, CHANGE_PENDING).
    """
    world = current_world(connection)
    shipments = Shipments(connection, patience, world.world_epoch, now)
    shipments.load([order.shipment_id])
    before = _done_before(connection, order)
    if before is not None:
        return before, Changes()
    shipment = shipments.get(order.shipment_id)
    if shipment is None:
        raise shipment_not_found(order.shipment_id)
    refusal = obstacle(order.kind, shipment)
    if refusal is not None:
        raise refusal
    new_id = None
    if order.kind is InterventionKind.RETRY:
        ignored = shipments.retry(shipment.id, order.cause)
        assert ignored is None, ignored
    elif order.kind is InterventionKind.CANCEL:
        _give_up(connection, shipments, shipment, order)
    else:
        new_id = _send_anew(connection, shipments, shipment, order)
    changes = shipments.flush()
    _write_down(connection, order, new_id, now)
    return Intervened(new_id), changes


def obstacle(kind: InterventionKind, shipment: Moving) -> FailedPrecondition | None:
    """Why this cannot be done about the parcel as it is; None: it can."""
    if shipment.ended_at is not None:
        return FailedPrecondition("SHIPMENT_ENDED", "it was delivered, cancelled or sent anew", shipment_id=shipment.id)
    if shipment.attention_reason is None:
        return FailedPrecondition("NO_ATTENTION_NEEDED", "it goes on by itself", shipment_id=shipment.id)
    if kind is not InterventionKind.CANCEL and shipment.state.goods is Goods.AWAITING_STOCK:
        return FailedPrecondition(
            "GOODS_AWAITED", "it waits for goods, which are bought again by themselves", shipment_id=shipment.id
        )
    if kind is InterventionKind.REDRIVE and shipment.state.asked is Asked.CANCEL:
        return FailedPrecondition(
            "CHANGE_PENDING", "its shopper wants it cancelled, and UPS is being asked", shipment_id=shipment.id
        )
    return None


def _give_up(connection: Connection, shipments: Shipments, shipment: Moving, order: Order) -> list[Thing]:
    """Ends the parcel; returns what counts as lost by that."""
    things = commands.read_things(connection, [shipment.id])[shipment.id]
    outbox.take_back(connection, shipment.id, ("pack", "request_truck"), shipments.now)
    untouched = shipment.state.goods is Goods.AWAITING_STOCK or (
        shipment.state.goods is Goods.PACKING and outbox.left_at(connection, shipment.id, "pack") is None
    )
    on_the_shelf = untouched and shipment.state.asked is Asked.NOTHING
    tell_ups = CANCEL in links.features(connection) and (
        outbox.left_at(connection, shipment.id, "request_truck") is not None
    )
    outbox.close_kinds(connection, [shipment.id], ABOUT_A_PARCEL, shipments.now)
    event = Event.CANCELLED if on_the_shelf else Event.GIVEN_UP
    ignored = shipments.apply(shipment.id, event, order.cause)
    if ignored is not None:
        raise LostRace(ignored)
    if tell_ups:
        # The truck need not wait for it.
        shipments.tell(shipment.id, Effect.SEND_CANCEL)
    return [] if on_the_shelf else things


def _send_anew(connection: Connection, shipments: Shipments, shipment: Moving, order: Order) -> int:
    """Gives the parcel up and makes another in its place; returns its id."""
    row = connection.execute(_ATTEMPT, {"k_id": shipment.id}).one()
    asks_address = shipment.state.asked is Asked.ADDRESS
    x, y = (shipment.asked_x, shipment.asked_y) if asks_address else (shipment.x, shipment.y)
    assert x is not None, "an address is asked for"
    assert y is not None, "an address is asked for"
    things = commands.read_things(connection, [shipment.id])[shipment.id]
    lost = _give_up(connection, shipments, shipment, order)
    if asks_address:
        # UPS knows nothing of the new one: what it was asked, we decide.
        shipments.questions.settle(shipment.id, Decision.DONE, None, "it begins anew, with the new address")
    place = shipment.warehouse_id
    for thing in things:
        shipments.stock.of(thing.offer_id, place).awaited += thing.count
    for thing in lost:
        shipments.stock.of(thing.offer_id, place).ordered += thing.count
    bodies = commands.buys(shipments.world_epoch, place, lost)
    outbox.append(connection, [outbox.NewCommand(body) for body in bodies], shipments.now)
    units = {thing.offer_id: (thing.title, thing.count) for thing in things}
    parcel = NewParcel(shipment.order_id, row.parcel_no, row.attempt + 1, place, x, y, False, units)
    (new_id,) = shipments.add([parcel], order.cause)
    shipments.supersede(shipment.id, new_id, "the shop gave this one up", order.cause)
    shipments.changes.links.add(outbox.WORLD)
    # Units may be there already.
    shipments.changes.stock_arrived = True
    return new_id


_ATTEMPT = select(Shipment.parcel_no, Shipment.attempt).where(Shipment.id == bindparam("k_id"))


def _done_before(connection: Connection, order: Order) -> Intervened | None:
    """The answer that was given under this request_id; None: there was none."""
    row = connection.execute(_BEFORE, {"k_user": order.user_id, "k_request": order.request_id}).one_or_none()
    if row is None:
        return None
    if (row.kind, row.shipment_id, row.note) != (order.kind, order.shipment_id, order.note):
        raise AlreadyExists("REQUEST_ID_REUSED", "this request_id was used for something else")
    return Intervened(row.new_shipment_id, replayed=True)


_BEFORE = select(*Intervention.__table__.c).where(
    Intervention.user_id == bindparam("k_user"), Intervention.request_id == bindparam("k_request")
)


def _write_down(connection: Connection, order: Order, new_shipment_id: int | None, now: float) -> None:
    values = {
        "user_id": order.user_id,
        "request_id": order.request_id,
        "kind": order.kind,
        "shipment_id": order.shipment_id,
        "note": order.note,
        "new_shipment_id": new_shipment_id,
        "made_at": now,
    }
    connection.execute(_NEW, values)


_NEW = insert(Intervention)
