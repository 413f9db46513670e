"""What the UPS bridge holds for a command: a little while it is unacknowledged, nothing after that."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from partners.ups import ups_pb2 as ups
from tests.ups_bridge.fakes import Bench, start, truck

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
    bench = Bench()
    bench.connect(1, start())
    weights = [weight()]
    for first in range(1, 3 * MANY, MANY):
        for begin in range(first, first + MANY, 200):
            assert bench.send(*(truck(one) for one in range(begin, begin + 200))) == 200
        bench.frames[1].clear()
        weights.append(weight())
        bench.say(1, ups.UACommand(acks=range(first, first + MANY)))
        bench.run(1.0)
        for heard in (bench.reports, bench.renewals, bench.frames[1]):
            heard.clear()
        weights.append(weight())
    assert 0 < (weights[1] - weights[0]) / MANY < LIMIT_BYTES
    # Beside the emptied tables, which are used again.
    assert (weights[-1] - weights[2]) / MANY < 1, weights
