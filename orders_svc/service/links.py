"""Links: who owns one, and nobody else may write for it.

Rules: the same instance supersedes itself at once, another waits until the
lease lapses, and so does a start of the same instance that was superseded
itself, since one that was paused and wakes must not take the link back; who
takes a link names the epoch that it takes it from, so that a late copy of the
request takes nothing from who came since; each owner has a new link_epoch;
every write for a link begins with the statement that checks the epoch and
locks the row.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Connection, Double, Row, bindparam, case, func, select, update

from db.clock import sql_now
from db.orders.links import Link, World, WorldState
from mesh.errors import FailedPrecondition
from orders_svc.domain.explain import LinkView
from orders_svc.outbox.rows import UPS


@dataclass(frozen=True, slots=True)
class Attachment:
    """An instance that wants, or has, a link."""

    link: str
    instance: str
    boot_nonce: str
    callback_address: str
    # What this start of the instance owned last; 0: nothing yet, it is new.
    last_epoch: int = 0
    # The link's epoch as this start was told it.
    seen_epoch: int = 0


def stale_epoch(link: str, link_epoch: int) -> FailedPrecondition:
    """What an instance is told that does not own the link any more."""
    return FailedPrecondition("STALE_EPOCH", f"link {link} has another owner than epoch {link_epoch}", link=link)


def attach(connection: Connection, wanted: Attachment, lease_seconds: float) -> int:
    """Gives the link to the instance; returns its link_epoch.

    Raises FailedPrecondition (LINK_OWNED) while another instance holds the lease, or a start of the same instance by
    which this one was superseded; (LINK_MOVED) unless it names the present epoch, which the refusal tells.
    """
    held = connection.execute(_HELD, {"k_link": wanted.link}).one()
    same_boot = held.instance == wanted.instance and held.boot_nonce == wanted.boot_nonce
    if not (same_boot or held.lapsed):
        whose = "another instance" if held.instance != wanted.instance else "a later start of the same instance"
        if held.instance != wanted.instance or wanted.last_epoch:
            raise FailedPrecondition(
                "LINK_OWNED",
                f"link {wanted.link} is owned by {held.instance}, {whose}",
                link=wanted.link,
                owner=held.instance,
            )
    if not same_boot and wanted.seen_epoch != held.link_epoch:
        raise FailedPrecondition(
            "LINK_MOVED", f"link {wanted.link} is at epoch {held.link_epoch}", link_epoch=held.link_epoch
        )
    link_epoch = held.link_epoch if same_boot else held.link_epoch + 1
    told = {"k_link": wanted.link, "d_lease": lease_seconds, "d_epoch": link_epoch, "d_instance": wanted.instance}
    told |= {"d_nonce": wanted.boot_nonce, "d_address": wanted.callback_address}
    connection.execute(_TAKE_AGAIN if same_boot else _TAKE, told)
    return int(link_epoch)


_HELD = (
    select(Link.link_epoch, Link.instance, Link.boot_nonce, (Link.lease_until_at <= sql_now()).label("lapsed"))
    .where(Link.name == bindparam("k_link"))
    .with_for_update()
)
_LEASE_UNTIL = sql_now() + bindparam("d_lease", type_=Double)
# A peer that was away before its bridge changed hands has been away since then; one that was there, since it was last
# known to be.
_AWAY_SINCE = case(
    (~Link.connected, func.coalesce(Link.connected_since_at, sql_now())),
    (Link.lease_until_at <= sql_now(), Link.lease_until_at),
    else_=sql_now(),
)
_TAKE_AGAIN = (
    update(Link)
    .where(Link.name == bindparam("k_link"))
    .values(
        link_epoch=bindparam("d_epoch"),
        instance=bindparam("d_instance"),
        boot_nonce=bindparam("d_nonce"),
        callback_address=bindparam("d_address"),
        lease_until_at=_LEASE_UNTIL,
    )
)
_TAKE = _TAKE_AGAIN.values(connected=False, connected_since_at=_AWAY_SINCE, state="starting", announcement_no=0)


def fence(connection: Connection, link: str, link_epoch: int) -> None:
    """Locks the link's row for its owner. Raises FailedPrecondition (STALE_EPOCH) for anybody else."""
    if connection.execute(_FENCE, {"k_link": link, "k_epoch": link_epoch}).rowcount != 1:
        raise stale_epoch(link, link_epoch)


