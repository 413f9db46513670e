"""What people at a terminal are told of an order: what it waits for, what was done, and what was said."""

from google.protobuf.timestamp_pb2 import Timestamp

from minimart.telling import conversation, explained, whole
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


def test_what_was_asked_of_an_order_is_told_with_the_answers() -> None:
    done, late, asked = orders_pb2.DECISION_DONE, orders_pb2.DECISION_TOO_LATE, orders_pb2.DECISION_ASKED
    order = orders_pb2.Order(
        order_id=7,
        placed_at=PLACED,
        destination=orders_pb2.Address(x=1, y=2),
        shipments=[
            orders_pb2.Shipment(
                shipment_id=99,
                warehouse_name="Harbour",
                status=orders_pb2.ORDER_STATUS_PACKING,
                destination=orders_pb2.Address(x=3, y=-4),
            )
        ],
        amendments=[
            orders_pb2.Amendment(
                asked_at=Timestamp(seconds=1_700_000_002),
                destination=orders_pb2.Address(x=3, y=-4),
                decisions=[
                    orders_pb2.ParcelDecision(parcel=1, decision=done),
                    orders_pb2.ParcelDecision(parcel=2, decision=asked, reason="UPS is asked"),
                ],
            ),
            orders_pb2.Amendment(
                asked_at=Timestamp(seconds=1_700_000_003),
                decisions=[
                    orders_pb2.ParcelDecision(
                        parcel=1, decision=late, reason="it had left", left_at=Timestamp(seconds=1_700_000_001)
                    )
                ],
            ),
        ],
    )
    assert whole(order) == [
        "order 7: UNSPECIFIED, $0.00, to 1,2",
        "  parcel 99 from Harbour to 3,-4: PACKING",
        "       +2.0 s  asked: to 3,-4 instead",
        "                 parcel 1: done",
        "                 parcel 2: asked (UPS is asked)",
        "       +3.0 s  asked: cancel it",
        "                 parcel 1: too late (it had left, at +1.0 s)",
    ]


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
