"""Adopting a world, knowing it again, and leaving it for another."""

from typing import Any

import pytest

from mesh.errors import InvalidArgument
from orders_svc.domain.explain import Status
from orders_svc.service.reports import Result
from proof.checkers import check_books
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import BACKORDER, Stage

REFUSED = "error: world with world_id 7 is not available for amazon to connect.\n possible reason: ..."
ALREADY = "error: warehouse_id/truck_id already exists."
E1 = "error: warehouse id/product_id/package id/truck id in certain world and warehouse(if product_id) does not exist"
ALL = list(range(1, 11))


def listed(directive: pb.AdvanceWorldResponse) -> list[int]:
    assert directive.HasField("dial"), directive
    return [warehouse.warehouse_id for warehouse in directive.dial.warehouses]


def kinds(directive: pb.AdvanceWorldResponse) -> list[Any]:
    assert directive.HasField("ask"), directive
    return [command.WhichOneof("body") for command in directive.ask.commands]


def states(stage: Stage) -> list[Any]:
    return [tuple(row) for row in stage.rows("select world_epoch, world_id, state from worlds order by 1")]


def units(stage: Stage, epoch: int) -> dict[tuple[int, int], int]:
    """What a world holds or owes, with what is packed for parcels that are not delivered."""
    rows = stage.rows(
        "select offer_id, warehouse_id, available + reserved + ordered from stock where world_epoch = :epoch",
        epoch=epoch,
    )
    found = {(row[0], row[1]): row[2] for row in rows if row[2]}
    packed = stage.rows(
        "select i.offer_id, s.warehouse_id, sum(i.quantity)"
        " from shipments s join shipment_items i on i.shipment_id = s.id"
        " where s.world_epoch = :epoch and s.goods in ('packed', 'loading', 'loaded') and s.truck <> 'delivered'"
        " group by 1, 2",
        epoch=epoch,
    )
    for offer_id, warehouse_id, quantity in packed:
        found[offer_id, warehouse_id] = found.get((offer_id, warehouse_id), 0) + quantity
    return found


def reconnect(stage: Stage) -> pb.AdvanceWorldResponse:
    """The world link was lost and connects again; what the service says to that."""
    return stage.connected(stage.start().dial)


def test_without_an_announcement_it_waits_and_says_so(stage: Stage) -> None:
    stage.attach("world")
    assert "waiting for UPS" in stage.start().wait.reason
    assert states(stage) == [(1, None, "awaited")]


