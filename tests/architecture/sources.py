"""Every Python file of the product, parsed once, and what the rules ask of it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "wire",
    "mesh",
    "db",
    "orders_svc",
    "world_bridge",
    "ups_bridge",
    "storefront",
    "sim",
    "proof",
    "minimart",
)
GENERATED = ("shop", "partners")


@dataclass(frozen=True)
class Source:
    """One file: its path below the root, its dotted name, its text and its tree."""

    path: str
    module: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def is_in(self, *places: str) -> bool:
        """Whether the file is one of `places`, or below one that ends with a slash."""
        return any(self.path == place or (place.endswith("/") and self.path.startswith(place)) for place in places)


@cache
def sources() -> tuple[Source, ...]:
    return tuple(read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


def read(path: Path) -> Source:
    below = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    parts = below.with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(below.as_posix(), module, text, ast.parse(text, str(below)))


def parse(path: str, text: str) -> Source:
    """A file that only exists in a test."""
    return Source(path, path.removesuffix(".py").replace("/", "."), text, ast.parse(text))


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Every imported module as (line, dotted name), with the names taken from it: `from a import b` gives a.b."""
    is_package = source.path.endswith("__init__.py")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = source.module.split(".")
                above = above[: len(above) - node.level + (1 if is_package else 0)]
                base = ".".join([*above, base]).rstrip(".")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def uses(source: Source) -> Iterator[tuple[int, str]]:
    """Every attribute chain that the file uses or names that it imports, with its module's full name: time.time."""
    known = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            known.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and not node.level:
            known.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (chain := dotted(node)):
            first, dot, rest = chain.partition(".")
            if first in known:
                yield node.lineno, f"{known[first]}{dot}{rest}"
