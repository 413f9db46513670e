"""The checks at the end of a run, when everything has settled: the shop's rows against the world's own book.

Rules: a world is known by its marker, whatever its number: the same number may be another world after a restart. What
the world's book says was done counts, not what anybody was told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from db.engine import read_only
from proof import checkers
from proof.simulation import interventions
from proof.simulation.blame import Blame, Place
from proof.simulation.checks import Checks
from proof.simulation.environment import Environment
from proof.simulation.peers import UpsProcess, WorldProcess
from proof.simulation.shoppers import Shoppers
from proof.simulation.staff import Staff
from shop.bridge.v1 import bridge_pb2
from sim.world.model.book import PackageRecord


@dataclass(slots=True)
class _Shipment:
    id: int
    order_id: int
    parcel: int
    attempt: int
    epoch: int
    warehouse: int
    goods: str
    truck: str
    attention: str | None
    ended_at: float | None
    superseded_by: int | None
    x: int
    y: int
    items: dict[int, int] = field(default_factory=dict)


class Verdict:
    """All that is wrong at the end, as (guarantee, words)."""

    def __init__(
        self,
        env: Environment,
        checks: Checks,
        shoppers: Shoppers,
        staff: Staff,
        world: WorldProcess,
        ups: UpsProcess,
        blame: Blame,
    ) -> None:
        self._env = env
        self._db = env.db
        self._checks = checks
        self._shoppers = shoppers
        self._staff = staff
        self._world = world
        self._ups = ups
        self._blame = blame
        self.violations: list[tuple[str, str]] = []
        # Parcels that UPS called delivered and that the world did not deliver, or that UPS forgot to say where it took.
        self.excused = 0
        # Attempts that were delivered although their parcel was sent anew, by why it was.
        self.twice: Counter[str] = Counter()
        self._shipments = self._read_shipments()
        self._places = self._find_worlds()
        self._orders()
        self._parcels()
        self._decisions()
        self._book()
        self._sent_anew()
        self._buys()
        self._books()
        self._rest()
        self._peers()
        self._attention()
        self.violations += interventions.wrong(env.db, staff.wishes)

    def _wrong(self, guarantee: str, words: str) -> None:
        self.violations.append((guarantee, words))

    def _read_shipments(self) -> dict[int, _Shipment]:
        columns = (
            "id, order_id, parcel_no, attempt, world_epoch, warehouse_id, goods, truck, attention_reason, ended_at,"
            " superseded_by, x, y"
        )
        rows = self._db.rows(f"select {columns} from shipments order by id")  # noqa: S608 - constants
        shipments = {row[0]: _Shipment(*row) for row in rows}
        for shipment_id, offer_id, quantity in self._db.rows(
            "select shipment_id, offer_id, quantity from shipment_items"
        ):
            shipments[shipment_id].items[offer_id] = quantity
        return shipments

    def _find_worlds(self) -> dict[int, Place]:
        """World epoch -> the world it was, for all that were marked."""
        places = {}
        rows = self._db.rows(
            "select world_epoch, world_id, marker_ship_id from worlds where marker_ship_id is not null"
        )
        for epoch, world_id, marker in rows:
            for number, model in enumerate(self._world.models):
                if (world_id, marker) in model.book.packages:
                    places[epoch] = (number, world_id)
        return places

    def _orders(self) -> None:
        """G1, G2: what was acknowledged is there, once, as it was asked for; and nothing else is."""
        wishes = [wish for wish in self._shoppers.wishes if wish.method == "PlaceOrder"]
        wanted = {(wish.user_id, wish.request.request_id): wish for wish in wishes}
        lines: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for order_id, offer_id, quantity in self._db.rows("select order_id, offer_id, quantity from order_lines"):
            lines[order_id][offer_id] = quantity
        seen: Counter[tuple[int, str]] = Counter()
        for order_id, user_id, request_id, x, y in self._db.rows("select id, user_id, request_id, x, y from orders"):
            key = (user_id, request_id)
            seen[key] += 1
            wish = wanted.get(key)
            if wish is None:
                self._wrong("G2", f"order {order_id} was never asked for")
                continue
            asked = {item.offer_id: item.quantity for item in wish.request.items}
            if lines[order_id] != asked or (x, y) != (wish.request.destination.x, wish.request.destination.y):
                self._wrong("G1", f"order {order_id} is not what was asked for")
            if not wish.answers:
                refused = f" and refused with {wish.refusals[0]}" if wish.refusals else ""
                self._wrong("G1", f"order {order_id} was accepted{refused} and never acknowledged")
        for wish in (*self._shoppers.wishes, *self._staff.wishes):
            if not wish.done:
                self._wrong("G6", f"{wish.name} never got a definite answer")
        for key, count in seen.items():
            if count != 1:
                self._wrong("G2", f"{count} orders for request {key}")
        for key, order_id in self._checks.acknowledged_orders.items():
            if seen[key] != 1:
                self._wrong("G1", f"order {order_id} was acknowledged and is gone")

    def _parcels(self) -> None:
        """G3, G6: each parcel has one attempt that counts, delivered once or explained; none after a delivery."""
        lines: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for order_id, offer_id, quantity in self._db.rows("select order_id, offer_id, quantity from order_lines"):
            lines[order_id][offer_id] += quantity
        sent: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for shipment in self._shipments.values():
            if shipment.superseded_by is None:
                sent[shipment.order_id].update(shipment.items)
                if shipment.ended_at is None and not shipment.attention:
                    words = f"shipment {shipment.id} is still {shipment.goods}/{shipment.truck}"
                    self._wrong("G6", f"{words} of order {shipment.order_id}, {self._why(shipment)}")
            elif shipment.truck == "delivered":
                self._wrong("G3", f"shipment {shipment.id} was delivered and is sent anew")
        for order_id, units in lines.items():
            if sent[order_id] != units:
                self._wrong("G1", f"order {order_id} has lines {dict(units)} and parcels of {dict(sent[order_id])}")

    def _books(self) -> None:
        """G4, G5: what proof.checkers finds in the rows alone."""
        with read_only(self._env.engine).begin() as connection:
            env = self._env
            before = env.scheduler.time + env.clock.furthest - env.setup.keep_seconds
            for line in checkers.violations(connection, forgotten_before=before):
                self._wrong("G4, G5", line)

    def _decisions(self) -> None:
        """What became of second thoughts: what was written down is what shoppers were told, definite, and true."""
        destinations = {row[0]: row[1:] for row in self._db.rows("select id, x, y from orders")}
        goes_to = {one.id: destinations[one.order_id] for one in self._shipments.values() if not one.superseded_by}
        written: dict[tuple[str, int], str] = {}
        sql = (
            "select r.request_id, r.kind, r.x, r.y, d.shipment_id, d.decision from order_requests r"
            " join order_request_decisions d on d.order_request_id = r.id order by r.id"
        )
        for request_id, kind, x, y, shipment_id, decision in self._db.rows(sql):
            written[request_id, shipment_id] = decision
            counts = self._last_attempt(self._shipments[shipment_id])
            if decision == "asked":
                self._wrong("G6", f"{request_id} still waits for UPS's answer about shipment {counts.id}")
            elif decision == "done" and kind == "address":
                goes_to[counts.id] = (x, y)
            elif decision == "done":
                self._cancelled(counts)
        for shipment_id, place in goes_to.items():
            counts = self._shipments[shipment_id]
            if (counts.x, counts.y) != place:
                self._wrong("G3", f"shipment {shipment_id} goes to {counts.x}, {counts.y}, agreed was {place}")
        for wish in self._shoppers.wishes:
            for shipment_id, done in wish.decisions.items():
                decision = written.get((wish.request.request_id, shipment_id), "forgotten")
                if done and decision != "done":
                    self._wrong("G2", f"{wish.request.request_id} was done, and is {decision} now")

    def _cancelled(self, shipment: _Shipment) -> None:
        """It was never packed, or, where UPS gave it up, never delivered; what staff gave up may be anywhere."""
        record = self._record(shipment)
        sql = "select 1 from shipment_steps where shipment_id = ? and event = ?"
        given_up = self._db.one(sql, shipment.id, "cancel_accepted") is not None
        by_staff = self._db.one(sql, shipment.id, "given_up") is not None
        too_far = record is not None and not by_staff and (record.delivered if given_up else record.packed)
        if shipment.goods != "cancelled" or too_far:
            self._wrong("G3", f"shipment {shipment.id} was cancelled, and is {shipment.goods}/{shipment.truck}")

    def _last_attempt(self, shipment: _Shipment) -> _Shipment:
        while shipment.superseded_by is not None:
            shipment = self._shipments[shipment.superseded_by]
        return shipment

    def _why(self, shipment: _Shipment) -> str:
        record = self._record(shipment)
        return (
            "the world never heard of it"
            if record is None
            else (
                f"the world packed it {len(record.packed)}, loaded it {len(record.loaded)}, delivered it "
                f"{len(record.delivered)} times"
            )
        )

    def _record(self, shipment: _Shipment) -> PackageRecord | None:
        place = self._places.get(shipment.epoch)
        if place is None:
            return None
        return self._world.models[place[0]].book.packages.get((place[1], shipment.id))

    def _packages(self) -> Iterator[tuple[Place, PackageRecord]]:
        for number, model in enumerate(self._world.models):
            for (world_id, _), record in model.book.packages.items():
                yield (number, world_id), record

    def _book(self) -> None:
        """G3: what the world did is what we asked for, at most once, and what we call delivered was delivered."""
        markers = {
            row[0] for row in self._db.rows("select marker_ship_id from worlds where marker_ship_id is not null")
        }
        for place, record in self._packages():
            if record.id in markers or not record.things:
                continue
            shipment = self._shipments.get(record.id)
            if shipment is None:
                self._wrong("G3", f"the world packed {record.id}, which nobody ordered")
                continue
            if self._places.get(shipment.epoch) != place:
                self._wrong("G3", f"shipment {record.id} of epoch {shipment.epoch} was packed in another world")
            if record.things != shipment.items or record.warehouse != shipment.warehouse:
                self._wrong("G3", f"shipment {record.id} was packed with {record.things}, not {shipment.items}")
            for what, times in (("packed", record.packed), ("loaded", record.loaded), ("delivered", record.delivered)):
                if len(times) > 1:
                    self._wrong("G3", f"shipment {record.id} was {what} {len(times)} times")
        for shipment in self._shipments.values():
            if shipment.truck != "delivered":
                continue
            found = self._record(shipment)
            if found is not None and not found.delivered and shipment.id in self._ups.called_delivered:
                # UPS itself says so: it could not know better after a restart, and only the world can.
                self.excused += 1
            elif found is None or len(found.delivered) != 1:
                self._wrong("G3", f"shipment {shipment.id} counts as delivered, {self._why(shipment)}")
            elif found.delivered_to[0] != (shipment.x, shipment.y) and self._blame.forgot(
                shipment.id, shipment.order_id, found
            ):
                self.excused += 1
            elif found.delivered_to[0] != (shipment.x, shipment.y):
                said = f"{found.delivered_to[0]}, not to {(shipment.x, shipment.y)}"
                self._wrong("G3", f"shipment {shipment.id} was delivered to {said}")

    def _sent_anew(self) -> None:
        """G3: of a parcel that was sent anew two attempts are delivered in one world only where staff had it sent.

        In a world that we left the first may still arrive, and nobody can know.
        """
        sql = "select shipment_id from shipment_steps where event = 'superseded' and cause like 'rpc:RedriveShipment:%'"
        by_staff = {row[0] for row in self._db.rows(sql)}
        for shipment in self._shipments.values():
            if shipment.superseded_by is None or not self._was_delivered(shipment):
                continue
            if shipment.id in by_staff:
                self.twice["by staff"] += 1
                continue
            self.twice["in another world"] += 1
            later = shipment
            while later.superseded_by is not None:
                later = self._shipments[later.superseded_by]
                if self._was_delivered(later) and self._places[later.epoch] == self._places[shipment.epoch]:
                    self._wrong("G3", f"shipment {shipment.id} was delivered, and so was {later.id} in its place")

    def _was_delivered(self, shipment: _Shipment) -> bool:
        record = self._record(shipment)
        return record is not None and bool(record.delivered)

    def _buys(self) -> None:
        """G3: every buy took effect at most once, and in the world in use every one that was acked exactly once.

        Of a world that was left we may have heard the ack of a command and not that it failed.
        """
        in_use = self._db.one("select world_epoch from worlds where state = 'open'")
        least: defaultdict[Place, Counter[tuple[int, int]]] = defaultdict(Counter)
        most: defaultdict[Place, Counter[tuple[int, int]]] = defaultdict(Counter)
        rows = self._db.rows("select world_epoch, command, closed_at, outcome from outbox where kind = 'buy'")
        for epoch, command, closed_at, outcome in rows:
            place = self._places.get(epoch)
            if place is None or outcome == "failed":
                continue
            buy = bridge_pb2.Command.FromString(command).buy
            for thing in buy.things:
                key = (buy.warehouse_id, thing.offer_id)
                most[place][key] += thing.count
                if closed_at is not None and outcome == "acked" and epoch == in_use:
                    least[place][key] += thing.count
        for number, model in enumerate(self._world.models):
            bought: defaultdict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
            for (world_id, warehouse, product), count in model.book.bought.items():
                bought[world_id][warehouse, product] += count
            for world_id in model.worlds:
                place = (number, world_id)
                for key in {**bought[world_id], **most[place]}:
                    done = bought[world_id][key]
                    if not least[place][key] <= done <= most[place][key]:
                        asked = f"we ordered {least[place][key]} to {most[place][key]}"
                        self._wrong("G3", f"{done} units of {key} were bought in world {place}, {asked}")

    def _rest(self) -> None:
        """G4, G6: in the world in use nothing is open, and what arrived is what was bought."""
        found = self._db.rows("select world_epoch from worlds where state = 'open'")
        if not found:
            self._wrong("G6", "no world is open")
            return
        epoch = found[0][0]
        why = self._db.unsettled()
        if why is not None:
            self._wrong("G6", f"not settled: {why}")
            return
        place = self._places.get(epoch)
        if place is None:
            self._wrong("G3", f"the world of epoch {epoch} has no marker")
            return
        book = self._world.models[place[0]].book
        sql = "select offer_id, warehouse_id, arrived from stock where world_epoch = ?"
        for offer_id, warehouse_id, arrived in self._db.rows(sql, epoch):
            bought = book.bought[place[1], warehouse_id, offer_id]
            if arrived != bought:
                self._wrong(
                    "G4", f"{arrived} units of offer {offer_id} arrived at {warehouse_id}, {bought} were bought"
                )

    def _peers(self) -> None:
        """G3: UPS waits for no ack of ours, or it would say the same for ever."""
        waiting = self._ups.unacked
        if waiting:
            self._wrong("G3", f"UPS waits for {waiting} acks")

    def _attention(self) -> None:
        """G6: a parcel needs attention only where a partner itself failed most of our tries with this very parcel."""
        most = self._env.setup.patience.max_failures
        for shipment in self._shipments.values():
            if shipment.attention and shipment.superseded_by is None and shipment.ended_at is None:
                failures = self._blame.failures(shipment.id, self._places.get(shipment.epoch))
                if 2 * failures < most:
                    words = f"needs attention, and partners failed it {failures} times: {shipment.attention}"
                    self._wrong("G6", f"shipment {shipment.id} {words}")
