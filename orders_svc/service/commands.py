"""Commands: the messages that effects become. Translation only."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, bindparam, select

from db.orders.shipments import ShipmentItem
from orders_svc.domain.lifecycle import Effect
from shop.bridge.v1 import bridge_pb2

# Things in one buy: keeps a frame far below any limit.
MAX_THINGS = 100
MAX_ITEMS_TEXT = 200


class Place(Protocol):
    """A warehouse's row."""

    id: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a shipment goes, and on whose account: what UPS is told."""

    x: int
    y: int
    ups_account: str
    # Another address that UPS is asked about.
    asked_x: int | None = None
    asked_y: int | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """So many units of an offer, as one command handles them."""

    offer_id: int
    title: str
    count: int
    # Whether units are set apart for it, or only promised.
    reserved: bool = True


def read_things(connection: Connection, shipment_ids: Collection[int]) -> dict[int, list[Thing]]:
    """What is in each shipment, by shipment id."""
    found: defaultdict[int, list[Thing]] = defaultdict(list)
    for row in connection.execute(_THINGS, {"k_ids": list(shipment_ids)}):
        found[row.shipment_id].append(Thing(row.offer_id, row.title, row.quantity, bool(row.reserved)))
    return found


_THINGS = (
    select(
        ShipmentItem.shipment_id,
        ShipmentItem.offer_id,
        ShipmentItem.title,
        ShipmentItem.quantity,
        ShipmentItem.reserved,
    )
    .where(ShipmentItem.shipment_id.in_(bindparam("k_ids", expanding=True)))
    .order_by(ShipmentItem.shipment_id, ShipmentItem.offer_id)
)


def build(
    effect: Effect,
    world_epoch: int,
    shipment_id: int,
    truck_id: int | None,
    place: Place,
    target: Target,
    things: Sequence[Thing],
) -> bridge_pb2.Command | None:
    """The command that an effect is, without its id; None for effects that are no commands."""
    command = bridge_pb2.Command(world_epoch=world_epoch)
    if effect is Effect.SEND_PACK:
        command.pack.CopyFrom(pack(place.id, shipment_id, things))
    elif effect is Effect.SEND_LOAD:
        command.load.warehouse_id = place.id
        command.load.shipment_id = shipment_id
        command.load.truck_id = truck_id or 0
    elif effect is Effect.SEND_QUERY:
        command.query_package.shipment_id = shipment_id
    elif effect is Effect.SEND_DELIVER:
        command.deliver.shipment_id = shipment_id
    elif effect is Effect.SEND_REDIRECT:
        if target.asked_x is None or target.asked_y is None:
            raise ValueError(f"shipment {shipment_id}: no address is asked for")
        command.redirect.shipment_id = shipment_id
        command.redirect.x, command.redirect.y = target.asked_x, target.asked_y
    elif effect is Effect.SEND_CANCEL:
        command.cancel_job.shipment_id = shipment_id
    elif effect is Effect.SEND_TRUCK_REQUEST:
        command.request_truck.CopyFrom(
            bridge_pb2.RequestTruck(
                shipment_id=shipment_id,
                warehouse_id=place.id,
                warehouse_x=place.x,
                warehouse_y=place.y,
                destination_x=target.x,
                destination_y=target.y,
                ups_account=target.ups_account,
                items=", ".join(f"{thing.count} x {thing.title}" for thing in things)[:MAX_ITEMS_TEXT],
            )
        )
    else:
        return None
    return command


def pack(warehouse_id: int, shipment_id: int, things: Iterable[Thing]) -> bridge_pb2.Pack:
    """Pack `things` as one package."""
    return bridge_pb2.Pack(warehouse_id=warehouse_id, shipment_id=shipment_id, things=_things(things))


def buys(world_epoch: int, warehouse_id: int, things: Sequence[Thing]) -> list[bridge_pb2.Command]:
    """Buys of `things` for one warehouse, at most MAX_THINGS in each."""
    return [
        bridge_pb2.Command(
            world_epoch=world_epoch,
            buy=bridge_pb2.Buy(warehouse_id=warehouse_id, things=_things(things[start : start + MAX_THINGS])),
        )
        for start in range(0, len(things), MAX_THINGS)
    ]


def marker(world_epoch: int, warehouse_id: int, ship_id: int) -> bridge_pb2.Command:
    """An empty package: the marker by which we know a world again."""
    return bridge_pb2.Command(world_epoch=world_epoch, pack=pack(warehouse_id, ship_id, ()))


def query(world_epoch: int, ship_id: int) -> bridge_pb2.Command:
    """Asks for a package's status."""
    return bridge_pb2.Command(world_epoch=world_epoch, query_package=bridge_pb2.QueryPackage(shipment_id=ship_id))


def account_check(world_epoch: int, ups_account: str) -> bridge_pb2.Command:
    """Asks UPS whether there is an account of this name."""
    return bridge_pb2.Command(world_epoch=world_epoch, check_account=bridge_pb2.CheckAccount(ups_account=ups_account))


def probe(world_epoch: int, warehouse_id: int) -> bridge_pb2.Command:
    """A buy of nothing: succeeds if and only if the warehouse exists."""
    return bridge_pb2.Command(world_epoch=world_epoch, buy=bridge_pb2.Buy(warehouse_id=warehouse_id))


def _things(things: Iterable[Thing]) -> list[bridge_pb2.Thing]:
    return [bridge_pb2.Thing(offer_id=t.offer_id, description=t.title, count=t.count) for t in things]
