"""The shoppers and the seller: what they order, cancel, want elsewhere, and have bought.

Rules: what was acknowledged is remembered with the wish and held against the database; who has a theme
(`themes.Theme`) thinks again as it says.
"""

from random import Random
from typing import Any

from proof.simulation import database
from proof.simulation.checks import Checks
from proof.simulation.database import BEGINNING
from proof.simulation.environment import Environment
from proof.simulation.wishes import People, Wish
from shop.inventory.v1 import inventory_pb2
from shop.orders.v1 import orders_pb2

# Offer -> the highest reorder point that makes sense.
_MOST_LEFT = {database.PLENTY: 100, database.CONTENDED: 6, database.ONE_PLACE: 20, database.BACKORDER: 4}
# So often at most more is bought until that much is left: a run has time for no more.
MOST_PURCHASES = 8


class Shoppers(People):
    """All of them, and the seller."""

    def __init__(self, env: Environment, checks: Checks) -> None:
        super().__init__(env, "shoppers")
        self._checks = checks
        orders, span = env.setup.orders, env.setup.span
        # Later thoughts would keep a run from ending.
        self._last_thought = BEGINNING + span + 120.0
        self.wishes = [self._order(number, span) for number in range(orders)]
        self.wishes += [self._restock(number, span) for number in range(self.rng.randint(0, 2))]
        self.wishes += self._points(span)

    def start(self) -> None:
        """Everybody sets out."""
        self.process.begin()
        for wish in self.wishes:
            self.env.scheduler.after(wish.at, self.process, lambda wish=wish: self.ask(wish))  # type: ignore[misc]
            if self.rng.random() < 0.2:
                late = wish.at + self.rng.choice((0.001, 1.0, 30.0, 120.0))
                self.env.scheduler.after(late, self.process, lambda wish=wish: self.ask(wish, once=True))  # type: ignore[misc]

    def _order(self, number: int, span: float) -> Wish:
        rng, env = self.rng, self.env
        user_id = rng.choice(database.SHOPPERS)
        chosen = rng.sample(
            (database.PLENTY, database.CONTENDED, database.ONE_PLACE, database.BACKORDER), rng.choice((1, 1, 2, 3))
        )
        if number < 2 and database.CONTENDED not in chosen:
            chosen[0] = database.CONTENDED
        request = orders_pb2.PlaceOrderRequest(request_id=f"order-{env.seed}-{number}")
        for offer_id in chosen:
            most = 4 if offer_id == database.CONTENDED else 6
            request.items.add(offer_id=offer_id, quantity=rng.randint(1, most))
        request.destination.x, request.destination.y = rng.randint(-60, 60), rng.randint(-60, 60)
        if rng.random() < 0.3:
            request.ups_account = f"user{user_id}"
        return Wish(user_id, "PlaceOrder", request, round(rng.uniform(0.0, max(1.0, span)), 3))

    def _restock(self, number: int, span: float) -> Wish:
        rng, env = self.rng, self.env
        request = inventory_pb2.RestockRequest(
            request_id=f"restock-{env.seed}-{number}",
            offer_id=rng.choice((database.CONTENDED, database.BACKORDER, database.ONE_PLACE)),
            warehouse_id=rng.randint(1, env.setup.warehouses),
            quantity=rng.randint(1, 5),
        )
        return Wish(database.SELLER, "Restock", request, round(rng.uniform(0.0, max(1.0, span)), 3))

    def _points(self, span: float) -> list[Wish]:
        """Below how few units the seller wants more to be bought; some are taken back."""
        rng = Random(f"points {self.env.seed}")
        wishes = []
        for offer_id, most in rng.sample(sorted(_MOST_LEFT.items()), rng.choice((0, 0, 1, 2, 3))):
            warehouse_id, level = rng.randint(1, self.env.setup.warehouses), rng.randint(1, most)
            quantity = max(rng.randint(1, 8), level // MOST_PURCHASES)
            request = inventory_pb2.SetReorderPointRequest(
                offer_id=offer_id, warehouse_id=warehouse_id, level=level, quantity=quantity
            )
            at = rng.uniform(0.0, 0.5 * span)
            wishes.append(Wish(database.SELLER, "SetReorderPoint", request, round(at, 3)))
            if rng.random() < 0.2:
                none = inventory_pb2.SetReorderPointRequest(offer_id=offer_id)
                wishes.append(Wish(database.SELLER, "SetReorderPoint", none, round(at + rng.uniform(0.0, span), 3)))
        return wishes

    def _think_again(self, wish: Wish, order_id: int) -> None:
        """Some cancel what they ordered, or want it elsewhere; some think again of that, too."""
        rng, env = self.rng, self.env
        theme = env.setup.theme
        chance = rng.random()
        if chance > theme.thinks_again or env.scheduler.time > self._last_thought:
            return
        number = len(self.wishes)
        request: Any
        if chance < theme.thinks_again * theme.cancels:
            request = orders_pb2.CancelOrderRequest(request_id=f"cancel-{env.seed}-{number}", order_id=order_id)
            method = "CancelOrder"
        else:
            request = orders_pb2.ChangeAddressRequest(request_id=f"change-{env.seed}-{number}", order_id=order_id)
            request.destination.x, request.destination.y = rng.randint(-60, 60), rng.randint(-60, 60)
            method = "ChangeAddress"
        late = rng.choice(theme.late)
        again = Wish(wish.user_id, method, request, env.scheduler.time + late)
        self.wishes.append(again)
        env.scheduler.after(late, self.process, lambda: self.ask(again))
        if rng.random() < 0.3:
            env.scheduler.after(late + rng.uniform(0.0, 40.0), self.process, lambda: self.ask(again, once=True))

    def answered(self, wish: Wish, answer: Any, once: bool) -> None:
        """See People."""
        if isinstance(answer, orders_pb2.PlaceOrderResponse):
            self._checks.acknowledged(wish, answer)
            if not wish.answers:
                self._think_again(wish, answer.order_id)
            wish.answers.append(answer.order_id)
        elif isinstance(answer, orders_pb2.CancelOrderResponse | orders_pb2.ChangeAddressResponse):
            self._checks.decided(wish, answer)
            if not once:
                self._think_again(wish, wish.request.order_id)

    def refused(self, wish: Wish, once: bool) -> None:
        """See People."""
        if wish.refusals[-1] == "CHANGE_PENDING" and not once:
            self._think_again(wish, wish.request.order_id)
