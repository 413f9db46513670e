"""Log lines: key=value, one line each, to stderr, with the service's name.

Keys where known: order_id, shipment_id, command_id, link, request_id. What other libraries log through the standard
module comes out in the same form, from warnings up. A line that cannot be written is lost, and the work goes on: the
reader may be gone, or the disk full.
"""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog

# What the standard module's users among us give beside the event.
_EXTRAS = ("peer", "head", "reason")
_ORDER = ["timestamp", "level", "service", "event"]


def configure_logging(service_name: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sets logging up for this process: `level` is a standard name (DEBUG to CRITICAL); ValueError: it is not."""
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"{level!r} is no log level")
    target = stream or sys.stderr

    def name_service(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = service_name
        return event

    shared: list[Any] = [
        structlog.processors.add_log_level,
        name_service,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.LogfmtRenderer(key_order=_ORDER, drop_missing=True, bool_as_flag=False)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(_Sink(target)),  # type: ignore[arg-type]  # written to only
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=_EXTRAS), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))


def get_logger(name: str) -> Any:
    """The logger of a module; `name` becomes the key `module`. Usable before logging is configured."""
    return structlog.get_logger(module=name)


class _Sink:
    """A stream that may fail without anybody noticing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()
