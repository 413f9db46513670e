"""FulfilmentService over real gRPC: who may speak for which link, and what is refused."""

from typing import Any

import grpc
import pytest

from orders_svc.rpc.fulfilment import MAX_TRUCKS
from shop.bridge.v1.bridge_pb2 import Thing
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.rpc.serving import Running, failure
from ups_bridge import codec

Code = grpc.StatusCode
EXTREMES = (-(2**63), -1, 0, 2**63 - 1)


def test_attaching_gives_the_epoch_and_the_terms(shop: Running) -> None:
    request = pb.AttachLinkRequest(
        link="ups", instance="ups-bridge", boot_nonce="boot-2", callback_address="127.0.0.1:7004", seen_epoch=1
    )
    answer = shop.ups.AttachLink(request, timeout=60)
    assert (answer.link_epoch, answer.lease_seconds, answer.world_tick_seconds) == (2, 60, 0.2)
    assert shop.ups.AttachLink(request, timeout=60) == answer


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"link": "mars"}, "link"),
        ({"instance": ""}, "instance"),
        ({"instance": "x" * 121}, "instance"),
        ({"instance": "a\0b"}, "instance"),
        ({"boot_nonce": ""}, "boot_nonce"),
        ({"boot_nonce": "a\0b"}, "boot_nonce"),
        ({"callback_address": ""}, "callback_address"),
        ({"callback_address": "nowhere"}, "callback_address"),
        ({"callback_address": "host:99999"}, "callback_address"),
        ({"callback_address": "ho\0st:1"}, "callback_address"),
    ],
)
def test_a_wrong_attachment_names_its_field(shop: Running, wrong: dict[str, Any], field: str) -> None:
    request = {"link": "world", "instance": "i", "boot_nonce": "n", "callback_address": "127.0.0.1:1"} | wrong
    refused = failure(lambda: shop.world.AttachLink(pb.AttachLinkRequest(**request), timeout=60))
    assert refused.code is Code.INVALID_ARGUMENT
    assert [violation.field for violation in refused.violations] == [field]


def test_another_instance_is_told_who_owns_the_link(shop: Running) -> None:
    refused = failure(lambda: shop.attach("world", instance="somebody"))
    assert (refused.code, refused.reason, refused.metadata["owner"]) == (
        Code.FAILED_PRECONDITION,
        "LINK_OWNED",
        "world-bridge",
    )


def test_who_does_not_know_the_present_epoch_is_told_it(shop: Running) -> None:
    request = pb.AttachLinkRequest(
        link="ups", instance="ups-bridge", boot_nonce="boot-2", callback_address="127.0.0.1:7004"
    )
    refused = failure(lambda: shop.ups.AttachLink(request, timeout=60))
    assert (refused.reason, refused.metadata["link_epoch"]) == ("LINK_MOVED", "1")


def test_each_bridge_speaks_for_its_own_link(shop: Running) -> None:
    other = {"link": "ups", "instance": "i", "boot_nonce": "n", "callback_address": "127.0.0.1:1"}
    for call in (
        lambda: shop.world.AttachLink(pb.AttachLinkRequest(**other), timeout=60),
        lambda: shop.world.RenewLink(pb.RenewLinkRequest(link="ups", link_epoch=1), timeout=60),
        lambda: shop.world.Report(pb.ReportRequest(link="ups", link_epoch=1), timeout=60),
        lambda: shop.ups.AdvanceWorld(pb.AdvanceWorldRequest(link_epoch=1, start=pb.Start()), timeout=60),
        lambda: shop.ups.Report(pb.ReportRequest(link="mars", link_epoch=1), timeout=60),
    ):
        refused = failure(call)
        assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "WRONG_LINK")


@pytest.mark.parametrize("epoch", EXTREMES)
def test_every_call_of_a_stale_owner_is_refused(shop: Running, epoch: int) -> None:
    for call in (
        lambda: shop.world.RenewLink(pb.RenewLinkRequest(link="world", link_epoch=epoch), timeout=60),
        lambda: shop.world.Report(pb.ReportRequest(link="world", link_epoch=epoch, world_epoch=1), timeout=60),
        lambda: shop.world.AdvanceWorld(pb.AdvanceWorldRequest(link_epoch=epoch, start=pb.Start()), timeout=60),
    ):
        refused = failure(call)
        assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "STALE_EPOCH")


