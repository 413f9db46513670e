"""One gunicorn worker with threads, set up from code: nothing is read from files, the environment or the command line.

Rules: the port is bound before anything is forked, so that one in use is told at once; the storefront is built in the
worker, after the fork; a signal to stop ends the open event streams first, since each of them holds a thread.
"""

import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from mesh.settings import parse_address
from storefront.bootstrap import Storefront
from storefront.connections import PatientWorker

# A request that is cut short loses nothing: what it began is committed or was never there.
GRACE_SECONDS = 2
KEEPALIVE_SECONDS = 5
# Kept open beside those that threads are busy with.
IDLE_CONNECTIONS = 500
BACKLOG = 256
# What a browser and a proxy or two send; a head's bytes are held until it ends, copies included, by each connection.
HEADER_FIELDS = 40
HEADER_FIELD_BYTES = 8190


class PortInUse(Exception):
    """The address cannot be listened on; the message is one line."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"cannot listen on {address}: {error.strerror}")


def listen(address: str) -> socket.socket:
    """A socket that listens on HOST:PORT, 0 for any free port. PortInUse: it cannot."""
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUse(address, error) from error
    return listener


class Server(BaseApplication):
    """Serves what `build` makes, on a socket that listens already, until SIGTERM or SIGINT."""

    def __init__(self, build: Callable[[], Storefront], listener: socket.socket, threads: int) -> None:
        self._build = build
        self._listener = listener
        self._threads = threads
        self._storefront: Storefront | None = None
        super().__init__()

    def load_config(self) -> None:
        """Sets gunicorn up."""
        given: dict[str, Any] = {
            "bind": f"fd://{self._listener.fileno()}",
            "workers": 1,
            "worker_class": PatientWorker,
            "threads": self._threads,
            "worker_connections": self._threads + IDLE_CONNECTIONS,
            "keepalive": KEEPALIVE_SECONDS,
            "limit_request_fields": HEADER_FIELDS,
            "limit_request_field_size": HEADER_FIELD_BYTES,
            # What proxies say is judged by the application, which is told how many there are; nobody else is believed.
            "forwarded_allow_ips": "",
            "graceful_timeout": GRACE_SECONDS,
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_worker_init": self._worker_ready,
            "worker_exit": self._worker_gone,
            "proc_name": "minimart-storefront",
        }
        for name, value in given.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, in the worker."""
        self._storefront = self._build()
        self._storefront.start()
        # All of this stays. Looking for garbage in it, too, would stop every thread for long, again and again.
        gc.collect()
        gc.freeze()
        return self._storefront.app

    def _worker_ready(self, _worker: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._stopping_first(signal.getsignal(number)))

    def _stopping_first(self, then: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            if self._storefront is not None:
                self._storefront.begin_stop()
            if callable(then):
                then(number, frame)

        return handle

    def _worker_gone(self, _server: object, _worker: object) -> None:
        if self._storefront is not None:
            self._storefront.stop(timeout=1.0)
