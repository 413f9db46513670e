"""A UPS that forgot what its trucks carry: told of the parcel again, it finds it on the truck that has it."""

import pytest

from tests.sim.virtual_ups import Delivery


class Forgetful(Delivery):
    """A delivery whose UPS has lost its memory; `said` is what it told since."""

    def forget(self) -> None:
        self.ups.restart(self.room.now, memory=False)
        self.room.settle()
        self.wait(4)
        self.before = len(self.shop.commands)

    def said(self, field: str) -> set[int]:
        return {one.shipId for command in self.shop.commands[self.before :] for one in getattr(command, field)}

    def errors(self) -> list[str]:
        return [one.err for command in self.shop.commands[self.before :] for one in command.error]


@pytest.mark.parametrize("parcels", [1, 3])
def test_a_loaded_parcel_is_found_on_the_truck_that_has_it(parcels: int) -> None:
    delivery = Forgetful()
    numbers = set(range(1, parcels + 1))
    for number in numbers:
        delivery.packed(number)
    delivery.ask_pickup(*numbers)
    delivery.until(lambda: {one.shipId for one in delivery.shop.all("loadRequests")} == numbers)
    for number in numbers:
        delivery.load(number)
    delivery.wait(2)

    delivery.forget()
    delivery.ask_pickup(*numbers)
    delivery.until(lambda: delivery.said("loadRequests") == numbers)
    delivery.ask_deliver(*numbers)
    delivery.until(lambda: delivery.said("delivered") == numbers)
    assert delivery.world.book.delivered_once(1) == numbers
    assert not delivery.errors()


def test_a_truck_that_was_being_loaded_is_used_again_once_that_is_over() -> None:
    delivery = Forgetful(trucks=1)
    delivery.command(simspeed=100)
    delivery.packed(1)
    delivery.ask_pickup(1)
    delivery.wait(12)
    delivery.load(1)

    delivery.forget()
    delivery.ask_pickup(1)
    delivery.until(lambda: delivery.said("loadRequests") == {1})
    delivery.ask_deliver(1)
    delivery.until(lambda: delivery.said("delivered") == {1})
    assert delivery.world.book.delivered_once(1) == {1}


def test_a_parcel_that_is_on_no_truck_is_an_error_after_every_truck_was_asked() -> None:
    delivery = Forgetful()
    delivery.packed(1)
    delivery.forget()
    delivery.ask_pickup(1)
    delivery.until(lambda: delivery.said("loadRequests") == {1})
    delivery.ask_deliver(1)
    delivery.until(lambda: len(delivery.errors()) == 1)
    assert delivery.world.book.elements["deliver", "failed"] == len(delivery.ups.fleet.trucks)
