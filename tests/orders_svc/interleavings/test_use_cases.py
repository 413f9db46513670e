"""The list of use cases has every way in which the service writes; and what they are told is held against the rows."""

import ast
from pathlib import Path
from typing import Any

import pytest

from db.orders.interventions import InterventionKind
from orders_svc.service.app import App
from orders_svc.service.placing import Placed
from orders_svc.service.reports import Result
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.interleavings import use_cases
from tests.orders_svc.interleavings.answers import broken_promises, counted_twice
from tests.orders_svc.stage import Stage


def _words() -> set[str]:
    """What the use cases name: attributes, keywords, and keys; what makes the scene not among them."""
    tree = ast.parse(Path(use_cases.__file__).read_text())
    found: set[str] = set()
    for part in tree.body:
        is_scene = isinstance(part, ast.FunctionDef) and part.args.args[0].arg == "stage"
        for node in () if is_scene else ast.walk(part):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def _bodies(message: Any, oneof: str) -> set[str]:
    return {field.name for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields}


def test_whatever_of_the_service_writes_is_a_use_case() -> None:
    writers = {name for name, it in vars(App).items() if "transact" in getattr(it, "__code__", _NOTHING).co_names}
    assert {"place_orders", "report", "ask_overdue"} <= writers
    assert writers - _words() == set()


_NOTHING = (lambda: None).__code__


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(_bodies(pb.PeerEvent, "body"), id="what a peer can say"),
        pytest.param(_bodies(pb.AdvanceWorldRequest, "observation"), id="what is seen of a world"),
        pytest.param({kind.name for kind in InterventionKind}, id="what staff can do"),
    ],
)
def test_no_kind_is_left_out(kinds: set[str]) -> None:
    assert kinds - _words() == set()


def test_an_order_that_is_not_there_is_a_broken_promise(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    total = shop.order(order_id).row.total_cents
    said, again = Placed(order_id, total, replayed=False), Placed(order_id, total, replayed=True)
    with shop.engine.begin() as connection:
        assert broken_promises(connection, [said, again]) == []
        assert broken_promises(connection, [said, said])
        assert broken_promises(connection, [Placed(order_id + 1, total, replayed=False)])


def test_what_came_twice_counts_once() -> None:
    assert counted_twice([Result.APPLIED], [Result.DUPLICATE]) == []
    assert counted_twice([Result.APPLIED], [Result.APPLIED])
    assert counted_twice([Result.DUPLICATE], [Result.DUPLICATE])
