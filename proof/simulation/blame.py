"""What partners are to blame for, at the end of a run: the shop did what it could, and that is not held against it."""

import math
from collections.abc import Collection
from typing import Any

from orders_svc.domain import verdicts
from proof.simulation.environment import Environment
from proof.simulation.peers import UpsProcess, WorldProcess
from shop.bridge.v1 import bridge_pb2
from sim.ups.model.shop_side import FULL
from sim.world.model.book import PackageRecord

# A world simulator that ran, by its place in the row of them, and a world's number in it.
Place = tuple[int, int]


# The request by which UPS was told anew of a parcel that it had not known when it was told to go.
_TOLD_ANEW = (
    "select min(r.id) from outbox r join outbox d on d.shipment_id = r.shipment_id and d.id < r.id"
    " where r.shipment_id = ? and r.kind = 'request_truck' and d.kind = 'deliver'"
)


class Blame:
    """Asks the rows of the shop, and what the stand-ins themselves know. `unsayable`: ids of commands."""

    def __init__(self, env: Environment, world: WorldProcess, ups: UpsProcess, unsayable: Collection[int]) -> None:
        self._env = env
        self._db = env.db
        self._world = world
        self._ups = ups
        self._unsayable = unsayable

    def forgot(self, shipment_id: int, order_id: int, record: PackageRecord) -> bool:
        """Whether it went where it was to go for a while, and nobody can know that it went there.

        UPS may lose its memory, or the world that it is about, before it says that it takes it there; we delete our
        questions some time after the parcel's end. Or it was there, or on its way there, when UPS lost its memory, and
        UPS, for which it was at the warehouse again, took another address for it that it had been asked for before it
        said that it does not know the parcel, and was told of it anew.
        """
        place, ups = record.delivered_to[0], self._ups
        sql = (
            "select r.asked_at from order_requests r join order_request_decisions d on d.order_request_id = r.id"
            " where d.shipment_id = ? and d.decision = 'too_late' and r.x = ? and r.y = ?"
        )
        ahead = self._env.clock.furthest
        asked = [row[0] - ahead for row in self._db.rows(sql, shipment_id, *place)]
        before_an_answer = any(at <= lost for at in asked for lost in (*ups.forgot, *ups.left))
        sql = "select command from outbox where shipment_id = ? and kind = 'redirect'"
        kept = [bridge_pb2.Command.FromString(row[0]).redirect for row in self._db.rows(sql, shipment_id)]
        by_us = bool(asked) and place not in [(one.x, one.y) for one in kept]
        sql = "select x, y from orders where id = ? union select x, y from order_requests where order_id = ?"
        addresses = self._db.rows(sql, order_id, order_id)
        anew = self._db.one(_TOLD_ANEW, shipment_id) or math.inf
        taken = [at for ship, question, at in ups.redirected if ship == shipment_id and question < anew]
        unseen = [at for ship, at in ups.out_of_sight if ship == shipment_id]
        in_vain = place in addresses and any(since <= at for since in unseen for at in taken)
        return before_an_answer or by_us or in_vain

    def failures(self, shipment_id: int, place: Place | None) -> int:
        """How often the world lost a load of a parcel, or a partner refused something about it for its own reasons.

        UPS does so while it takes nothing new, and when it has lost its memory of the parcel; it may then send trucks
        where they are of no use, too, so that the world must refuse to load.
        """
        if place is None:
            return 0
        lost = self._world.models[place[0]].book.lost_loads.count((place[1], shipment_id))
        forgot = min(self._ups.forgot, default=math.inf)
        sql = "select id, link, kind, closed_at, failure from outbox where shipment_id = ? and outcome = 'failed'"
        rows: list[Any] = self._db.rows(sql, shipment_id)
        return lost + sum(self._is_theirs(row, forgot) for row in rows)

    def _is_theirs(self, row: tuple[int, str, str, float, str | None], forgot: float) -> bool:
        """Whether a command failed for a reason of the partner's own; `forgot`: since when UPS may have forgotten."""
        command_id, link, kind, closed_at, text = row
        if command_id in self._unsayable:
            return True
        may_have_forgotten = closed_at >= forgot - self._env.clock.furthest_behind
        if link == "ups":
            said = self._ups.refused.get(command_id)
            return said is not None and (said == FULL or may_have_forgotten)
        by_chance = verdicts.verdict(text or "") is verdicts.Verdict.TRANSIENT
        return by_chance or (kind == "load" and may_have_forgotten)
