"""What people at a terminal are told of an order: what it waits for, what was done, and what was said."""

from google.protobuf.timestamp_pb2 import Timestamp

from minimart.telling import conversation, explained
from shop.operations.v1 import operations_pb2 as pb
from shop.orders.v1 import orders_pb2

PLACED = Timestamp(seconds=1_700_000_000)
ORDER = orders_pb2.Order(
    order_id=7,
    user_id=2,
    status=orders_pb2.ORDER_STATUS_NEEDS_ATTENTION,
    placed_at=PLACED,
    shipments=[
        orders_pb2.Shipment(
            shipment_id=99,
            warehouse_name="Harbour",
            status=orders_pb2.ORDER_STATUS_NEEDS_ATTENTION,
            attention_reason="Tried 5 times",
        )
    ],
)


def test_an_order_is_explained_with_what_can_be_done_and_what_was() -> None:
    answer = pb.InspectOrderResponse(
        order=ORDER,
        attention=[
            pb.AttentionNeeded(shipment_id=99, reason="Tried 5 times", remedies=[pb.REMEDY_RETRY, pb.REMEDY_CANCEL])
        ],
        interventions=[
            pb.Intervention(remedy=pb.REMEDY_REDRIVE, shipment_id=98, user_id=3, note="it burnt", new_shipment_id=99)
        ],
    )
    told = explained(answer)
    assert told[0] == "order 7: NEEDS_ATTENTION, $0.00, to 0,0"
    assert "  placed by user 2" in told
    assert "  parcel 99 needs a person: Tried 5 times" in told
    assert "    what can be done at /operator: retry, cancel" in told
    assert "  user 3 had parcel 98 seen to (redrive, parcel 99 in its place): it burnt" in told


def test_messages_are_told_with_their_side_their_outcome_and_their_text() -> None:
    pack = pb.Message(
        direction=pb.DIRECTION_TO_PEER,
        link="world",
        kind="pack",
        number=5,
        outcome="refused: no\nsuch warehouse",
        text="pack {\n  warehouse_id: 1\n}",
        at=Timestamp(seconds=1_700_000_001, nanos=500_000_000),
    )
    assert conversation(ORDER, [pack]) == [
        "   +1.5 s  to world: pack, number 5: refused: no such warehouse",
        "             pack {",
        "               warehouse_id: 1",
        "             }",
    ]
