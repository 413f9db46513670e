"""The figures of a process for Prometheus: a registry, and a page on loopback that shows it.

Rules: the page listens on loopback only, on a port that a setting gives, and not at all without one; it answers one
reader at a time and has a moment for each, also for one that drips or takes no answer; a reader that fails is closed
and not written about; a port that cannot be had is said, and the process goes on
without the page, since nobody's order depends on it; labels are names from our own code, never ids and never what a
caller wrote.

Elsewhere: what is counted stands with those who count, in each service's metrics.py; a link's counts are mesh.tally.
"""

import socket
import threading
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

from mesh.logs import get_logger

HOST = "127.0.0.1"
READER_SECONDS = 1.0

log = get_logger(__name__)


def new_registry() -> CollectorRegistry:
    """A registry with what the kernel knows of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


class MetricsPage:
    """The page of one `registry`. `port` None: there is none; 0: any free one."""

    def __init__(self, registry: CollectorRegistry, port: int | None) -> None:
        self.registry = registry
        self._wanted = port
        self._server: WSGIServer | None = None

    @property
    def port(self) -> int | None:
        """The port in use; None: the page is not served."""
        return None if self._server is None else self._server.server_port

    def start(self) -> None:
        """Begins to serve, on a thread of its own."""
        if self._wanted is None:
            return
        try:
            self._server = make_server(HOST, self._wanted, make_wsgi_app(self.registry), _Server, _Reader)
        except OSError as error:
            log.warning("metrics_not_served", port=self._wanted, error=error.strerror)
            return
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Ends the page; doing so twice does no harm."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(WSGIServer):
    """Forgets readers that fail."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: it is the reader's own trouble."""


class _Reader(WSGIRequestHandler):
    """One request, which is not written down anywhere."""

    def handle(self) -> None:
        """Answers, or is cut off after a moment: a timeout of the socket alone begins anew with each byte."""
        over = threading.Timer(READER_SECONDS, self._cut_off)
        over.start()
        try:
            super().handle()
        finally:
            over.cancel()

    def _cut_off(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
