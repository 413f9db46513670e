"""A service of one event loop in the foreground: ready, then until SIGTERM or SIGINT, then stopped cleanly."""

import asyncio
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
