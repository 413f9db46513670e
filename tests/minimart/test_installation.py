"""The data folder: one supervisor each, run.json, and ports that are really free."""

import os
import random
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from minimart.failure import Wrong
from minimart.installation import Run, RunFile, free_addresses, hold, is_free, read_run, write_run

RUN = Run(42, "http://127.0.0.1:8080", "sqlite:///x.db", {"orders": "127.0.0.1:7001"}, {"orders_svc": 43})


def test_a_second_holder_is_refused_in_one_line_that_says_who_holds_it(tmp_path: Path) -> None:
    with hold(tmp_path / "data"):
        write_run(tmp_path / "data", RUN)
        with pytest.raises(Wrong) as refused, hold(tmp_path / "data"):
            pass
    assert "in use by another minimart (process 42, shop at http://127.0.0.1:8080)" in refused.value.message
    with hold(tmp_path / "data"):
        pass


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with hold(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Wrong, match="cannot use the data folder"), hold(tmp_path / "file" / "data"):
        pass


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"supervisor": 1}', '{"unknown": 1}'])
def test_a_run_file_that_is_not_ours_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    assert read_run(tmp_path) is None


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_run(tmp_path, RUN)
    write_run(tmp_path, RUN)
    assert read_run(tmp_path) == RUN
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_run_file_that_cannot_be_replaced_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_run(tmp_path, RUN)
    assert os.listdir(tmp_path) == ["run.json"]


def test_what_could_not_be_written_is_said_once_for_each_time_that_it_begins(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said: list[str] = []
    record = RunFile(data, RUN, said.append)
    for _ in range(3):
        record.write({"part": 1})
    assert len(said) == 1
    data.mkdir()
    record.write({"part": 2})
    assert read_run(data) == replace(RUN, pids={"part": 2})
    (data / "run.json").unlink()
    data.rmdir()
    record.write({})
    assert len(said) == 2


def test_free_addresses_are_different_and_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        assert not is_free(taken)
    assert is_free(taken)
    found = free_addresses(20, random.Random(7))
    assert len(set(found)) == 20
    assert all(is_free(address) for address in found)


def test_an_address_of_another_machine_is_not_free() -> None:
    assert not is_free("192.0.2.1:8080")