# An update that changes nothing: it checks and locks in one statement, on both databases.
_OWNED = (Link.name == bindparam("k_link"), Link.link_epoch == bindparam("k_epoch"))
_FENCE = update(Link).where(*_OWNED).values(link_epoch=bindparam("k_epoch"))


def renew(
    connection: Connection, link: str, link_epoch: int, lease_seconds: float, connected: bool, state: str, now: float
) -> None:
    """Extends the owner's lease and notes how the link is. Raises FailedPrecondition (STALE_EPOCH)."""
    told = {"d_connected": connected, "d_state": state, "d_lease": lease_seconds, "d_now": now}
    if connection.execute(_RENEW, {"k_link": link, "k_epoch": link_epoch} | told).rowcount != 1:
        raise stale_epoch(link, link_epoch)


_SAME = Link.connected == bindparam("d_connected", type_=Boolean)
_RENEW = (
    update(Link)
    .where(*_OWNED)
    .values(
        lease_until_at=_LEASE_UNTIL,
        connected=bindparam("d_connected", type_=Boolean),
        connected_since_at=case(
            (_SAME, func.coalesce(Link.connected_since_at, bindparam("d_now", type_=Double))),
            else_=bindparam("d_now", type_=Double),
        ),
        state=bindparam("d_state"),
    )
)


def view(connection: Connection) -> dict[str, LinkView]:
    """How each link is, as people are told.

    A lapsed lease means that its bridge is away; a UPS that is in another world than we are is given no commands. Since
    when is told of the peer: a bridge that comes, goes or changes hands begins nothing anew.
    """
    return {row.name: _view(row) for row in connection.execute(_VIEW)}


def _view(row: Row[Any]) -> LinkView:
    if not row.alive and row.connected:
        return LinkView(False, row.lease_until_at)
    if row.name == UPS and row.connected and row.our_world_id not in (None, row.announced_world_id):
        since = max(row.announced_at or row.connected_since_at, row.our_world_since or 0)
        return LinkView(False, since, apart(row.announced_world_id, row.our_world_id))
    return LinkView(row.connected and row.alive, row.connected_since_at)


def apart(announced_world_id: int | None, our_world_id: int) -> str:
    """That UPS is elsewhere, in words that follow "UPS, which"."""
    if announced_world_id is None:
        return f"has not said in which world it is, while we are in {our_world_id}"
    return f"is in world {announced_world_id}, while we are in {our_world_id}"


_ALIVE = Link.lease_until_at > sql_now()
_OUR_WORLD = select(World.world_id).where(World.state == WorldState.OPEN).scalar_subquery()
_OUR_WORLD_SINCE = select(World.opened_at).where(World.state == WorldState.OPEN).scalar_subquery()
_VIEW = select(
    Link.name,
    Link.connected,
    Link.connected_since_at,
    Link.lease_until_at,
    Link.announced_world_id,
    Link.announced_at,
    _ALIVE.label("alive"),
    _OUR_WORLD.label("our_world_id"),
    _OUR_WORLD_SINCE.label("our_world_since"),
)


def features(connection: Connection) -> frozenset[str]:
    """What of the extension UPS speaks in the world that is open, by name; none where it is in another world."""
    return frozenset((connection.scalar(_FEATURES) or "").split())


_FEATURES = select(Link.features).where(Link.name == UPS, Link.announced_world_id == _OUR_WORLD)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link's commands go at this moment."""

    link_epoch: int
    callback_address: str
    announced_world_id: int | None
    # Whether its peer is there, as it said last.
    connected: bool
    # Which announcement of the owner's that world is by; 0: one that an earlier owner reported.
    announcement_no: int


def target(connection: Connection, link: str) -> Target | None:
    """The link's live owner; None: nobody owns it."""
    row = connection.execute(_TARGET, {"k_link": link}).one_or_none()
    return None if row is None else Target(*row)


_TARGET = select(
    Link.link_epoch, Link.callback_address, Link.announced_world_id, Link.connected, Link.announcement_no
).where(Link.name == bindparam("k_link"), _ALIVE)
