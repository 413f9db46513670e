"""Partners that somebody else started in place of our stand-ins: the world, UPS, and both."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from proof.processes import free_address
from tests.e2e.running import shop, stand_in


@pytest.mark.parametrize("foreign", [{"world"}, {"ups"}, {"world", "ups"}], ids=["world", "ups", "both"])
def test_a_purchase_is_delivered_with_partners_that_are_not_ours(tmp_path: Path, foreign: set[str]) -> None:
    world, world_ups, ups_listen = (free_address() for _ in range(3))
    options: list[str] = []
    with ExitStack() as stack:
        if "world" in foreign:
            stack.enter_context(stand_in("world", "--amazon", world, "--ups", world_ups))
            options += ["--world", world, "--world-ups", world_ups, "--world-tick", "0.2"]
        if "ups" in foreign:
            options += ["--ups-listen", ups_listen]
        running = stack.enter_context(shop(tmp_path / "data", *options))
        if "ups" in foreign:
            at = running.run.addresses["world_ups"]
            assert "world" in foreign or f"the stand-in world takes UPS's side at {at}" in running.log
            stack.enter_context(stand_in("ups", "--world", at, "--amazon", ups_listen))
        stand_ins = {"sim_world", "sim_ups"} & set(running.run.pids)
        assert stand_ins == {"sim_world", "sim_ups"} - {f"sim_{name}" for name in foreign}
        assert running.run.addresses["world"] == world or "world" not in foreign
        running.deliver(1, 5, 9)
    assert "Traceback" not in running.log
    assert "died" not in running.log
