"""Who owns a link, and what reaches its owner."""

import pytest

from mesh.errors import FailedPrecondition
from orders_svc.service.links import Attachment
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import Stage


def owned(shop: Stage, link: str, instance: str, nonce: str) -> str:
    with pytest.raises(FailedPrecondition) as refused:
        shop.app.attach(Attachment(link, instance, nonce, "127.0.0.1:2"))
    return refused.value.reason


def test_the_same_boot_again_keeps_its_epoch(stage: Stage) -> None:
    assert stage.attach("world") == stage.attach("world") == 1


def test_the_same_instance_supersedes_itself_at_once(stage: Stage) -> None:
    assert stage.attach("world", nonce="boot-1") == 1
    assert stage.attach("world", nonce="boot-2") == 2
    assert stage.attach("ups") == 1


def test_another_instance_waits_for_the_lease(stage: Stage) -> None:
    stage.attach("world", "a")
    assert owned(stage, "world", "b", "boot-1") == "LINK_OWNED"
    stage.app.renew("world", 1, True, "open")
    assert owned(stage, "world", "b", "boot-1") == "LINK_OWNED"
    stage.lapse("world")
    assert stage.attach("world", "b") == 2
    assert owned(stage, "world", "a", "boot-1") == "LINK_OWNED"


def test_a_paused_owner_changes_nothing(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    paused = shop.epochs["world"]
    shop.lapse("world")
    shop.attach("world", "another")
    before = shop.rows("select link_epoch, instance, connected, state from links where name = 'world'")
    for act in (
        lambda: shop.app.renew("world", paused, True, "I am back"),
        lambda: shop.app.advance_world(pb.AdvanceWorldRequest(link_epoch=paused, start=pb.Start())),
        lambda: shop.app.advance_world(pb.AdvanceWorldRequest(link_epoch=0, start=pb.Start())),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            act()
        assert refused.value.reason == "STALE_EPOCH"
    assert shop.rows("select link_epoch, instance, connected, state from links where name = 'world'") == before
    assert shop.world_says(shop.packed(shipment_id))


def test_an_owner_whose_lease_lapsed_goes_on_while_nobody_else_came(shop: Stage) -> None:
    shop.lapse("world")
    shop.app.renew("world", shop.epochs["world"], True, "open")
    shop.place((1, 1))
    assert len(shop.sent("pack")) == 1


def test_what_is_due_is_given_to_each_owner_exactly_once(shop: Stage) -> None:
    shop.place((1, 1))
    first = shop.dispatch()
    assert [c.WhichOneof("body") for c in first] == ["pack", "request_truck"]
    assert shop.dispatch() == []
    shop.attach("world", nonce="boot-2")
    assert shop.dispatch() == first[:1]
    assert shop.dispatch() == []


def test_what_the_bridge_did_not_take_stays_due(shop: Stage) -> None:
    for _ in range(3):
        shop.place((1, 1))
    shop.bridges["world"].limit = 2
    assert len(shop.dispatch("world")) == 2
    assert len(shop.dispatch("world")) == 1
    shop.bridges["ups"].limit = 0
    assert shop.dispatch("ups") == []
    shop.bridges["ups"].limit = 10
    assert len(shop.dispatch("ups")) == 3


def test_more_than_a_batch_goes_out_in_batches(shop: Stage) -> None:
    shop.app.place_orders([shop.request((1 + n % 5, 1)) for n in range(210)])
    sent = shop.dispatch("world")
    assert len(sent) == len({command.command_id for command in sent}) > 200
    assert [command.command_id for command in sent] == sorted(command.command_id for command in sent)


def test_nothing_is_sent_to_a_link_without_a_live_owner(shop: Stage) -> None:
    shop.place((1, 1))
    shop.lapse("world")
    shop.lapse("ups")
    assert shop.dispatch() == []


def test_the_page_says_since_when_a_bridge_has_been_away(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.lapse("world")
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "the warehouse, which cannot be reached at the moment"
    assert waiting.since == 1
