"""Rules of every file: where the environment, the time, sockets and broad excepts may be, and what must be said."""

import ast
import re
from collections.abc import Callable, Collection

import pytest

from tests.architecture.sources import Source, dotted, imports, parse, sources, uses

# Each exception with its reason.
READS_ENVIRONMENT: dict[str, str] = {}
READS_TIME = {
    "db/clock.py": "the system clock itself",
    "mesh/clock.py": "the clock of processes without a database",
}
OPENS_SOCKETS = {
    "wire/link.py": "the shell of all partner connections",
    "mesh/ports.py": "takes ports for those who are about to listen",
    "minimart/installation.py": "asks whether a port is free",
    "minimart/probes.py": "asks the storefront's health by HTTP",
    "proof/bench_pages.py": "is two hundred browsers at the shop",
    "proof/bench_shop.py": "is four browsers at the shop",
    "proof/chaos/browsers.py": "is a browser at the shop",
    "proof/chaos/proxy.py": "stands between our bridges and their peers, and spoils what goes through",
    "mesh/metrics.py": "opens none: cuts a slow reader of the page off",
    "proof/conform/sockets.py": "sends a partner what no frame is, and shares nothing with what it checks",
    "storefront/connections.py": "gives a browser's connection its deadlines",
    "storefront/serving.py": "binds the shop's port before anything is forked",
}
CATCHES_ALL = {
    "mesh/guard.py": "the edge of every RPC",
    "minimart/__main__.py": "the edge of the command line",
    "orders_svc/groups.py": "hands what a group's transaction raised to each caller of the group",
    "orders_svc/workers.py": "the edge of a background thread",
    "proof/simulation/bridges.py": "a core that raises is a finding",
    "proof/simulation/calls.py": "the edge of every simulated RPC",
    "proof/simulation/orders.py": "what stands for threads and groups of the orders service",
    "storefront/checkout/sweep.py": "the edge of a background thread",
    "storefront/mail/sender.py": "the edge of a background thread",
    "storefront/orders/feed.py": "the edge of a background thread",
    "storefront/orders/teller.py": "the edge of a background thread",
}
# Pure: the time and chance come in as arguments, and nothing waits.
PURE = (
    *("orders_svc/domain/", "sim/world/model/", "sim/ups/model/", "sim/amazon/model/", "sim/amazon/script.py"),
    *("sim/amazon/words.py", "minimart/telling.py", "minimart/journal.py"),
)
PURE_WIRE = ("wire/framing.py", "wire/session.py", "wire/ranges.py", "wire/backoff.py", "wire/errors.py")
IMPURE_MODULES = ("time", "datetime", "socket", "asyncio", "threading", "subprocess", "os", "secrets", "uuid")
CLOCKS = (
    "time.time",
    "time.time_ns",
    "time.gmtime",
    "time.localtime",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
)
DATABASE_CLOCKS = (
    "sqlalchemy.func.now",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.clock_timestamp",
    "sqlalchemy.func.localtimestamp",
)
SOCKET_MAKERS = (
    "asyncio.open_connection",
    "asyncio.start_server",
    "asyncio.open_unix_connection",
    "asyncio.start_unix_server",
)
MAX_LINES = 400
LONG: dict[str, str] = {}


def environment(source: Source) -> list[int]:
    if source.path.endswith("/config.py"):
        return []
    return [line for line, name in uses(source) if name in ("os.environ", "os.environb", "os.getenv", "os.putenv")]


def clocks(source: Source) -> list[int]:
    return [line for line, name in uses(source) if name in CLOCKS or name in DATABASE_CLOCKS]


def sockets(source: Source) -> list[int]:
    imported = [line for line, name in imports(source) if name.partition(".")[0] in ("socket", "http", "urllib3")]
    made = [line for line, name in uses(source) if name in SOCKET_MAKERS]
    asked = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("create_connection", "create_server")
    ]
    return [*imported, *made, *asked]


