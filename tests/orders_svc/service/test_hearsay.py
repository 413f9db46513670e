"""What UPS says that is not stored: accounts, and where trucks are."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from orders_svc.domain.amendments import ACCOUNT_CHECK, Course
from orders_svc.domain.lifecycle import Asked
from orders_svc.service.accounts import KEEP_SECONDS, MOST_KEPT, AccountCheck, Accounts
from orders_svc.service.trucks import MOST_TRUCKS, Trucks
from shop.bridge.v1.bridge_pb2 import Command
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import Stage

LONG = 60.0


@pytest.fixture
def checking(shop: Stage) -> Stage:
    shop.announce(7, ACCOUNT_CHECK)
    return shop


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


def asked(stage: Stage, count: int = 1) -> list[Command]:
    """The questions about accounts, as soon as they are written."""
    found: list[Command] = []
    deadline = threading.Event()
    for _ in range(6000):
        found += stage.questions("check_account")
        if len(found) >= count:
            return found
        deadline.wait(0.01)
    raise AssertionError("nobody asks")


def answer(stage: Stage, question: Command, known: bool) -> pb.PeerEvent:
    told = pb.AccountAnswered(
        command_id=question.command_id, ups_account=question.check_account.ups_account, known=known
    )
    return stage.event(account_answered=told)


@pytest.mark.parametrize("known", [True, False])
def test_ups_says_whether_there_is_such_an_account_and_is_not_asked_again_at_once(checking: Stage, known: bool) -> None:
    thread, answers = in_background(lambda: checking.app.check_account("ann", LONG))
    (question,) = asked(checking)
    assert question.check_account.ups_account == "ann"
    checking.ups_says(answer(checking, question, known))
    thread.join(LONG)
    told = AccountCheck(known, "UPS knows this account" if known else "UPS knows no such account")
    assert answers == [told]
    assert checking.app.check_account("ann", 0.0) == told
    assert checking.questions("check_account") == []
    checking.clock.time += KEEP_SECONDS + 1
    assert checking.app.check_account("ann", 0.0).exists is None


def test_who_asks_for_the_same_name_at_once_shares_the_question(checking: Stage) -> None:
    waiting = [in_background(lambda: checking.app.check_account("ann", LONG)) for _ in range(3)]
    (question,) = asked(checking)
    checking.ups_says(answer(checking, question, True))
    for thread, answers in waiting:
        thread.join(LONG)
        assert [one.exists for one in answers] == [True]
    assert len(checking.rows("select id from outbox where kind = 'check_account'")) <= 3


def test_without_an_answer_in_time_nobody_can_say_and_what_was_not_sent_is_not_sent(checking: Stage) -> None:
    assert checking.app.check_account("ann", 0.01) == AccountCheck(None, "UPS has not answered in time")
    assert checking.questions("check_account") == []
    assert checking.rows("select 1 from outbox where kind = 'check_account' and closed_at is null") == []


def test_a_late_answer_serves_the_next_who_asks(checking: Stage) -> None:
    thread, answers = in_background(lambda: checking.app.check_account("ann", 0.5))
    (question,) = asked(checking)
    thread.join(LONG)
    checking.ups_says(answer(checking, question, False))
    assert checking.app.check_account("ann", 0.0).exists is False
    assert len(answers) == 1


def test_a_ups_that_is_away_or_checks_no_accounts_is_not_waited_for(shop: Stage) -> None:
    assert shop.app.check_account("ann", LONG) == AccountCheck(None, "this UPS checks no accounts")
    shop.announce(7, ACCOUNT_CHECK)
    shop.lapse("ups")
    assert shop.app.check_account("ann", LONG) == AccountCheck(None, "UPS cannot be asked at the moment")
    assert shop.rows("select 1 from outbox where kind = 'check_account'") == []


def test_who_comes_after_whoever_asked_has_left_asks_anew_though_others_still_wait() -> None:
    accounts = Accounts()
    with ExitStack() as second:
        with accounts.waiting("ann") as first:
            assert first.has_to_ask
            assert not second.enter_context(accounts.waiting("ann")).has_to_ask
        with accounts.waiting("ann") as third:
            assert third.has_to_ask
            with accounts.waiting("ann") as fourth:
                assert not fourth.has_to_ask


def test_answers_are_bounded() -> None:
    accounts = Accounts()
    accounts.answered({f"name {number}": True for number in range(MOST_KEPT + 5)}, 100.0)
    assert accounts.recall("name 4", 100.0) is None
    assert accounts.recall("name 5", 100.0) is True


# Trucks.


def spot(truck_id: int, x: int, *ships: int) -> pb.TruckPosition:
    return pb.TruckPosition(truck_id=truck_id, x=x, y=-x, shipment_ids=ships)


def test_a_parcel_shows_its_truck_where_it_was_seen_last_until_it_is_delivered(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shipment_id = shop.parcel(order_id).row.id
    shop.app.trucks.seen([spot(3, 1)], shop.clock.now())
    shop.clock.time += 10
    shop.drive(shipment_id, "loaded")
    assert shop.parcel(order_id).truck_seen is None, "truck 3 was there before, on another way"
    shop.clock.time += 10
    shop.app.trucks.seen([spot(3, 5), spot(4, 7)], shop.clock.now())
    seen = shop.parcel(order_id).truck_seen
    assert seen is not None
    assert (seen.truck_id, seen.x, seen.y, seen.at) == (3, 5, -5, shop.clock.now())
    shop.clock.time += 1
    shop.app.trucks.seen([spot(4, 8, shipment_id)], shop.clock.now())
    seen = shop.parcel(order_id).truck_seen
    assert seen is not None
    assert (seen.truck_id, seen.x) == (4, 8)
    shop.ups_says(shop.delivered(shipment_id))
    assert shop.parcel(order_id).truck_seen is None


def test_places_are_bounded() -> None:
    trucks = Trucks()
    trucks.seen([spot(number, 1) for number in range(MOST_TRUCKS + 10)], 1.0)
    assert len(trucks._by_truck) == MOST_TRUCKS


# What would be answered now.


def courses(stage: Stage, order_id: int) -> tuple[Course, Course]:
    found = stage.parcel(order_id).courses
    return found[Asked.ADDRESS], found[Asked.CANCEL]


def test_an_order_says_what_would_become_of_a_request(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    assert courses(shop, order_id) == (Course.AT_ONCE, Course.AT_ONCE)
    shop.dispatch("ups")
    assert courses(shop, order_id) == (Course.TOO_LATE, Course.AT_ONCE)
    shop.dispatch("world")
    assert courses(shop, order_id) == (Course.TOO_LATE, Course.TOO_LATE)
    shop.announce(7, "redirect", "cancel")
    assert courses(shop, order_id) == (Course.ASKS_UPS, Course.ASKS_UPS)
    shop.drive(shop.parcel(order_id).row.id, "truck")
    assert courses(shop, order_id) == (Course.ASKS_UPS, Course.TOO_LATE)
    shop.world_says(shop.loaded(shop.parcel(order_id).row.id))
    shop.ups_says(shop.delivered(shop.parcel(order_id).row.id))
    assert courses(shop, order_id) == (Course.TOO_LATE, Course.TOO_LATE)
    (listed,) = shop.app.orders(2, None, 5)
    assert not listed.parcels[0].courses
