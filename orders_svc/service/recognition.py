"""Recognition: what messages tell about the world itself - announcements, probes, the marker.

Rules: an announced world is a candidate until it is tried; a warehouse is there
once anything arrived at it, and missing once a probe said so; the marker's
answers decide whether a world is still the one that we left it in. Decisions
are taken in `orders_svc.service.worlds`; here they are only written down.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Double, bindparam, case, func, select, update

from db.orders.links import Link, WarehouseState, World, WorldWarehouse
from orders_svc.domain.verdicts import Verdict, verdict
from orders_svc.outbox.rows import UPS
from orders_svc.service.current import CurrentWorld
from shop.fulfilment.v1 import fulfilment_pb2

# As the id of the question about the marker: it is still to be asked.
TO_BE_ASKED = 0


def news(
    connection: Connection, announced: Sequence[fulfilment_pb2.WorldAnnounced]
) -> list[fulfilment_pb2.WorldAnnounced]:
    """Those announcements that are not a late copy of what the link's owner had reported before."""
    if not announced:
        return []
    last = connection.scalar(_LAST_ANNOUNCEMENT) or 0
    return [one for one in announced if not one.announcement_no or one.announcement_no > last]


_LAST_ANNOUNCEMENT = select(Link.announcement_no).where(Link.name == UPS)


def world_announced(
    connection: Connection, announced: fulfilment_pb2.WorldAnnounced, world: CurrentWorld, now: float
) -> None:
    """Notes the world that UPS is in, and what it speaks there; another than the one in use becomes the candidate."""
    candidate = world.is_open and announced.world_id != world.world_id
    told: dict[str, object] = {"d_world": announced.world_id, "d_now": now, "d_candidate": candidate}
    told |= {"d_features": " ".join(announced.features), "d_number": announced.announcement_no}
    connection.execute(_ANNOUNCED, told)


_ANNOUNCED = (
    update(Link)
    .where(Link.name == UPS)
    .values(
        announced_world_id=bindparam("d_world"),
        # Since when UPS is there: that it says so again changes nothing.
        announced_at=case(
            (Link.announced_world_id == bindparam("d_world"), func.coalesce(Link.announced_at, bindparam("d_now"))),
            else_=bindparam("d_now", type_=Double),
        ),
        candidate=bindparam("d_candidate"),
        features=bindparam("d_features"),
        announcement_no=bindparam("d_number"),
    )
)


def observe(connection: Connection, world_epoch: int, event: fulfilment_pb2.PeerEvent, failed_kind: str | None) -> bool:
    """Writes down what an event of the world says about the world; True if that was all it was about."""
    kind = event.WhichOneof("body")
    if kind == "arrived":
        _decide_warehouse(connection, world_epoch, event.arrived.warehouse_id, WarehouseState.THERE)
        return not event.arrived.things
    if kind == "packed":
        return _marker_is_there(connection, world_epoch, event.packed.shipment_id)
    if kind == "package_status":
        return _marker_is_there(connection, world_epoch, event.package_status.shipment_id)
    if kind == "command_failed":
        failure = event.command_failed
        if failed_kind == "buy":
            return _probe_failed(connection, world_epoch, failure.command_id, verdict(failure.text))
        return _marker_failed(connection, world_epoch, failure.command_id, failed_kind, verdict(failure.text))
    return False


def _decide_warehouse(connection: Connection, world_epoch: int, warehouse_id: int, state: WarehouseState) -> None:
    connection.execute(_DECIDE, {"k_epoch": world_epoch, "k_warehouse": warehouse_id, "d_state": state})


_DECIDE = (
    update(WorldWarehouse)
    .where(
        WorldWarehouse.world_epoch == bindparam("k_epoch"),
        WorldWarehouse.warehouse_id == bindparam("k_warehouse"),
        WorldWarehouse.state != bindparam("d_state"),
    )
    .values(state=bindparam("d_state"), probe_id=None)
)


def _probe_failed(connection: Connection, world_epoch: int, command_id: int, found: Verdict) -> bool:
    """The answer to a probe: no such warehouse, or, for now, no answer; then it is asked anew."""
    probed = (WorldWarehouse.world_epoch == world_epoch, WorldWarehouse.probe_id == command_id)
    values: dict[str, object] = {"probe_id": None}
    if found is Verdict.DOES_NOT_EXIST:
        values["state"] = WarehouseState.MISSING
    return connection.execute(update(WorldWarehouse).where(*probed).values(values)).rowcount > 0


def _marker_is_there(connection: Connection, world_epoch: int, shipment_id: int) -> bool:
    return connection.execute(_MARKED, {"k_epoch": world_epoch, "k_ship": shipment_id}).rowcount > 0


_MARKED = (
    update(World)
    .where(World.world_epoch == bindparam("k_epoch"), World.marker_ship_id == bindparam("k_ship"))
    .values(marker_confirmed=True, marker_query_id=None, marker_missing=False)
)


def _marker_failed(
    connection: Connection, world_epoch: int, command_id: int, failed_kind: str | None, found: Verdict
) -> bool:
    """The marker could not be made, or not be found."""
    if connection.scalar(_MARKER_QUERY, {"k_epoch": world_epoch}) != command_id:
        return False
    values: dict[str, object] = {"marker_query_id": None}
    if failed_kind == "pack" and found is Verdict.EXISTS_ALREADY:
        values["marker_confirmed"] = True
    elif failed_kind == "query_package" and found is Verdict.DOES_NOT_EXIST:
        values["marker_missing"] = True
    elif failed_kind == "query_package":
        # No answer for now: a world may not be used on the strength of that.
        values["marker_query_id"] = TO_BE_ASKED
    connection.execute(update(World).where(World.world_epoch == world_epoch).values(values))
    return True


_MARKER_QUERY = select(World.marker_query_id).where(World.world_epoch == bindparam("k_epoch"))
