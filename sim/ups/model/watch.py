"""Where trucks are, for a shop that wants to know: the world is asked about those under way, once a tick."""

from collections.abc import Iterable, Iterator

from sim.agenda import Agenda
from sim.ups.model.extension import TRUCK_POSITION
from sim.ups.model.jobs import Truck, TruckState
from sim.ups.model.settings import Settings
from sim.ups.model.sides import WorldOrders


def under_way(trucks: Iterable[Truck]) -> Iterator[Truck]:
    """The trucks that drive to a warehouse or to addresses, as far as we know."""
    return (truck for truck in trucks if truck.state in (TruckState.GOING, TruckState.OUT))


class Watch:
    """Asks while the feature is spoken of; the answers go where all answers about trucks go."""

    def __init__(self, settings: Settings, agenda: Agenda, world: WorldOrders) -> None:
        self._settings = settings
        self._agenda = agenda
        self._world = world
        self._at = float("-inf")

    def look(self, trucks: Iterable[Truck], now: float) -> None:
        """Ask about all trucks under way, if it is time."""
        if TRUCK_POSITION not in self._settings.features or now < self._at:
            return
        for truck in under_way(trucks):
            self._world.query(truck)
            self._at = now + self._settings.tick
        if self._at > now:
            # To be woken then; whoever calls at that time looks.
            self._agenda.later(self._at, lambda _: None)
