"""Who owns a link, and what reaches its owner."""

from dataclasses import replace

import pytest

from db.orders.requests import Decision
from mesh.errors import FailedPrecondition
from orders_svc.outbox.dispatch import LOOK_SECONDS
from orders_svc.service.amending import Wish
from orders_svc.service.links import Attachment
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import BACKORDER, SHOPPER, TICK, Stage


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


def back(stage: Stage, nonce: str, last_epoch: int) -> int:
    """A start that owned the link before attaches again."""
    ((seen,),) = stage.rows("select link_epoch from links where name = 'world'")
    return stage.app.attach(Attachment("world", "world-bridge", nonce, "127.0.0.1:2", last_epoch, seen))


def test_a_late_copy_of_a_first_request_takes_nothing_from_who_came_since(stage: Stage) -> None:
    first = Attachment("world", "world-bridge", "boot-1", "127.0.0.1:1")
    assert stage.app.attach(first) == 1
    assert stage.app.attach(first) == 1
    assert stage.attach("world", nonce="boot-2") == 2
    for late in (first, replace(first, seen_epoch=1)):
        with pytest.raises(FailedPrecondition) as refused:
            stage.app.attach(late)
        assert (refused.value.reason, refused.value.metadata["link_epoch"]) == ("LINK_MOVED", "2")
    assert stage.app.renew("world", 2, True, "open") is None


def test_a_start_that_was_superseded_cannot_take_the_link_back(stage: Stage) -> None:
    assert stage.attach("world", nonce="paused") == 1
    assert stage.attach("world", nonce="live") == 2
    before = stage.rows("select link_epoch, boot_nonce, callback_address from links where name = 'world'")
    with pytest.raises(FailedPrecondition) as refused:
        back(stage, "paused", 1)
    assert refused.value.reason == "LINK_OWNED"
    assert stage.rows("select link_epoch, boot_nonce, callback_address from links where name = 'world'") == before
    # Nor is the one that superseded it kept out by that, and a new start is as welcome as ever.
    assert back(stage, "live", 2) == 2
    assert stage.attach("world", nonce="third") == 3


def test_a_start_that_was_superseded_may_have_the_link_when_nobody_has_it(stage: Stage) -> None:
    stage.attach("world", nonce="paused")
    stage.attach("world", nonce="live")
    stage.lapse("world")
    assert back(stage, "paused", 1) == 3


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
    shop.app.renew("world", shop.epochs["world"], True, "open")
    assert shop.dispatch() == first[:1]
    assert shop.dispatch() == []


def test_each_batch_for_ups_says_for_which_of_its_announcements_it_was_planned(shop: Stage) -> None:
    shop.ups_says(shop.event(world_announced=pb.WorldAnnounced(world_id=7, announcement_no=3)))
    shop.place((1, 1))
    shop.dispatch()
    request = shop.bridges["ups"].request
    assert (request.world_id, request.announcement_no) == (7, 3)
    assert shop.bridges["world"].request.world_id == 0


def test_a_command_that_can_never_be_said_has_failed_and_keeps_no_other_back(shop: Stage) -> None:
    shop.bridges["world"].refuses["pack"] = "above 65536 bytes"
    orders = [shop.place((1, 1)), shop.place((BACKORDER, 1))]
    assert [command.WhichOneof("body") for command in shop.dispatch("world")] == ["buy"]
    row = shop.parcel(orders[0]).row
    ((outcome, failure),) = shop.rows(
        "select outcome, failure from outbox where kind = 'pack' and shipment_id = :id", id=row.id
    )
    assert (outcome, failure) == ("failed", "it cannot be sent: above 65536 bytes")
    assert (row.attempts, row.attention_reason) == (1, None)
    # Never silence: the world is asked for it, and says no.
    shop.clock.time += TICK
    (query,) = shop.dispatch("world")
    assert query.query_package.shipment_id == row.id


def test_a_bridge_that_owns_the_link_no_more_fails_nothing(shop: Stage) -> None:
    shop.place((1, 1))
    stale = shop.epochs["world"]
    (pack,) = shop.dispatch("world")
    shop.attach("world", nonce="boot-2")
    shop.app.fail_commands("world", stale, {pack.command_id: "above 65536 bytes"})
    assert shop.rows("select outcome from outbox where id = :id", id=pack.command_id) == [(None,)]


