"""`minimart simulate`: what it prints, and its exit code."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proof.simulation import campaign, command, coverage
from proof.simulation.room import Result as Run
from proof.simulation.room import run_seed


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(command.simulate, arguments, standalone_mode=False)


def test_good_seeds_are_summed_up() -> None:
    done = simulate("--seeds", "0-1", "--profile", "mild")
    assert done.return_value == 0
    assert "2 mild seeds" in done.output
    assert "0 violations" in done.output
    assert "LOSE" in done.output
    assert "orders_svc: before commit of PlaceOrder" in done.output
    assert "goods packing + packed" in done.output


def test_one_seed_can_be_looked_at(tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    done = simulate("--seeds", "1", "--profile", "calm", "--trace", str(trace))
    assert done.return_value == 0
    assert "every guarantee held" in done.output
    assert "world_bridge -> world" in trace.read_text(encoding="utf-8")


def test_a_violation_is_shrunk_and_shown_with_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_with_fault_2(seed: int, profile: str, **options: Any) -> Run:
        run = run_seed(seed, profile, **options)
        if any(fault.number == 2 for fault in run.plan):
            run.violations = [("G3", "something was done twice")]
        return run

    monkeypatch.setattr(command, "run_seed", breaks_with_fault_2)
    monkeypatch.setattr(campaign, "run_seed", breaks_with_fault_2)
    done = simulate("--seeds", "3-3", "--profile", "harsh", "--orders", "1")
    assert done.return_value == 1
    assert "seed 3 broke G3: something was done twice" in done.output
    assert "(1 of " in done.output
    assert "sequenceDiagram" in done.output
    assert 'minimart simulate --seeds 3 --profile harsh --orders 1 --only-faults "2"' in done.output


def test_what_a_large_run_never_met_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LARGE", 1)
    done = simulate("--seeds", "1-1", "--profile", "harsh")
    assert done.return_value == 1
    assert "NEVER MET: " in done.output


def test_what_is_held_to_be_unreachable_is_in_the_table() -> None:
    assert coverage.UNREACHABLE.keys() <= set(coverage.all_transitions())


def test_sums_do_not_depend_on_the_number_of_processes() -> None:
    alone = campaign.Sums()
    for part in campaign.run_many(range(30, 34), "mild", None, 1):
        alone.merge(part)
    shared = campaign.Sums()
    for part in campaign.run_many(range(30, 34), "mild", None, 2):
        shared.merge(part)
    assert (alone.hits, alone.commits, alone.events) == (shared.hits, shared.commits, shared.events)


@pytest.mark.parametrize("arguments", [("--seeds", "9-3"), ("--seeds", "many"), ("--seeds", "1-2", "--trace", "x")])
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    assert simulate(*arguments).exception is not None
