"""The current world, as every transaction that plans something must see it."""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, select, text

from db.orders.links import World, WorldState
from orders_svc.service.transactions import LostRace


@dataclass(frozen=True, slots=True)
class CurrentWorld:
    """The world that orders are planned in."""

    world_epoch: int
    world_id: int | None
    is_open: bool


def current_world(connection: Connection, *, for_switch: bool = False) -> CurrentWorld:
    """The one world that is awaited or open.

    Locks it against a switch for the rest of the transaction (shared), or, with
    `for_switch`, against everybody who plans in it. The shared lock leaves room
    for notes about the world (FOR KEY SHARE): two reports that both hold it and
    both tell of the marker would otherwise wait for each other.

    Who wants it alone locks the table first: there PostgreSQL lets nobody by who
    comes later, as it does at a row whose lock can be shared with those who hold
    it, so that under steady orders a switch would wait for ever.
    """
    if for_switch and connection.dialect.name == "postgresql":
        connection.execute(_ALONE)
    return _read(connection, _FOR_SWITCH if for_switch else _SHARED)


def peek_world(connection: Connection) -> CurrentWorld:
    """The same without a lock, for those who only read."""
    return _read(connection, _CURRENT)


_CURRENT = select(World.world_epoch, World.world_id, World.state).where(
    World.state.in_((WorldState.AWAITED, WorldState.OPEN))
)
_FOR_SWITCH = _CURRENT.with_for_update()
# Conflicts with what FOR KEY SHARE and every change take of the table; who only reads goes on.
_ALONE = text(f"LOCK TABLE {World.__tablename__} IN EXCLUSIVE MODE")
_SHARED = _CURRENT.with_for_update(read=True, key_share=True)


def _read(connection: Connection, query: Select[int, int | None, str]) -> CurrentWorld:
    row = connection.execute(query).one_or_none()
    if row is None:
        # A switch was committed while this waited for its lock; a new look finds the new world.
        raise LostRace("the world was switched")
    return CurrentWorld(row.world_epoch, row.world_id, row.state == WorldState.OPEN)
