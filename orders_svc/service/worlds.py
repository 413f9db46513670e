"""Worlds: which one to dial, whether it is the right one, and when to leave it.

The world bridge says what it saw (`Observation`), the answer says what to do
next (`Directive`). Rules:
* We make a world only where a setting says so; otherwise we take the one that
  UPS announced, or come back to the one in use.
* A warehouse is marked as perhaps announced before the connect message that
  lists it, and never listed again unless a probe found it missing.
* What was learnt of a world without a marker counts on that connection only:
  the next one may be to a world that began again under the same number.
* A world that we open for the first time gets a marker, an empty package with
  a random id; on every later connection the marker is asked for first. A world
  that does not know it is another world, whatever its number.
* A candidate is opened only after it said "connected!", and only while it is
  what UPS announced last; until then the world in use stays as it is. One that
  will never be opened is closed, and nothing stays to be asked of it.

Elsewhere: what the answers to probes and marker questions mean (recognition),
what leaving a world does to orders and stock (redrive).
"""

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Double, Row, Update, bindparam, delete, insert, select, update

from db.orders.links import Link, WarehouseState, World, WorldState, WorldWarehouse
from db.orders.shipments import Shipment
from db.orders.stock import Warehouse
from mesh.errors import FieldViolation, InvalidArgument
from orders_svc.domain.lifecycle import Goods
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.rows import UPS, WORLD
from orders_svc.service import commands, links, recognition, redrive
from orders_svc.service.changes import Changes
from orders_svc.service.current import CurrentWorld, current_world
from shop.bridge.v1.bridge_pb2 import Command
from shop.fulfilment.v1 import fulfilment_pb2 as pb

CONNECTED = "connected!"
NO_WORLD_YET = "no world yet: waiting for UPS to announce one"
# Below 2^52: exact in a double, far above any shipment's id of our lifetime.
MARKER_IDS = (2**51, 2**52 - 1)
# Characters of the world's own words that are repeated.
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Terms:
    """What the process decides about worlds."""

    patience: Patience
    create_world: bool
    rng: random.Random


