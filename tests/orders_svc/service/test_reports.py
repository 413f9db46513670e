"""Reports: everything a peer says counts once, in whatever order and however often it comes."""

import pytest
from sqlalchemy import event as events

from mesh.errors import FailedPrecondition
from orders_svc.domain.explain import Status
from orders_svc.domain.lifecycle import Goods, State, Truck
from orders_svc.service.reports import Report, Result
from shop.bridge.v1.bridge_pb2 import Command
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import BACKORDER, Stage

APPLIED, DUPLICATE, IGNORED = Result.APPLIED, Result.DUPLICATE, Result.IGNORED


def reasons(shop: Stage) -> list[str]:
    return [
        row[0] for row in shop.rows("select ignored_reason from inbox where ignored_reason is not null order by id")
    ]


def test_an_order_goes_all_the_way_with_each_command_once(shop: Stage) -> None:
    order_id = shop.place((1, 2))
    shipment_id = shop.parcel(order_id).row.id
    assert [c.WhichOneof("body") for c in shop.dispatch()] == ["pack", "request_truck"]
    assert shop.world_says(shop.packed(shipment_id)) == [APPLIED]
    assert shop.order(order_id).row.status == Status.AWAITING_TRUCK
    assert shop.ups_says(shop.truck(shipment_id, 5)) == [APPLIED]
    (load,) = shop.sent("load")
    assert (load.shipment_id, load.truck_id) == (shipment_id, 5)
    assert shop.order(order_id).row.status == Status.LOADING
    assert shop.world_says(shop.loaded(shipment_id)) == [APPLIED]
    assert [d.shipment_id for d in shop.sent("deliver")] == [shipment_id]
    assert shop.order(order_id).row.status == Status.OUT_FOR_DELIVERY
    assert shop.ups_says(shop.delivered(shipment_id)) == [APPLIED]
    order = shop.order(order_id)
    assert (order.row.status, order.row.version) == (Status.DELIVERED, 5)
    assert shop.dispatch() == []
    assert [step.event for step in order.parcels[0].steps] == [
        "stock_reserved",
        "packed",
        "truck_arrived",
        "loaded",
        "delivered",
    ]


def test_the_truck_may_come_before_the_goods_are_packed(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 2))).row.id
    shop.dispatch()
    shop.ups_says(shop.truck(shipment_id))
    assert shop.dispatch() == []
    shop.world_says(shop.packed(shipment_id))
    assert len(shop.sent("load")) == 1


def test_what_comes_again_counts_once(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 2))).row.id
    shop.dispatch()
    packed, truck = shop.packed(shipment_id), shop.truck(shipment_id)
    assert shop.world_says(packed, packed) == [APPLIED, DUPLICATE]
    assert shop.world_says(packed) == [DUPLICATE]
    assert shop.ups_says(truck) == [APPLIED]
    assert shop.ups_says(truck, truck) == [DUPLICATE, DUPLICATE]
    assert [c.WhichOneof("body") for c in shop.dispatch()] == ["load"]
    # On the other link the same number is another message.
    assert shop.stock(1, shop.rows("select warehouse_id from shipments")[0][0])["packed"] == 2


def test_an_arrival_that_comes_again_is_not_booked_again(shop: Stage) -> None:
    came = shop.arrived(1, (BACKORDER, 5))
    shop.execute("update stock set ordered = ordered where offer_id = 1")
    assert shop.world_says(came) == [APPLIED]
    before = shop.stock(BACKORDER, 1)
    assert shop.world_says(came) == [DUPLICATE]
    assert shop.stock(BACKORDER, 1) == before
    # Units that we did not buy: the books know of them as such.
    assert before | {"arrived": 5, "available": 5, "ordered": 0} == before
    shop.execute("delete from stock where offer_id = :offer", offer=BACKORDER)


def test_a_number_that_comes_again_with_another_content_is_another_message(shop: Stage) -> None:
    """A UPS that restarted counts from 1 again."""
    first, second = (shop.parcel(shop.place((1, 1))).row.id for _ in range(2))
    shop.dispatch()
    one = pb.PeerEvent(seqnum=1, truck_arrived=pb.TruckArrived(shipment_id=first, truck_id=1))
    other = pb.PeerEvent(seqnum=1, truck_arrived=pb.TruckArrived(shipment_id=second, truck_id=1))
    assert shop.ups_says(one) == [APPLIED]
    assert shop.ups_says(other) == [APPLIED]
    assert shop.ups_says(one, other) == [DUPLICATE, DUPLICATE]


