"""The use cases as the outer layers call them: a transaction each, and what is to be told after it.

Rules: everything that is announced was committed before; nothing here talks to
the network. The deterministic parts (clock, rng) are arguments.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from db.clock import Clock
from db.engine import read_only
from db.orders.stock import Warehouse
from mesh.errors import Aborted, FailedPrecondition, Refusal
from orders_svc.domain.news import Look, News, look
from orders_svc.domain.patience import Patience
from orders_svc.outbox import rows as outbox
from orders_svc.service import (
    accounts,
    amending,
    arrivals,
    intervening,
    links,
    overdue,
    placing,
    points,
    reports,
    restocking,
    selling,
    telling,
    worlds,
)
from orders_svc.service.accounts import AccountCheck, Accounts
from orders_svc.service.changes import Changes
from orders_svc.service.expecting import Expecting
from orders_svc.service.placing import Placed, PlaceOrder
from orders_svc.service.points import ReorderRequest
from orders_svc.service.reading import ALL_ORDERS, Wanted, read_anybodys, read_order, read_orders
from orders_svc.service.selling import DayOfSales, SaleView
from orders_svc.service.transactions import LostRace, transact
from orders_svc.service.trucks import Trucks
from orders_svc.service.views import OrderView
from shop.fulfilment.v1 import fulfilment_pb2

# How long somebody waits for UPS's word on an account.
ACCOUNT_SECONDS = 2.0


@dataclass(slots=True)
class App:
    """All use cases of the orders service. `announce` is called after each commit that changed something."""

    engine: Engine
    clock: Clock
    patience: Patience
    rng: random.Random
    announce: Callable[[Changes], None]
    create_world: bool = False
    lease_seconds: float = 3.0
    # An order for which no time could be told is late after so long.
    late_after_seconds: float = 86_400.0
    # What UPS says that is not stored; shared by all use cases of one process.
    accounts: Accounts = field(default_factory=Accounts)
    trucks: Trucks = field(default_factory=Trucks)
    reader: Engine = field(init=False)
    # The links whose peer was there when their owner last said so.
    _connected: set[str] = field(default_factory=set, init=False)

    expecting: Expecting = field(init=False)

    def __post_init__(self) -> None:
        self.reader = read_only(self.engine)
        self.expecting = Expecting(self.patience.tick)

    def place_orders(self, requests: Sequence[PlaceOrder]) -> list[Placed | Refusal]:
        """Accepts or refuses each; raises what the database raised."""
        try:
            answers, changes = transact(
                self.engine, lambda c: placing.place_orders(c, self.patience, requests, self.clock.now())
            )
        except LostRace:
            return [Aborted("STOCK_CONTENDED", "others were faster too often; send the same again")] * len(requests)
        self.announce(changes)
        return answers

    def amend(self, wish: amending.Wish) -> list[amending.Decided]:
        """What was decided about a cancellation or a new address; raises Refusal."""
        decided, changes = transact(self.engine, lambda c: amending.amend(c, self.patience, wish, self.clock.now()))
        self.announce(changes)
        return decided

    def intervene(self, order: intervening.Order) -> intervening.Intervened:
        """What was done about a parcel that needs attention, now or before; raises Refusal."""
        done, changes = transact(
            self.engine, lambda c: intervening.intervene(c, self.patience, order, self.clock.now())
        )
        self.announce(changes)
        return done

    def check_account(self, name: str, seconds: float = ACCOUNT_SECONDS) -> AccountCheck:
        """Whether UPS knows an account, as far as it says so within `seconds`."""
        now = self.clock.now()
        exists = self.accounts.recall(name, now)
        if exists is None:
            with self.reader.begin() as connection:
                reason = accounts.obstacle(connection)
            if reason:
                return AccountCheck(None, reason)
            with self.accounts.waiting(name) as waiter:
                command_id = None
                if waiter.has_to_ask:
                    command_id = transact(self.engine, lambda c: accounts.ask(c, name, self.clock.now()))
                    self.announce(Changes(links={"ups"}))
                exists = waiter.wait(seconds, now)
            if exists is None and command_id is not None:
                unanswered = command_id
                transact(self.engine, lambda c: outbox.withdraw(c, unanswered, self.clock.now()))
        if exists is None:
            return AccountCheck(None, "UPS has not answered in time")
        return AccountCheck(exists, "UPS knows this account" if exists else "UPS knows no such account")

    def untold(self, after_id: int, limit: int) -> list[telling.Untold]:
        """A page of orders of which something is to be told, by their ids."""
        with self.reader.begin() as connection:
            return telling.untold(connection, after_id, limit)

    def orders_to_tell(self, order_ids: Collection[int]) -> list[OrderView]:
        """These orders as they are now, whose they may be, by their ids; without history."""
        if not order_ids:
            return []
        with self.reader.begin() as connection:
            return read_anybodys(connection, order_ids)

    def settle_news(self, told: Mapping[int, News]) -> None:
        """What was told need not be told again."""
        transact(self.engine, lambda c: telling.settle(c, told))

    def find_late(self) -> bool:
        """Looks at the orders that may be late; whether there may be more."""
        now = self.clock.now()
        with self.reader.begin() as connection:
            rows = telling.to_look_at(connection, now)
            untimed = [row.order_id for row in rows if row.promised_at is None]
            latest = self.expecting.latest(connection, untimed, now) if untimed else {}
        looks = [(row, self._look(row, latest.get(row.order_id), now)) for row in rows]
        if looks:
            transact(self.engine, lambda c: telling.looked(c, looks))
        return len(looks) == telling.LOOKED_AT_ONCE

    def _look(self, row: Row[Any], latest: float | None, now: float) -> Look:
        return look(row.placed_at, row.promised_at, latest, now, self.patience.tick, self.late_after_seconds)

    def restock(self, request: restocking.RestockRequest) -> bool:
        """Whether it had been done before; raises Refusal."""
        replayed, changes = transact(self.engine, lambda c: restocking.restock(c, request, self.clock.now()))
        self.announce(changes)
        return replayed

    def set_reorder_point(self, wanted: ReorderRequest) -> None:
        """Sets or removes an own offer's point, and buys at once if that much is missing; raises Refusal."""
        changes = transact(self.engine, lambda c: points.set_point(c, wanted, self.clock.now()))
        self.announce(changes)

    def order(self, user_id: int, order_id: int) -> OrderView:
        """One order; raises NotFound."""
        with self.reader.begin() as connection:
            view = read_order(connection, user_id, order_id, self.clock.now())
            return self.trucks.with_places(self.expecting.with_times(connection, view, self.clock.now()))

    def orders(self, user_id: int, before_id: int | None, limit: int, wanted: Wanted = ALL_ORDERS) -> list[OrderView]:
        """A page of a user's orders, newest first."""
        with self.reader.begin() as connection:
            return read_orders(connection, user_id, before_id, limit, wanted)

    def sales(self, seller_id: int, before_id: int | None, limit: int, wanted: Wanted = ALL_ORDERS) -> list[SaleView]:
        """A page of the orders of a seller's things, newest first."""
        with self.reader.begin() as connection:
            return selling.read_sales(connection, seller_id, before_id, limit, wanted)

    def sums_of_sales(self, seller_id: int, days: int) -> Sequence[DayOfSales]:
        """What a seller sold on each of the last days, oldest first."""
        with self.reader.begin() as connection:
            return selling.sum_sales(connection, seller_id, days, self.clock.now())

    def stock(self, offer_ids: Sequence[int]) -> Sequence[Row[Any]]:
        """The stock rows of some offers in the current world."""
        with self.reader.begin() as connection:
            return restocking.read_stock(connection, offer_ids)

    def warehouses(self, after_id: int, limit: int) -> Sequence[Row[Any]]:
        """A page of warehouses, by id."""
        query = select(*Warehouse.__table__.c).where(Warehouse.id > after_id).order_by(Warehouse.id).limit(limit)
        with self.reader.begin() as connection:
            return connection.execute(query).all()

    def attach(self, wanted: links.Attachment) -> int:
        """The new owner's link_epoch; raises FailedPrecondition (LINK_OWNED)."""
        link_epoch = transact(self.engine, lambda c: links.attach(c, wanted, self.lease_seconds))
        self.announce(Changes(links={wanted.link}))
        return link_epoch

    def renew(self, link: str, link_epoch: int, connected: bool, state: str) -> int | None:
        """Renews the lease; the world link is told of a candidate. Raises FailedPrecondition (STALE_EPOCH)."""
        now = self.clock.now()
        transact(self.engine, lambda c: links.renew(c, link, link_epoch, self.lease_seconds, connected, state, now))
        if not connected:
            self._connected.discard(link)
        elif link not in self._connected:
            self._connected.add(link)
            self.announce(Changes(links={link}))
        if link != "world":
            return None
        with self.reader.begin() as connection:
            return worlds.candidate(connection)

    def advance_world(self, request: fulfilment_pb2.AdvanceWorldRequest) -> fulfilment_pb2.AdvanceWorldResponse:
        """The next directive for the world bridge."""
        terms = worlds.Terms(self.patience, self.create_world, self.rng)

        def step(connection: Connection) -> tuple[fulfilment_pb2.AdvanceWorldResponse, Changes]:
            advance = worlds.Advance(connection, terms, request.link_epoch, self.clock.now())
            return advance.step(request), advance.changes

        response, changes = transact(self.engine, step)
        self.announce(changes)
        return response

    def report(self, report: reports.Report) -> list[reports.Result]:
        """What became of each event; raises FailedPrecondition (STALE_EPOCH)."""
        results, changes = transact(
            self.engine, lambda c: reports.apply_report(c, self.patience, report, self.clock.now())
        )
        if changes.accounts:
            self.accounts.answered(changes.accounts, self.clock.now())
        self.announce(changes)
        return results

    def fail_commands(self, link: str, link_epoch: int, reasons: Mapping[int, str]) -> None:
        """Takes commands that a link's bridge can never say for failed; nothing if it owns the link no more."""

        def fail(connection: Connection) -> Changes:
            return reports.fail_commands(connection, self.patience, link, link_epoch, reasons, self.clock.now())

        try:
            changes = transact(self.engine, fail)
        except FailedPrecondition:
            # The next owner is given them, and refuses them.
            return
        self.announce(changes)

    def serve_waiting(self) -> bool:
        """Gives arrived units to those who wait; whether there may be more."""
        with self.reader.begin() as connection:
            if not arrivals.can_serve(connection):
                return False
        changes = transact(self.engine, lambda c: arrivals.serve_waiting(c, self.patience, self.clock.now()))
        more, changes.stock_arrived = changes.stock_arrived, False
        self.announce(changes)
        return more

    def ask_overdue(self) -> bool:
        """Asks for what is overdue; whether there may be more."""
        with self.reader.begin() as connection:
            if not overdue.is_due(connection, self.clock.now()):
                return False
        changes, more = transact(self.engine, lambda c: overdue.ask_overdue(c, self.patience, self.clock.now()))
        self.announce(changes)
        return more
