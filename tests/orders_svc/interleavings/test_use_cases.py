"""The list of use cases has every way in which the service writes."""

import ast
from pathlib import Path
from typing import Any

import pytest

from db.orders.interventions import InterventionKind
from orders_svc.service.app import App
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.interleavings import use_cases


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
