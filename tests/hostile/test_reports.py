"""Whatever a peer's words become on the way into the database: an answer of the contract, and the queue goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.clock import SystemClock
from db.engine import make_engine
from mesh.errors import read_error
from proof.checkers import check_books
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.orders.v1 import orders_pb2 as orders
from tests.hostile.test_bytes import INT32, INT64
from tests.orders_svc.rpc.serving import Running, eventually, running

Code = grpc.StatusCode
# An owner that is not, a field that cannot be: refusals of the contract. Never INTERNAL, never UNKNOWN.
REFUSALS = {Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.PERMISSION_DENIED, Code.NOT_FOUND}
TEXT = st.one_of(
    st.text(max_size=40), st.sampled_from(["\0", "x" * 5000, "\u202e", "DELIVERED", "error: the id you want to create"])
)
# Near what is there, so that much of it means something.
SHIPMENTS = st.one_of(st.integers(0, 6), INT64)
COMMANDS = st.one_of(st.integers(0, 60), INT64)


@st.composite
def world_events(draw: st.DrawFn, base: int) -> dict[str, Any]:
    """What a world may say, about shipments and commands from `base` on, or about anything."""
    shipment, command = base + draw(SHIPMENTS) % 2**62, base + draw(COMMANDS) % 2**62
    if draw(st.booleans()):
        shipment, command = draw(INT64), draw(INT64)
    thing = st.builds(bridge.Thing, offer_id=st.one_of(st.integers(1, 60), INT64), count=INT32)
    return draw(
        st.sampled_from(
            [
                {"packed": pb.Packed(shipment_id=shipment)},
                {"loaded": pb.Loaded(shipment_id=shipment)},
                {"package_status": pb.PackageStatus(shipment_id=shipment, status=draw(TEXT))},
                {"command_failed": pb.CommandFailed(command_id=command, text=draw(TEXT))},
                {
                    "arrived": pb.Arrived(
                        warehouse_id=draw(st.one_of(st.integers(0, 11), INT32)),
                        things=draw(st.lists(thing, max_size=5)),
                    )
                },
            ]
        )
    )


@st.composite
def ups_events(draw: st.DrawFn, base: int) -> dict[str, Any]:
    """What a UPS may say."""
    shipment = draw(st.one_of(st.just(base + draw(SHIPMENTS) % 1000), INT64))
    return draw(
        st.sampled_from(
            [
                {"truck_arrived": pb.TruckArrived(shipment_id=shipment, truck_id=draw(INT32))},
                {"delivered": pb.Delivered(shipment_id=shipment)},
                {"command_failed": pb.CommandFailed(command_id=draw(INT64), text=draw(TEXT))},
                {"world_announced": pb.WorldAnnounced(world_id=draw(INT64))},
            ]
        )
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A served shop with some orders under way; the books are checked at the end."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'shop.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    with running(url, folder, world_tick=1.0) as served:
        served.open_world()
        for offer in range(1, 6):
            served.place((offer, 2))
        yield served
        # Whatever was said, what comes next is heard.
        served.seqnum = 2**40
        served.report("ups", world_announced=pb.WorldAnnounced(world_id=7))
        order = served.place((37, 1))
        served.report("world", arrived=pb.Arrived(warehouse_id=1, things=[bridge.Thing(offer_id=37, count=900)]))
        assert eventually(lambda: served.order(order).status >= orders.ORDER_STATUS_AWAITING_STOCK)
    engine = make_engine(url, SystemClock())
    check_books(engine, strangers=True)
    engine.dispose()


def first_shipment(shop: Running) -> int:
    return min(parcel.shipment_id for number in range(1, 4) for parcel in shop.order(number).shipments)


def ask(call: Any, request: Any) -> Any:
    """The answer, or None for a refusal of the contract."""
    try:
        return call(request, timeout=20)
    except grpc.RpcError as error:
        refused = read_error(error)
        if refused.code not in REFUSALS:
            raise AssertionError(f"{refused} for {request}") from error
        return None


@settings(max_examples=120)
@given(data=st.data())
def test_any_report_is_answered_and_a_second_time_alike(shop: Running, data: st.DataObject) -> None:
    base = first_shipment(shop)
    link = data.draw(st.sampled_from(["world", "ups"]))
    words = data.draw(st.lists(world_events(base) if link == "world" else ups_events(base), max_size=6))
    events = [pb.PeerEvent(seqnum=data.draw(INT64), **one) for one in words]
    epoch = shop.world_epoch if link == "world" else 0
    request = pb.ReportRequest(
        link=link,
        link_epoch=shop.epochs[link],
        world_epoch=data.draw(st.one_of(st.just(epoch), INT64)),
        acked=data.draw(st.lists(st.one_of(INT64, st.integers(base, base + 100)), max_size=8)),
        events=events,
    )
    stub = shop.world if link == "world" else shop.ups
    first = ask(stub.Report, request)
    if first is not None:
        assert len(first.results) == len(events)
        again = ask(stub.Report, request)
        settled = [pb.EVENT_RESULT_DUPLICATE, pb.EVENT_RESULT_APPLIED]
        assert all(result in settled for result in again.results), (request, again)


@settings(max_examples=60)
@given(
    link=st.sampled_from(["world", "ups", "", "moon"]),
    epoch=INT64,
    world_id=INT64,
    text=TEXT,
    warehouses=st.lists(INT32, max_size=20),
)
def test_any_other_word_of_a_bridge_is_answered(
    shop: Running, link: str, epoch: int, world_id: int, text: str, warehouses: list[int]
) -> None:
    ask(shop.world.RenewLink, pb.RenewLinkRequest(link=link, link_epoch=epoch, connected=True, state=text))
    ask(
        shop.world.AttachLink, pb.AttachLinkRequest(link="world", instance=text, boot_nonce=text, callback_address=text)
    )
    said = pb.Connected(world_epoch=epoch, world_id=world_id, result=text, warehouse_ids=warehouses)
    for observation in (
        {"connected": said},
        {"answered": pb.Answered(world_epoch=epoch)},
        {"start": pb.Start(candidate_world_id=world_id)},
        {},
    ):
        for link_epoch in (shop.epochs["world"], epoch):
            if observation.get("connected") is said and link_epoch == shop.epochs["world"] and text == "connected!":
                continue
            ask(shop.world.AdvanceWorld, pb.AdvanceWorldRequest(link_epoch=link_epoch, **observation))


@pytest.mark.parametrize("distinct", [False, True])
def test_an_arrival_of_more_things_than_a_statement_has_places_for(shop: Running, distinct: bool) -> None:
    things = [bridge.Thing(offer_id=10**9 + number if distinct else 1, count=0) for number in range(30_000)]
    while pb.Arrived(things=things).ByteSize() > 250 * 1024:
        things = things[: len(things) * 9 // 10]
    shop.seqnum += 10**6
    answer = shop.report("world", arrived=pb.Arrived(warehouse_id=1, things=things))
    assert answer.results == [pb.EVENT_RESULT_APPLIED]


def test_counts_that_would_flow_over_do_not(shop: Running) -> None:
    most = [bridge.Thing(offer_id=60, count=2**31 - 1) for _ in range(20_000)]
    shop.seqnum += 10**6
    for _ in range(3):
        assert shop.report("world", arrived=pb.Arrived(warehouse_id=2, things=most)).results == [
            pb.EVENT_RESULT_APPLIED
        ]


def test_a_request_that_is_too_large_is_refused_and_the_next_one_is_taken(shop: Running) -> None:
    text = "x" * (2 << 20)
    request = pb.ReportRequest(
        link="world",
        link_epoch=shop.epochs["world"],
        world_epoch=shop.world_epoch,
        events=[pb.PeerEvent(seqnum=1, command_failed=pb.CommandFailed(command_id=1, text=text))],
    )
    with pytest.raises(grpc.RpcError) as refused:
        shop.world.Report(request, timeout=20)
    assert read_error(refused.value).code is Code.RESOURCE_EXHAUSTED
    assert shop.report("world", packed=pb.Packed(shipment_id=5)).results == [pb.EVENT_RESULT_IGNORED]
