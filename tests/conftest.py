"""Rules for all tests: real databases on request, no network beyond this machine, no skipping where it counts.

With CI=true in the environment a skipped test is a failed one.
"""

import ipaddress
import os
import signal
import sys
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.databases.fixtures"]

# Other work shares the machine: how long an example takes says nothing. A failure prints how to repeat it.
settings.register_profile(
    "minimart", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("minimart")

SKIPS_FAIL = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto") or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise PermissionError(f"a test tried to reach {host}: tests stay on this machine")


def pytest_configure() -> None:
    sys.addaudithook(_stay_on_this_machine)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As shells have it for what runs in the background: the processes that we start would be deaf to Ctrl-C, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    outcome = yield
    _fail_if_skipped(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    outcome = yield
    _fail_if_skipped(outcome.get_result())


def _fail_if_skipped(report: Any) -> None:
    if SKIPS_FAIL and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed here: {report.longrepr}"
