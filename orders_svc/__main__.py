"""Runs the orders service in the foreground until SIGTERM or SIGINT: `python -m orders_svc`."""

import os
import signal
import sys

from db.errors import DatabaseNotUsable
from mesh.foreground import StopAsked
from mesh.identity import TokensError
from mesh.logs import configure_logging
from mesh.server import ListenError
from mesh.settings import load_settings
from orders_svc.bootstrap import bootstrap
from orders_svc.config import Settings

# The committing thread comes back from the database some dozen times for a group of orders; with Python's 5 ms it would
# wait as long each time for a thread that serves a call.
SWITCH_SECONDS = 0.0005


def main() -> int:
    """Exit code 0 after a stop that was asked for, 1 if it cannot start, 2 for a wrong setting."""
    settings = load_settings(Settings)
    configure_logging("orders_svc", settings.log_level)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until it serves there is nothing to finish. An exception would be thrown away where Python ignores what is
        # raised (a weak reference's callback while a module is imported), and the wait for a database would go on.
        signal.signal(number, lambda *_: os._exit(0))
    try:
        service = bootstrap(settings)
    except (DatabaseNotUsable, TokensError, ListenError) as error:
        sys.stderr.write(f"orders_svc: {error}\n")
        return 1
    asked = StopAsked()
    sys.setswitchinterval(SWITCH_SECONDS)
    service.start()
    asked.wait()
    service.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
