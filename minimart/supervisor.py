"""Starts processes, watches them, starts them anew when they die, and stops them all.

Rules: each part runs in a process group of its own and cannot outlive the supervisor; what is left of a dead part's
group is killed before it is started anew; the wait before a restart doubles from RESTART_SECONDS to
MAX_RESTART_SECONDS and begins again once the part has lived for STEADY_SECONDS; a part that refuses to start at all
(exit code 2 before it was ever ready) ends everything, since waiting will not help.

Elsewhere: which parts there are, and how one knows that they are ready, is minimart.plan.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from minimart.journal import Journal, Lines

RESTART_SECONDS = 0.2
MAX_RESTART_SECONDS = 10.0
STEADY_SECONDS = 20.0
CRASH_LOOP = 4
PROBE_SECONDS = 0.1
REFUSED = 2

TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True, slots=True)
class Part:
    """A process to keep alive. `ready` says whether it serves yet; None: nobody needs to know."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None


class Supervisor:
    """Keeps parts alive until told to stop.

    `on_pids` hears of every change of the pids by name, `on_ready` of each part that serves for the first time;
    `stop_seconds` is what the parts get to stop by themselves.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        journal: Journal,
        *,
        environment: Mapping[str, str],
        stop_seconds: float,
        on_pids: Callable[[dict[str, int]], None],
        on_ready: Callable[[str], None],
    ) -> None:
        self._parts = parts
        self._journal = journal
        self._environment = environment
        self._stop_seconds = stop_seconds
        self._on_pids = on_pids
        self._on_ready = on_ready
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._not_ready = {part.name for part in parts if part.ready}
        self._stopping = asyncio.Event()
        self._readers: set[asyncio.Task[None]] = set()
        self._failure: str | None = None

    async def run(self) -> str | None:
        """Runs until a signal or a refusal to start; the refusal's reason, None after a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        keepers = [asyncio.create_task(self._keep(part)) for part in self._parts]
        try:
            await self._stopping.wait()
            await self._stop_all()
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, *self._readers, return_exceptions=True)
        return self._failure

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._signal_all(signal.SIGKILL)
        self._stopping.set()

    async def _keep(self, part: Part) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await self._start(part)
            if self._stopping.is_set():
                _kill_group(process.pid)
            probe = asyncio.create_task(self._watch_readiness(part, again=failures > 0))
            code = await process.wait()
            probe.cancel()
            _kill_group(process.pid)
            if self._stopping.is_set():
                return
            self._forget(part)
            if code == REFUSED and part.name in self._not_ready:
                self._failure = f"{part.name} refused to start: its last line says why"
                self._stopping.set()
                return
            failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            wait = min(RESTART_SECONDS * 2 ** (failures - 1), MAX_RESTART_SECONDS)
            loops = f", {failures} times in a row: it cannot stay up" if failures >= CRASH_LOOP else ""
            self._journal.say(f"{part.name} died ({_describe(code)}){loops}; starting it again in {wait:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        # A pipe of our own: with asyncio's, a process has not ended before all who hold its pipe have.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(TETHER),
                str(os.getpid()),
                *part.command,
                env={**self._environment, **part.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._processes[part.name] = process
        self._on_pids(self._pids())
        reader = asyncio.create_task(self._copy_lines(part.name, reading))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        return process

    async def _copy_lines(self, name: str, pipe: int) -> None:
        loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb"))
        lines = Lines()
        try:
            while data := await stream.read(65_536):
                for line in lines.feed(data):
                    self._journal.write(name, line)
            for line in lines.end():
                self._journal.write(name, line)
        finally:
            transport.close()

    async def _watch_readiness(self, part: Part, *, again: bool) -> None:
        if part.ready is None:
            return
        while not await part.ready():
            await asyncio.sleep(PROBE_SECONDS)
        if again:
            self._journal.say(f"{part.name} serves again")
        if part.name in self._not_ready:
            self._not_ready.discard(part.name)
            self._on_ready(part.name)

    async def _stop_all(self) -> None:
        processes = list(self._processes.values())
        self._signal_all(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(process.wait() for process in processes)), timeout=self._stop_seconds
            )
        late = [name for name, process in self._processes.items() if process.returncode is None]
        if late:
            self._journal.say(f"did not stop in time and were killed: {', '.join(late)}")
        for process in processes:
            _kill_group(process.pid)
        await asyncio.gather(*(process.wait() for process in processes))
        self._processes.clear()
        self._on_pids({})

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)

    def _forget(self, part: Part) -> None:
        del self._processes[part.name]
        self._on_pids(self._pids())

    def _pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _describe(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
