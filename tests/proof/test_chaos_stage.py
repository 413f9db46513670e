"""The stage: what comes back finds what it was told of."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from proof.chaos.stage import Stage

BEGAN_AT = 100.0


@pytest.mark.parametrize(
    ("alive", "started_at", "joins"),
    [(True, BEGAN_AT - 1.0, True), (False, BEGAN_AT - 1.0, False), (True, BEGAN_AT + 1.0, False)],
    ids=["which is there", "which has died", "which has just come back and forgot"],
)
def test_a_ups_that_comes_back_joins_only_a_world_that_is_there(
    tmp_path: Path, alive: bool, started_at: float, joins: bool
) -> None:
    stage = Stage(tmp_path, 1, tick=0.2, database=None, server=None)
    lines = [
        {"event": "started", "boot": "b", "at": BEGAN_AT},
        {"event": "world", "boot": "b", "at": 101.0, "world": 1},
    ]
    stage.journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    stage.world = SimpleNamespace(alive=alive, started_at=started_at)  # type: ignore[assignment]
    stage.ups.starts = 2
    assert any("--join" in stage._ups_command() for _ in range(50)) is joins
