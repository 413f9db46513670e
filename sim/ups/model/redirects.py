"""Other addresses for packages that are known, and when such a thing may be promised.

Rules (docs/ups-protocol.md 11.3): a package whose truck has not left has its address written down. One under way is
given to the world, once no earlier order about it can still arrive there and undo it, and is accepted only when the
world has taken the order and can not refuse it any more: after a lost connection that takes minutes, since what the
world said last comes again so late. One at a time for a package, those that came meanwhile after it.
"""

from collections.abc import Callable, Iterable

from sim.agenda import Agenda
from sim.ups.model.jobs import Job, JobState, Order, OrderKind, Redirect, Truck
from sim.ups.model.settings import Settings
from sim.ups.model.sides import ShopNews, WorldOrders

DELIVERED = "delivered"
CANCELLED = "cancelled"
SUPERSEDED = "superseded"
UNDER_WAY = "under way"
UNKNOWN_SHIP = "unknown shipId"
_NOT_ON_TRUCK = "package you have specified is not currently in the truck"
_CHANCE = "serializ"


def may_refuse(job: Job | None, address: tuple[int, int] | None = None) -> bool:
    """Whether a change of a package breaks no promise when it is refused; `address`: it is a redirect to it."""
    if job is None or job.state is JobState.CANCELLED:
        return False
    return address is None or (not job.redirects and (job.x, job.y) != address)


def is_being_decided(job: Job) -> bool:
    """Whether the world is asked to take a package elsewhere: before its answer nothing else says where it goes."""
    return any(wanted.order is not None for wanted in job.redirects)


class Redirects:
    """The redirects of one fleet. `give(truck, order, now)` has the fleet look after an order."""

    def __init__(
        self,
        settings: Settings,
        agenda: Agenda,
        world: WorldOrders,
        shop: ShopNews,
        give: Callable[[Truck, Order, float], None],
    ) -> None:
        self._settings = settings
        self._agenda = agenda
        self._world = world
        self._shop = shop
        self._give = give

    def wanted(self, job: Job | None, ship: int, wanted: Redirect, now: float) -> None:
        """Decide about another address, or ask the world when the package is under way."""
        refusal: str | None = None
        if job is None:
            self._shop.redirected(wanted.number, ship, UNKNOWN_SHIP)
            return
        if job.redirects:
            job.redirects.append(wanted)
            return
        if job.state is JobState.CANCELLED:
            refusal = CANCELLED
        elif job.redirected_as is not None and wanted.number < job.redirected_as:
            refusal = SUPERSEDED
        elif job.state is JobState.DELIVERED:
            refusal = None if (job.x, job.y) == (wanted.x, wanted.y) else DELIVERED
        elif job.state is JobState.DELIVERING and job.truck is not None:
            job.redirects.append(wanted)
            self._ask_world(job, wanted, now)
            return
        else:
            job.x, job.y = wanted.x, wanted.y
        self._answer(job, wanted, refusal)

    def taken(self, order: Order, now: float) -> None:
        """The world has acked a redirect, and not said with it that it failed."""
        self._agenda.later(now + self._settings.sure, lambda then: self._sure(order, then, waited=False))

    def refused(self, order: Order, text: str, now: float) -> None:
        """The world refused a redirect."""
        (job,) = order.jobs
        if not job.redirects or job.redirects[0].order is not order:
            return
        wanted = job.redirects[0]
        job.x, job.y = wanted.before
        wanted.order = None
        if _CHANCE in text:
            self._ask_world(job, wanted, now)
            return
        delivered = job.state is JobState.DELIVERED or text.startswith(_NOT_ON_TRUCK)
        self._decided(job, DELIVERED if delivered else UNDER_WAY, now)

    def world_lost(self, jobs: Iterable[Job]) -> None:
        """The connection to the world is gone, and with it, perhaps, a refusal."""
        for job in jobs:
            for wanted in job.redirects[:1]:
                wanted.doubtful = True

    def _ask_world(self, job: Job, wanted: Redirect, now: float) -> None:
        """Tell the world the other address, once no earlier order about this package can still arrive there."""
        if job.redirects[:1] != [wanted]:
            return
        truck = job.truck
        if job.state is not JobState.DELIVERING or truck is None:
            later, job.redirects = job.redirects, []
            for one in later:
                self.wanted(job, job.ship, one, now)
        elif any(job in order.jobs and not order.acked for order in truck.orders.values()):
            self._agenda.later(now + self._settings.tick / 2, lambda then: self._ask_world(job, wanted, then))
        else:
            wanted.before, (job.x, job.y) = (job.x, job.y), (wanted.x, wanted.y)
            wanted.order = self._world.deliver(truck, (job,), OrderKind.REDIRECT)
            self._give(truck, wanted.order, now)

    def _sure(self, order: Order, now: float, *, waited: bool) -> None:
        (job,) = order.jobs
        if not job.redirects or job.redirects[0].order is not order:
            return
        if job.redirects[0].doubtful and not waited:
            later = now + self._settings.sure_after_loss
            self._agenda.later(later, lambda then: self._sure(order, then, waited=True))
            return
        self._decided(job, None, now)

    def _decided(self, job: Job, refusal: str | None, now: float) -> None:
        """The redirect that was with the world has its answer; what came meanwhile is looked at."""
        wanted, *later = job.redirects
        job.redirects = []
        self._answer(job, wanted, refusal)
        for one in later:
            self.wanted(job, job.ship, one, now)

    def _answer(self, job: Job, wanted: Redirect, refusal: str | None) -> None:
        if refusal is None:
            job.redirected_as = wanted.number
        self._shop.redirected(wanted.number, job.ship, refusal)
