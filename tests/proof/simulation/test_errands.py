"""What is done beside the orders, in the seeds that have errands: accounts, letters, and commands without words."""

from collections import Counter

import pytest

import ups_bridge.codec
import world_bridge.codec
from proof.simulation.faults import PROFILES, Fault, Kind, Profile
from proof.simulation.plans import plan
from proof.simulation.room import Room, database, run_seed
from proof.simulation.setups import setup_of
from proof.simulation.themes import has_errands
from shop.orders.v1 import orders_pb2

HARSH = PROFILES["harsh"]
BUSY = [seed for seed in range(100) if has_errands(seed, HARSH)]


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
    run = room(BUSY[0], (Fault(0, Kind.UNSAYABLE, 0.0, HARSH.span, bridge, size=0.4),))
    outcomes: Counter[tuple[bool, str]] = Counter()
    result = run.run()
    assert result.violations == []
    for command_id, outcome in run.env.db.rows("select id, outcome from outbox where failure is not null"):
        outcomes[command_id in run.unsayable.refused, outcome] += 1
    assert outcomes[True, "failed"] > 0
    assert set(outcomes) <= {(True, "failed"), (False, "failed")}
    assert (world_bridge.codec.encode_command, ups_bridge.codec.encode_command) == codecs


def test_a_letter_that_is_lost_or_told_again_is_noticed() -> None:
    run = room(BUSY[0], ())
    assert run.run().violations == []
    (key, *_) = [key for key in run.errands.told if key[1] == orders_pb2.NEWS_KIND_PLACED]
    run.errands.told.remove(key)
    assert run.errands.wrong() == [("G1", f"nobody was told that order {key[0]} was accepted")]


def test_seeds_without_errands_do_none() -> None:
    seed = next(seed for seed in range(100) if seed not in BUSY)
    result = run_seed(seed, "harsh")
    assert not any("SettleNews" in point or "CheckAccount" in point for point in result.points)