def test_a_status_answer_counts_once_whatever_it_says_the_second_time(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    answer = shop.status(shipment_id, "PACKING")
    again = pb.PeerEvent(seqnum=answer.seqnum)
    again.package_status.CopyFrom(pb.PackageStatus(shipment_id=shipment_id, status="PACKED"))
    assert shop.world_says(answer) == [APPLIED]
    assert shop.world_says(again) == [DUPLICATE]
    assert shop.parcel(shop.rows("select max(id) from orders")[0][0]).state.goods is Goods.PACKING


def test_unknown_ids_are_recorded_and_not_obeyed(shop: Stage) -> None:
    for event in (shop.packed(1), shop.loaded(-1), shop.status(2**63 - 1, "PACKED"), shop.status(-(2**63), "packed")):
        assert shop.world_says(event) == [IGNORED]
    for event in (shop.truck(2), shop.delivered(2), shop.truck(-1, -(2**31))):
        assert shop.ups_says(event) == [IGNORED]
    assert shop.world_says(shop.arrived(99, (1, 1))) == [IGNORED]
    assert shop.world_says(shop.arrived(1, (1, -1))) == [IGNORED]
    assert shop.world_says(shop.no(Command(command_id=12345))) == [IGNORED]
    assert shop.world_says(shop.status(shop.parcel(shop.place((1, 1))).row.id, "ON FIRE\0")) == [IGNORED]
    assert len(reasons(shop)) == 11


def test_what_is_late_is_recorded_with_the_reason(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.drive(shipment_id)
    late = [shop.packed(shipment_id), shop.loaded(shipment_id), shop.status(shipment_id, "LOADED")]
    assert shop.world_says(*late) == [IGNORED] * 3
    assert shop.ups_says(shop.delivered(shipment_id), shop.truck(shipment_id)) == [IGNORED] * 2
    assert set(reasons(shop)) == {"delivered already"}
    assert shop.dispatch() == []


def test_what_another_world_says_is_not_obeyed(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    assert shop.report("world", shop.packed(shipment_id), epoch=shop.world_epoch + 5) == [IGNORED]
    assert reasons(shop) == ["late: from another world"]
    # The same words from the right world count.
    assert shop.world_says(shop.packed(shipment_id)) == [APPLIED]


def test_an_acknowledged_command_is_closed_once_and_never_sent_again(shop: Stage) -> None:
    shop.place((1, 1))
    sent = shop.dispatch()
    for _ in range(2):
        shop.ack(sent)
    assert shop.rows("select distinct outcome from outbox where closed_at is null") == []
    shop.attach("world", nonce="boot-2")
    shop.attach("ups", nonce="boot-2")
    assert shop.dispatch() == []


def test_acks_of_another_link_and_of_unknown_commands_close_nothing(shop: Stage) -> None:
    shop.place((1, 1))
    sent = shop.dispatch()
    pack = next(c for c in sent if c.WhichOneof("body") == "pack")
    shop.report("ups", acked=[pack.command_id, 5, -5, 2**63 - 1])
    assert shop.rows("select count(*) from outbox where closed_at is null") == [(2,)]


def test_an_error_of_one_link_cannot_fail_a_command_of_the_other(shop: Stage) -> None:
    shop.place((1, 1))
    pack = next(c for c in shop.dispatch() if c.WhichOneof("body") == "pack")
    assert shop.ups_says(shop.no(pack)) == [IGNORED]
    assert shop.rows("select outcome from outbox where id = :id", id=pack.command_id) == [(None,)]


def announced(shop: Stage) -> list[tuple[int, str]]:
    return [tuple(row) for row in shop.rows("select announced_world_id, features from links where name = 'ups'")]


def test_a_late_copy_of_a_report_does_not_bring_back_an_older_announcement(shop: Stage) -> None:
    def announcement(number: int, world_id: int, *features: str) -> pb.PeerEvent:
        said = pb.WorldAnnounced(world_id=world_id, features=features, announcement_no=number)
        return pb.PeerEvent(seqnum=1, world_announced=said)

    first, second = announcement(1, 8, "redirect"), announcement(2, 9)
    assert shop.report("ups", first) == [APPLIED]
    assert shop.report("ups", second) == [APPLIED]
    assert shop.report("ups", first, second) == [DUPLICATE, DUPLICATE]
    assert announced(shop) == [(9, "")]
    assert shop.report("ups", announcement(3, 8)) == [APPLIED]
    # Another owner counts anew.
    shop.attach("ups", nonce="boot-2")
    assert shop.report("ups", announcement(1, 7)) == [APPLIED]
    assert announced(shop) == [(7, "")]


def test_a_stale_owner_reports_nothing(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    stale = shop.epochs["world"]
    shop.attach("world", nonce="boot-2")
    event = shop.packed(shipment_id)
    with pytest.raises(FailedPrecondition) as refused:
        shop.app.report(Report("world", stale, shop.world_epoch, [], [event]))
    assert refused.value.reason == "STALE_EPOCH"
    assert shop.rows("select count(*) from inbox where seqnum = :seqnum", seqnum=event.seqnum) == [(0,)]
    assert shop.parcel(1).state == State(Goods.PACKING, Truck.REQUESTED)
    assert shop.world_says(event) == [APPLIED]


def test_two_causes_of_one_command_in_one_report_send_it_once(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.drive(shipment_id, until="truck")
    shop.world_says(shop.loaded(shipment_id))
    # UPS says again that the truck is there, under two new numbers, while the word to go is on its way.
    shop.ups_says(shop.truck(shipment_id), shop.truck(shipment_id, 4))
    assert len(shop.sent("deliver")) == 1


def test_a_big_report_takes_a_bounded_number_of_statements(shop: Stage) -> None:
    shipments = [shop.parcel(shop.place((1, 1))).row.id for _ in range(12)]
    shop.dispatch()
    counts: list[int] = []
    statements: list[str] = []
    events.listen(shop.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for part in (shipments[:2], shipments[2:]):
        statements.clear()
        shop.world_says(*[shop.packed(shipment_id) for shipment_id in part])
        counts.append(len(statements))
    # Each event looks at the marker and may touch its warehouse; all else is done once.
    assert counts[1] - counts[0] <= 2 * 8
