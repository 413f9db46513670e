"""Forms that take files: who may send them, how much of them is read, and how much is kept.

Rules: only sellers send files, and only to pages that say so with `takes_files`; of a file that is larger than its page
takes, the rest is read and thrown away, so that what was typed beside it is still there when the seller is told; few
are read at once, since whoever sends slowly holds a place that pages need.
"""

import threading
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flask import Flask, Request, abort, current_app, request
from flask_login import current_user
from werkzeug.datastructures import FileStorage

# What is read of one request, whatever its page takes.
MOST_BYTES = 64 * 1024 * 1024
# Of one field that is no file. What reads forms holds it against a chunk of a file, too, with what of the chunk before
# may begin a boundary, and reads 64 KiB at a time.
MOST_TEXT_BYTES = 128 * 1024
AT_ONCE = 8
_IN_MEMORY = 1024 * 1024
_MARK = "most_file_bytes"


class Upload(SpooledTemporaryFile[bytes]):
    """A file that somebody sends, of which no more than `most` bytes are kept."""

    def __init__(self, most: int) -> None:
        super().__init__(max_size=_IN_MEMORY)
        self.most = most
        self.size = 0

    def write(self, data: Any) -> int:
        """Takes more of it."""
        self.size += len(data)
        return super().write(data) if self.size <= self.most else len(data)


class ShopRequest(Request):
    """A request whose files are `Upload`s."""

    def _get_file_stream(self, *_args: object, **_named: object) -> IO[bytes]:
        return Upload(_most_of(self.endpoint) or 0)


def takes_files(most: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The view takes files of up to `most` bytes, each of which `was_too_large` may be asked about."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        setattr(view, _MARK, most)
        return view

    return mark


def was_too_large(file: FileStorage) -> bool:
    """Whether not all of a file was kept."""
    return isinstance(file.stream, Upload) and file.stream.size > file.stream.most


def add_to(app: Flask) -> None:
    """Lets the pages of `app` that take files have them; before anything that reads forms."""
    places = threading.BoundedSemaphore(AT_ONCE)

    def admit() -> None:
        if request.method != "POST" or _most_of(request.endpoint) is None:
            return
        if not (current_user.is_authenticated and current_user.is_seller):
            return
        request.max_content_length = MOST_BYTES
        request.max_form_memory_size = MOST_TEXT_BYTES
        if not places.acquire(blocking=False):
            abort(503)
        try:
            # Reads all of it.
            _ = request.form
        finally:
            places.release()

    app.request_class = ShopRequest
    app.before_request(admit)


def _most_of(endpoint: str | None) -> int | None:
    return getattr(current_app.view_functions.get(endpoint or ""), _MARK, None)
