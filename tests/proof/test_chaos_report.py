"""The report of a performance: what it counts, what it says, and how to play it again."""

import json

from proof.chaos.ledger import Ledger, Outcome, Promise, Purchase
from proof.chaos.report import SHOWN_FINDINGS, Report, shares


def ledger() -> Ledger:
    ledger = Ledger()
    for number, outcome in enumerate((Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED, Outcome.OPEN)):
        ledger.promises.append(Promise(2, f"request-{number}", {1: 1}, (0, 0), 0.0, outcome, seconds=number + 1.0))
    ledger.purchases.append(Purchase("a@example.org", Outcome.ACCEPTED, 3, seconds=9.0))
    return ledger


def report(*findings: str) -> Report:
    return Report(
        seed=5,
        database="SQLite",
        minutes=2.0,
        repeat="minimart chaos --seed 5",
        done={"kill orders_svc": 3, "kill rival_ups": 1, "stop sim_ups": 2},
        faults={"ups in loss": 7, "ups out cut": 0},
        ledger=ledger(),
        counts={"orders": 3},
        delivery_seconds=[1.0, 2.0, 4.0],
        settle_seconds=6.25,
        found=findings,
    )


def test_a_good_performance_says_so() -> None:
    data = json.loads(report().as_lines_of_json())
    assert data["holds"] is True
    assert data["kills"] == 4
    assert data["kills_per_process"] == {"orders_svc": 3, "rival_ups": 1}
    assert data["orders"]["acknowledged over gRPC"] == 2
    assert data["orders"]["acknowledged over HTTP"] == 1
    assert data["orders"]["unanswered"] == 1
    assert data["seconds_to_acknowledgement"] == {"p50": 2.0, "p90": 9.0, "p99": 9.0, "max": 9.0}
    text = report().as_text()
    assert "nothing lost, nothing doubled, nothing stuck" in text
    assert "orders_svc  3" in text
    assert "ups out cut" not in text


def test_a_bad_one_names_what_it_found_and_the_command() -> None:
    text = report("order 7 is stuck").as_text()
    assert "1 FINDINGS" in text
    assert "  order 7 is stuck" in text
    assert "again: minimart chaos --seed 5" in text
    assert report("order 7 is stuck").as_json()["holds"] is False


def test_a_performance_in_which_nothing_was_killed_or_ordered_proves_nothing_and_says_so() -> None:
    idle = report()
    idle.done = {"stop sim_ups": 2, "kill orders_svc": 0}
    assert idle.findings == ["nothing was killed: nothing is proven, play longer"]
    idle.ledger = Ledger(promises=[Promise(2, "request", {1: 1}, (0, 0), 0.0, Outcome.REFUSED)])
    assert not idle.holds
    assert "  no order was acknowledged: nothing is proven, play longer" in idle.as_text()
    assert len(idle.as_json()["findings"]) == 2


def test_many_findings_are_cut_in_the_text_and_kept_in_the_data() -> None:
    many = report(*(f"order {number} is stuck" for number in range(100)))
    assert f"... and {100 - SHOWN_FINDINGS} more" in many.as_text()
    assert len(many.as_json()["findings"]) == 100


def test_shares_of_nothing_are_nothing() -> None:
    assert shares([]) == {}
    assert shares([2.0]) == {"p50": 2.0, "p90": 2.0, "p99": 2.0, "max": 2.0}