def test_an_announced_world_is_opened_with_all_warehouses_and_a_marker(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    # Announced, but the UPS link says nothing of being connected: a memory, not an announcement.
    assert stage.start().HasField("wait")
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    dial = stage.start()
    assert (dial.dial.world_id, listed(dial)) == (7, ALL)
    ask = stage.connected(dial.dial)
    assert kinds(ask) == ["pack"]
    assert ask.ask.commands[0].pack.things == []
    assert stage.dispatch() == []
    opened = stage.hand_over(ask.ask)
    assert opened.open.world_epoch == 1
    assert states(stage) == [(1, 7, "open")]


def test_a_world_is_made_only_where_a_setting_says_so(database_url: str) -> None:
    stage = Stage(database_url, create_world=True)
    stage.attach("world")
    dial = stage.start()
    assert not dial.dial.HasField("world_id")
    ask = stage.connected(dial.dial, world_id=44)
    assert stage.hand_over(ask.ask).HasField("open")
    assert states(stage) == [(1, 44, "open")]
    again = stage.start()
    assert (again.dial.world_id, listed(again)) == (44, [])
    stage.engine.dispose()


def test_the_same_observation_again_gets_the_same_directive(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    dial = stage.start().dial
    first = stage.connected(dial)
    second = stage.connected(dial)
    assert first.ask.commands[0].pack.shipment_id == second.ask.commands[0].pack.shipment_id
    opened = stage.hand_over(second.ask)
    assert opened == stage.answered(dial.world_epoch)


def test_a_world_is_not_taken_for_the_one_that_is_wanted_since_because_it_answered(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    dial = stage.start().dial
    assert stage.connected(dial).HasField("ask")
    stage.announce(8)
    assert stage.start().dial.world_id == 8, "a late copy, while the connection to 7 is there"
    assert "world 8 is wanted now, not world 7" in stage.answered(dial.world_epoch, 7).redial.reason
    assert states(stage) == [(1, 8, "awaited")]


def test_warehouses_that_exist_already_are_probed_and_the_missing_ones_made(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    refused = stage.connected(stage.start().dial, result=ALREADY, world_id=0)
    assert ALREADY in refused.redial.reason
    again = stage.start()
    assert listed(again) == []
    ask = stage.connected(again.dial)
    assert kinds(ask) == ["buy"] * 10
    answers = stage.yes(ask.ask)[:8] + [stage.no(command, E1) for command in ask.ask.commands[8:]]
    redial = stage.hand_over(ask.ask, answers)
    assert "[9, 10]" in redial.redial.reason
    third = stage.start()
    assert listed(third) == [9, 10]
    # Nothing says that it is the world of the connection before.
    others = stage.connected(third.dial)
    assert [command.buy.warehouse_id for command in others.ask.commands] == ALL[:8]
    marker = stage.hand_over(others.ask)
    assert kinds(marker) == ["pack"]
    assert stage.hand_over(marker.ask).HasField("open")


def test_a_probe_that_failed_for_now_is_repeated(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    stage.start()
    ask = stage.connected(stage.start().dial)
    answers = [*stage.yes(ask.ask)[:9], stage.no(ask.ask.commands[9], "serialization error")]
    again = stage.hand_over(ask.ask, answers)
    assert kinds(again) == ["buy"]
    assert again.ask.commands[0].buy.warehouse_id == 10
    assert kinds(stage.hand_over(again.ask)) == ["pack"]


def test_a_marker_that_was_made_before_its_answer_was_lost_is_known_again(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    ask = stage.connected(stage.start().dial)
    again = stage.hand_over(reconnect(stage).ask)
    assert again.ask.commands[0].pack.shipment_id == ask.ask.commands[0].pack.shipment_id
    exists = stage.no(again.ask.commands[0], "error: the id you want to create already exists")
    assert stage.hand_over(again.ask, [exists]).HasField("open")


def test_a_world_that_began_again_before_it_was_marked_gets_its_warehouses_anew(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    stage.connected(stage.start().dial)
    probes = reconnect(stage)
    assert kinds(probes) == ["buy"] * 10
    redial = stage.hand_over(probes.ask, [stage.no(command, E1) for command in probes.ask.commands])
    assert redial.HasField("redial")
    again = stage.start()
    assert listed(again) == ALL
    assert stage.hand_over(stage.connected(again.dial).ask).HasField("open")


def test_a_world_that_began_again_before_it_was_marked_keeps_no_warehouse_that_was_there(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    # The answer to the connect message is lost; of the probes only one comes back: the tenth is there.
    stage.start()
    ask = stage.connected(stage.start().dial).ask
    stage.hand_over(ask, stage.yes(ask)[9:])
    probes = reconnect(stage)
    assert [command.buy.warehouse_id for command in probes.ask.commands] == ALL
    stage.hand_over(probes.ask, [stage.no(command, E1) for command in probes.ask.commands])
    assert listed(stage.start()) == ALL


def test_a_question_whose_answer_nobody_heard_does_not_stay_open(shop: Stage) -> None:
    reconnect(shop)
    asked = reconnect(shop)
    assert shop.hand_over(asked.ask).HasField("open")
    late = shop.connected(shop.start().dial)
    assert kinds(late) == ["query_package"]
    sent = shop.dispatch("world")
    assert [command.WhichOneof("body") for command in sent] == ["query_package"] * 2
    shop.ack(sent)
    assert shop.rows("select id from outbox where closed_at is null and kind = 'query_package'") == []


def test_after_a_reconnect_the_marker_is_asked_for_first_and_once(shop: Stage) -> None:
    shop.place((1, 1))
    dial = shop.start()
    assert (dial.dial.world_id, listed(dial)) == (7, [])
    ask = shop.connected(dial.dial)
    assert kinds(ask) == ["query_package"]
    assert shop.hand_over(ask.ask).HasField("open")
    assert shop.rows("select count(*) from outbox where kind = 'query_package' and closed_at is null") == [(0,)]
    assert len(states(shop)) == 1


def test_after_a_reconnect_what_was_on_its_way_is_asked_for_soon(shop: Stage) -> None:
    shop.place((1, 1))
    shop.ack(shop.dispatch())
    shop.hand_over(reconnect(shop).ask)
    shop.clock.time += 2.5
    shop.app.ask_overdue()
    assert len(shop.sent("query_package")) == 1


def test_a_marker_question_without_an_answer_is_repeated(shop: Stage) -> None:
    ask = reconnect(shop)
    again = shop.hand_over(ask.ask, [shop.no(ask.ask.commands[0], "serialization problem")])
    assert kinds(again) == ["query_package"]
    assert again.ask.commands[0].command_id != ask.ask.commands[0].command_id
    assert shop.hand_over(again.ask).HasField("open")


def test_a_world_that_forgot_us_starts_everything_again_elsewhere(shop: Stage) -> None:
    """Orders in every state, one of them delivered; stock adds up in the new world."""
    delivered, loaded, packed, packing, waiting = (
        shop.place((1, 2), at=(0, 0)) if n < 4 else shop.place((BACKORDER, 3)) for n in range(5)
    )
    numbers = {order: shop.parcel(order).row.id for order in (delivered, loaded, packed, packing, waiting)}
    shop.drive(numbers[delivered])
    shop.drive(numbers[loaded], until="loaded")
    shop.drive(numbers[packed], until="packed")
    before = units(shop, 1)
    ask = reconnect(shop)
    redial = shop.hand_over(ask.ask, [shop.no(ask.ask.commands[0], E1)])
    assert redial.redial.reason == "world 7 has forgotten us"
    assert states(shop) == [(1, 7, "closed"), (2, None, "awaited")]
    assert units(shop, 2) == before
    check_books(shop.engine)
    assert shop.order(delivered).row.status == Status.DELIVERED
    assert shop.parcel(delivered).row.attempt == 1
    for order in (loaded, packed, packing, waiting):
        parcel = shop.parcel(order)
        assert (parcel.row.attempt, parcel.status) == (2, Status.AWAITING_STOCK)
        assert parcel.row.id != numbers[order]
        assert any("Sent anew" in step.what for step in parcel.steps)
    # The answer was lost: the same again gets the same.
    assert shop.answered(1).redial.reason == "world 7 has forgotten us"
    # The same number again: another world.
    dial = shop.start()
    assert (dial.dial.world_id, listed(dial)) == (7, ALL)
    marker = shop.connected(dial.dial)
    opened = shop.hand_over(marker.ask)
    shop.world_epoch = opened.open.world_epoch
    shop.app.renew("world", shop.epochs["world"], True, "open")
    # Late words about old attempts are recorded and not obeyed.
    assert shop.ups_says(shop.delivered(numbers[loaded])) == [Result.IGNORED]
    assert shop.report("world", shop.packed(numbers[packing]), epoch=1) == [Result.IGNORED]
    shop.stocked()
    for order in (loaded, packed, packing, waiting):
        shop.drive(shop.parcel(order).row.id)
        assert shop.order(order).row.status == Status.DELIVERED


def test_nothing_of_a_world_that_was_left_is_sent(shop: Stage) -> None:
    shop.place((1, 1))
    ask = reconnect(shop)
    shop.hand_over(ask.ask, [shop.no(ask.ask.commands[0], E1)])
    for link in ("world", "ups"):
        shop.attach(link, nonce="boot-2")
    assert shop.dispatch() == []


def candidate(shop: Stage, world_id: int) -> pb.AdvanceWorldResponse:
    """UPS announces another world; what the bridge is told to do about it."""
    shop.announce(world_id)
    assert shop.app.renew("world", shop.epochs["world"], True, "open") == world_id
    return shop.start(world_id)


def test_a_new_announcement_is_tried_beside_the_world_in_use_and_then_taken(shop: Stage) -> None:
    order = shop.place((1, 2))
    old = shop.parcel(order).row.id
    before = units(shop, 1)
    dial = candidate(shop, 8)
    assert (dial.dial.world_epoch, dial.dial.world_id, listed(dial)) == (2, 8, ALL)
    ask = shop.connected(dial.dial)
    # Until it is open, the old one is in use.
    assert states(shop) == [(1, 7, "open"), (2, 8, "candidate")]
    assert [c.world_epoch for c in shop.dispatch("world")] == [1]
    # UPS is in the new one: no truck is asked for in the old.
    assert shop.dispatch("ups") == []
    assert shop.world_says(shop.packed(old)) == [Result.APPLIED]
    assert shop.hand_over(ask.ask).open.world_epoch == 2
    assert states(shop) == [(1, 7, "closed"), (2, 8, "open")]
    assert units(shop, 2) == before
    assert shop.app.renew("world", shop.epochs["world"], True, "open") is None
    shop.world_epoch = 2
    shop.stocked()
    shop.drive(shop.parcel(order).row.id)
    assert shop.order(order).row.status == Status.DELIVERED


def test_a_refused_candidate_leaves_everything_as_it_is(shop: Stage) -> None:
    order = shop.place((1, 2))
    dial = candidate(shop, 8)
    assert shop.connected(dial.dial, result=REFUSED).redial.reason.startswith("the world refused: error")
    assert states(shop)[0] == (1, 7, "open")
    assert shop.parcel(order).row.attempt == 1
    # It is offered again, and UPS may come back to the world in use.
    assert shop.app.renew("world", shop.epochs["world"], True, "open") == 8
    shop.announce(7)
    assert shop.app.renew("world", shop.epochs["world"], True, "open") is None
    assert {c.WhichOneof("body") for c in shop.dispatch()} == {"pack", "request_truck"}


def test_a_world_that_was_tried_before_the_one_in_use_is_tried_again_under_a_newer_epoch(shop: Stage) -> None:
    tried = candidate(shop, 8).dial
    assert shop.connected(tried, result=REFUSED).HasField("redial")
    directive = shop.connected(candidate(shop, 9).dial)
    while directive.HasField("ask"):
        directive = shop.hand_over(directive.ask)
    in_use = directive.open.world_epoch
    assert tried.world_epoch < in_use
    assert candidate(shop, 8).dial.world_epoch > in_use
    assert shop.connected(tried).HasField("redial"), "whoever still tries it under the old one must begin anew"


@pytest.mark.parametrize("overtaken_by", ["a world that forgot us", "another announcement"])
def test_nothing_stays_to_be_asked_of_a_world_that_is_not_opened_after_all(shop: Stage, overtaken_by: str) -> None:
    ask = shop.connected(candidate(shop, 8).dial).ask
    if overtaken_by == "another announcement":
        # The bridge that tried it is gone, and says nothing of it any more.
        shop.announce(7)
        shop.attach("world", nonce="another boot")
        shop.start()
    else:
        marker = reconnect(shop).ask
        shop.hand_over(marker, [shop.no(marker.commands[0], E1)])
    assert (2, 8, "closed") in states(shop)
    assert [command.world_epoch for command in ask.commands] == [2]
    assert shop.rows("select id from outbox where world_epoch = 2 and closed_at is null") == []


def test_an_announcement_that_another_has_overtaken_is_not_dialled(shop: Stage) -> None:
    candidate(shop, 8)
    shop.announce(9)
    assert "not announced any more" in shop.start(8).wait.reason
    assert shop.start(9).dial.world_id == 9


@pytest.mark.parametrize("newest", [9, 7], ids=["a third world", "the one in use"])
def test_a_candidate_that_is_overtaken_while_it_is_tried_is_not_opened(shop: Stage, newest: int) -> None:
    order = shop.place((1, 2))
    ask = shop.connected(candidate(shop, 8).dial)
    shop.announce(newest)
    assert "not announced any more" in shop.hand_over(ask.ask).redial.reason
    assert states(shop)[:2] == [(1, 7, "open"), (2, 8, "closed")]
    assert shop.parcel(order).row.attempt == 1


def test_a_world_that_answers_with_another_id_is_not_the_one_we_asked_for(shop: Stage) -> None:
    answer = shop.connected(shop.start().dial, world_id=12)
    assert "12" in answer.redial.reason
    assert states(shop) == [(1, 7, "open")]


def test_an_epoch_that_never_was_is_invalid(shop: Stage) -> None:
    with pytest.raises(InvalidArgument):
        shop.answered(99)
    with pytest.raises(InvalidArgument):
        shop.advance(connected=pb.Connected(world_epoch=2**62, world_id=7, result="connected!"))
    with pytest.raises(InvalidArgument):
        shop.advance()


def test_an_awaited_world_follows_the_newest_announcement(stage: Stage) -> None:
    for link in ("world", "ups"):
        stage.attach(link)
    stage.announce(7)
    stage.app.renew("ups", stage.epochs["ups"], True, "open")
    stage.connected(stage.start().dial, result=REFUSED)
    stage.announce(8)
    dial = stage.start()
    assert (dial.dial.world_epoch, dial.dial.world_id, listed(dial)) == (1, 8, ALL)
    assert stage.hand_over(stage.connected(dial.dial).ask).HasField("open")
    assert states(stage) == [(1, 8, "open")]


def test_a_world_that_we_come_back_to_is_a_new_epoch_in_it(shop: Stage) -> None:
    ask = shop.connected(candidate(shop, 8).dial)
    shop.hand_over(ask.ask)
    dial = candidate(shop, 7)
    assert (dial.dial.world_epoch, listed(dial)) == (3, ALL)
    refused = shop.connected(dial.dial, result=ALREADY, world_id=0)
    assert refused.HasField("redial")
    probes = shop.connected(shop.start(7).dial)
    assert kinds(probes) == ["buy"] * 10
    marker = shop.hand_over(probes.ask)
    assert kinds(marker) == ["pack"]
    assert shop.hand_over(marker.ask).open.world_epoch == 3
