"""The table and the JSON of measured figures, and the percentile behind them."""

import json
from collections.abc import Sequence

import pytest

from proof import bench, bench_pace
from proof.figures import Figure, as_json, as_table, percentile, readable

FIGURES = [
    Figure("orders", 500.0, "orders/s", "echo", 2000.0),
    Figure("p99", 0.01234, "ms", "echo", 0.0, "first run"),
]


def test_the_table_has_a_line_for_each_figure_with_its_ratio() -> None:
    head, first, second = as_table(FIGURES).splitlines()
    assert head.startswith("measured")
    assert first.split() == ["orders", "500", "orders/s", "echo", "2,000", "0.25"]
    assert second.split()[-3:] == ["nan", "first", "run"]


def test_the_json_holds_every_field_and_the_ratio() -> None:
    first, _ = json.loads(as_json(FIGURES))
    assert first["value"] == 500.0
    assert first["ratio"] == 0.25


@pytest.mark.parametrize(
    ("value", "promised", "said"),
    [
        (300.0, {"at_most": 1.0}, ""),
        (301.0, {"at_most": 1.0}, "page: 301 ms, promised is at most 300"),
        (346.0, {"at_most": 1.15}, "page: 346 ms, promised is at most 345"),
        (300.0, {"at_least": 1.0}, ""),
        (299.0, {"at_least": 1.0}, "page: 299 ms, promised is at least 300"),
        (float("nan"), {"at_most": 1.0}, "page: nan ms, promised is at most 300"),
        (9000.0, {}, ""),
    ],
)
def test_what_is_not_as_promised_is_named(value: float, promised: dict[str, float], said: str) -> None:
    assert Figure("page", value, "ms", "limit", 300.0, **promised).broken == said


@pytest.mark.parametrize(("ours", "code"), [(4.0, 0), (4.1, 1)])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_command_fails_where_a_figure_is_not_as_promised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ours: float, code: int, options: Sequence[str]
) -> None:
    def measured() -> list[Figure]:
        unpromised = Figure("all at once", 900.0, "ms", "limit", 300.0, "not promised")
        return [unpromised, Figure("first order", ours, "s", "limit", 4.0, at_most=1.0)]

    monkeypatch.setattr(bench_pace, "measure", measured)
    assert bench.main(["pace", *options]) == code
    said, complained = capsys.readouterr()
    assert "all at once" in said
    assert ("not as promised: first order: 4.1 s, promised is at most 4" in complained) == bool(code)
    assert "not as promised: all at once" not in complained


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([5.0], 0.99, 5.0), (list(range(1, 101)), 0.99, 99), (list(range(100, 0, -1)), 0.5, 50), ([1.0, 2.0], 1.0, 2.0)],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


@pytest.mark.parametrize(("value", "text"), [(1234567.0, "1,234,567"), (0.012345, "0.0123"), (12.0, "12"), (0.0, "0")])
def test_numbers_are_readable(value: float, text: str) -> None:
    assert readable(value) == text
