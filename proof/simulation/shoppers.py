"""The shoppers and the seller: they want things, and ask again with the same request until the answer is definite.

Rules, as the storefront's: a request id belongs to one content for ever; no answer, UNAVAILABLE, ABORTED and the like
mean "ask again"; a refusal is definite: what was refused is not asked again, since it would be decided anew, and who
still has a copy under way then waits for its answer, too. What was acknowledged is remembered here and held against
the database.
"""

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from mesh.errors import RpcFailure
from mesh.identity import Caller
from proof.simulation import database
from proof.simulation.calls import UNSURE
from proof.simulation.database import BEGINNING
from proof.simulation.orders import ADDRESS
from proof.simulation.scheduler import Process
from shop.inventory.v1 import inventory_pb2
from shop.orders.v1 import orders_pb2

if TYPE_CHECKING:
    from proof.simulation.room import Room

DEADLINE_SECONDS = 5.0


@dataclass(slots=True)
class Wish:
    """One purchase or restocking, and what is known of it."""

    user_id: int
    method: str
    request: Any
    at: float
    # Definite answers, in the order in which they came.
    orders: list[int] = field(default_factory=list)
    # Of a cancellation or a change of address: shipment -> whether it was done; what is being asked is not in it.
    decisions: dict[int, bool] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    done: bool = False
    tries: int = 0


class Shoppers:
    """All of them, as one process that never dies."""

    def __init__(self, room: "Room", orders: int, span: float) -> None:
        self.room = room
        self.process = Process("shoppers")
        self.rng = Random(f"shoppers {room.seed}")
        # Later thoughts would keep a run from ending.
        self._last_thought = BEGINNING + span + 120.0
        self.wishes = [self._order(number, span) for number in range(orders)]
        self.wishes += [self._restock(number, span) for number in range(self.rng.randint(0, 2))]

    @property
    def done(self) -> bool:
        """Whether every wish has a definite answer."""
        return all(wish.done for wish in self.wishes)

    def start(self) -> None:
        """Everybody sets out."""
        self.process.begin()
        for wish in self.wishes:
            self.room.scheduler.after(wish.at, self.process, lambda wish=wish: self._ask(wish))  # type: ignore[misc]
            if self.rng.random() < 0.2:
                late = wish.at + self.rng.choice((0.001, 1.0, 30.0, 120.0))
                self.room.scheduler.after(late, self.process, lambda wish=wish: self._ask(wish, once=True))  # type: ignore[misc]

    def _order(self, number: int, span: float) -> Wish:
        rng, room = self.rng, self.room
        user_id = rng.choice(database.SHOPPERS)
        chosen = rng.sample(
            (database.PLENTY, database.CONTENDED, database.ONE_PLACE, database.BACKORDER), rng.choice((1, 1, 2, 3))
        )
        if number < 2 and database.CONTENDED not in chosen:
            chosen[0] = database.CONTENDED
        request = orders_pb2.PlaceOrderRequest(request_id=f"order-{room.seed}-{number}")
        for offer_id in chosen:
            most = 4 if offer_id == database.CONTENDED else 6
            request.items.add(offer_id=offer_id, quantity=rng.randint(1, most))
        request.destination.x, request.destination.y = rng.randint(-60, 60), rng.randint(-60, 60)
        if rng.random() < 0.3:
            request.ups_account = f"user{user_id}"
        return Wish(user_id, "PlaceOrder", request, round(rng.uniform(0.0, max(1.0, span)), 3))

    def _restock(self, number: int, span: float) -> Wish:
        rng, room = self.rng, self.room
        request = inventory_pb2.RestockRequest(
            request_id=f"restock-{room.seed}-{number}",
            offer_id=rng.choice((database.CONTENDED, database.BACKORDER, database.ONE_PLACE)),
            warehouse_id=rng.randint(1, room.setup.warehouses),
            quantity=rng.randint(1, 5),
        )
        return Wish(database.SELLER, "Restock", request, round(rng.uniform(0.0, max(1.0, span)), 3))

    def _think_again(self, wish: Wish, order_id: int) -> None:
        """Some cancel what they ordered, or want it elsewhere; some think again of that, too."""
        rng, room = self.rng, self.room
        chance = rng.random()
        if chance > 0.5 or room.scheduler.time > self._last_thought:
            return
        number = len(self.wishes)
        request: Any
        if chance < 0.25:
            request = orders_pb2.CancelOrderRequest(request_id=f"cancel-{room.seed}-{number}", order_id=order_id)
            method = "CancelOrder"
        else:
            request = orders_pb2.ChangeAddressRequest(request_id=f"change-{room.seed}-{number}", order_id=order_id)
            request.destination.x, request.destination.y = rng.randint(-60, 60), rng.randint(-60, 60)
            method = "ChangeAddress"
        late = rng.choice((0.0, 0.05, 3.0, 15.0, 30.0, 60.0))
        again = Wish(wish.user_id, method, request, room.scheduler.time + late)
        self.wishes.append(again)
        room.scheduler.after(late, self.process, lambda: self._ask(again))
        if rng.random() < 0.3:
            room.scheduler.after(late + rng.uniform(0.0, 40.0), self.process, lambda: self._ask(again, once=True))

    def _ask(self, wish: Wish, *, once: bool = False) -> None:
        if once and wish.refusals:
            return
        self._send(wish, once=once)

    def _send(self, wish: Wish, *, once: bool) -> None:
        wish.tries += 1
        who = Caller("storefront", wish.user_id)
        self.room.calls.call(
            self.process,
            who,
            ADDRESS,
            wish.method,
            wish.request,
            DEADLINE_SECONDS,
            lambda answer: self._answered(wish, answer, once),
        )

    def _answered(self, wish: Wish, answer: Message | RpcFailure, once: bool) -> None:
        room = self.room
        if isinstance(answer, RpcFailure):
            if answer.code not in UNSURE:
                wish.refusals.append(answer.reason)
                wish.done = True
                if answer.reason == "CHANGE_PENDING" and not once:
                    self._think_again(wish, wish.request.order_id)
            elif not once or wish.refusals:
                wish.done = False
                delay = self.rng.uniform(0.5, min(20.0, 2.0 * wish.tries + 1.0))
                room.scheduler.after(delay, self.process, lambda: self._send(wish, once=once))
        else:
            wish.done = True
            if isinstance(answer, orders_pb2.PlaceOrderResponse):
                room.checks.acknowledged(wish, answer)
                if not wish.orders:
                    self._think_again(wish, answer.order_id)
                wish.orders.append(answer.order_id)
            elif isinstance(answer, orders_pb2.CancelOrderResponse | orders_pb2.ChangeAddressResponse):
                room.checks.decided(wish, answer)
                if not once:
                    self._think_again(wish, wish.request.order_id)
