"""A reserve of threads for ordinary pages, whatever number of browsers listens.

Rules: a worker has a thread for each browser that may listen, and so many more for pages; at most so many requests are
being answered at once, so that a crowd waits its turn before the database and not in it. A stream is no longer counted
once its answer has begun.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Turnstile:
    """The application, with at most `most` requests inside at once; the others wait in their threads."""

    def __init__(self, app: WsgiApp, most: int) -> None:
        self._app = app
        self._places = threading.BoundedSemaphore(most)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers a request when it is its turn."""
        with self._places:
            return self._app(environ, start_response)
