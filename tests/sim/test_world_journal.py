"""The world's journal: what was told outside is in it, also when the world is killed at once."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from partners.world import world_amazon_pb2 as amazon
from sim.world.journal import Journal
from tests.sim.peers import RawClient, a_connect, buy, framed
from tests.sim.test_sim_cli import run, world_process


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_killed_world_leaves_all_that_it_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = tmp_path / "world.journal"
        for _ in range(2):
            async with (
                world_process("--journal", str(journal)) as (process, ports),
                RawClient(ports["amazon"]) as client,
            ):
                await client.send(a_connect(None, (1, 3, 4)))
                await client.read(amazon.AConnected)
                await client.send(framed(amazon.ACommands(buy=[buy(1, count=5)])))
                await client.read(amazon.AResponses)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        lines = lines_of(journal)
        assert [line["event"] for line in lines] == ["started", "world", "bought"] * 2
        assert len({line["boot"] for line in lines}) == 2
        assert (lines[2]["world"], lines[2]["warehouse"], lines[2]["count"]) == (1, 1, 5)

    asyncio.run(scenario())


def test_lines_are_whole_and_in_order(tmp_path: Path) -> None:
    times = iter([1.0, 2.5, 3.0])
    journal = Journal(tmp_path / "journal", "b", lambda: next(times))
    journal.write({"event": "packed", "world": 1, "package": 7})
    journal.write({"event": "loaded", "world": 1, "package": 7, "truck": 2})
    journal.close()
    assert lines_of(tmp_path / "journal") == [
        {"boot": "b", "at": 1.0, "event": "started"},
        {"boot": "b", "at": 2.5, "event": "packed", "world": 1, "package": 7},
        {"boot": "b", "at": 3.0, "event": "loaded", "world": 1, "package": 7, "truck": 2},
    ]


@pytest.mark.parametrize("option", ["--book", "--journal"])
def test_a_file_in_no_folder_is_one_clear_line(option: str) -> None:
    done = run("world", option, "/no/such/folder/file")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert option in done.stderr
