"""What this worker counts of its requests, for Prometheus (`mesh.metrics` shows it).

Rules: a request is counted under the route that it met, as the route is written, and under "none" where it met none:
nothing that a browser writes becomes a label. Its time runs from its first step into the application, the wait for a
turn included, to the beginning of the answer: a stream does not count as slow for being open.
"""

import time
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from storefront.orders.fanout import Fanout
from storefront.reserve import WsgiApp

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
NO_ROUTE = "none"
_BEGAN = "minimart.began"


def count_requests(app: Flask, fanout: Fanout, registry: CollectorRegistry) -> None:
    """Counts what `app` answers, and who listens to `fanout`, in `registry`. Called after `app` has its middleware."""
    answered = Counter("minimart_storefront_requests", "Requests answered.", ("route", "status"), registry=registry)
    seconds = Histogram(
        "minimart_storefront_request_seconds",
        "Until the answer begins, the wait for a turn included.",
        ("route",),
        buckets=BUCKETS,
        registry=registry,
    )
    streams = Gauge("minimart_storefront_event_streams", "Browsers that listen now.", registry=registry)
    streams.set_function(lambda: fanout.listeners)
    hears = Gauge("minimart_storefront_hears_orders", "Whether our own stream of changes is open.", registry=registry)
    hears.set_function(lambda: fanout.connected)

    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else NO_ROUTE
        answered.labels(route, response.status_code).inc()
        seconds.labels(route).observe(time.monotonic() - request.environ[_BEGAN])
        return response

    app.after_request(count)
    app.wsgi_app = _Stopwatch(app.wsgi_app)  # type: ignore[method-assign]


class _Stopwatch:
    """The application, told when each request came."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Hands a request on."""
        environ[_BEGAN] = time.monotonic()
        return self._app(environ, start_response)
