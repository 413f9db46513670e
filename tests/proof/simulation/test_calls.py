"""Simulated calls: what is executed again, and what is not."""

from random import Random
from typing import Any

import pytest

from mesh.errors import ResourceExhausted, Unavailable
from mesh.identity import Caller
from proof.simulation.calls import Calls
from proof.simulation.faults import Fault, Kind
from proof.simulation.injection import Injector
from proof.simulation.scheduler import Process, Scheduler
from proof.simulation.trace import Trace
from shop.orders.v1 import orders_pb2

TWICE = Fault(0, Kind.RPC_TWICE, 0.0, 10.0, "shoppers>orders_svc", 1.0)


def unexpected(where: str, error: Exception) -> None:
    raise AssertionError(where) from error


@pytest.mark.parametrize(
    ("refusal", "executions"),
    [
        (None, 2),
        (Unavailable("LATE", "no answer in time"), 2),
        (ResourceExhausted("OUT_OF_STOCK", "none left"), 1),
    ],
    ids=["answered", "nobody knows", "refused"],
)
def test_a_call_is_executed_again_unless_its_caller_has_heard_a_refusal(
    refusal: Exception | None, executions: int
) -> None:
    scheduler = Scheduler(0.0)
    injector = Injector(1, (TWICE,), scheduler.now, lambda _who, _words: None)
    calls = Calls(scheduler, injector, Random(1), Trace(False), 0.0, unexpected)
    shoppers, service = Process("shoppers"), Process("orders_svc")
    shoppers.begin()
    service.begin()
    executed = []

    def place(request: Any, _context: object) -> Any:
        executed.append(request)
        if refusal is not None:
            raise refusal
        return orders_pb2.PlaceOrderResponse()

    calls.serve("here", service, {"PlaceOrder": place})
    request = orders_pb2.PlaceOrderRequest()
    answers: list[Any] = []
    calls.call(shoppers, Caller("storefront", 2), "here", "PlaceOrder", request, 5.0, answers.append)
    scheduler.run(100.0, lambda: False)
    assert len(answers) == 1
    assert len(executed) == executions
