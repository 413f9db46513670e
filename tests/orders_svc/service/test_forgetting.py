"""What is deleted of the messages, what never is, and that nothing counts twice after it."""

from collections.abc import Iterator

import pytest

from orders_svc.service import forgetting
from orders_svc.service.forgetting import Forgetting
from orders_svc.service.placing import Placed
from orders_svc.service.reports import Report, Result
from proof.checkers import check_books
from tests.orders_svc.stage import BACKORDER, Stage

KEPT = 1000.0


@pytest.fixture
def shop(shop_url: str) -> Iterator[Stage]:
    stage = Stage.resumed(shop_url)
    yield stage
    check_books(stage.engine, forgotten_before=stage.clock.now() - KEPT)
    stage.engine.dispose()


def forget(shop: Stage) -> int:
    """One round; the number of its steps."""
    walks = Forgetting(shop.engine, shop.clock, KEPT)
    steps = 1
    while walks.step():
        steps += 1
    return steps


def delivered(shop: Stage) -> int:
    """An order that is delivered and acknowledged to the last word; its shipment."""
    shipment = shop.parcel(shop.place((1, 1))).row.id
    shop.drive(shipment)
    shop.execute("update outbox set closed_at = :now, outcome = 'acked' where closed_at is null", now=shop.clock.now())
    return int(shipment)


def kept(shop: Stage, shipment: int) -> tuple[int, int]:
    """How many commands and messages about a shipment there still are."""
    counts = [
        shop.rows(f"select count(*) from {table} where shipment_id = :id", id=shipment)[0][0]
        for table in ("outbox", "inbox")
    ]
    return counts[0], counts[1]


def test_messages_go_some_time_after_their_parcel_has_ended(shop: Stage) -> None:
    shipment = delivered(shop)
    before = kept(shop, shipment)
    assert min(before) >= 4
    shop.clock.time += KEPT - 1
    forget(shop)
    assert kept(shop, shipment) == before
    shop.clock.time += 2
    forget(shop)
    assert kept(shop, shipment) == (0, 0)
    (parcel,) = shop.order(1).parcels
    assert [step.what for step in parcel.steps][-1] == "Delivered"


def test_what_is_on_its_way_is_kept_however_old_it_is(shop: Stage) -> None:
    shipment = shop.parcel(shop.place((1, 1))).row.id
    shop.drive(shipment, until="loaded")
    before = kept(shop, shipment)
    shop.clock.time += 100 * KEPT
    forget(shop)
    assert kept(shop, shipment) == before


def test_what_is_said_again_after_it_was_forgotten_moves_nothing(shop: Stage) -> None:
    shop.place((1, 1))
    shipment = shop.parcel(1).row.id
    (pack,) = [command for command in shop.dispatch("world") if command.WhichOneof("body") == "pack"]
    shop.dispatch("ups")
    said = [
        ("world", shop.packed(shipment)),
        ("ups", shop.truck(shipment)),
        ("world", shop.loaded(shipment)),
        ("ups", shop.delivered(shipment)),
    ]
    for link, event in said:
        assert shop.report(link, event) == [Result.APPLIED]
        shop.dispatch()
    shop.execute("update outbox set closed_at = 1, outcome = 'acked' where closed_at is null")
    shop.clock.time += KEPT + 1
    forget(shop)
    version = shop.order(1).row.version
    for link, event in [*said, ("world", shop.no(pack, "error: too late"))]:
        assert shop.report(link, event) == [Result.IGNORED]
    assert (shop.order(1).row.version, shop.dispatch()) == (version, [])


def test_an_arrival_is_never_forgotten_since_nothing_else_keeps_it_from_counting_twice(shop: Stage) -> None:
    shop.place((BACKORDER, 2))
    event = shop.arrived(1, (BACKORDER, 2))
    shop.dispatch()
    assert shop.world_says(event) == [Result.APPLIED]
    shop.clock.time += 100 * KEPT
    forget(shop)
    assert shop.world_says(event) == [Result.DUPLICATE]
    assert shop.stock(BACKORDER, 1)["arrived"] == 2


def test_a_request_is_answered_with_its_order_for_ever(shop: Stage) -> None:
    first = shop.app.place_orders([shop.request((1, 1), request_id="for-ever")])[0]
    assert isinstance(first, Placed)
    shop.drive(shop.parcel(first.order_id).row.id)
    shop.execute("update outbox set closed_at = 1, outcome = 'acked' where closed_at is null")
    shop.clock.time += 100 * KEPT
    forget(shop)
    again = shop.app.place_orders([shop.request((1, 1), request_id="for-ever")])[0]
    assert again == Placed(first.order_id, first.total_cents, replayed=True)


def test_a_walk_goes_in_batches_and_the_next_round_from_the_beginning(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 3)
    shipments = [delivered(shop) for _ in range(4)]
    late = shop.parcel(shop.place((1, 1))).row.id
    shop.clock.time += KEPT + 1
    walks = Forgetting(shop.engine, shop.clock, KEPT)
    rounds = 0
    while rounds < 2:
        looked_at = shop.rows("select (select count(*) from outbox) + (select count(*) from inbox)")[0][0]
        rounds += not walks.step()
        left = shop.rows("select (select count(*) from outbox) + (select count(*) from inbox)")[0][0]
        assert looked_at - left <= 3
    assert [kept(shop, shipment) for shipment in shipments] == [(0, 0)] * 4
    shop.drive(late)
    shop.execute("update outbox set closed_at = :now, outcome = 'acked' where closed_at is null", now=shop.clock.now())
    shop.clock.time += KEPT + 1
    while walks.step():
        pass
    assert kept(shop, late) == (0, 0)


def test_strangers_words_go_too(shop: Stage) -> None:
    """What a peer says about parcels that never were moves nothing, and is not kept for ever."""
    shop.app.report(Report("ups", shop.epochs["ups"], 0, [], [shop.delivered(number) for number in range(900, 950)]))
    assert len(shop.rows("select id from inbox where shipment_id between 900 and 950")) == 50
    shop.clock.time += KEPT + 1
    forget(shop)
    assert shop.rows("select id from inbox where shipment_id between 900 and 950") == []