def test_for_a_peer_that_is_away_nothing_leaves_so_it_can_still_be_changed(shop: Stage) -> None:
    for link in ("world", "ups"):
        shop.app.renew(link, shop.epochs[link], False, "waiting for the peer")
    order_id = shop.place((1, 1))
    assert shop.dispatch() == []
    decided = shop.app.amend(Wish(SHOPPER, "elsewhere", order_id, 50, 60))
    decided += shop.app.amend(Wish(SHOPPER, "not-at-all", order_id))
    assert [one.decision for one in decided] == [Decision.DONE, Decision.DONE]


def test_the_return_of_a_peer_is_announced_once(shop: Stage) -> None:
    shop.announced.clear()
    for connected in (True, True, False, False, True):
        shop.app.renew("ups", shop.epochs["ups"], connected, "open")
    assert [changes.links for changes in shop.announced] == [{"ups"}, {"ups"}]


def test_a_dispatcher_knows_when_it_has_to_look_again(shop: Stage) -> None:
    world = shop.dispatchers["world"]
    shop.dispatch()
    assert world.rest() == LOOK_SECONDS
    shop.place((1, 1))
    (pack,) = shop.dispatch("world")
    # Half a tick until it is tried again.
    shop.world_says(shop.no(pack, "could not serialize access"))
    assert shop.dispatch("world") == []
    assert world.rest() == pytest.approx(TICK / 2, abs=0.01)
    shop.clock.time += TICK / 2
    assert world.rest() == 0
    assert len(shop.dispatch("world")) == 1
    assert world.rest() == LOOK_SECONDS


def test_a_bridge_that_takes_nothing_is_asked_less_and_less_often(shop: Stage) -> None:
    world = shop.dispatchers["world"]
    shop.place((1, 1))
    shop.bridges["world"].limit = 0
    rests = []
    for _ in range(5):
        shop.dispatch("world")
        rests.append(world.rest())
    assert rests == pytest.approx([0.1, 0.2, 0.4, 0.8, LOOK_SECONDS], abs=0.01)
    shop.bridges["world"].limit = 10
    assert len(shop.dispatch("world")) == 1
    assert world.rest() == LOOK_SECONDS


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


def ups_away(shop: Stage, order_id: int) -> tuple[str, int]:
    """Who a packed parcel waits for, and since which second."""
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert "your order is safe" in waiting.next
    return waiting.who, round(waiting.since)


UNREACHABLE = "UPS, which cannot be reached at the moment"


def packed_order(shop: Stage) -> int:
    order_id = shop.place((1, 1))
    shop.drive(shop.parcel(order_id).row.id, until="packed")
    return order_id


def test_a_bridge_that_begins_anew_does_not_change_since_when_ups_has_been_away(shop: Stage) -> None:
    order_id = packed_order(shop)
    shop.clock.time += 10
    left_at = shop.clock.time
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS to connect")
    shop.clock.time += 1800
    for how in (lambda: shop.attach("ups", nonce="boot-2"), lambda: shop.lapse("ups")):
        how()
        assert ups_away(shop, order_id) == (UNREACHABLE, round(left_at))
    shop.attach("ups", nonce="boot-3")
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS to connect")
    assert ups_away(shop, order_id) == (UNREACHABLE, round(left_at))
    shop.clock.time += 10
    shop.app.renew("ups", shop.epochs["ups"], True, "open")
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "a UPS truck on its way to the warehouse"


def test_ups_has_been_away_since_its_bridge_was_if_it_is_not_back_with_it(shop: Stage) -> None:
    order_id = packed_order(shop)
    shop.lapse("ups")
    assert ups_away(shop, order_id) == (UNREACHABLE, 1)
    shop.attach("ups", nonce="boot-2")
    assert ups_away(shop, order_id) == (UNREACHABLE, 1)


def test_ups_has_been_in_another_world_since_it_said_so_first(shop: Stage) -> None:
    order_id = packed_order(shop)
    shop.clock.time += 10
    moved_at = shop.clock.time
    for _ in range(3):
        shop.announce(8)
        shop.clock.time += 60
    elsewhere = "UPS, which is in world 8, while we are in 7"
    assert ups_away(shop, order_id) == (elsewhere, round(moved_at))
    opened_at = shop.clock.time
    shop.execute("update worlds set opened_at = :at where state = 'open'", at=opened_at)
    assert ups_away(shop, order_id) == (elsewhere, round(opened_at)), "before that we were elsewhere, too"
