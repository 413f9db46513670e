"""UPS is away for an hour: what is ordered is packed, its page says since when and that it is safe, and all comes."""

from typing import Any

from proof.simulation import database as seeds
from proof.simulation.checks import Checks
from proof.simulation.database import BEGINNING, PLENTY
from proof.simulation.environment import Environment
from proof.simulation.faults import SERVICES, Fault, Kind, Profile
from proof.simulation.room import Result, Room, database
from proof.simulation.setups import TICK, Setup, patience_of
from proof.simulation.shoppers import Shoppers
from proof.simulation.wishes import Wish
from shop.inventory.v1 import inventory_pb2
from shop.orders.v1 import orders_pb2 as pb
from sim.ups.model import Settings
from sim.world.model import Rules

SUPPLIED_AT, LEAVES_AT, HOUR = 60.0, 600.0, 3600.0
BACK_AT = LEAVES_AT + HOUR
ORDERED_AT = (LEAVES_AT + 5.0, LEAVES_AT + 1800.0, BACK_AT - 300.0)
# Until everybody knows that somebody has left.
NOTICED_SECONDS = 10.0
AWAY = Fault(0, Kind.UPS_AWAY, LEAVES_AT, BACK_AT)
# Each of our own processes begins anew meanwhile; none of them forgets since when UPS is away.
KILLED = tuple(
    Fault(number, Kind.CRASH, LEAVES_AT + 600.0 * number, LEAVES_AT + 600.0 * number + 20.0, service)
    for number, service in enumerate(SERVICES, start=1)
)


class Readers(Shoppers):
    """Three who order while UPS is away, and read their pages a minute before it is back."""

    def __init__(self, env: Environment, checks: Checks) -> None:
        super().__init__(env, checks)
        supply = inventory_pb2.RestockRequest(
            request_id="supply-000001", offer_id=PLENTY, warehouse_id=1, quantity=len(ORDERED_AT)
        )
        self.wishes = [Wish(seeds.SELLER, "Restock", supply, SUPPLIED_AT)]
        for number, (user_id, at) in enumerate(zip(seeds.SHOPPERS, ORDERED_AT, strict=True)):
            request = pb.PlaceOrderRequest(request_id=f"order-{number:06}")
            request.destination.x, request.destination.y = number, 9
            request.items.add(offer_id=PLENTY, quantity=1)
            self.wishes.append(Wish(user_id, "PlaceOrder", request, at))
        self.read: dict[int, pb.Order] = {}
        env.scheduler.at(BEGINNING + BACK_AT - 60.0, None, self._read_pages)

    def _read_pages(self) -> None:
        for wish in self.wishes:
            if wish.method == "PlaceOrder":
                request = pb.GetOrderRequest(order_id=wish.answers[0])
                self.ask(Wish(wish.user_id, "GetOrder", request, BACK_AT - 60.0))

    def answered(self, wish: Wish, answer: Any, once: bool) -> None:
        if isinstance(answer, pb.GetOrderResponse):
            self.read[answer.order.order_id] = answer.order
        else:
            super().answered(wish, answer, once)

    def _think_again(self, wish: Wish, order_id: int) -> None:
        pass


def an_hour_without_ups() -> tuple[Result, list[pb.Order]]:
    """What became of everything, and what the shoppers read."""
    setup = Setup(
        warehouses=2,
        lease_seconds=20.0,
        look_seconds=2.0,
        keep_seconds=1e6,
        group_seconds=0.002,
        patience=patience_of(TICK, quick=False),
        rules=Rules(tick=TICK),
        ups=Settings(tick=TICK),
        orders=0,
        span=1.0,
    )
    profile = Profile("an hour without UPS", (0, 0), (0, 0), BACK_AT + 60.0, 0.0, 0.0, {})
    room = Room(database(), 1, profile, (AWAY, *KILLED), setup, shoppers=Readers)
    result = room.run()
    assert isinstance(room.shoppers, Readers)
    return result, list(room.shoppers.read.values())


def test_what_is_ordered_in_an_hour_without_ups_is_packed_explained_and_delivered_after_its_return() -> None:
    result, pages = an_hour_without_ups()
    assert result.hits == {"UPS_AWAY": 1, "CRASH": len(KILLED)}
    assert len(pages) == len(ORDERED_AT)
    for page in pages:
        (parcel,) = page.shipments
        assert page.status == pb.ORDER_STATUS_AWAITING_TRUCK
        assert parcel.goods == pb.GOODS_STATE_PACKED
        assert parcel.waiting.who == "UPS, which cannot be reached at the moment"
        assert parcel.waiting.next.startswith("your order is safe; once that is over, the truck comes")
        assert parcel.expected.unknown_because == "UPS cannot be reached at the moment"
        away_since = parcel.waiting.since.seconds - BEGINNING
        assert LEAVES_AT - 1 <= away_since <= LEAVES_AT + NOTICED_SECONDS
    assert result.violations == []
    assert result.orders == {"delivered": len(ORDERED_AT)}
