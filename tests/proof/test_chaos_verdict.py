"""The verdict bites: a shop where everything was delivered once is content, and each thing gone wrong is named."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from db.clock import SystemClock
from db.engine import make_engine, read_only
from db.orders.links import World
from db.orders.messages import InboxRow
from db.orders.orders import Order, OrderLine
from db.orders.requests import OrderRequest, RequestDecision
from db.orders.shipments import Shipment, ShipmentItem, ShipmentStep
from db.orders.stock import Restock, Stock, Warehouse
from db.seed.shop import seed_shop
from db.shop.accounts import User
from db.shop.checkouts import CheckoutAttempt
from proof.chaos.journal import Account, Parcel, WorldKey
from proof.chaos.ledger import Ledger, Outcome, Promise, Purchase, Restocking, Wish
from proof.chaos.verdict import DELIVERED, Verdict, judge, unrest
from shop.fulfilment.v1 import fulfilment_pb2

WORLD = WorldKey("boot", 7)
GONE = WorldKey("before", 3)
PARCEL, GIVEN_UP, MARKER = 1001, 1000, 5555
MAIL = "shopper@minimart.example"
HTTP_USER = 2


@dataclass
class Shop:
    """One order over gRPC, sent anew once, and one over HTTP; one world that is gone, one that is there."""

    engine: Engine
    account: Account = field(default_factory=Account)
    ledger: Ledger = field(default_factory=Ledger)

    def change(self, *statements: object) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def judged(self) -> Verdict:
        with read_only(self.engine).begin() as connection:
            verdict = judge(connection, self.account, self.ledger)
        # The books of this little shop have no outbox; proof.checkers has tests of its own.
        verdict.findings = [one for one in verdict.findings if not one.startswith("books:")]
        return verdict


def shipment(id: int, order_id: int, **values: object) -> dict[str, object]:
    row = {"id": id, "order_id": order_id, "parcel_no": 1, "attempt": 1, "world_epoch": 2, "warehouse_id": 1}
    row |= {"x": 3, "y": 4}
    row |= {"goods": "loaded", "truck": "delivered", "state_since_at": 1.0, "ended_at": 5.0, "created_at": 1.0}
    return row | values


def delivered(world: WorldKey, place: tuple[int, int] = (3, 4)) -> Parcel:
    return Parcel(world, 1, {9: 2}, [1.0], [2.0], [3.0], [place])


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[Shop]:
    engine = make_engine(sqlite_url, SystemClock())
    seed_shop(engine, SystemClock())
    shop = Shop(engine)
    order = {"request_digest": b"", "ups_account": "", "total_cents": 0, "status": DELIVERED, "placed_at": 1.0}
    item = {"offer_id": 9, "title": "", "quantity": 2, "reserved": 1}
    line = {"line_no": 1, "offer_id": 9, "title": "", "seller_id": 1, "seller_name": "", "unit_price_cents": 0}
    line["quantity"] = 2
    shop.change(
        insert(Warehouse).values(id=1, name="one", x=0, y=0),
        insert(World).values(world_epoch=1, state="closed", world_id=3),
        insert(World).values(world_epoch=2, state="open", world_id=7, marker_ship_id=MARKER, marker_confirmed=True),
        insert(Order).values(id=1, user_id=9001, request_id="request-1", x=3, y=4, **order),
        insert(Order).values(id=2, user_id=HTTP_USER, request_id="request-2", x=3, y=4, **order),
        insert(OrderLine).values(order_id=1, **line),
        insert(OrderLine).values(order_id=2, **line),
        insert(Shipment).values(shipment(PARCEL, 1, attempt=2)),
        insert(Shipment).values(
            shipment(GIVEN_UP, 1, world_epoch=1, superseded_by=PARCEL, truck="en_route"),
        ),
        insert(Shipment).values(shipment(1002, 2)),
        *(insert(ShipmentItem).values(shipment_id=id, **item) for id in (GIVEN_UP, PARCEL, 1002)),
        insert(Stock).values(
            world_epoch=2, offer_id=9, warehouse_id=1, arrived=50, available=46, reserved=0, packed=4, scrapped=0
        ),
        insert(Restock).values(
            user_id=1, request_id="restock-1", offer_id=9, warehouse_id=1, quantity=20, created_at=1.0
        ),
        insert(CheckoutAttempt).values(
            id=1, user_id=HTTP_USER, request_id="request-2", request=b"", state="accepted", order_id=2, tries=1,
            created_at=1.0, next_try_at=1.0,
        ),
    )  # fmt: skip
    with engine.begin() as connection:
        assert connection.scalar(select(User.email).where(User.id == HTTP_USER)) == MAIL
    shop.account.boots = {"before": 0.0, "boot": 4.0}
    shop.account.worlds = [GONE, WORLD]
    shop.account.bought[WORLD][1, 9] = 50
    shop.account.taken[WORLD][1, 9] = 4
    shop.account.parcels[PARCEL] = [delivered(WORLD)]
    shop.account.parcels[1002] = [delivered(WORLD)]
    shop.account.parcels[GIVEN_UP] = [Parcel(GONE, 1, {9: 2}, [0.5])]
    shop.account.parcels[MARKER] = [Parcel(WORLD, 1, {}, [0.1])]
    promise = Promise(9001, "request-1", {9: 2}, (3, 4), 0.0, Outcome.ACCEPTED, 1)
    shop.ledger.promises.append(promise)
    shop.ledger.promises.append(Promise(9001, "request-0", {9: 2}, (3, 4), 0.0, Outcome.REFUSED))
    shop.ledger.purchases.append(Purchase(MAIL, Outcome.ACCEPTED, 2))
    shop.ledger.restockings.append(Restocking(1, "restock-1", Outcome.ACCEPTED))
    yield shop
    engine.dispose()


def heard(kind: str, event: fulfilment_pb2.PeerEvent, ignored: str | None) -> object:
    return insert(InboxRow).values(
        link="world", world_epoch=1, seqnum=1, digest=b"", kind=kind, shipment_id=GIVEN_UP,
        event=event.SerializeToString(), received_at=1.0, ignored_reason=ignored,
    )  # fmt: skip


STATUS = fulfilment_pb2.PeerEvent(package_status=fulfilment_pb2.PackageStatus(shipment_id=GIVEN_UP, status="Delivered"))
DONE = fulfilment_pb2.PeerEvent(delivered=fulfilment_pb2.Delivered(shipment_id=GIVEN_UP))


def test_a_shop_where_all_went_well_is_content(shop: Shop) -> None:
    verdict = shop.judged()
    assert verdict.findings == []
    assert verdict.counts == {
        "orders": 2,
        "orders delivered": 2,
        "orders cancelled": 0,
        "parcels": 2,
        "attempts given up with their world": 1,
    }
    with read_only(shop.engine).begin() as connection:
        assert unrest(connection) == {}


def test_a_wish_that_was_granted_follows_the_parcel_into_its_next_attempt(shop: Shop) -> None:
    send_elsewhere(shop, (3, 4))
    assert shop.judged().findings == []


def test_what_ups_did_after_all_and_what_it_forgot_to_say_is_no_finding(shop: Shop) -> None:
    send_elsewhere(shop, (3, 4))
    shop.ledger.wishes[0].done = {GIVEN_UP: False}
    shop.change(update(RequestDecision).values(reason="UPS takes it to the new address after all"))
    assert shop.judged().findings == []
    shop.change(update(RequestDecision).values(shipment_id=PARCEL, decision="too_late", reason="UPS has not answered"))
    shop.ledger.wishes[0].done = {PARCEL: False}
    shop.account.parcels[PARCEL] = [delivered(WORLD, (8, 8))]
    verdict = shop.judged()
    assert verdict.findings == []
    assert verdict.counts["delivered where UPS was asked to take it, and forgot to say so"] == 1


def test_a_parcel_that_ups_gave_up_may_be_packed(shop: Shop) -> None:
    send_elsewhere(shop, None)
    shop.change(update(Shipment).where(Shipment.id == PARCEL).values(goods="cancelled"))
    shop.account.parcels[PARCEL][0].delivered.clear()
    assert any("is cancelled/" in finding for finding in shop.judged().findings)
    step = {"goods": "cancelled", "truck": "none", "what": "", "cause": "x", "at": 1.0}
    shop.change(insert(ShipmentStep).values(shipment_id=PARCEL, event="cancel_accepted", **step))
    assert shop.judged().findings == []


@pytest.mark.parametrize(
    ("next_life_at", "delivered_at", "counted"),
    [
        (4.0, 3.0, "sent anew, delivered before by a world that died"),
        (9.0, 3.0, "sent anew, delivered before in the world that UPS left"),
        (9.0, 6.0, "sent anew, on the road in the world that UPS left"),
    ],
)
def test_a_delivery_that_nobody_could_hear_of_is_counted_and_no_finding(
    shop: Shop, next_life_at: float, delivered_at: float, counted: str
) -> None:
    shop.account.boots["boot"] = next_life_at
    shop.account.parcels[GIVEN_UP] = [delivered(GONE)]
    shop.account.parcels[GIVEN_UP][0].delivered = [delivered_at]
    shop.change(heard("delivered", DONE, "late: about an attempt that was given up"))
    verdict = shop.judged()
    assert verdict.findings == []
    assert verdict.counts[counted] == 1


def lose_the_order(shop: Shop) -> None:
    shop.ledger.promises[0].order_id = 17


def double_the_order(shop: Shop) -> None:
    shop.ledger.promises[1].request_id = "request-1"


def change_the_order(shop: Shop) -> None:
    shop.change(update(OrderLine).where(OrderLine.order_id == 1).values(quantity=3))


def change_the_address(shop: Shop) -> None:
    shop.ledger.promises[0].place = (4, 3)


def never_answer(shop: Shop) -> None:
    shop.ledger.promises[1].outcome = Outcome.OPEN


def show_what_is_not_there(shop: Shop) -> None:
    shop.ledger.purchases[0].order_id = 1


def never_show(shop: Shop) -> None:
    shop.ledger.purchases[0].outcome = Outcome.OPEN


def go_on_confirming(shop: Shop) -> None:
    shop.change(update(CheckoutAttempt).values(state="confirming"))


def accept_another(shop: Shop) -> None:
    shop.change(update(CheckoutAttempt).values(order_id=1))


def refuse_what_is_there(shop: Shop) -> None:
    shop.change(update(CheckoutAttempt).values(state="refused"))


def order_unasked(shop: Shop) -> None:
    del shop.ledger.promises[0]


def restock_twice(shop: Shop) -> None:
    shop.ledger.restockings[0].outcome = Outcome.REFUSED


def lose_a_restock(shop: Shop) -> None:
    shop.change(delete(Restock))


def leave_a_restock_unanswered(shop: Shop) -> None:
    shop.ledger.restockings[0].outcome = Outcome.OPEN


def get_stuck(shop: Shop) -> None:
    shop.change(
        update(Order).where(Order.id == 1).values(status=4),
        update(Shipment).where(Shipment.id == PARCEL).values(truck="at_warehouse", goods="loading", ended_at=None),
    )


def deliver_twice(shop: Shop) -> None:
    shop.account.parcels[PARCEL][0].delivered.append(4.0)


def never_deliver(shop: Shop) -> None:
    shop.account.parcels[PARCEL][0].delivered.clear()


def pack_in_two_worlds(shop: Shop) -> None:
    shop.account.parcels[PARCEL].append(Parcel(GONE, 1, {9: 2}))


def bring_it_elsewhere(shop: Shop) -> None:
    shop.account.parcels[PARCEL][0].places[0] = (0, 0)


def pack_something_else(shop: Shop) -> None:
    shop.account.parcels[PARCEL][0].things = {8: 2}


def pack_a_ghost(shop: Shop) -> None:
    shop.account.parcels[4711] = [Parcel(WORLD, 1, {9: 1})]


def deliver_again_what_was_heard_of(shop: Shop) -> None:
    shop.account.parcels[GIVEN_UP] = [delivered(GONE)]
    shop.change(heard("delivered", DONE, None))


def deliver_again_what_was_seen(shop: Shop) -> None:
    shop.account.parcels[GIVEN_UP] = [delivered(GONE)]
    shop.change(heard("package_status", STATUS, None))


def deliver_twice_what_was_given_up(shop: Shop) -> None:
    shop.account.parcels[GIVEN_UP] = [delivered(GONE)]
    shop.account.parcels[GIVEN_UP][0].delivered.append(9.0)


def forget_an_arrival(shop: Shop) -> None:
    shop.account.bought[WORLD][1, 9] = 60


def pack_without_a_book(shop: Shop) -> None:
    shop.account.taken[WORLD][1, 9] = 5


def send_elsewhere(shop: Shop, place: tuple[int, int] | None) -> None:
    shop.change(
        insert(OrderRequest).values(
            id=1, order_id=1, user_id=9001, request_id="wish-0001", kind="address", x=8, y=8, asked_at=1.0
        ),
        insert(RequestDecision).values(order_request_id=1, shipment_id=GIVEN_UP, decision="done", reason=""),
    )
    shop.ledger.wishes.append(Wish(9001, "wish-0001", 1, place, Outcome.ACCEPTED, {GIVEN_UP: True}))


def bring_it_to_the_old_address(shop: Shop) -> None:
    send_elsewhere(shop, (8, 8))


def deliver_what_was_taken_back(shop: Shop) -> None:
    send_elsewhere(shop, None)


def answer_otherwise_than_written(shop: Shop) -> None:
    send_elsewhere(shop, (3, 4))
    shop.ledger.wishes[0].done = {GIVEN_UP: False}


def never_decide(shop: Shop) -> None:
    send_elsewhere(shop, (3, 4))
    shop.ledger.wishes[0].outcome = Outcome.OPEN


def deliver_what_was_cancelled(shop: Shop) -> None:
    shop.change(update(Shipment).where(Shipment.id == PARCEL).values(goods="cancelled"))


def be_nowhere(shop: Shop) -> None:
    shop.account.worlds.remove(WORLD)


def be_surprised(shop: Shop) -> None:
    shop.ledger.surprise("HTTP 500 at GET /")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lose_the_order, "acknowledged as order 17, there are [1]"),
        (double_the_order, "refused, and order 1 is there"),
        (change_the_order, "order 1 is not what was asked for"),
        (change_the_address, "order 1 is not what was asked for"),
        (never_answer, "no definite answer after"),
        (show_what_is_not_there, "saw order 1, which is not there"),
        (never_show, "had no definite answer"),
        (go_on_confirming, "still being confirmed"),
        (accept_another, "accepted as order 1, its request is order 2"),
        (refuse_what_is_there, "refused, and order 2 is there"),
        (order_unasked, "an order that nobody asked for"),
        (restock_twice, "refused, and made 1 times"),
        (lose_a_restock, "accepted, and made 0 times"),
        (leave_a_restock_unanswered, "restock-1: no definite answer"),
        (get_stuck, "order 1 is stuck: parcel 1001 loading/at_warehouse"),
        (deliver_twice, "packed 1, loaded 1, delivered 2 times"),
        (never_deliver, "packed 1, loaded 1, delivered 0 times"),
        (pack_in_two_worlds, "packed in 2 worlds"),
        (bring_it_elsewhere, "the world brought it to [(0, 0)]"),
        (pack_something_else, "the world packed {8: 2}"),
        (pack_a_ghost, "parcel 4711: a world packed it, and it is nobody's"),
        (deliver_again_what_was_heard_of, "heard of as delivered, and sent anew"),
        (deliver_again_what_was_seen, "heard of as delivered, and sent anew"),
        (deliver_twice_what_was_given_up, "given up, and delivered 2 times"),
        (forget_an_arrival, "50 bought by our books, 60 by the world's"),
        (pack_without_a_book, "4 packed by our books, 5 by the world's"),
        (bring_it_to_the_old_address, "parcel 1001 goes to (3, 4), not to (8, 8)"),
        (deliver_what_was_taken_back, "cancellation of order 1: parcel 1001 is loaded/delivered, packed True"),
        (answer_otherwise_than_written, "answered {1000: False}, written down {1000: True}"),
        (never_decide, "new address of order 1: no definite answer"),
        (deliver_what_was_cancelled, "cancelled, and delivered"),
        (be_nowhere, "in no world that is there"),
        (be_surprised, "surprise: HTTP 500 at GET /"),
    ],
)
def test_whatever_goes_wrong_is_named(shop: Shop, spoil: Callable[[Shop], None], said: str) -> None:
    spoil(shop)
    assert any(said in finding for finding in shop.judged().findings), shop.judged().findings
