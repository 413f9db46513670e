"""What the orders service counts of its work, for Prometheus (`mesh.metrics` shows it).

Rules: a use case knows nothing of this; what it answers, and what it says has changed, is counted by whoever put the
parts together. What the tables know is asked of them when somebody looks, and nothing is told while they are away.
Labels are names of links, of our own results and of our own refusals.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mesh.errors import Refusal
from orders_svc.service.changes import Changes
from orders_svc.service.placing import Placed, PlaceOrder
from orders_svc.service.queues import Queue
from orders_svc.service.reports import Report, Result

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
COMMAND_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Place = Callable[[Sequence[PlaceOrder]], list[Placed | Refusal]]
Apply = Callable[[Report], list[Result]]


class Metrics:
    """The counts of one orders service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._placed = Counter(
            "minimart_orders_placed",
            "Answers to PlaceOrder: accepted, replayed, or the refusal's reason.",
            ("answer",),
            registry=registry,
        )
        self._groups = Histogram(
            "minimart_orders_group", "Orders that shared a transaction.", buckets=BATCH, registry=registry
        )
        self._events = Counter(
            "minimart_inbox_events", "What peers said, and what became of it.", ("link", "result"), registry=registry
        )
        self._batches = Histogram(
            "minimart_report_events", "Events in a report.", ("link",), buckets=BATCH, registry=registry
        )
        self._seconds = Histogram(
            "minimart_report_seconds", "To commit a report.", ("link",), buckets=SECONDS, registry=registry
        )
        self._commands = Histogram(
            "minimart_command_seconds",
            "From a command's commit until its peer acknowledged it, the commit of that included.",
            ("link",),
            buckets=COMMAND_SECONDS,
            registry=registry,
        )

    def placing(self, place: Place) -> Place:
        """The same use case, counted."""

        def counted(requests: Sequence[PlaceOrder]) -> list[Placed | Refusal]:
            answers = place(requests)
            self._groups.observe(len(requests))
            for answer in answers:
                self._placed.labels(_answer(answer)).inc()
            return answers

        return counted

    def reporting(self, apply: Apply) -> Apply:
        """The same use case, counted and timed."""

        def counted(report: Report) -> list[Result]:
            began = time.monotonic()
            results = apply(report)
            self._seconds.labels(report.link).observe(time.monotonic() - began)
            self._batches.labels(report.link).observe(len(report.events))
            for result in results:
                self._events.labels(report.link, result.name.lower()).inc()
            return results

        return counted

    def changed(self, changes: Changes) -> None:
        """Counts what a committed transaction says of itself."""
        for link, seconds in changes.acked:
            self._commands.labels(link).observe(seconds)

    def watch(self, queues: Callable[[], Collection[Queue]], outages: tuple[type[Exception], ...]) -> None:
        """Tells of the queues too, as the tables know them whenever somebody looks."""
        self._registry.register(_Queues(queues, outages))


def _answer(answer: Placed | Refusal) -> str:
    if isinstance(answer, Refusal):
        return answer.reason
    return "replayed" if answer.replayed else "accepted"


class _Queues(Collector):
    def __init__(self, queues: Callable[[], Collection[Queue]], outages: tuple[type[Exception], ...]) -> None:
        self._queues = queues
        self._outages = outages

    def collect(self) -> Iterator[Metric]:
        """The open commands of each link."""
        try:
            queues = self._queues()
        except self._outages:
            return
        told: dict[str, tuple[str, Callable[[Queue], float]]] = {
            "waiting": ("Commands that the link's owner was not given yet.", lambda queue: queue.waiting),
            "handed_over": (
                "Commands that the link's owner has, not acknowledged yet.",
                lambda queue: queue.handed_over,
            ),
            "oldest_seconds": (
                "How old the oldest open command is; 0: none is open.",
                lambda queue: queue.oldest_seconds,
            ),
        }
        for name, (words, value) in told.items():
            gauge = GaugeMetricFamily(f"minimart_outbox_{name}", words, labels=("link",))
            for queue in queues:
                gauge.add_metric((queue.link,), value(queue))
            yield gauge

    def describe(self) -> list[Metric]:
        """Nothing is told before somebody asks."""
        return []
