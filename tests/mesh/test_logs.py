"""Log lines: one each, key=value, with the service's name, from our own code and from libraries alike."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from mesh.logs import configure_logging, get_logger


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("orders_svc", "INFO", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_a_line_has_its_keys(written: io.StringIO) -> None:
    get_logger("orders_svc.outbox").info("sent", command_id=7, link="world")
    line = written.getvalue()
    assert line.count("\n") == 1
    assert "level=info service=orders_svc event=sent" in line
    assert "module=orders_svc.outbox" in line
    assert "command_id=7 link=world" in line


def test_a_traceback_stays_in_its_line(written: io.StringIO) -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        get_logger("x").exception("failed")
    assert written.getvalue().count("\n") == 1
    assert "KeyError" in written.getvalue()


def test_libraries_are_heard_from_warnings_up(written: io.StringIO) -> None:
    logging.getLogger("library").warning("be careful")
    logging.getLogger("library").info("by the way")
    assert 'service=orders_svc event="be careful"' in written.getvalue()
    assert "by the way" not in written.getvalue()


def test_what_wire_says_has_its_keys_too(written: io.StringIO) -> None:
    logging.getLogger("wire.link").warning("bad_frame", extra={"peer": "127.0.0.1:5", "head": "ff 00"})
    assert "level=warning service=orders_svc event=bad_frame" in written.getvalue()
    assert " peer=127.0.0.1:5" in written.getvalue()
    assert ' head="ff 00"' in written.getvalue()


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    get_logger("x").debug("detail")
    assert written.getvalue() == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="no log level"):
        configure_logging("x", "LOUD")


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_has_gone_stops_nobody(written: io.StringIO) -> None:
    configure_logging("orders_svc", "INFO", Gone())
    get_logger("x").error("failed")
