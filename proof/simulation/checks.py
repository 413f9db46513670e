"""The checkers of a run: what must hold at every commit, at every answer, and at the end.

Rules: they trust the world's own book, the raw rows and what shoppers were told, never the service's own queries; each
violation names its guarantee (G1 to G7, docs/guarantees.md). The checks at the end are in `verdict`.
"""

from dataclasses import dataclass, field
from typing import Any

from mesh.errors import RpcFailure
from orders_svc.domain import lifecycle
from orders_svc.domain.lifecycle import Event, Goods, State, Truck
from proof.simulation.environment import Environment
from proof.simulation.faults import INTERVENTIONS
from proof.simulation.hearing import Committed, Hearing, told
from proof.simulation.violations import fail
from proof.simulation.wishes import Wish
from shop.fulfilment.v1 import fulfilment_pb2
from shop.orders.v1 import orders_pb2

# Rows of the current world where the columns of the stock disagree with each other or with the shipments.
_STOCK = """
with held as (
    select i.offer_id o, sh.warehouse_id w,
        sum(case when i.reserved = 1 and sh.goods in ('new', 'awaiting_stock', 'packing') then i.quantity else 0 end) r,
        sum(case when sh.goods in ('packed', 'loading', 'loaded') then i.quantity else 0 end) p,
        sum(case when i.reserved = 0 and sh.ended_at is null then i.quantity else 0 end) a
    from shipments sh join shipment_items i on i.shipment_id = sh.id
    where sh.world_epoch = :epoch group by 1, 2)
select s.offer_id, s.warehouse_id, s.arrived, s.available, s.reserved, s.packed, s.scrapped, s.ordered, s.awaited,
    coalesce(h.r, 0), coalesce(h.p, 0), coalesce(h.a, 0)
from stock s left join held h on h.o = s.offer_id and h.w = s.warehouse_id
where s.world_epoch = :epoch and (
    s.arrived <> s.available + s.reserved + s.packed + s.scrapped
    or min(s.available, s.reserved, s.packed, s.scrapped, s.ordered, s.awaited) < 0
    or s.awaited > s.available + s.ordered
    or s.reserved <> coalesce(h.r, 0) or s.packed <> coalesce(h.p, 0) or s.awaited <> coalesce(h.a, 0))
"""
_STOCK_NAMES = ("offer", "warehouse", "arrived", "available", "reserved", "packed", "scrapped", "ordered", "awaited")

# As it is, not as it is counted (`coverage`).
_apply = lifecycle.apply
# Goods and truck go forward only; these events may take them back, to what is named.
_BACK = {
    Event.LOAD_REFUSED: State(Goods.PACKED, Truck.REQUESTED),
}
_GOODS = list(Goods)
_TRUCK = list(Truck)
_AMENDING = ("CancelOrder", "ChangeAddress")
_FENCED = ("RenewLink", "AdvanceWorld", "Report")
# In whose commits units, parcels and orders may move.
MOVES = (
    "PlaceOrder",
    "CancelOrder",
    "ChangeAddress",
    "Restock",
    "SetReorderPoint",
    *INTERVENTIONS,
    "Report",
    "AdvanceWorld",
    "serve-waiting",
    "ask-overdue",
    "fail-commands",
)
# Steps that say something and move nothing.
_NOTES = ("superseded", "address_changed")


