"""Group commit: callers that come together share one transaction.

Rules: an answer is given only after the commit that it depends on; a group has
a limit, and so has the queue before it; what nobody waits for any more is not
begun, so that a late order never follows a refusal of the same request; a
database error fails the group, and a lost race is tried again by `transact`.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

from mesh.errors import ResourceExhausted, Unavailable

In = TypeVar("In")
Out = TypeVar("Out")

GROUP_LIMIT = 64
QUEUE_LIMIT = 1024
# How long to wait for as many as last time. Without it the first who comes again has a commit alone, and all others
# wait for that one: every second commit is for one caller. A caller that is alone never waits.
GATHER_SECONDS = 0.01


class GroupCommit(Generic[In, Out]):
    """Runs `commit(inputs) -> outputs`, one output for each input, on a thread of its own."""

    def __init__(self, name: str, commit: Callable[[Sequence[In]], Sequence[Out]]) -> None:
        self._commit = commit
        self._changed = threading.Condition()
        self._queue: deque[tuple[In, Future[Out]]] = deque()
        self._stopping = False
        # As many as the last group: those who were answered may come again at once.
        self._expected = 1
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the committing thread."""
        self._thread.start()

    def stop(self) -> None:
        """Commits what is queued, then ends the thread; later calls are refused."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def submit(self, value: In, timeout: float) -> Out:
        """Waits at most `timeout` seconds for the output of `value`, or raises what its group raised.

        ResourceExhausted (OVERLOADED): the queue is full. Unavailable (STOPPING, LATE): nobody knows yet.
        """
        future: Future[Out] = Future()
        with self._changed:
            if self._stopping:
                raise Unavailable("STOPPING", "the service is stopping; send the same again")
            if len(self._queue) >= QUEUE_LIMIT:
                raise ResourceExhausted("OVERLOADED", "too many calls at once; try again later")
            self._queue.append((value, future))
            if len(self._queue) in (1, self._expected):
                self._changed.notify()
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            # Still queued: it will never be done. Under way: whoever sends it again comes after it.
            future.cancel()
            raise Unavailable("LATE", "no answer in time; send the same again") from None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping)
                if not self._queue:
                    return
                self._changed.wait_for(lambda: len(self._queue) >= self._expected or self._stopping, GATHER_SECONDS)
                taken = [self._queue.popleft() for _ in range(min(GROUP_LIMIT, len(self._queue)))]
                self._expected = len(taken)
            group = [(value, future) for value, future in taken if future.set_running_or_notify_cancel()]
            if not group:
                continue
            try:
                outputs = self._commit([value for value, _ in group])
            except Exception as error:  # noqa: BLE001  (each waiting caller raises it, and its RPC's edge logs it)
                for _, future in group:
                    future.set_exception(error)
            else:
                for (_, future), output in zip(group, outputs, strict=True):
                    future.set_result(output)
