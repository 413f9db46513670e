"""The extension through real processes, with a UPS that speaks it and with one that speaks the base alone."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh.channel import acting_for
from proof.processes import free_address
from shop.orders.v1 import orders_pb2
from tests.e2e.running import SHOPPER_ID, RunningShop, shop, stand_in
from tests.waiting import wait_until

# Minutes away from any warehouse, even for a stand-in.
FAR = orders_pb2.Address(x=3_000_000, y=0)
NEAR = orders_pb2.Address(x=5, y=9)
SECONDS = 90.0


class Shopper:
    """Calls as the sample shopper, through every outage."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self.order_id = 0

    def call(self, method: str, request: Any) -> Any:
        return getattr(self._stub, method)(
            request, metadata=acting_for(SHOPPER_ID), timeout=SECONDS, wait_for_ready=True
        )

    def buy(self, to: orders_pb2.Address) -> None:
        items = [orders_pb2.OrderItem(offer_id=1, quantity=1)]
        request = orders_pb2.PlaceOrderRequest(request_id=secrets.token_urlsafe(24), items=items, destination=to)
        self.order_id = self.call("PlaceOrder", request).order_id

    @property
    def parcel(self) -> Any:
        (parcel,) = self.call("GetOrder", orders_pb2.GetOrderRequest(order_id=self.order_id)).order.shipments
        return parcel

    def move(self, to: orders_pb2.Address) -> Any:
        request = orders_pb2.ChangeAddressRequest(
            request_id=secrets.token_urlsafe(24), order_id=self.order_id, destination=to
        )
        (decision,) = self.call("ChangeAddress", request).decisions
        return decision

    @property
    def answer(self) -> Any:
        """The answer to the last change, as it stands now."""
        order = self.call("GetOrder", orders_pb2.GetOrderRequest(order_id=self.order_id)).order
        (decision,) = order.amendments[-1].decisions
        return decision

    def account(self, name: str) -> int:
        verdict: int = self.call("CheckAccount", orders_pb2.CheckAccountRequest(ups_account=name)).verdict
        return verdict

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        wait_until(holds, what, SECONDS)


@pytest.mark.timeout(300)
def test_a_parcel_on_the_road_is_sent_elsewhere_by_a_ups_that_can(tmp_path: Path) -> None:
    def check(running: RunningShop, shopper: Shopper) -> None:
        shopper.wait(lambda: shopper.parcel.HasField("left_at"), "the truck has left")
        shopper.wait(lambda: shopper.parcel.HasField("truck_seen"), "the truck is seen")
        assert shopper.parcel.address_changeable == orders_pb2.CHANGEABLE_ASKS_UPS
        assert shopper.move(NEAR).decision == orders_pb2.DECISION_ASKED
        shopper.wait(lambda: shopper.answer.decision != orders_pb2.DECISION_ASKED, "UPS has answered")
        assert shopper.answer.decision == orders_pb2.DECISION_DONE, shopper.answer
        assert shopper.parcel.destination == NEAR
        shopper.wait(lambda: shopper.parcel.status == orders_pb2.ORDER_STATUS_DELIVERED, "it is delivered")
        assert shopper.account("ann") == orders_pb2.ACCOUNT_VERDICT_VERIFIED
        assert shopper.account("nobody") == orders_pb2.ACCOUNT_VERDICT_UNKNOWN
        running.wait_until_well()

    order_on_the_road(tmp_path, ("--features", "all"), check)


@pytest.mark.timeout(300)
def test_with_a_base_partner_it_is_too_late_and_nobody_can_say_of_an_account(tmp_path: Path) -> None:
    def check(running: RunningShop, shopper: Shopper) -> None:
        told = shopper.move(NEAR)
        assert told.decision == orders_pb2.DECISION_TOO_LATE
        assert told.HasField("left_at")
        assert shopper.parcel.address_changeable == orders_pb2.CHANGEABLE_TOO_LATE
        assert shopper.account("ann") == orders_pb2.ACCOUNT_VERDICT_NOT_VERIFIED
        running.wait_until_well()

    order_on_the_road(tmp_path, (), check)


def order_on_the_road(
    tmp_path: Path, ups_options: tuple[str, ...], check: Callable[[RunningShop, Shopper], None]
) -> None:
    ups_listen = free_address()
    with shop(tmp_path / "data", "--ups-listen", ups_listen) as running:
        world = running.run.addresses["world_ups"]
        with stand_in("ups", "--world", world, "--amazon", ups_listen, *ups_options), running.orders() as stub:
            shopper = Shopper(stub)
            shopper.buy(FAR)
            on_the_road = orders_pb2.ORDER_STATUS_OUT_FOR_DELIVERY
            shopper.wait(lambda: shopper.parcel.status == on_the_road, "it is on the road")
            check(running, shopper)
    assert "Traceback" not in running.log
