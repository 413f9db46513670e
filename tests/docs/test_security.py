"""docs/security.md: every test that it names exists, and every requirement stands in it once."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/security.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)


def names_in(path: Path) -> set[str]:
    """The names of the tests of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
    assert len(named) > 50
    for path, name in named:
        assert (ROOT / path).exists(), path
        assert name in names_in(ROOT / path), f"{path}::{name}"


def test_every_requirement_stands_there_once_with_a_test_or_a_reason() -> None:
    numbers = [number for number, _ in ROWS]
    assert numbers == sorted(set(numbers), key=lambda one: tuple(map(int, one.split("."))))
    assert len(numbers) == 65
    for number, shown in ROWS:
        assert "::" in shown or shown.startswith("not by a test: "), number
