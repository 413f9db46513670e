"""Starts processes, watches them, starts them anew when they die, and stops them all.

Rules: each part runs in a process group of its own and cannot outlive the supervisor; what is left of a dead part's
group is killed before it is started anew; the wait before a restart doubles from RESTART_SECONDS to
MAX_RESTART_SECONDS and begins again once the part has lived for STEADY_SECONDS; a part that refuses to start at all
(exit code 2 before it was ever ready) ends everything with its last line, since waiting will not help; a part that
cannot be started for lack of something is tried again; a watch that breaks otherwise ends everything, said plainly.

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

from minimart.failure import Failure
from minimart.journal import Journal, Lines

RESTART_SECONDS = 0.2
MAX_RESTART_SECONDS = 10.0
MAX_DOUBLINGS = 10
STEADY_SECONDS = 20.0
CRASH_LOOP = 4
PROBE_SECONDS = 0.1
REFUSED = 2
LAST_LINE_SECONDS = 2.0
"""How long we wait for the last words of a part that has ended."""

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
        self._last_lines: dict[str, str] = {}
        self._failure: str | None = None
        self._told_to_stop_at: float | None = None

    async def run(self) -> str | None:
        """Runs until a signal or a refusal to start; the refusal's reason, None after a signal.

        Raises Failure when a part can no longer be watched; nothing is left running then either.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        keepers = {asyncio.create_task(self._keep(part), name=part.name) for part in self._parts}
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            ended, _ = await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            await self._stop_all()
        finally:
            for task in (stopping, *keepers):
                task.cancel()
            await asyncio.gather(stopping, *keepers, *self._readers, return_exceptions=True)
        for keeper in ended & keepers:
            if (broken := keeper.exception()) is not None:
                raise Failure(
                    f"could not go on watching {keeper.get_name()}: {type(broken).__name__}: {broken}"
                ) from broken
        return self._failure

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._signal_all(signal.SIGKILL)
        else:
            self._told_to_stop_at = time.monotonic()
            self._stopping.set()

    async def _keep(self, part: Part) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                process, reader = await self._start(part)
            except OSError as error:
                failures += 1
                self._journal.say(f"{part.name} cannot be started: {error.strerror or error}; {_again(failures)}")
                await self._pause(failures)
                continue
            self._on_pids(self._pids())
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
                await asyncio.wait({reader}, timeout=LAST_LINE_SECONDS)
                said = self._last_lines.get(part.name, "it did not say why")
                self._failure = f"{part.name} refused to start: {said}"
                self._stopping.set()
                return
            failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            loops = f", {failures} times in a row: it cannot stay up" if failures >= CRASH_LOOP else ""
            self._journal.say(f"{part.name} died ({_describe(code)}){loops}; {_again(failures)}")
            await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait_seconds(failures))

    async def _start(self, part: Part) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
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
        self._last_lines.pop(part.name, None)
        reader = asyncio.create_task(self._copy_lines(part.name, reading))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        return process, reader

    async def _copy_lines(self, name: str, pipe: int) -> None:
        loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb"))
        lines = Lines()
        try:
            while data := await stream.read(65_536):
                self._write(name, lines.feed(data))
            self._write(name, lines.end())
        finally:
            transport.close()

    def _write(self, name: str, lines: Sequence[str]) -> None:
        for line in lines:
            self._last_lines[name] = line
            self._journal.write(name, line)

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
        began = self._told_to_stop_at or time.monotonic()
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
        self._journal.say(f"stopped within {time.monotonic() - began:.2f} s")

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


def wait_seconds(failures: int) -> float:
    """How long to wait before a start after that many failures in a row; 1 is the first."""
    doublings = min(failures - 1, MAX_DOUBLINGS)
    return min(RESTART_SECONDS * 2.0**doublings, MAX_RESTART_SECONDS)


def _again(failures: int) -> str:
    return f"starting it again in {wait_seconds(failures):.1f} s"


def _describe(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