class Advance:
    """One step of the conversation, in one transaction."""

    def __init__(self, connection: Connection, terms: Terms, link_epoch: int, now: float) -> None:
        self.connection = connection
        self.terms = terms
        self.link_epoch = link_epoch
        self.now = now
        self.changes = Changes()

    def step(self, request: pb.AdvanceWorldRequest) -> pb.AdvanceWorldResponse:
        """The directive that answers an observation.

        Raises FailedPrecondition (STALE_EPOCH), InvalidArgument for an unknown world_epoch.
        """
        current = current_world(self.connection, for_switch=True)
        links.fence(self.connection, WORLD, self.link_epoch)
        kind = request.WhichOneof("observation")
        if kind == "start":
            wanted = request.start.candidate_world_id if request.start.HasField("candidate_world_id") else None
            return self._start(current, wanted)
        if kind not in ("connected", "answered"):
            raise InvalidArgument([FieldViolation("observation", "must be start, connected or answered")])
        world = self._world(getattr(request, kind).world_epoch)
        if world.state == WorldState.CLOSED:
            # Also when the answer that said so was lost.
            return _redial(world.closed_reason or "the world was left")
        outlived = world.world_epoch < current.world_epoch
        if outlived or (world.world_epoch != current.world_epoch and not self._is_wanted(world)):
            reason = f"world {world.world_id} is not announced any more"
            self._close(world.world_epoch, reason)
            return _redial(reason)
        if kind == "connected":
            return self._connected(current, world, request.connected)
        if request.answered.HasField("world_id") and request.answered.world_id != world.world_id:
            # Aimed elsewhere since: a late copy of `start` does so as well as a new one.
            return _redial(f"world {world.world_id} is wanted now, not world {request.answered.world_id}")
        return self._next(current, world)

    def _is_wanted(self, world: Row[Any]) -> bool:
        """Whether a candidate is still what UPS announced last."""
        return world.world_id is not None and candidate(self.connection) == world.world_id

    def _start(self, current: CurrentWorld, candidate_id: int | None) -> pb.AdvanceWorldResponse:
        ups = self.connection.execute(_UPS_LINK).one()
        for world in self.connection.execute(_CANDIDATES).all():
            if not self._is_wanted(world):
                self._close(world.world_epoch, f"world {world.world_id} is not announced any more")
        if candidate_id is not None and current.is_open:
            if not ups.candidate or ups.announced_world_id != candidate_id:
                return _wait(f"world {candidate_id} is not announced any more")
            return self._dial(self._candidate_epoch(candidate_id, current.world_epoch), candidate_id)
        if current.is_open:
            return self._dial(current.world_epoch, current.world_id)
        if ups.announced_world_id is not None and ups.connected:
            if current.world_id != ups.announced_world_id:
                self._aim(current.world_epoch, ups.announced_world_id)
            return self._dial(current.world_epoch, ups.announced_world_id)
        if current.world_id is not None:
            return self._dial(current.world_epoch, current.world_id)
        if self.terms.create_world:
            return self._dial(current.world_epoch, None)
        return _wait(NO_WORLD_YET)

    def _connected(self, current: CurrentWorld, world: Row[Any], said: pb.Connected) -> pb.AdvanceWorldResponse:
        if said.result != CONNECTED:
            return _redial(f"the world refused: {said.result.strip()[:MAX_REASON]}")
        if world.world_id not in (None, said.world_id):
            return _redial(f"world {world.world_id} was asked for, and world {said.world_id} answered")
        if not world.marker_confirmed:
            self.connection.execute(_UNSURE, {"k_epoch": world.world_epoch})
        self.connection.execute(_THERE, {"k_epoch": world.world_epoch, "k_ids": list(said.warehouse_ids)})
        values: dict[str, object] = {"marker_query_id": None, "marker_missing": False}
        if world.world_id is None:
            values["world_id"] = said.world_id
        if world.marker_confirmed:
            values["marker_query_id"] = recognition.TO_BE_ASKED
        self._update(world.world_epoch, values)
        return self._next(current, self._world(world.world_epoch))

    def _next(self, current: CurrentWorld, world: Row[Any]) -> pb.AdvanceWorldResponse:
        """What is still to be known of a connected world before it may be used; nothing: open it."""
        if world.marker_missing:
            return self._leave(current, world)
        warehouses = self.connection.execute(_ITS_WAREHOUSES, {"k_epoch": world.world_epoch}).all()
        unsure = [row for row in warehouses if row.state == WarehouseState.PERHAPS]
        if unsure:
            probes = self._append([commands.probe(world.world_epoch, row.warehouse_id) for row in unsure])
            for row, probe in zip(unsure, probes, strict=True):
                told = {"k_warehouse": row.warehouse_id, "d_probe": probe.command_id}
                self.connection.execute(_PROBED, {"k_epoch": world.world_epoch} | told)
            return _ask(world.world_epoch, probes)
        missing = [row.warehouse_id for row in warehouses if row.state == WarehouseState.MISSING]
        if missing:
            return _redial(f"warehouses {missing} are still to be made")
        if not world.marker_confirmed:
            return self._make_marker(world, warehouses[0].warehouse_id)
        if world.marker_query_id is not None:
            # Unanswered on this connection: the question, under a new number.
            asked = self._append([commands.query(world.world_epoch, world.marker_ship_id or 0)])
            self._update(world.world_epoch, {"marker_query_id": asked[0].command_id})
            return _ask(world.world_epoch, asked)
        return self._open(current, world)

    def _make_marker(self, world: Row[Any], warehouse_id: int) -> pb.AdvanceWorldResponse:
        ship_id = world.marker_ship_id or self.terms.rng.randint(*MARKER_IDS)
        body = commands.marker(world.world_epoch, warehouse_id, ship_id)
        asked = self._append([body])
        self._update(world.world_epoch, {"marker_ship_id": ship_id, "marker_query_id": asked[0].command_id})
        return _ask(world.world_epoch, asked)

    def _open(self, current: CurrentWorld, world: Row[Any]) -> pb.AdvanceWorldResponse:
        if world.world_epoch == current.world_epoch:
            if not current.is_open:
                self._update(world.world_epoch, {"state": WorldState.OPEN, "opened_at": self.now})
            self._ask_soon(world.world_epoch)
        else:
            reason = f"UPS moved to world {world.world_id}"
            self.changes.merge(self._redrive(current, world.world_epoch, reason))
            self._update(world.world_epoch, {"state": WorldState.OPEN, "opened_at": self.now})
        self.connection.execute(_STILL_CANDIDATE, {"k_world": world.world_id})
        self.changes.links |= {WORLD, UPS}
        return pb.AdvanceWorldResponse(open=pb.Open(world_epoch=world.world_epoch))

    def _leave(self, current: CurrentWorld, world: Row[Any]) -> pb.AdvanceWorldResponse:
        """The world under this number is another one: plan everything anew, in a world to be found."""
        reason = f"world {world.world_id} has forgotten us"
        if world.world_epoch == current.world_epoch:
            made = insert(World).values(state=WorldState.CANDIDATE).returning(World.world_epoch)
            fresh = int(self.connection.execute(made).scalar_one())
            self.changes.merge(self._redrive(current, fresh, reason))
            self._update(fresh, {"state": WorldState.AWAITED})
        else:
            self._close(world.world_epoch, reason)
        return _redial(reason)

    def _redrive(self, current: CurrentWorld, world_epoch: int, reason: str) -> Changes:
        self._close(current.world_epoch, reason)
        for world in self.connection.execute(_CANDIDATES).all():
            if world.world_epoch < world_epoch:
                self._close(world.world_epoch, reason)
        return redrive.redrive(self.connection, self.terms.patience, current.world_epoch, world_epoch, reason, self.now)

    def _close(self, world_epoch: int, reason: str) -> None:
        self._update(world_epoch, {"state": WorldState.CLOSED, "closed_at": self.now, "closed_reason": reason})
        outbox.supersede(self.connection, world_epoch, self.now)

    def _ask_soon(self, world_epoch: int) -> None:
        """After a reconnect: what was on its way to the old connection is lost for minutes, so it is asked for."""
        soon = self.now + 2 * self.terms.patience.tick
        self.connection.execute(_ASK_SOON, {"k_epoch": world_epoch, "d_soon": soon})

    def _dial(self, world_epoch: int, world_id: int | None) -> pb.AdvanceWorldResponse:
        """Connect, listing the warehouses that this world does not have yet."""
        known = dict(self.connection.execute(_ITS_WAREHOUSES, {"k_epoch": world_epoch}).all())
        listed = [
            row
            for row in self.connection.execute(_ALL_WAREHOUSES)
            if known.get(row.id, WarehouseState.MISSING) == WarehouseState.MISSING
        ]
        if listed:
            ids = [row.id for row in listed]
            self.connection.execute(_FORGET_SOME, {"k_epoch": world_epoch, "k_ids": ids})
            self.connection.execute(
                _NOTE,
                [{"world_epoch": world_epoch, "warehouse_id": i, "state": WarehouseState.PERHAPS} for i in ids],
            )
        dial = pb.Dial(
            world_epoch=world_epoch,
            warehouses=[pb.InitWarehouse(warehouse_id=row.id, x=row.x, y=row.y) for row in listed],
        )
        if world_id is not None:
            dial.world_id = world_id
        return pb.AdvanceWorldResponse(dial=dial)

    def _candidate_epoch(self, world_id: int, in_use: int) -> int:
        """The epoch under which an announced world is being tried.

        Above the one in use, also where it was tried before that: epochs only grow, and bridges refuse older ones.
        """
        found = self.connection.scalar(_TRIED, {"k_world": world_id, "k_in_use": in_use})
        if found is not None:
            return int(found)
        made = insert(World).values(state=WorldState.CANDIDATE, world_id=world_id).returning(World.world_epoch)
        return int(self.connection.execute(made).scalar_one())

    def _aim(self, world_epoch: int, world_id: int) -> None:
        """Points the awaited epoch at another world; what was learnt of the one before does not count."""
        self.connection.execute(_FORGET_ALL, {"k_epoch": world_epoch})
        nothing = {"marker_ship_id": None, "marker_confirmed": False, "marker_query_id": None, "marker_missing": False}
        self._update(world_epoch, {"world_id": world_id, **nothing})

    def _append(self, bodies: list[Command]) -> list[Command]:
        """Writes commands that the bridge is given by this answer, or, if that gets lost, by the dispatcher."""
        ids = outbox.append(self.connection, [outbox.NewCommand(body) for body in bodies], self.now)
        for body, command_id in zip(bodies, ids, strict=True):
            body.command_id = command_id
        return bodies

    def _update(self, world_epoch: int, values: dict[str, object]) -> None:
        self.connection.execute(_update_world(*values), {"k_epoch": world_epoch} | values)

    def _world(self, world_epoch: int) -> Row[Any]:
        row = self.connection.execute(_WORLD, {"k_epoch": world_epoch}).one_or_none()
        if row is None:
            raise InvalidArgument([FieldViolation("world_epoch", f"{world_epoch} is none of ours")])
        return row


