"""The mock Amazon with one planted fault: `python -m tests.proof.faulty_amazon FAULT OPTIONS OF THE MOCK`.

Each fault is one that a team could make; the case of `minimart conform amazon` that names it is beside it.
"""

import sys
from collections.abc import Callable
from typing import Any

from partners.ups import ups_pb2 as pb
from sim.amazon.command import mock
from sim.amazon.model import AmazonModel, orders
from sim.amazon.model.orders import Orders
from sim.amazon.model.parcels import Parcel
from sim.amazon.model.questions import Questions
from sim.amazon.model.ups_side import UpsSide


def acks_once() -> None:
    right = UpsSide.is_new

    def is_new(self: UpsSide, kind: str, element: Any, number: int) -> bool:
        new = right(self, kind, element, number)
        if not new and self._live is not None:
            self._live.acks.remove(number)
        return new

    UpsSide.is_new = is_new  # type: ignore[method-assign]


def obeys_copies() -> None:
    right = UpsSide.is_new

    def is_new(self: UpsSide, kind: str, element: Any, number: int) -> bool:
        right(self, kind, element, number)
        return True

    UpsSide.is_new = is_new  # type: ignore[method-assign]


def acks_as_javascript_would() -> None:
    right = UpsSide.command

    def command(self: UpsSide, now: float) -> pb.AUCommand | None:
        made = right(self, now)
        if made is not None:
            made.acks[:] = [number if abs(number) < 1 << 53 else 0 for number in made.acks]
        return made

    UpsSide.command = command  # type: ignore[method-assign]


def acks_its_own_numbers() -> None:
    right = UpsSide.command

    def command(self: UpsSide, now: float) -> pb.AUCommand | None:
        made = right(self, now)
        if made is not None:
            made.acks.extend(request.seqNum for request in made.pickupRequests)
        return made

    UpsSide.command = command  # type: ignore[method-assign]


def forgets_with_the_connection() -> None:
    right = UpsSide.lost

    def lost(self: UpsSide, line: int) -> None:
        right(self, line)
        self._outgoing._sent.clear()

    UpsSide.lost = lost  # type: ignore[method-assign]


def says_once() -> None:
    right = UpsSide.command

    def command(self: UpsSide, now: float) -> pb.AUCommand | None:
        made = right(self, now)
        self._outgoing._sent.clear()
        return made

    UpsSide.command = command  # type: ignore[method-assign]


def lets_go_before_it_is_loaded() -> None:
    right = Orders.truck_is_there

    def truck_is_there(self: Orders, load: pb.UALoadRequest) -> None:
        right(self, load)
        parcel = self._ships.get(load.shipId)
        if parcel is not None and parcel.open:
            self._go(parcel)

    Orders.truck_is_there = truck_is_there  # type: ignore[method-assign]


def keeps_bad_connections() -> None:
    AmazonModel._close = lambda self, line, why: None  # type: ignore[method-assign,assignment]


def keeps_every_connection() -> None:
    right = UpsSide.start

    def start(self: UpsSide, line: int, start: pb.UAstart) -> int | None:
        right(self, line, start)
        return None

    UpsSide.start = start  # type: ignore[method-assign]
    UpsSide.is_of = lambda self, line: self._live is not None  # type: ignore[method-assign]


def greets_everybody() -> None:
    right = UpsSide.start

    def start(self: UpsSide, line: int, start: pb.UAstart) -> int | None:
        before = right(self, line, start)
        assert self._live is not None
        self._live.hello = True
        return before

    UpsSide.start = start  # type: ignore[method-assign]


def asks_in_any_world() -> None:
    UpsSide.holding = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]


def keeps_ship_ids() -> None:
    right = Parcel.anew
    Parcel.anew = lambda self, ship: right(self, self.ship)  # type: ignore[method-assign,assignment]


def lets_go_twice() -> None:
    right = Orders.settle

    def settle(self: Orders) -> None:
        right(self)
        for parcel in self.parcels.values():
            if len(parcel.goes) == 1:
                self._go(parcel, again=True)

    Orders.settle = settle  # type: ignore[method-assign]


def warehouses_elsewhere() -> None:
    orders.WAREHOUSES = {number: (x + 1, y) for number, (x, y) in orders.WAREHOUSES.items()}  # type: ignore[attr-defined]


def obeys_every_err() -> None:
    right = Orders.refused_by_ups

    def refused_by_ups(self: Orders, origin: int, text: str) -> None:
        parcel = next((one for one in self._ships.values() if origin in one.pickups), None)
        right(self, origin if parcel is None else parcel.pickups[-1], text)

    Orders.refused_by_ups = refused_by_ups  # type: ignore[method-assign]


def forgets_what_was_promised() -> None:
    right = Questions.answered

    def answered(self: Questions, origin: int, accepted: bool, reason: str, now: float) -> None:
        question = self._asked.get(origin)
        before = None if question is None else question.parcel.to
        right(self, origin, accepted, reason, now)
        if question is not None and before is not None:
            question.parcel.to = before

    Questions.answered = answered  # type: ignore[method-assign]


def does_not_wait_for_answers() -> None:
    right = Orders.settle

    def settle(self: Orders) -> None:
        asked = {parcel: parcel.asked for parcel in self.parcels.values()}
        for parcel in asked:
            parcel.asked = None
        right(self)
        for parcel, number in asked.items():
            parcel.asked = number

    Orders.settle = settle  # type: ignore[method-assign]


def asks_once() -> None:
    right = Questions.ask

    def ask(self: Questions, parcel: Parcel, to: tuple[int, int] | None, now: float) -> None:
        later, self._agenda.later = self._agenda.later, lambda _at, _do: None  # type: ignore[method-assign]
        right(self, parcel, to, now)
        self._agenda.later = later  # type: ignore[method-assign]

    Questions.ask = ask  # type: ignore[method-assign]


def takes_a_refusal_for_a_yes() -> None:
    right = Questions.answered

    def answered(self: Questions, origin: int, accepted: bool, reason: str, now: float) -> None:
        right(self, origin, True, reason, now)

    Questions.answered = answered  # type: ignore[method-assign]


def asks_whoever_is_there() -> None:
    UpsSide.is_on = lambda self, feature: True  # type: ignore[method-assign]


# The fault, and the cases that have to find it.
FAULTS: dict[Callable[[], None], set[str]] = {
    acks_once: {"5.6a", "5.13a"},
    obeys_copies: {"5.9b"},
    acks_as_javascript_would: {"2.13a"},
    acks_its_own_numbers: {"5.6c"},
    forgets_with_the_connection: {"4.12a"},
    says_once: {"5.4a"},
    lets_go_before_it_is_loaded: {"6.4b"},
    keeps_bad_connections: {"2.7b"},
    keeps_every_connection: {"4.8a"},
    greets_everybody: {"11.2b"},
    asks_in_any_world: {"8.3a"},
    keeps_ship_ids: {"8.4a"},
    lets_go_twice: {"5.9a"},
    warehouses_elsewhere: {"3.4a"},
    obeys_every_err: {"9.5a"},
    forgets_what_was_promised: {"11.3.8a"},
    does_not_wait_for_answers: {"11.3.5a", "11.4.2a"},
    asks_once: {"11.3.5b"},
    takes_a_refusal_for_a_yes: {"11.4.2a"},
    asks_whoever_is_there: {"11.3.6b", "11.2c"},
}


if __name__ == "__main__":
    (plant,) = (fault for fault in FAULTS if fault.__name__ == sys.argv[1])
    plant()
    mock(sys.argv[2:])