@dataclass(slots=True)
class Checks:
    """The checkers of one run; each raises Violated."""

    env: Environment
    _last_step: int = 0
    _last_heard: int = 0
    _committed: Committed = field(default_factory=Committed)
    _states: dict[int, State] = field(default_factory=dict)
    # (user, request id) -> order id, as acknowledged.
    acknowledged_orders: dict[tuple[int, str], int] = field(default_factory=dict)
    # Request id -> shipment -> whether it was done, as last said to anybody who asked.
    _decisions: dict[str, dict[int, bool]] = field(default_factory=dict)
    # Request ids of what staff was told is done now.
    _intervened: set[str] = field(default_factory=set)

    def committed(self, label: str) -> None:
        """After each commit of the orders service."""
        if label == "Report":
            self._hear()
        if label in MOVES:
            self._stock(label)
            self._steps()

    def _hear(self) -> None:
        """Remembers what is committed, since rows about what ended go."""
        sql = "select id, link, event from inbox where id > ? order by id"
        for inbox_id, link, event in self.env.db.rows(sql, self._last_heard):
            self._last_heard = inbox_id
            self._committed.events.add(told(link, fulfilment_pb2.PeerEvent.FromString(event)))
        (announced,) = self.env.db.rows("select announced_world_id, features from links where name = 'ups'")
        self._committed.note_announced(self.env.scheduler.time, announced)

    def acknowledged(self, wish: Wish, answer: Any) -> None:
        """A shopper was told that an order is accepted."""
        key = (wish.user_id, wish.request.request_id)
        known = self.acknowledged_orders.setdefault(key, answer.order_id)
        if known != answer.order_id:
            fail("G2", f"request {key} was answered with order {known} and with order {answer.order_id}")
        found = self.env.db.one("select id from orders where user_id = ? and request_id = ?", *key)
        if found != answer.order_id:
            fail("G1", f"order {answer.order_id} was acknowledged, the database has {found} for {key}")

    def decided(self, wish: Wish, answer: Any) -> None:
        """A shopper was told what became of a cancellation or a change of address, parcel by parcel.

        Not always in the order in which it was said; a yes is held against the rows at the end.
        """
        for shipment_id, done in _definite(answer).items():
            wish.decisions[shipment_id] = done or wish.decisions.get(shipment_id, False)

    def _said(self, request: Any, answer: Any) -> None:
        """The same request is answered alike, in the order in which its copies were executed."""
        said = _definite(answer)
        for shipment_id, done in self._decisions.get(request.request_id, {}).items():
            # UPS's yes may come after all.
            if said.get(shipment_id) != done and not said.get(shipment_id):
                fail("G2", f"{request.request_id} was answered {self._decisions[request.request_id]} and {said}")
        self._decisions[request.request_id] = said

    def acks_sent(self, hearing: Hearing, body: bytes) -> None:
        """A bridge is about to ack what a partner said: all of it must be committed."""
        for seqnum in hearing.missing(body, self._committed):
            fail("G3", f"{hearing.link} is told that its message {seqnum} is safe, and it is not committed")

    def before_call(self, method: str, request: Any) -> Any:
        """Notes what a call must not change if its caller does not own the link any more."""
        if method == "AttachLink":
            return self._is_owned(request.link)
        if method not in _FENCED:
            return None
        link = "world" if method == "AdvanceWorld" else request.link
        return link, self.env.db.link_epoch(link), self.env.db.commits

    def after_call(self, noted: Any, method: str, request: Any, answer: Any) -> None:
        """A call by a former owner changed nothing and was refused; the same request was answered alike."""
        if method in _AMENDING and not isinstance(answer, RpcFailure):
            self._said(request, answer)
        if method in INTERVENTIONS and not isinstance(answer, RpcFailure) and not answer.replayed:
            if request.request_id in self._intervened:
                fail("G2", f"{request.request_id} was done twice")
            self._intervened.add(request.request_id)
        if method == "AttachLink":
            if noted and not self._is_owned(request.link):
                fail("G7", f"link {request.link} was taken from its owner for {request.boot_nonce}, which is over")
            return
        if noted is None:
            return
        link, owner, commits = noted
        if request.link_epoch == owner:
            return
        if not isinstance(answer, RpcFailure) or self.env.db.commits != commits:
            fail("G7", f"{method} of epoch {request.link_epoch} was obeyed, link {link} belongs to epoch {owner}")

    def _is_owned(self, link: str) -> bool:
        """Whether the start that a link belongs to still lives."""
        boot_nonce = self.env.db.one("select boot_nonce from links where name = ?", link)
        return any(boot_nonce == process.boot for process in self.env.processes if process.alive)

    def _stock(self, label: str) -> None:
        db = self.env.db
        epochs = db.rows("select world_epoch from worlds where state in ('awaited', 'open')")
        if len(epochs) != 1:
            fail("G3", f"{len(epochs)} worlds are in use after {label}")
        # The statement names its value twice; sqlite takes it by name.
        wrong = db.named(_STOCK, epoch=epochs[0][0])
        if wrong:
            row = wrong[0]
            columns = ", ".join(f"{name} {value}" for name, value in zip(_STOCK_NAMES, row, strict=False))
            fail(
                "G4", f"after {label}: {columns}; shipments say reserved {row[9]}, packed {row[10]}, awaited {row[11]}"
            )

    def _steps(self) -> None:
        sql = "select id, shipment_id, event, goods, truck, cause from shipment_steps where id > ? order by id"
        for step_id, shipment_id, event, goods, truck, cause in self.env.db.rows(sql, self._last_step):
            self._last_step = step_id
            before = self._states.get(shipment_id, State())
            asked = before.asked if event in _NOTES else _apply(before, Event(event)).state.asked
            after = State(Goods(goods), Truck(truck), asked)
            self._states[shipment_id] = after
            if not cause:
                fail("G5", f"step {step_id} of shipment {shipment_id} has no cause")
            if event in _NOTES:
                # UPS may say only after a delivery where it went.
                if after != before or (before.truck is Truck.DELIVERED and event != "address_changed"):
                    fail("G3", f"shipment {shipment_id}: {event} in {before.goods}/{before.truck}")
                continue
            self._step(shipment_id, before, Event(event), after)

    def _step(self, shipment_id: int, before: State, event: Event, after: State) -> None:
        outcome = _apply(before, event)
        words = f"shipment {shipment_id}: {before.goods}/{before.truck} + {event} -> {after.goods}/{after.truck}"
        if outcome.ignored is not None or outcome.state != after:
            fail("G5", f"{words} is not in the table")
        if before.truck is Truck.DELIVERED and event not in lifecycle.AFTER_DELIVERY:
            fail("G3", f"{words}: it was delivered before")
        back = _GOODS.index(after.goods) < _GOODS.index(before.goods) or (
            _TRUCK.index(after.truck) < _TRUCK.index(before.truck)
        )
        if back and _BACK.get(event) != State(after.goods, after.truck):
            fail("G5", f"{words} goes back")


def _definite(answer: Any) -> dict[int, bool]:
    """Shipment -> whether it was done. What UPS is being asked has no answer yet."""
    return {
        one.shipment_id: one.decision == orders_pb2.DECISION_DONE
        for one in answer.decisions
        if one.decision != orders_pb2.DECISION_ASKED
    }
