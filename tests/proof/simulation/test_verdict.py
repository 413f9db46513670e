"""What the checks at the end say of rows and worlds that do not agree."""

from typing import Any

import pytest

from proof.simulation import room
from proof.simulation.environment import Environment
from proof.simulation.room import Result, run_seed
from proof.simulation.verdict import Verdict


def judge_after(monkeypatch: pytest.MonkeyPatch, *statements: str) -> Result:
    """A run without faults whose rows are changed before they are judged."""

    def judge(env: Environment, *others: Any) -> Verdict:
        for statement in statements:
            room.database().raw.execute(statement)
        return Verdict(env, *others)

    monkeypatch.setattr(room, "Verdict", judge)
    return run_seed(1, "calm")


SENT_ANEW = (
    "update shipments set superseded_by = (select max(id) from shipments where truck = 'delivered'), truck = 'en_route'"
    " where id = (select min(id) from shipments where truck = 'delivered')"
)
BY_STAFF = (
    "insert into shipment_steps (shipment_id, at, event, goods, truck, what, cause)"
    " select id, 0, 'superseded', goods, truck, '', 'rpc:RedriveShipment:user 5'"
    " from shipments where superseded_by is not null"
)


def arrived_beside(result: Result) -> list[str]:
    return [words for guarantee, words in result.violations if guarantee == "G3" and "in its place" in words]


def test_two_attempts_at_a_parcel_that_arrive_in_one_world_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(arrived_beside(judge_after(monkeypatch, SENT_ANEW))) == 1


def test_two_attempts_may_arrive_where_staff_had_the_parcel_sent_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    result = judge_after(monkeypatch, SENT_ANEW, BY_STAFF)
    assert result.twice == {"by staff": 1}
    assert not arrived_beside(result)
