"""What the world bridge holds for a command: a little while it is unacknowledged, nothing after that."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from partners.world import world_amazon_pb2 as world
from tests.world_bridge.fakes import Bench, Orders, buy, dial, open_

MANY = 4000
LIMIT_BYTES = 1024


@pytest.fixture
def weigh() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def weight() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("weigh")
def test_a_command_is_held_in_less_than_a_kilobyte_and_then_forgotten() -> None:
    bench = Bench(Orders(dial(), open_()))
    bench.run_until(lambda: bench.core.connected)
    (number,) = bench.sockets
    weights = [weight()]
    for first in range(1, 3 * MANY, MANY):
        for start in range(first, first + MANY, 200):
            assert bench.send(*(buy(one, count=3) for one in range(start, start + 200))) == 200
        bench.commands[number].clear()
        weights.append(weight())
        bench.say(number, world.AResponses(acks=range(first, first + MANY)))
        bench.run(1.0)
        for heard in (bench.orders.reports, bench.orders.renewals, bench.commands[number]):
            heard.clear()
        weights.append(weight())
    assert 0 < (weights[1] - weights[0]) / MANY < LIMIT_BYTES
    # Beside the emptied tables, which are used again.
    assert (weights[-1] - weights[2]) / MANY < 1, weights
