"""Trucks: where UPS saw each last. In memory, bounded, never stored: the latest counts, and nobody misses one.

Rules: a parcel's truck is the one that was last seen with it, or, once a truck has come for it, that truck since then.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from orders_svc.domain.lifecycle import Goods, Truck
from orders_svc.service.views import OrderView, ParcelView, Seen
from shop.fulfilment.v1 import fulfilment_pb2

MOST_TRUCKS = 10_000
MOST_SHIPMENTS = 100_000


class Trucks:
    """The last known place of each truck and shipment. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_truck: OrderedDict[int, Seen] = OrderedDict()
        self._by_shipment: OrderedDict[int, Seen] = OrderedDict()

    def seen(self, positions: Iterable[fulfilment_pb2.TruckPosition], now: float) -> None:
        """UPS said where these are."""
        with self._lock:
            for one in positions:
                seen = Seen(one.truck_id, one.x, one.y, now)
                _keep(self._by_truck, one.truck_id, seen, MOST_TRUCKS)
                for shipment_id in one.shipment_ids:
                    _keep(self._by_shipment, shipment_id, seen, MOST_SHIPMENTS)

    def with_places(self, view: OrderView) -> OrderView:
        """The order, its parcels with the place of their truck where it is known."""
        return replace(view, parcels=[replace(parcel, truck_seen=self._of(parcel)) for parcel in view.parcels])

    def _of(self, parcel: ParcelView) -> Seen | None:
        state, row = parcel.state, parcel.row
        if state.truck in (Truck.NONE, Truck.DELIVERED) or state.goods is Goods.CANCELLED:
            return None
        with self._lock:
            aboard = self._by_shipment.get(row.id)
            of_truck = None if row.truck_id is None else self._by_truck.get(row.truck_id)
        # A number of a truck alone may be that of another world, or of another way.
        if of_truck is not None and of_truck.at < row.state_since_at:
            of_truck = None
        return max((seen for seen in (aboard, of_truck) if seen is not None), key=lambda seen: seen.at, default=None)


def _keep(where: OrderedDict[int, Seen], key: int, seen: Seen, most: int) -> None:
    where.pop(key, None)
    where[key] = seen
    if len(where) > most:
        where.popitem(last=False)
