"""The played pages hear, read and time every change; how fast, `make bench` says."""

from pathlib import Path

import pytest

from proof import bench_pages


@pytest.mark.timeout(300)
def test_every_change_is_shown_by_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pages, "PAGES", 8)
    monkeypatch.setattr(bench_pages, "CHANGES", 12)
    monkeypatch.setattr(bench_pages, "AT_ONCE", (3, 8))
    figures = {figure.what: figure for figure in bench_pages.measure(tmp_path)}
    assert len(figures) == 5
    assert all(figure.value > 0 for figure in figures.values())
    assert figures["commit to page, 8 open pages, p99"].note == "12 changes"
    assert figures["commit to page, 8 open pages, p50"].value <= figures["commit to page, 8 open pages, p99"].value