def broad_excepts(source: Source) -> list[int]:
    """Handlers of everything; one that always raises again only tidies up, and may."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or dotted(kind) in ("Exception", "BaseException") for kind in kinds)
        last = node.body[-1]
        if broad and not (isinstance(last, ast.Raise) and last.exc is None):
            found.append(node.lineno)
    return found


def impure(source: Source) -> list[int]:
    if not source.is_in(*PURE, *PURE_WIRE):
        return []
    found = [line for line, name in imports(source) if name.partition(".")[0] in IMPURE_MODULES]
    chance = [
        line
        for line, name in uses(source)
        if name.startswith("random.") and name not in ("random.Random",) and "Random" not in name
    ]
    return [*found, *chance]


def undocumented(source: Source) -> list[int]:
    return [] if (ast.get_docstring(source.tree) or "").strip() else [1]


def blanket_ignores(source: Source) -> list[int]:
    return [
        number
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(r"#\s*(type:\s*ignore(?!\[)|noqa(?!: ?[A-Z]))", line)
    ]


def too_long(source: Source) -> list[int]:
    lines = source.text.count("\n")
    return [lines] if lines > MAX_LINES and source.path not in LONG else []


def unfinished(source: Source) -> list[int]:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    return [
        number for number, line in enumerate(source.text.splitlines(), 1) if any(f"# {mark}" in line for mark in marks)
    ]


RULES: dict[str, tuple[Callable[[Source], list[int]], Collection[str], str]] = {
    "environment": (environment, READS_ENVIRONMENT, "only config.py reads the environment"),
    "clocks": (clocks, READS_TIME, "the time comes from a clock argument, SQL's from db.clock.sql_now"),
    "sockets": (sockets, OPENS_SOCKETS, "only wire/link.py opens sockets"),
    "broad excepts": (broad_excepts, CATCHES_ALL, "everything is caught only at a process's edge"),
    "purity": (impure, (), "rules are pure: now and rng come in as arguments"),
    "docstrings": (undocumented, (), "a module says its job"),
    "blanket ignores": (blanket_ignores, (), "an ignored check is named"),
    "length": (too_long, LONG, f"files stay below {MAX_LINES} lines"),
    "marks": (unfinished, (), "nothing is left for later in a comment"),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_file_keeps_the_rule(rule: str) -> None:
    check, excepted, why = RULES[rule]
    found = [
        f"{source.path}:{line} {why}" for source in sources() if source.path not in excepted for line in check(source)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        ("environment", "db/x.py", "import os\nos.environ['A']"),
        ("environment", "db/x.py", "from os import getenv as g\ng('A')"),
        ("clocks", "mesh/x.py", "import time\ntime.time()"),
        ("clocks", "mesh/x.py", "from datetime import datetime as d\nd.now()"),
        ("clocks", "orders_svc/x.py", "from sqlalchemy import func\nfunc.now()"),
        ("sockets", "sim/x.py", "import socket"),
        ("sockets", "sim/x.py", "import asyncio\nasyncio.start_server(f)"),
        ("broad excepts", "db/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
        ("broad excepts", "db/x.py", "try:\n    f()\nexcept:\n    pass"),
        ("purity", "wire/session.py", "import time"),
        ("purity", "wire/session.py", "import random\nrandom.random()"),
        ("docstrings", "db/x.py", "x = 1"),
        ("blanket ignores", "db/x.py", "x = 1  # type: ignore"),
        ("length", "db/x.py", "x = 1\n" * 500),
        ("marks", "db/x.py", "# TO" + "DO: later"),
    ],
)
def test_the_rule_bites(rule: str, path: str, text: str) -> None:
    assert RULES[rule][0](parse(path, text))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        ("environment", "mesh/config.py", "import os\nos.environ"),
        ("clocks", "wire/link.py", "import time\ntime.monotonic()"),
        ("broad excepts", "db/x.py", "try:\n    f()\nexcept BaseException:\n    g()\n    raise"),
        ("purity", "wire/session.py", "import random\ndef f(rng: random.Random): ..."),
        ("blanket ignores", "db/x.py", "x = 1  # type: ignore[attr-defined]"),
    ],
)
def test_the_rule_leaves_the_rest_alone(rule: str, path: str, text: str) -> None:
    assert not RULES[rule][0](parse(path, text))


def test_every_exception_is_still_needed() -> None:
    by_path = {source.path: source for source in sources()}
    idle = [
        f"{path} is excepted from {rule!r} and needs it no more"
        for rule, (check, excepted, _) in RULES.items()
        for path in excepted
        if path in by_path and not check(by_path[path])
    ]
    assert not idle, "\n".join(idle)
