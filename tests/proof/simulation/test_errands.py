"""What is done beside the orders, in the seeds that have errands: accounts, letters, and commands without words."""

from collections import Counter
from collections.abc import Callable, Mapping

import pytest

import orders_svc.service.app
import ups_bridge.codec
import world_bridge.codec
from orders_svc.domain.news import Look, News
from orders_svc.service.accounts import Accounts
from orders_svc.service.app import App
from proof.simulation.blame import Blame
from proof.simulation.faults import PROFILES, Fault, Kind, Profile
from proof.simulation.injection import Injector
from proof.simulation.plans import plan
from proof.simulation.room import Room, database, run_seed
from proof.simulation.setups import setup_of
from proof.simulation.themes import has_errands
from proof.simulation.unsayable import Unsayable
from shop.orders.v1 import orders_pb2

HARSH = PROFILES["harsh"]
BUSY = [seed for seed in range(100) if has_errands(seed, HARSH)]
# Without a fault it has orders of both ends.
TYPICAL = BUSY[1]


def room(seed: int, faults: tuple[Fault, ...], profile: Profile = HARSH) -> Room:
    return Room(database(), seed, profile, faults, setup_of(seed, profile, faults, None))


def test_a_quarter_of_the_harsh_seeds_has_errands_and_no_mild_one() -> None:
    assert 15 <= len(BUSY) <= 35
    assert not any(has_errands(seed, PROFILES["mild"]) for seed in range(100))


def test_what_only_errands_meet_is_planned_in_no_other_seed() -> None:
    for seed in range(100):
        planned = {fault.kind for fault in plan(seed, HARSH)}
        assert (Kind.UNSAYABLE in planned) == (seed in BUSY)


def test_accounts_are_answered_and_each_kind_of_letter_is_written() -> None:
    verdicts: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for seed in BUSY[:12]:
        run = room(seed, ())
        assert run.run().violations == []
        verdicts += run.errands.verdicts
        letters.update(orders_pb2.NewsKind.Name(kind) for _, kind in run.errands.told)
    known = set(orders_pb2.NewsKind.keys()) - {"NEWS_KIND_UNSPECIFIED"}
    assert known == set(letters)
    assert set(verdicts) == set(orders_pb2.AccountVerdict.keys()) - {"ACCOUNT_VERDICT_UNSPECIFIED"}


@pytest.mark.parametrize("bridge", ["world_bridge", "ups_bridge"])
def test_commands_without_words_fail_for_good_and_what_follows_them_is_said(bridge: str) -> None:
    codecs = world_bridge.codec.encode_command, ups_bridge.codec.encode_command
    run = room(TYPICAL, (Fault(0, Kind.UNSAYABLE, 0.0, HARSH.span, bridge, size=0.4),))
    outcomes: Counter[tuple[bool, str]] = Counter()
    result = run.run()
    assert result.violations == []
    for command_id, outcome in run.env.db.rows("select id, outcome from outbox where failure is not null"):
        outcomes[command_id in run.unsayable.refused, outcome] += 1
    assert outcomes[True, "failed"] > 0
    assert set(outcomes) <= {(True, "failed"), (False, "failed")}
    assert (world_bridge.codec.encode_command, ups_bridge.codec.encode_command) == codecs


@pytest.mark.parametrize("bridge", ["world_bridge", "ups_bridge"])
def test_nobody_blames_the_shop_for_a_command_without_words(bridge: str) -> None:
    run = room(TYPICAL, (Fault(0, Kind.UNSAYABLE, 0.0, HARSH.span, bridge, size=0.4),))
    assert run.run().violations == []
    refused = Counter(
        shipment_id
        for command_id, shipment_id in run.env.db.rows("select id, shipment_id from outbox where outcome = 'failed'")
        if command_id in run.unsayable.refused and shipment_id is not None
    )
    assert refused
    knowing, unknowing = (
        Blame(run.env, run.world, run.ups, unsayable) for unsayable in (run.unsayable.refused, frozenset())
    )
    for shipment_id, count in refused.items():
        assert knowing.failures(shipment_id, (0, 1)) == unknowing.failures(shipment_id, (0, 1)) + count


def test_whether_a_command_can_be_said_is_decided_once_and_for_one_bridge() -> None:
    fault = Fault(0, Kind.UNSAYABLE, 0.0, HARSH.span, "world_bridge", size=0.5)
    unsayable = Unsayable(Injector(1, (fault,), lambda: 1.0, lambda _who, _words: None))
    said = [unsayable.is_refused("world_bridge", command_id) for command_id in range(40)]
    assert set(said) == {False, True}
    assert [unsayable.is_refused("world_bridge", command_id) for command_id in range(40)] == said
    assert not any(unsayable.is_refused("ups_bridge", command_id) for command_id in range(40, 80))


def test_a_letter_that_nobody_wrote_is_noticed() -> None:
    run = room(TYPICAL, ())
    assert run.run().violations == []
    told = sorted(run.errands.told)
    of = next(order_id for order_id, kind in told if kind == orders_pb2.NEWS_KIND_DELIVERED)
    run.errands.told -= {(of, orders_pb2.NEWS_KIND_PLACED), (of, orders_pb2.NEWS_KIND_DELIVERED)}
    assert run.errands.wrong() == [
        ("G1", f"order {of} is delivered, and its owner was told of no end"),
        ("G1", f"nobody was told that order {of} was accepted"),
    ]


def settle_nothing(_app: App, _told: Mapping[int, News]) -> None:
    pass


def look_too_early(
    _placed_at: float, promised_at: float | None, _latest: float | None, _now: float, _tick: float, _limit: float
) -> Look:
    return Look(True, None, promised_at)


def recall_the_opposite(accounts: Accounts, name: str, since: float) -> bool | None:
    exists = recall(accounts, name, since)
    return None if exists is None else not exists


recall = Accounts._recall


@pytest.mark.parametrize(
    ("place", "instead", "guarantee", "words"),
    [
        ((App, "settle_news"), settle_nothing, "G2", "was settled, and is to be told again"),
        ((orders_svc.service.app, "look"), look_too_early, "G6", "is called late after"),
        ((Accounts, "_recall"), recall_the_opposite, "G3", "was said of an account, and it is"),
    ],
    ids=["told again", "late too early", "the opposite"],
)
def test_an_errand_that_the_shop_answers_wrongly_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[object, str],
    instead: Callable[..., object],
    guarantee: str,
    words: str,
) -> None:
    monkeypatch.setattr(*place, instead)
    ((found, said),) = room(TYPICAL, ()).run().violations
    assert found == guarantee
    assert words in said


def test_seeds_without_errands_do_none() -> None:
    seed = next(seed for seed in range(100) if seed not in BUSY)
    result = run_seed(seed, "harsh")
    assert not any("SettleNews" in point or "CheckAccount" in point for point in result.points)
