"""Expected times as an order tells them: learned from the rows of what was delivered in this world."""

import pytest
from sqlalchemy import Engine, event

from orders_svc.domain import explain
from orders_svc.outbox.rows import UNANSWERED_SECONDS
from orders_svc.rpc import convert
from orders_svc.service import expecting
from orders_svc.service.expecting import LATE_TICKS, NOTHING_LEARNED, SOONEST
from tests.orders_svc.stage import BACKORDER, TICK, Stage


def deliver(shop: Stage, pace: float = 10.0) -> int:
    """One parcel all the way, each step `pace` seconds after the one before."""
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    for step in (shop.packed, shop.truck, shop.loaded, shop.delivered):
        shop.clock.time += pace
        event = step(shipment_id)
        (shop.ups_says if step in (shop.truck, shop.delivered) else shop.world_says)(event)
        shop.dispatch()
    shop.clock.time += 2 * TICK
    return int(shipment_id)


def keep_up(shop: Stage) -> None:
    """Both links are there."""
    for link in ("world", "ups"):
        shop.app.renew(link, shop.epochs[link], True, "open")


def test_before_the_first_delivery_it_says_why_there_is_no_range(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    parcel = shop.parcel(order_id)
    assert (parcel.expected, parcel.unknown_because) == (None, NOTHING_LEARNED)
    assert convert.shipment(parcel).expected.unknown_because == NOTHING_LEARNED


@pytest.mark.parametrize("pace", [1.0, 50.0])
def test_after_some_it_tells_a_range_in_their_pace(shop: Stage, pace: float) -> None:
    for _ in range(8):
        deliver(shop, pace)
    order_id = shop.place((1, 1))
    now = shop.clock.time
    parcel = shop.parcel(order_id)
    assert parcel.expected is not None
    assert now <= parcel.expected.earliest <= now + 4 * pace <= parcel.expected.latest <= now + 8 * pace + 5
    told = convert.shipment(parcel).expected
    assert told.earliest.ToMilliseconds() <= told.latest.ToMilliseconds()
    assert told.unknown_because == ""


def test_it_narrows_with_each_step_and_ends_with_the_delivery(shop: Stage) -> None:
    for number in range(8):
        deliver(shop, 10.0 + number)
    order_id = shop.place((1, 1))
    shipment_id = shop.parcel(order_id).row.id
    shop.ack(shop.dispatch())
    widths = []
    for step, says in (
        (None, None),
        (shop.packed, shop.world_says),
        (shop.truck, shop.ups_says),
        (shop.loaded, shop.world_says),
    ):
        if step is not None and says is not None:
            shop.clock.time += 13
            says(step(shipment_id))
            shop.ack(shop.dispatch())
        expected = shop.parcel(order_id).expected
        assert expected is not None
        widths.append(expected.latest - expected.earliest)
    assert widths == sorted(widths, reverse=True)
    shop.ups_says(shop.delivered(shipment_id))
    assert (shop.parcel(order_id).expected, shop.parcel(order_id).unknown_because) == (None, "")


def test_while_a_link_is_away_nobody_can_tell(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    shop.app.renew("ups", shop.epochs["ups"], False, "waiting for UPS")
    parcel = shop.parcel(order_id)
    assert parcel.expected is None
    assert parcel.unknown_because == "UPS cannot be reached at the moment"
    keep_up(shop)
    assert shop.parcel(order_id).expected is not None


def test_a_peer_that_says_nothing_is_waited_for_by_name_and_nothing_is_expected_of_it(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    told_at = shop.clock.time
    told = shop.dispatch()
    shop.ack([command for command in told if command.WhichOneof("body") == "pack"])
    shop.world_says(shop.packed(shop.parcel(order_id).row.id))
    shop.clock.time += UNANSWERED_SECONDS - 1
    keep_up(shop)
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "a UPS truck on its way to the warehouse"
    shop.clock.time += 2
    parcel = shop.parcel(order_id)
    assert parcel.waiting == explain.Waiting(
        "UPS, which has not answered so far",
        told_at,
        "your order is safe; once that is over, the truck comes to the warehouse, then the parcel is loaded",
    )
    assert (parcel.expected, parcel.unknown_because) == (None, "UPS has not answered so far")
    shop.ack(told)
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "a UPS truck on its way to the warehouse"


def test_who_is_where_nobody_was_before_is_told_so(shop: Stage) -> None:
    shipment_id = shop.parcel(shop.place((1, 1))).row.id
    shop.dispatch()
    # The truck was there before the parcel was packed: nobody has waited for one.
    shop.ups_says(shop.truck(shipment_id))
    shop.world_says(shop.packed(shipment_id))
    shop.dispatch()
    shop.world_says(shop.loaded(shipment_id))
    shop.dispatch()
    shop.ups_says(shop.delivered(shipment_id))
    shop.clock.time += 2 * TICK
    order_id = shop.place((1, 1))
    shop.ack(shop.dispatch())
    shop.world_says(shop.packed(shop.parcel(order_id).row.id))
    parcel = shop.parcel(order_id)
    assert parcel.expected is None
    assert parcel.unknown_because == "no parcel of this world has shown yet how long it takes from here"


def test_what_needs_attention_is_not_expected(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    shop.execute("update shipments set attention_reason = 'why' where order_id = :order_id", order_id=order_id)
    shop.execute("update orders set status = 7 where id = :order_id", order_id=order_id)
    assert shop.parcel(order_id).unknown_because == "it needs our attention first"


def test_another_world_is_learned_anew(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    assert shop.parcel(order_id).expected is not None
    shop.announce(8)
    ask = shop.connected(shop.start(8).dial)
    assert shop.hand_over(ask.ask).HasField("open")
    assert shop.parcel(order_id).unknown_because == NOTHING_LEARNED


def test_a_new_process_knows_what_the_one_before_had_learned(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    before = shop.parcel(order_id).expected
    again = Stage.resumed(shop.url)
    again.clock.time = shop.clock.time
    assert again.parcel(order_id).expected == before
    again.engine.dispose()


def test_an_order_is_read_in_a_bounded_number_of_queries(shop: Stage) -> None:
    for _ in range(3):
        deliver(shop)
    order_id = shop.place((1, 1), (2, 1))

    def queries(order: int) -> int:
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        engine: Engine = shop.app.reader
        event.listen(engine, "before_cursor_execute", note)
        shop.order(order)
        event.remove(engine, "before_cursor_execute", note)
        return len([statement for statement in seen if statement.lower().startswith("select")])

    shop.clock.time += SOONEST + 1
    first = queries(order_id)
    assert first <= 14
    assert (open_one := queries(order_id)) <= first - 4
    shop.drive(shop.parcel(order_id).row.id)
    assert queries(order_id) == open_one - 3, "how the links are, what UPS speaks and what has left is asked no more"


def test_goods_that_should_have_arrived_long_ago_are_explained(shop: Stage) -> None:
    order_id = shop.place((BACKORDER, 1))
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert "five minutes" not in waiting.next
    shop.clock.time += (LATE_TICKS + 1) * TICK
    waiting = shop.parcel(order_id).waiting
    assert waiting is not None
    assert waiting.who == "the supplier"
    assert "sends it again after five minutes; nothing is bought twice" in waiting.next


def test_while_one_learns_the_others_go_on_with_what_is_known(shop: Stage) -> None:
    deliver(shop)
    order_id = shop.place((1, 1))
    assert shop.parcel(order_id).expected is not None
    shop.clock.time += SOONEST + TICK
    # As if another thread were reading at this moment.
    with shop.app.expecting._lock:
        assert shop.parcel(order_id).expected is not None


def test_what_is_learned_from_is_found_by_its_index(shop: Stage) -> None:
    """Among a million deliveries the last sixty are still found at once."""
    options = {"dialect": shop.engine.dialect, "compile_kwargs": {"literal_binds": True}}
    wanted = expecting._DELIVERED.params(k_epoch=1).compile(**options)
    with shop.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # So few rows are read faster without; whether it could be used is what we ask.
            connection.exec_driver_sql("set local enable_seqscan = off")
            plan = connection.exec_driver_sql(f"explain {wanted}").scalars().all()
        else:
            plan = [row.detail for row in connection.exec_driver_sql(f"explain query plan {wanted}")]
    assert any("ix_shipments_delivered" in step for step in plan)
    assert not any("TEMP B-TREE" in step or "Sort" in step for step in plan)
