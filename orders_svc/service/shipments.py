"""The shipments that one transaction moves: loaded, moved in memory, written once.

Rules: an order's row is locked before any of its shipments is read, so that its
status is always derived from all of them; every move goes through the lifecycle
table and leaves a step with its cause; commands and stock changes that a move
asks for are written by the same `flush`, so by the same transaction.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from sqlalchemy import Connection, bindparam, insert, select, update

from db.orders.orders import Order
from db.orders.shipments import Shipment, ShipmentItem, ShipmentStep
from db.orders.stock import Warehouse
from orders_svc.domain import amendments, explain, lifecycle
from orders_svc.domain.lifecycle import Asked, Effect, Event, Goods, State, Truck
from orders_svc.domain.news import news_of
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.numbering import insert_numbered
from orders_svc.service import commands, telling
from orders_svc.service.changes import Changes, OrderChange
from orders_svc.service.moving import UPDATE, Moving, NewParcel, moving_of
from orders_svc.service.questions import Questions
from orders_svc.service.reordering import write_stock
from orders_svc.service.stock import StockChanges

NO_ORDERS: Mapping[int, str] = MappingProxyType({})


class Shipments:
    """All shipments that one transaction touches."""

    def __init__(self, connection: Connection, patience: Patience, world_epoch: int, now: float) -> None:
        self.connection = connection
        self.patience = patience
        self.world_epoch = world_epoch
        self.now = now
        self.stock = StockChanges(world_epoch)
        self.changes = Changes()
        self._moving: dict[int, Moving] = {}
        # What is in the shipments that this transaction makes.
        self._made: dict[int, list[commands.Thing]] = {}
        self._moved: dict[int, Moving] = {}
        self._steps: list[dict[str, object]] = []
        self._stepped_orders: set[int] = set()
        self._new_orders: dict[int, str] = {}
        self.questions = Questions(patience, now)

    def load(self, shipment_ids: Collection[int]) -> None:
        """Reads the shipments among `shipment_ids` that exist, their orders locked."""
        wanted = sorted(set(shipment_ids) - self._moving.keys())
        if not wanted:
            return
        self.connection.execute(_LOCK_ORDERS, {"k_ids": wanted}).all()
        for row in self.connection.execute(_SHIPMENTS, {"k_ids": wanted}).mappings():
            self._moving[row["id"]] = moving_of(row)

    def get(self, shipment_id: int) -> Moving | None:
        """A loaded shipment, or None: there is no such shipment."""
        return self._moving.get(shipment_id)

    def apply(
        self, shipment_id: int, event: Event, cause: str, *, truck_id: int | None = None, detail: str = ""
    ) -> str | None:
        """Moves a loaded shipment; returns why the event was not obeyed, None if it was.

        `truck_id` comes with TRUCK_ARRIVED, `detail` (the peer's words) with failures.
        """
        shipment = self._moving.get(shipment_id)
        if shipment is None:
            return "no such shipment"
        if shipment.world_epoch != self.world_epoch:
            return "late: about an attempt in another world"
        if shipment.ended_at is not None and shipment.state.truck is not Truck.DELIVERED:
            return "late: about an attempt that was given up"
        outcome = lifecycle.apply(shipment.state, event)
        if outcome.ignored is not None:
            return outcome.ignored
        self._moved[shipment_id] = shipment
        before = shipment.state
        self._account(shipment, outcome, event, detail)
        if event is Event.TRUCK_ARRIVED and truck_id is not None:
            shipment.truck_id = truck_id
        if event is Event.DELIVERY_STARTED and shipment.left_at is None:
            shipment.left_at = self.now
        shipment.state = outcome.state
        self.questions.keep(shipment, before, event, detail)
        if outcome.state != before or outcome.effects or event is Event.DELIVERY_STARTED:
            self._step(shipment, event, explain.quoting(explain.WHAT_HAPPENED[event], detail), cause)
        return None

    def ask(self, shipment_id: int, asked: Asked, x: int | None, y: int | None, cause: str) -> str | None:
        """Has UPS asked about a loaded shipment, for an address to `x`, `y`; returns why not, if not."""
        shipment = self._moving[shipment_id]
        shipment.asked_x, shipment.asked_y = x, y
        detail = "" if x is None else f"{x}, {y}"
        return self.apply(shipment_id, amendments.QUESTION[asked], cause, detail=detail)

    def tell(self, shipment_id: int, effect: Effect) -> None:
        """Has a peer told something about a loaded shipment that no move asks for."""
        self._moving[shipment_id].effects.append((effect, 0.0))

    def retry(self, shipment_id: int, cause: str) -> str | None:
        """Has a loaded shipment tried again as if nothing had failed; returns why not, if not."""
        shipment = self._moving[shipment_id]
        shipment.attempts = shipment.checks = 0
        shipment.attention_reason = None
        return self.apply(shipment_id, Event.RETRIED, cause)

    def supersede(self, shipment_id: int, new_id: int, reason: str, cause: str) -> None:
        """Says that a loaded shipment that has ended is sent anew as another."""
        shipment = self._moving[shipment_id]
        shipment.superseded_by = new_id
        self._moved[shipment_id] = shipment
        self._note(shipment, "superseded", f"Sent anew as parcel {new_id}: {reason}", cause)

    def warn(self, shipment_id: int, reason: str) -> None:
        """Says that a loaded shipment, which waits for goods, may wait in vain; that ends when it gets them."""
        shipment = self._moving[shipment_id]
        if shipment.state.goods is Goods.AWAITING_STOCK and shipment.ended_at is None:
            shipment.attention_reason = reason
            self._moved[shipment_id] = shipment
            self._stepped_orders.add(shipment.order_id)

    def look(self, shipment_id: int, cause: str) -> None:
        """Asks the world about a loaded shipment on the road while UPS is away: less and less often, for ever."""
        shipment = self._moving[shipment_id]
        wait = self.patience.wait(shipment.state, shipment.checks)
        if wait is not None and wait >= self.patience.longest * self.patience.tick:
            # It is UPS that everybody waits for: such a question in vain is no reason to tell a person.
            shipment.checks -= 1
        self.apply(shipment_id, Event.TRUCK_OVERDUE, cause)

    def postpone(self, shipment_id: int) -> None:
        """Asks a loaded shipment's overdue question later, uncounted."""
        shipment = self._moving[shipment_id]
        wait = self.patience.wait(shipment.state, shipment.checks)
        shipment.check_at = None if wait is None else self.now + wait
        self._moved[shipment_id] = shipment

    def add(self, parcels: Iterable[NewParcel], cause: str, new_orders: Mapping[int, str] = NO_ORDERS) -> list[int]:
        """Makes shipments, with stock changes and commands; returns their ids, in the same order.

        `new_orders`: orders that this transaction inserts, with their status: id -> UPS account.
        """
        parcels = list(parcels)
        self._new_orders.update(new_orders)
        made = []
        for parcel in parcels:
            event = Event.STOCK_RESERVED if parcel.ready else Event.STOCK_AWAITED
            outcome = lifecycle.apply(State(), event)
            made.append((parcel, event, outcome))
        rows: list[dict[str, object]] = [
            {
                "order_id": parcel.order_id,
                "parcel_no": parcel.parcel_no,
                "attempt": parcel.attempt,
                "world_epoch": self.world_epoch,
                "warehouse_id": parcel.warehouse_id,
                "x": parcel.x,
                "y": parcel.y,
                "goods": outcome.state.goods,
                "truck": outcome.state.truck,
                "state_since_at": self.now,
                "check_at": self._check_at(outcome.state, 0),
                "attempts": 0,
                "checks": 0,
                "created_at": self.now,
            }
            for parcel, _, outcome in made
        ]
        if not rows:
            return []
        ids = insert_numbered(self.connection, Shipment, Shipment.id, rows)
        items = []
        for shipment_id, (parcel, event, outcome) in zip(ids, made, strict=True):
            shipment = Moving(
                id=shipment_id,
                order_id=parcel.order_id,
                warehouse_id=parcel.warehouse_id,
                world_epoch=self.world_epoch,
                x=parcel.x,
                y=parcel.y,
                state=outcome.state,
                state_since_at=self.now,
                effects=[(effect, 0.0) for effect in outcome.effects],
            )
            self._moving[shipment_id] = shipment
            reserved = parcel.ready
            self._made[shipment_id] = [
                commands.Thing(offer_id, title, quantity, reserved)
                for offer_id, (title, quantity) in sorted(parcel.units.items())
            ]
            again = "Sent anew: waiting for the goods to arrive at the warehouse"
            self._step(shipment, event, again if parcel.attempt > 1 else explain.WHAT_HAPPENED[event], cause)
            for offer_id, (title, quantity) in parcel.units.items():
                items.append(
                    {
                        "shipment_id": shipment_id,
                        "offer_id": offer_id,
                        "title": title,
                        "quantity": quantity,
                        "reserved": int(parcel.ready),
                    }
                )
        self.connection.execute(_NEW_ITEM, items)
        return ids

    def flush(self) -> Changes:
        """Writes everything: shipments, steps, commands, stock, orders. Returns what to announce after the commit."""
        self.questions.write(self.connection)
        self._write_commands()
        write_stock(self.connection, self.stock, self.changes, self.now)
        if self._moved:
            self.connection.execute(UPDATE, [shipment.row() for shipment in self._moved.values()])
        if self._steps:
            self.connection.execute(_NEW_STEP, self._steps)
        self._write_orders()
        self._moved.clear()
        self._steps.clear()
        self._stepped_orders.clear()
        return self.changes

    def _account(self, shipment: Moving, outcome: lifecycle.Outcome, event: Event, detail: str) -> None:
        """Counts failures and questions, decides about attention, sets the next check, keeps the effects.

        After too many failures nothing more is tried, after too many questions they are still asked; whatever moves
        a shipment on ends the attention, since then it goes on by itself.
        """
        state, effects = outcome.state, list(outcome.effects)
        failed = Effect.COUNT_FAILURE in effects
        changed = (state.goods, state.truck) != (shipment.state.goods, shipment.state.truck)
        if event in lifecycle.ABOUT_ASKING and not changed:
            delay = self.patience.retry_delay(max(1, shipment.asks)) if event is Event.ASKED_IN_VAIN else 0.0
            shipment.effects.extend((effect, delay) for effect in effects)
            return
        asked = event in (Event.GOODS_OVERDUE, Event.TRUCK_OVERDUE)
        pause = 0.0
        if failed:
            shipment.attempts += 1
            pause = self.patience.retry_delay(shipment.attempts)
        elif lifecycle.milestone(state) > lifecycle.milestone(shipment.state):
            shipment.attempts = 0
        elif not (changed or asked) and shipment.attempts > 1:
            # A peer that says the same again after each failure must not set the pace.
            pause = self.patience.retry_delay(shipment.attempts - 1)
        if changed:
            shipment.state_since_at = self.now
            shipment.checks = 0
        elif asked:
            shipment.checks += 1
        last = explain.what_went_wrong(event, detail)
        if failed and shipment.attempts >= self.patience.max_failures:
            shipment.attention_reason = f"Tried {shipment.attempts} times without success. Last: {last}"
            effects = [effect for effect in effects if effect is Effect.BOOK_PACKED]
            shipment.check_at = None
        else:
            if changed and not failed:
                shipment.attention_reason = None
            elif asked and shipment.checks >= self.patience.max_checks:
                shipment.attention_reason = f"Asked {shipment.checks} times without progress. Last: {last}"
            shipment.check_at = self._check_at(state, shipment.checks)
        if Effect.END in effects:
            shipment.ended_at = self.now
            shipment.check_at = None
        shipment.effects.extend((effect, pause) for effect in effects)

    def _check_at(self, state: State, checks: int) -> float | None:
        wait = self.patience.wait(state, checks)
        return None if wait is None else self.now + wait

    def _step(self, shipment: Moving, event: Event, what: str, cause: str) -> None:
        self._note(shipment, event.value, what, cause)

    def _note(self, shipment: Moving, event: str, what: str, cause: str) -> None:
        self._stepped_orders.add(shipment.order_id)
        self._steps.append(
            {
                "shipment_id": shipment.id,
                "at": self.now,
                "event": event,
                "goods": shipment.state.goods,
                "truck": shipment.state.truck,
                "what": what,
                "cause": cause,
            }
        )

    def _write_commands(self) -> None:
        acting = [shipment for shipment in self._moving.values() if shipment.effects]
        if not acting:
            return
        before = [shipment.id for shipment in acting if shipment.id not in self._made]
        goods_of = self._made | (commands.read_things(self.connection, before) if before else {})
        still_open = outbox.open_kinds(self.connection, before) if before else set()
        accounts = self._accounts({shipment.order_id for shipment in acting})
        places = {row.id: row for row in self.connection.execute(_PLACES)}
        new = []
        for shipment in acting:
            things, place = goods_of[shipment.id], places[shipment.warehouse_id]
            account = accounts[shipment.order_id]
            target = commands.Target(shipment.x, shipment.y, account, shipment.asked_x, shipment.asked_y)
            for effect, pause in shipment.effects:
                self._move_stock(effect, shipment.warehouse_id, things)
                body = commands.build(effect, self.world_epoch, shipment.id, shipment.truck_id, place, target, things)
                if body is None or (key := (shipment.id, body.WhichOneof("body") or "")) in still_open:
                    continue
                still_open.add(key)
                new.append(outbox.NewCommand(body, shipment.id, pause))
            shipment.effects.clear()
        outbox.append(self.connection, new, self.now)
        self.changes.links |= {outbox.LINK_OF_KIND[command.body.WhichOneof("body") or ""] for command in new}

    def _accounts(self, order_ids: Collection[int]) -> dict[int, str]:
        """The UPS account of each order."""
        unknown = set(order_ids) - self._new_orders.keys()
        if not unknown:
            return self._new_orders
        rows = self.connection.execute(_ACCOUNTS, {"k_ids": list(unknown)})
        return self._new_orders | {row.id: row.ups_account for row in rows}

    def _move_stock(self, effect: Effect, warehouse_id: int, things: Iterable[commands.Thing]) -> None:
        """The part of an effect that is about units."""
        if effect not in (Effect.BOOK_PACKED, Effect.RELEASE, Effect.SCRAP):
            return
        for thing in things:
            delta = self.stock.of(thing.offer_id, warehouse_id)
            if effect is Effect.BOOK_PACKED:
                delta.reserved -= thing.count
                delta.packed += thing.count
            elif effect is Effect.SCRAP:
                delta.packed -= thing.count
                delta.scrapped += thing.count
            elif thing.reserved:
                delta.reserved -= thing.count
                delta.available += thing.count
                self.changes.stock_arrived = True
            else:
                delta.awaited -= thing.count

    def send_to(self, shipment_id: int, x: int, y: int, cause: str, *, ask_again: bool) -> None:
        """Gives a loaded shipment another address; `ask_again`: the truck is asked for with it."""
        shipment = self._moving[shipment_id]
        shipment.x, shipment.y = x, y
        self._moved[shipment_id] = shipment
        if ask_again:
            shipment.effects.append((Effect.SEND_TRUCK_REQUEST, 0.0))
        self._note(shipment, "address_changed", f"The address is {x}, {y} now", cause)

    def _write_orders(self) -> None:
        order_ids = sorted(self._stepped_orders - self._new_orders.keys())
        if not order_ids:
            return
        parcels: dict[int, list[explain.Status]] = {}
        for row in self.connection.execute(_PARCELS, {"k_ids": order_ids}):
            status = explain.parcel_status(State(Goods(row.goods), Truck(row.truck)), row.attention_reason is not None)
            parcels.setdefault(row.order_id, []).append(status)
        orders = self.connection.execute(_KNOWN_ORDERS, {"k_ids": order_ids}).all()
        values = [{"k_id": row.id, "d_status": int(explain.order_status(parcels[row.id]))} for row in orders]
        self.connection.execute(_UPDATE_ORDER, values)
        telling.note(self.connection, {row.id: news_of(parcels[row.id]) for row in orders}, self.now)
        self.changes.orders.extend(OrderChange(row.id, row.user_id, row.version + 1) for row in orders)


_AMONG_SHIPMENTS = Shipment.id.in_(bindparam("k_ids", expanding=True))
_AMONG_ORDERS = Order.id.in_(bindparam("k_ids", expanding=True))
_SHIPMENTS = select(*Shipment.__table__.c).where(_AMONG_SHIPMENTS)
_LOCK_ORDERS = (
    select(Order.id)
    .where(Order.id.in_(select(Shipment.order_id).where(_AMONG_SHIPMENTS)))
    .order_by(Order.id)
    .with_for_update()
)
_NEW_ITEM = insert(ShipmentItem)
_NEW_STEP = insert(ShipmentStep)
_PLACES = select(Warehouse.id, Warehouse.x, Warehouse.y)
_ACCOUNTS = select(Order.id, Order.ups_account).where(_AMONG_ORDERS)
_KNOWN_ORDERS = select(Order.id, Order.user_id, Order.version).where(_AMONG_ORDERS)
_PARCELS = select(Shipment.order_id, Shipment.goods, Shipment.truck, Shipment.attention_reason).where(
    Shipment.order_id.in_(bindparam("k_ids", expanding=True)), Shipment.superseded_by.is_(None)
)
_UPDATE_ORDER = (
    update(Order.__table__)  # type: ignore[arg-type]
    .where(Order.__table__.c.id == bindparam("k_id"))
    .values(status=bindparam("d_status"), version=Order.__table__.c.version + 1)
)
