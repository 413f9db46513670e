"""Where a loaded package is, for a fleet that forgot: tried on one free truck after the other.

Rules (docs/ups-protocol.md 6.9): the world refuses to deliver what is not on a truck, so that asking does no harm. Only
trucks of the life before can have it; when none has, the shop is told, and it waits for a truck like any other.
"""

from collections.abc import Callable

from sim.agenda import Agenda
from sim.ups.model.jobs import Job, JobState, Truck, TruckState
from sim.ups.model.settings import Settings
from sim.ups.model.sides import ShopNews


class Search:
    """The searches of one fleet. `trucks`: those that may carry what we know nothing of."""

    def __init__(
        self,
        settings: Settings,
        agenda: Agenda,
        shop: ShopNews,
        loaded: Callable[[Job, Truck, float], None],
        wait: Callable[[Job], None],
    ) -> None:
        self.trucks: dict[int, Truck] = {}
        self._settings = settings
        self._agenda = agenda
        self._shop = shop
        self._loaded = loaded
        self._wait = wait

    def look(self, job: Job, text: str, now: float) -> None:
        """Try the next truck that may have the package, when it is free; or give up, with the world's words."""
        if job.truck is not None or job.state is not JobState.DELIVERING:
            return
        untried = [truck for truck in self.trucks.values() if truck.id not in job.not_on]
        free = next((truck for truck in untried if truck.state is TruckState.FREE), None)
        if free is not None:
            self._loaded(job, free, now)
        elif untried:
            self._agenda.later(now + self._settings.tick, lambda then: self.look(job, text, then))
        else:
            job.not_on.clear()
            self._shop.error(text, job.asked_as)
            self._wait(job)
