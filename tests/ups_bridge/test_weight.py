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
def test_an_unacknowledged_command_is_held_in_less_than_a_kilobyte_and_then_forgotten() -> None:
    bench = Bench()
    bench.connect(1, start())
    before = weight()
    for first in range(1, MANY + 1, 200):
        assert bench.send(*(truck(number) for number in range(first, first + 200))) == 200
    bench.frames[1].clear()
    held = weight() - before
    assert 0 < held / MANY < LIMIT_BYTES
    bench.say(1, ups.UACommand(acks=range(1, MANY + 1)))
    bench.run(1.0)
    for heard in (bench.reports, bench.renewals, bench.frames[1]):
        heard.clear()
    left = weight() - before
    assert left < held / 20, f"{left} of {held} bytes are still held"
