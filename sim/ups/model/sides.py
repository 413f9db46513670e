"""What the fleet asks of its two sides, the world and the shop."""

from typing import Protocol

from sim.ups.model.jobs import Job, Order, OrderKind, Truck


class WorldOrders(Protocol):
    """What the fleet asks of the world; each call gives an order under a new number."""

    def pickup(self, truck: Truck, warehouse: int) -> Order:
        """Send a truck to a warehouse."""

    def deliver(self, truck: Truck, jobs: tuple[Job, ...], kind: OrderKind = OrderKind.DELIVER) -> Order:
        """Send a truck out with packages, or, as a redirect, one under way elsewhere."""

    def query(self, truck: Truck) -> Order:
        """Ask where a truck is."""


class ShopNews(Protocol):
    """What the shop is told; each call is one element under a new number."""

    def load(self, job: Job, truck: Truck) -> None:
        """The truck is there."""

    def delivered(self, job: Job) -> None:
        """The package is at its address."""

    def error(self, text: str, origin: int) -> None:
        """The element with number `origin` cannot be done."""

    def redirected(self, number: int, ship: int, refusal: str | None) -> None:
        """The answer to a redirect: accepted, or why not."""

    def cancelled(self, number: int, ship: int, refusal: str | None) -> None:
        """The answer to a cancel: accepted, or why not."""

    def started(self, job: Job, truck: Truck) -> None:
        """The truck has left with it."""

    def seen(self, truck: Truck, x: int, y: int) -> None:
        """A truck under way is there."""
