"""Which trucks nobody needs, and which, there or on the way, still take packages of their warehouse."""

from collections.abc import Iterable

from sim.ups.model.jobs import Truck


class Yard:
    """The trucks of one world by what they can be had for. `capacity`: packages of one truck."""

    def __init__(self, capacity: int, trucks: Iterable[Truck] = ()) -> None:
        self._capacity = capacity
        self.free: dict[int, Truck] = {truck.id: truck for truck in trucks}
        self._open: dict[int, dict[int, Truck]] = {}
        """By warehouse."""

    def nearest(self, x: int, y: int) -> Truck | None:
        """The free truck that is nearest to a place."""
        return min(self.free.values(), key=lambda one: (abs(one.x - x) + abs(one.y - y), one.id), default=None)

    def least_laden(self, warehouse: int) -> Truck | None:
        """The truck for this warehouse with the most room."""
        trucks = (truck for truck in self._open.get(warehouse, {}).values() if len(truck.jobs) < self._capacity)
        return min(trucks, key=lambda truck: (len(truck.jobs), truck.id), default=None)

    def send(self, truck: Truck) -> None:
        """A free truck goes to its warehouse: packages can join it."""
        assert truck.warehouse is not None
        del self.free[truck.id]
        truck.closed = False
        self._open.setdefault(truck.warehouse, {})[truck.id] = truck

    def close(self, truck: Truck) -> None:
        """Nobody joins this truck any more."""
        truck.closed = True
        if truck.warehouse is not None:
            self._open.get(truck.warehouse, {}).pop(truck.id, None)
