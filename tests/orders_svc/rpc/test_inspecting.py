"""What staff see over gRPC: links with their queues, what needs a person, anybody's order, and what was said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import text_format

from mesh.channel import acting_for, acting_for_staff
from mesh.errors import RpcFailure, read_error
from shop.bridge.v1 import bridge_pb2
from shop.fulfilment.v1 import fulfilment_pb2
from shop.operations.v1 import operations_pb2 as pb
from shop.operations.v1 import operations_pb2_grpc
from shop.orders.v1 import orders_pb2
from tests.orders_svc.rpc.serving import SHOPPER, WORLD_ID, Running, running

STAFF = 1
CALLS = [
    ("ListLinks", pb.ListLinksRequest()),
    ("ListAttention", pb.ListAttentionRequest()),
    ("InspectOrder", pb.InspectOrderRequest(order_id=1)),
    ("ListMessages", pb.ListMessagesRequest(order_id=1)),
]


@pytest.fixture
def both(database_url: str, tmp_path: Path) -> Iterator[Running]:
    """On each database, in an open world."""
    with running(database_url, tmp_path) as served:
        served.open_world()
        yield served


def call(shop: Running, method: str, request: Any, metadata: Any = None) -> Any:
    stub = operations_pb2_grpc.OperationsServiceStub(shop.channel("storefront"))
    return getattr(stub, method)(request, timeout=60, metadata=metadata or acting_for_staff(STAFF))


def failure(shop: Running, *arguments: Any) -> RpcFailure:
    with pytest.raises(grpc.RpcError) as refused:
        call(shop, *arguments)
    return read_error(refused.value)


def need_attention(shop: Running, shipment_id: int, reason: str) -> None:
    with shop.app.engine.begin() as connection:
        connection.exec_driver_sql(f"update shipments set attention_reason = '{reason}' where id = {shipment_id}")


def test_only_staff_look(shop: Running) -> None:
    shop.place((1, 1))
    for method, request in CALLS:
        assert failure(shop, method, request, acting_for(SHOPPER)).reason == "STAFF_ONLY", method
        assert failure(shop, method, request, (("x-acting-role", "staff"),)).reason == "NO_ACTING_USER", method
        call(shop, method, request)


def test_links_tell_the_world_their_owner_and_their_queue(both: Running) -> None:
    both.place((1, 1), (3, 1))
    answer: pb.ListLinksResponse = call(both, "ListLinks", pb.ListLinksRequest())
    assert (answer.world_epoch, answer.world_id, answer.world_open) == (both.world_epoch, WORLD_ID, True)
    ups, world = answer.links
    assert (ups.link, ups.owned, ups.connected, ups.announced_world_id) == ("ups", True, True, WORLD_ID)
    assert (world.link, world.link_epoch, world.instance) == ("world", both.epochs["world"], "world-bridge")
    # Nobody answers where this bridge says that it is.
    assert not ups.HasField("status")
    assert ups.queue.waiting == ups.queue.due > 0
    assert ups.queue.waiting_since.seconds > 0
    assert not ups.queue.HasField("handed_over_since")


def test_parcels_that_need_a_person_come_page_by_page_with_what_can_be_done(both: Running) -> None:
    orders = [both.place((1, 1)) for _ in range(3)]
    parcels = [both.order(order_id).shipments[0].shipment_id for order_id in orders]
    for number, shipment_id in enumerate(parcels):
        need_attention(both, shipment_id, f"reason {number}")
    first: pb.ListAttentionResponse = call(both, "ListAttention", pb.ListAttentionRequest(page_size=2))
    rest: pb.ListAttentionResponse = call(
        both, "ListAttention", pb.ListAttentionRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [one.shipment_id for one in (*first.parcels, *rest.parcels)] == parcels
    assert rest.next_page_token == ""
    one = first.parcels[0]
    assert (one.order_id, one.user_id, one.reason) == (orders[0], SHOPPER, "reason 0")
    assert one.goods == orders_pb2.GOODS_STATE_PACKING
    assert list(one.remedies) == [pb.REMEDY_RETRY, pb.REMEDY_REDRIVE, pb.REMEDY_CANCEL]


def test_anybodys_order_is_seen_with_what_was_done_about_it(both: Running) -> None:
    order_id = both.place((1, 1))
    (parcel,) = both.order(order_id).shipments
    need_attention(both, parcel.shipment_id, "lost")
    seen: pb.InspectOrderResponse = call(both, "InspectOrder", pb.InspectOrderRequest(order_id=order_id))
    assert (seen.order.order_id, seen.order.user_id) == (order_id, SHOPPER)
    assert [one.reason for one in seen.attention] == ["lost"]
    redrive = pb.RedriveShipmentRequest(request_id="redriven-1", shipment_id=parcel.shipment_id, note="found broken")
    new_id = call(both, "RedriveShipment", redrive).new_shipment_id
    # By the number of the attempt that was given up.
    seen = call(both, "InspectOrder", pb.InspectOrderRequest(shipment_id=parcel.shipment_id))
    assert seen.order.order_id == order_id
    assert not seen.attention
    (done,) = seen.interventions
    assert (done.remedy, done.user_id, done.note) == (pb.REMEDY_REDRIVE, STAFF, "found broken")
    assert (done.shipment_id, done.new_shipment_id) == (parcel.shipment_id, new_id)
    assert failure(both, "InspectOrder", pb.InspectOrderRequest(order_id=999)).reason == "ORDER_NOT_FOUND"
    assert failure(both, "InspectOrder", pb.InspectOrderRequest(shipment_id=9)).reason == "SHIPMENT_NOT_FOUND"


def test_a_peers_own_words_about_a_failure_are_for_staff_alone(both: Running) -> None:
    order_id, said = both.place((1, 1)), "ERR 17: ask Bob (he has the night shift)"
    (parcel,) = both.order(order_id).shipments
    with both.app.reader.connect() as connection:
        pack = connection.exec_driver_sql("select max(id) from outbox where kind = 'pack'").scalar_one()
    both.report("world", command_failed=fulfilment_pb2.CommandFailed(command_id=pack, text=said))
    need_attention(both, parcel.shipment_id, f"Tried 12 times without success. Last: Packing failed ({said})")
    seen: pb.InspectOrderResponse = call(both, "InspectOrder", pb.InspectOrderRequest(order_id=order_id))
    (inspected,), (shown,) = seen.order.shipments, both.order(order_id).shipments
    assert seen.attention[0].reason == inspected.attention_reason
    assert inspected.attention_reason.endswith(said + ")")
    assert inspected.history[-1].what == f"Packing was refused; the warehouse is asked why ({said})"
    assert shown.attention_reason == "Tried 12 times without success. Last: Packing failed"
    assert shown.history[-1].what == "Packing was refused; the warehouse is asked why"
    assert len(shown.history) == len(inspected.history)


def test_the_log_tells_both_sides_decoded_newest_first_and_page_by_page(both: Running) -> None:
    order_id = both.place((1, 2))
    other = both.place((3, 1))
    (parcel,) = both.order(order_id).shipments
    packed = fulfilment_pb2.Packed(shipment_id=parcel.shipment_id)
    both.report("world", packed=packed)
    both.report("world", packed=packed)
    whole: pb.ListMessagesResponse = call(both, "ListMessages", pb.ListMessagesRequest(order_id=order_id))
    told = [(one.direction, one.kind, one.outcome) for one in whole.messages]
    assert told[0][:2] == (pb.DIRECTION_FROM_PEER, "packed")
    assert told[0][2].startswith("recorded, not obeyed: ")
    assert told[1] == (pb.DIRECTION_FROM_PEER, "packed", "obeyed")
    assert {one[1] for one in told[2:]} == {"pack", "request_truck"}
    assert not whole.next_page_token
    pack = next(one for one in whole.messages if one.kind == "pack")
    assert text_format.Parse(pack.text, bridge_pb2.Command()).pack.shipment_id == parcel.shipment_id
    assert text_format.Parse(whole.messages[0].text, fulfilment_pb2.PeerEvent()).packed == packed

    token, found = "", []
    while not found or token:
        page = call(both, "ListMessages", pb.ListMessagesRequest(order_id=order_id, page_size=1, page_token=token))
        found += page.messages
        token = page.next_page_token
    assert found == list(whole.messages)
    others = call(both, "ListMessages", pb.ListMessagesRequest(order_id=other)).messages
    assert others
    assert parcel.shipment_id not in {one.shipment_id for one in others}


def test_a_strange_page_is_invalid(shop: Running) -> None:
    order_id = shop.place((1, 1))
    for token in ("x", "1", "1:2:3", "1.5:1:99999999999999999999", "nan:0:1", "1e9:0:1", ":0:1"):
        request = pb.ListMessagesRequest(order_id=order_id, page_token=token)
        assert [one.field for one in failure(shop, "ListMessages", request).violations] == ["page_token"], token


def test_an_order_that_never_was_has_no_log(shop: Running) -> None:
    assert failure(shop, "ListMessages", pb.ListMessagesRequest(order_id=7)).reason == "ORDER_NOT_FOUND"
