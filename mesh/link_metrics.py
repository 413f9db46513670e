"""A link's counts for Prometheus: what its bridge tells in GetLinkStatus, under other names, counted nowhere twice."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as TooSlow

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shop.bridge.v1 import bridge_pb2

LOOP_SECONDS = 1.0
Status = Callable[[], bridge_pb2.GetLinkStatusResponse]

COUNTERS = {
    "frames_sent": "Frames to the peer.",
    "frames_received": "Frames from the peer.",
    "elements_sent": "Commands put into frames, copies included.",
    "resends": "The copies among them.",
    "reconnects": "Connections to the peer after the first.",
    "bad_frames": "Connections that were closed for what came on them.",
}
GAUGES = {
    "connected": "Whether the peer is there.",
    "unacked": "Commands that the peer has not acknowledged.",
    "window": "How many of those there may be.",
    "link_epoch": "Which owner of the link this is; 0: it owns none.",
    "world_epoch": "Which of our worlds the link is in; 0: in none yet.",
    "loss_estimate": "What is believed of the loss towards the peer, 0 to 1.",
}


class LinkCollector(Collector):
    """The counts of one link. `status` gives them; nothing is told while it has no time to."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """What the link has done, at this moment."""
        try:
            status = self._status()
        except TooSlow:
            return
        for name, words in COUNTERS.items():
            counter = CounterMetricFamily(f"minimart_link_{name}", words, labels=("link",))
            counter.add_metric((status.link,), getattr(status, name))
            yield counter
        gauges = {name: (words, float(getattr(status, name))) for name, words in GAUGES.items()}
        gauges["contract_differs"] = ("Whether the peer's contract is another one.", bool(status.contract_difference))
        if status.HasField("last_frame_at"):
            at = status.last_frame_at.ToMicroseconds() / 1e6
            gauges["last_frame_timestamp_seconds"] = ("When the peer said something last.", at)
        for name, (words, value) in gauges.items():
            gauge = GaugeMetricFamily(f"minimart_link_{name}", words, labels=("link",))
            gauge.add_metric((status.link,), value)
            yield gauge

    def describe(self) -> list[Metric]:
        """Nothing is told before somebody asks."""
        return []


def from_loop(loop: asyncio.AbstractEventLoop, status: Status) -> Status:
    """The same for another thread than the loop's, to which the link belongs. It raises TooSlow."""

    async def look() -> bridge_pb2.GetLinkStatusResponse:
        return status()

    return lambda: asyncio.run_coroutine_threadsafe(look(), loop).result(LOOP_SECONDS)