@cache
def _update_world(*columns: str) -> Update:
    return (
        update(World.__table__)  # type: ignore[arg-type]
        .where(World.__table__.c.world_epoch == bindparam("k_epoch"))
        .values({column: bindparam(column) for column in columns})
    )


_OF_WORLD = WorldWarehouse.world_epoch == bindparam("k_epoch")
_AMONG = WorldWarehouse.warehouse_id.in_(bindparam("k_ids", expanding=True))
_FORGET_ALL = delete(WorldWarehouse).where(_OF_WORLD)
_FORGET_SOME = delete(WorldWarehouse).where(_OF_WORLD, _AMONG)
_NOTE = insert(WorldWarehouse)
_PROBED = (
    update(WorldWarehouse)
    .where(_OF_WORLD, WorldWarehouse.warehouse_id == bindparam("k_warehouse"))
    .values(probe_id=bindparam("d_probe"))
)
_TRIED = select(World.world_epoch).where(
    World.state == WorldState.CANDIDATE,
    World.world_id == bindparam("k_world"),
    World.world_epoch > bindparam("k_in_use"),
)
_UNSURE = (
    update(WorldWarehouse)
    .where(_OF_WORLD, WorldWarehouse.state == WarehouseState.THERE)
    .values(state=WarehouseState.PERHAPS, probe_id=None)
)
_THERE = update(WorldWarehouse).where(_OF_WORLD, _AMONG).values(state=WarehouseState.THERE, probe_id=None)
_STILL_CANDIDATE = (
    update(Link)
    .where(Link.name == UPS)
    .values(candidate=(Link.announced_world_id != bindparam("k_world")) & Link.announced_world_id.is_not(None))
)
_ASK_SOON = (
    update(Shipment)
    .where(
        Shipment.world_epoch == bindparam("k_epoch"),
        Shipment.ended_at.is_(None),
        Shipment.goods.in_((Goods.PACKING, Goods.LOADING)),
        Shipment.check_at > bindparam("d_soon", type_=Double),
    )
    .values(check_at=bindparam("d_soon", type_=Double))
)
_UPS_LINK = select(*Link.__table__.c).where(Link.name == UPS)
_WORLD = select(*World.__table__.c).where(World.world_epoch == bindparam("k_epoch"))
_CANDIDATES = select(*World.__table__.c).where(World.state == WorldState.CANDIDATE)
_ALL_WAREHOUSES = select(Warehouse.id, Warehouse.x, Warehouse.y).order_by(Warehouse.id)
_ITS_WAREHOUSES = (
    select(WorldWarehouse.warehouse_id, WorldWarehouse.state).where(_OF_WORLD).order_by(WorldWarehouse.warehouse_id)
)


def candidate(connection: Connection) -> int | None:
    """The announced world that is to be tried beside the one in use."""
    return connection.scalar(_CANDIDATE)


_CANDIDATE = select(Link.announced_world_id).where(Link.name == UPS, Link.candidate.is_(True))


def _wait(reason: str) -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(wait=pb.Wait(reason=reason))


def _redial(reason: str) -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(redial=pb.Redial(reason=reason))


def _ask(world_epoch: int, asked: list[Command]) -> pb.AdvanceWorldResponse:
    return pb.AdvanceWorldResponse(ask=pb.Ask(world_epoch=world_epoch, commands=asked))
