"""Who may import whom: the table of docs/architecture.md, held against every file."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.sources import GENERATED, PACKAGES, Source, imports, parse, sources

# What each part may import of ours, beside itself. A dotted entry opens that module and what is below it.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "wire": (),
    "mesh": GENERATED,
    "db": (),
    "orders_svc": (
        *GENERATED,
        "mesh",
        "db.clock",
        "db.engine",
        "db.errors",
        "db.migrate",
        "db.turns",
        "db.seed",
        "db.orders",
        "db.shop.catalogue",
    ),
    "world_bridge": (*GENERATED, "wire", "mesh"),
    "ups_bridge": (*GENERATED, "wire", "mesh"),
    "storefront": (
        *GENERATED,
        "mesh",
        "db.clock",
        "db.engine",
        "db.errors",
        "db.migrate",
        "db.turns",
        "db.seed",
        "db.shop",
        "db.orders.stock",
    ),
    # Its seq and ack rules are written independently of wire.session: a bug in both would be invisible.
    "sim": (*GENERATED, "wire.framing", "wire.link", "wire.errors"),
    "proof": (*GENERATED, *(package for package in PACKAGES if package not in ("storefront", "minimart"))),
    "minimart": (*GENERATED, *PACKAGES),
}

# Rules that hold within a part: these files import none of those modules.
NEVER: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("wire/",), ("google", "grpc", "sqlalchemy", "pydantic", "structlog"), "wire is bytes and numbers"),
    (
        ("orders_svc/domain/",),
        ("sqlalchemy", "grpc", "google", "db", "mesh", "orders_svc.service", "orders_svc.outbox", "orders_svc.rpc"),
        "the domain knows no database and no network",
    ),
    (("orders_svc/service/",), ("grpc", "orders_svc.rpc"), "use cases know no RPC"),
    (("sim/",), ("wire.session", "wire.ranges"), "a stand-in has session rules of its own"),
    (("storefront/",), ("partners",), "the shop never speaks to the world or UPS"),
)


def may_import(source: Source, name: str) -> bool:
    top = name.partition(".")[0]
    if top not in (*PACKAGES, *GENERATED) or top == source.package:
        return True
    return any(f"{name}.".startswith(f"{allowed}.") for allowed in MAY_IMPORT[source.package])


def is_below(name: str, module: str) -> bool:
    return f"{name}.".startswith(f"{module}.")


def forbidden(source: Source) -> list[str]:
    found = [f"{source.path}:{line} imports {name}" for line, name in imports(source) if not may_import(source, name)]
    for places, modules, why in NEVER:
        if source.is_in(*places):
            found += [
                f"{source.path}:{line} imports {name}: {why}"
                for line, name in imports(source)
                if any(is_below(name, module) for module in modules)
            ]
    return found


def circle(files: Iterable[Source]) -> list[str]:
    """Modules of which each is imported by the next, up to the first again; none: there is no circle."""
    modules = {source.module: source for source in files}
    graph = {
        module: {name if name in modules else name.rpartition(".")[0] for _, name in imports(source)} & modules.keys()
        for module, source in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_table(package: str) -> None:
    found = [problem for source in sources() if source.package == package for problem in forbidden(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("wire/x.py", "from google.protobuf import message"),
        ("storefront/x.py", "from db.orders import orders"),
        ("orders_svc/x.py", "import db.shop.accounts"),
        ("orders_svc/domain/x.py", "from sqlalchemy import select"),
        ("sim/x.py", "from wire.session import Session"),
        ("world_bridge/x.py", "import db.engine"),
        ("mesh/x.py", "def f():\n    from db import engine"),
        ("proof/x.py", "from storefront import config"),
        ("db/x.py", "from ..minimart import up"),
    ],
)
def test_the_table_bites(path: str, text: str) -> None:
    assert forbidden(parse(path, text))


def test_nobody_imports_the_command() -> None:
    found = [
        f"{source.path}:{line}"
        for source in sources()
        if source.package != "minimart"
        for line, name in imports(source)
        if is_below(name, "minimart")
    ]
    assert not found


def test_imports_run_in_no_circle() -> None:
    assert not circle(sources())


def test_a_circle_for_types_alone_is_one_too() -> None:
    room = parse("proof/room.py", "from proof import part")
    part = parse("proof/part.py", "if TYPE_CHECKING:\n    from proof.room import Room")
    assert set(circle([room, part])) == {"proof.room", "proof.part"}
