"""Patience: how long a silence may last before we ask, and how often we try.

Times are in world ticks, since a tick is the world's shortest answer; a
question that brought nothing new doubles the wait, up to a limit.
"""

from dataclasses import dataclass

from orders_svc.domain.lifecycle import Event, Goods, State, Truck, is_held


@dataclass(frozen=True, slots=True)
class Patience:
    """The numbers; `tick` in seconds, waits in ticks."""

    tick: float
    packing: float = 15.0
    loading: float = 15.0
    truck: float = 50.0
    delivery: float = 50.0
    # Until UPS is asked again about a change, and how often it is asked before no answer is expected any more.
    answer: float = 50.0
    max_asks: int = 6
    longest: float = 300.0
    # Failures of one shipment without progress between them, after which a person must look.
    max_failures: int = 12
    # Questions without progress after which a person is told; they are still asked.
    max_checks: int = 8
    # Between a failed command and its next try, doubling with each failure; and the most it becomes.
    retry: float = 0.5
    longest_retry: float = 20.0

    def retry_delay(self, failures: int) -> float:
        """Seconds between the last of `failures` failures in a row and the next try."""
        return float(min(self.retry * 2 ** min(failures - 1, 10), self.longest_retry) * self.tick)

    def wait(self, state: State, checks: int) -> float | None:
        """Seconds until `overdue_event(state)` is due after `checks` vain questions; None: nothing to wait for."""
        if state.truck is Truck.DELIVERED or state.goods in (Goods.NEW, Goods.AWAITING_STOCK, Goods.CANCELLED):
            return None
        if is_held(state):
            # For an answer, which has a wait of its own.
            return None
        if state.goods is Goods.PACKING:
            ticks = self.packing
        elif state.goods is Goods.LOADING:
            ticks = self.loading
        elif state.truck is Truck.EN_ROUTE:
            ticks = self.delivery
        else:
            ticks = self.truck
        return float(min(ticks * 2 ** min(checks, 10), self.longest) * self.tick)

    def ask_wait(self, asks: int) -> float:
        """Seconds until an answer of UPS is overdue that was asked for `asks` times."""
        return float(min(self.answer * 2 ** min(asks - 1, 10), self.longest) * self.tick)


def overdue_event(state: State) -> Event:
    """What to call the silence in `state`: the world's while goods are handled, UPS's otherwise."""
    if state.goods in (Goods.PACKING, Goods.LOADING):
        return Event.GOODS_OVERDUE
    return Event.TRUCK_OVERDUE
