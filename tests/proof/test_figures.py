"""The table and the JSON of measured figures, and the percentile behind them."""

import json

import pytest

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
    ("values", "share", "found"),
    [([5.0], 0.99, 5.0), (list(range(1, 101)), 0.99, 99), (list(range(100, 0, -1)), 0.5, 50), ([1.0, 2.0], 1.0, 2.0)],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


@pytest.mark.parametrize(("value", "text"), [(1234567.0, "1,234,567"), (0.012345, "0.0123"), (12.0, "12"), (0.0, "0")])
def test_numbers_are_readable(value: float, text: str) -> None:
    assert readable(value) == text
