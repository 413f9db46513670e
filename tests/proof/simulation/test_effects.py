"""A fault counts as hit when it changed something: one that is only switched on does not."""

import pytest

from proof.simulation.faults import Fault, Kind
from proof.simulation.room import run_seed

# Of shoppers who think again and a UPS that speaks of it, with parcels that wait for a truck that is being loaded.
SEED = 1
# Alone, and there for long enough.
FELT = (
    Fault(0, Kind.WORLD_LOSES, 0.0, 0.0, size=20.0),
    Fault(0, Kind.WORLD_COLLIDES, 0.0, 0.0, size=0.2),
    Fault(0, Kind.WORLD_LOSES_LOADS, 0.0, 0.0, size=0.9),
    Fault(0, Kind.SECOND_OWNER, 30.0, 200.0, "ups_bridge"),
    Fault(0, Kind.TWIN, 30.0, 200.0, "ups_bridge"),
    Fault(0, Kind.CLOCK_JUMP, 30.0, 30.0, size=7.0),
    Fault(0, Kind.UPS_UNLEARNS, 30.0, 40.0),
    Fault(0, Kind.UPS_LIES, 30.0, 40.0),
    Fault(0, Kind.UPS_REPEATS, 1.0, 200.0),
    Fault(0, Kind.UPS_SILENT, 1.0, 100.0),
    Fault(0, Kind.UPS_UNWILLING, 1.0, 200.0),
    Fault(0, Kind.UPS_UNDECIDED, 1.0, 200.0),
    Fault(0, Kind.UPS_FULL, 1.0, 200.0),
    Fault(0, Kind.UNSAYABLE, 1.0, 200.0, "world_bridge", size=0.3),
    Fault(0, Kind.UNSAYABLE, 1.0, 200.0, "ups_bridge", size=0.3),
)
# When everything has been asked for and answered.
LATE = 255.0
VAIN = (
    Fault(0, Kind.WORLD_LOSES, 0.0, 0.0),
    Fault(0, Kind.WORLD_COLLIDES, 0.0, 0.0),
    Fault(0, Kind.WORLD_LOSES_LOADS, 0.0, 0.0),
    Fault(0, Kind.CLOCK_JUMP, 30.0, 30.0),
    Fault(0, Kind.UPS_SILENT, LATE, LATE + 1),
    Fault(0, Kind.UPS_REPEATS, LATE, LATE + 1),
    Fault(0, Kind.UPS_UNWILLING, LATE, LATE + 1),
    Fault(0, Kind.UPS_UNDECIDED, LATE, LATE + 1),
    Fault(0, Kind.UPS_FULL, LATE, LATE + 1),
    Fault(0, Kind.UNSAYABLE, LATE, LATE + 1, "world_bridge", size=1.0),
)


def hits(*plan: Fault) -> set[str]:
    result = run_seed(SEED, "harsh", faults=plan)
    assert result.violations == []
    return set(result.hits)


@pytest.mark.parametrize("fault", FELT, ids=lambda fault: f"{fault.kind.name} {fault.where}".strip())
def test_a_fault_that_changes_something_counts(fault: Fault) -> None:
    assert hits(fault) == {fault.kind.name}


@pytest.mark.parametrize("fault", VAIN, ids=lambda fault: fault.kind.name)
def test_a_fault_that_changes_nothing_does_not(fault: Fault) -> None:
    assert hits(fault) == set()


def test_garbage_counts_when_there_is_a_connection_to_send_it_on() -> None:
    assert hits(Fault(0, Kind.RESET, 26.0, 26.0, "ups"), Fault(1, Kind.UPS_GARBAGE, 30.0, 30.0)) == {
        "RESET",
        "UPS_GARBAGE",
    }


@pytest.mark.parametrize("kind", [Kind.SECOND_OWNER, Kind.TWIN])
def test_another_owner_counts_when_it_was_told_whose_the_link_is(kind: Kind) -> None:
    down = Fault(0, Kind.CRASH, 29.0, 60.0, "orders_svc")
    assert hits(down, Fault(1, kind, 30.0, 40.0, "world_bridge")) == {"CRASH"}