def test_what_is_too_much_is_refused(shop: Running) -> None:
    event = pb.PeerEvent(packed=pb.Packed(shipment_id=1))
    for field, request in (
        ("acked", pb.ReportRequest(acked=range(2001))),
        ("events", pb.ReportRequest(events=[event] * 501)),
        ("events[0].body", pb.ReportRequest(events=[pb.PeerEvent(seqnum=1)])),
        ("events[0].body", pb.ReportRequest(events=[pb.PeerEvent(delivered=pb.Delivered(shipment_id=1))])),
        ("events[0].body", pb.ReportRequest(events=[pb.PeerEvent(world_announced=pb.WorldAnnounced(world_id=1))])),
        ("world_epoch", pb.ReportRequest(world_epoch=0)),
    ):
        whole = pb.ReportRequest(link="world", link_epoch=shop.epochs["world"], world_epoch=1)
        whole.MergeFrom(request)
        if field == "world_epoch":
            whole.world_epoch = 0
        refused = failure(lambda r=whole: shop.world.Report(r, timeout=60))
        assert refused.code is Code.INVALID_ARGUMENT
        assert [violation.field for violation in refused.violations] == [field]
    of_world = pb.PeerEvent(arrived=pb.Arrived(warehouse_id=1, things=[Thing(offer_id=1, count=5)]))
    request = pb.ReportRequest(link="ups", link_epoch=shop.epochs["ups"], events=[of_world])
    assert failure(lambda: shop.ups.Report(request, timeout=60)).code is Code.INVALID_ARGUMENT


def test_a_full_report_is_taken(shop: Running) -> None:
    events = [pb.PeerEvent(seqnum=n, packed=pb.Packed(shipment_id=n)) for n in range(500)]
    request = pb.ReportRequest(
        link="world", link_epoch=shop.epochs["world"], world_epoch=1, acked=range(2000), events=events
    )
    answer = shop.world.Report(request, timeout=30)
    assert list(answer.results) == [pb.EVENT_RESULT_IGNORED] * 500
    assert list(shop.world.Report(request, timeout=30).results) == [pb.EVENT_RESULT_DUPLICATE] * 500


@pytest.mark.parametrize("number", EXTREMES)
def test_numbers_at_the_ends_are_taken(shop: Running, number: int) -> None:
    small = max(-(2**31), min(number, 2**31 - 1))
    bodies = {
        "world": [
            {"arrived": pb.Arrived(warehouse_id=small, things=[Thing(offer_id=number, count=small)])},
            {"arrived": pb.Arrived(warehouse_id=1, things=[Thing(offer_id=number, count=max(small, 0))])},
            {"packed": pb.Packed(shipment_id=number)},
            {"loaded": pb.Loaded(shipment_id=number)},
            {"package_status": pb.PackageStatus(shipment_id=number, status="\0?" * 1000)},
            {"command_failed": pb.CommandFailed(command_id=number, text="\0" * 1000)},
        ],
        "ups": [
            {"truck_arrived": pb.TruckArrived(shipment_id=number, truck_id=small)},
            {"delivered": pb.Delivered(shipment_id=number)},
            {"command_failed": pb.CommandFailed(command_id=number)},
        ],
    }
    for link, events in bodies.items():
        stub = shop.world if link == "world" else shop.ups
        request = pb.ReportRequest(
            link=link,
            link_epoch=shop.epochs[link],
            world_epoch=1 if link == "world" else 0,
            acked=[number],
            events=[pb.PeerEvent(seqnum=number, **event) for event in events],
        )
        assert len(stub.Report(request, timeout=60).results) == len(events)


@pytest.mark.parametrize("number", EXTREMES)
def test_any_world_may_be_announced(shop: Running, number: int) -> None:
    shop.report("ups", world_announced=pb.WorldAnnounced(world_id=number))
    renewed = shop.world.RenewLink(
        pb.RenewLinkRequest(link="world", link_epoch=shop.epochs["world"], connected=True, state="\0" * 999), timeout=60
    )
    assert renewed.candidate_world_id == number
    assert shop.advance(start=pb.Start(candidate_world_id=number)).dial.world_id == number


def test_an_observation_that_fits_nothing_is_invalid(shop: Running) -> None:
    for observation in (
        {},
        {"answered": pb.Answered(world_epoch=2**63 - 1)},
        {"answered": pb.Answered(world_epoch=0)},
        {"connected": pb.Connected(world_epoch=-1)},
        {"connected": pb.Connected(world_epoch=1, warehouse_ids=[0] * 1001)},
    ):
        refused = failure(lambda o=observation: shop.advance(**o))
        assert refused.code is Code.INVALID_ARGUMENT
        assert refused.violations


def test_trucks_above_the_limit_name_their_field(shop: Running) -> None:
    assert codec.MAX_TRUCKS == MAX_TRUCKS, "the bridge never says more"
    trucks = [pb.TruckPosition(truck_id=number) for number in range(MAX_TRUCKS + 1)]
    request = pb.RenewLinkRequest(link="ups", link_epoch=1, trucks=trucks)
    refused = failure(lambda: shop.ups.RenewLink(request, timeout=60))
    assert (refused.code, refused.violations[0].field) == (Code.INVALID_ARGUMENT, "trucks")
