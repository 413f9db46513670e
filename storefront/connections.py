"""The gunicorn worker that serves browsers: who says nothing, or a byte now and then, keeps nobody else waiting.

Rules: a connection gets a thread once it has said something, not before; what of a request has not come after
REQUEST_SECONDS, and what its bytes take at SLOWEST_BYTES a second, counts as never coming, and UPLOAD_SECONDS are the
most for anything; an answer that is not taken for ANSWER_SECONDS ends its connection; closing
waits for nobody, since it happens on the loop that accepts; a head that is too long is answered with a page of the
shop's. All else is gunicorn's own threaded worker.
"""

import errno
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn, ThreadWorker

from storefront.errors import answer_unread

REQUEST_SECONDS = 5.0
UPLOAD_SECONDS = 120.0
SLOWEST_BYTES = 64 * 1024
ANSWER_SECONDS = 20.0
_LEFT_OVER_BYTES = 64 * 1024
_TOO_LONG = {LimitRequestLine: 414, LimitRequestHeaders: 431}


class _Socket(socket.socket):
    """A socket whose waits end. `until`: when the present request must be there, in steady time; `at_last`: the latest
    that this can become as its bytes come.
    """

    until = at_last = float("inf")

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As `socket.recv`; after the time is over as if the client had gone."""
        left = self.until - time.monotonic()
        if left <= 0:
            return b""
        self.settimeout(min(left, REQUEST_SECONDS))
        try:
            received = super().recv(bufsize, flags)
        except TimeoutError:
            return b""
        self.until = min(self.until + len(received) / SLOWEST_BYTES, self.at_last)
        return received

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        """As `socket.sendall`. TimeoutError: the client does not take it."""
        self.settimeout(ANSWER_SECONDS)
        super().sendall(data, flags)


class _Connection(TConn):
    """One browser's connection."""

    def init(self) -> None:
        """Called by the thread that begins to read a request."""
        super().init()
        now = time.monotonic()
        self.sock.until, self.sock.at_last = now + REQUEST_SECONDS, now + UPLOAD_SECONDS

    def close(self, graceful: bool = False) -> None:
        """Closes at once; `graceful`: without what was sent and not read spoiling the answer's last bytes."""
        if graceful:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
                self.sock.setblocking(False)
                socket.socket.recv(self.sock, _LEFT_OVER_BYTES)
        super().close()


class PatientWorker(ThreadWorker):
    """The threaded worker, on such connections."""

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection in, to wait for its first word."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        sock = _Socket(fileno=accepted.detach())
        self.nr_conns += 1
        connection = _Connection(self.cfg, sock, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answers what could not be read of a request."""
        code = _TOO_LONG.get(type(exc))
        if code is None:
            super().handle_error(req, client, addr, exc)
            return
        answer = answer_unread(self.wsgi, code)
        answer.headers["Connection"] = "close"
        with suppress(OSError):
            client.sendall(f"HTTP/1.1 {answer.status}\r\n{answer.headers}".encode("latin-1") + answer.get_data())
