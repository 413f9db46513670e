"""A service in the foreground: ready, then until SIGTERM or SIGINT, then stopped cleanly.

Rules: a stop that is asked for is never missed, whatever thread the kernel gives the signal to and however shortly
before the wait it comes. One of an event loop has `run_until_signal`, one of threads `StopAsked`.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable
from typing import Protocol


class Service(Protocol):
    """What runs in the foreground."""

    @property
    def failed(self) -> Awaitable[None]:
        """Ends, with the error, when the service is broken."""
        ...

    async def start(self) -> None:
        """Begins to serve."""
        ...

    async def stop(self) -> None:
        """Ends everything, within about a second."""
        ...


class StopAsked:
    """SIGTERM and SIGINT, from now on; made in the main thread."""

    def __init__(self) -> None:
        # A signal between a thread's last look and its sleep ends no wait for a lock, nor does one that another
        # thread gets; the byte that each leaves in a pipe is read in any case.
        self._told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def wait(self) -> None:
        """Returns once one has come."""
        os.read(self._told, 1)


async def run_until_signal(service: Service) -> None:
    """Starts the service and stops it at SIGTERM or SIGINT. Raises what the service failed with."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    try:
        await service.start()
        stopping = asyncio.ensure_future(asked.wait())
        failing = asyncio.ensure_future(service.failed)
        await asyncio.wait([stopping, failing], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if failing.done():
            failing.result()
    finally:
        await service.stop()
