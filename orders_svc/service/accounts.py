"""Accounts: whether UPS knows one, as far as it says so in time.

Rules: a kindness to the shopper, on which no order depends: whoever asks waits a bounded time and outside of any
transaction, and is told what is known by then. The question is a command like any other; the answers are kept in memory
alone, some of them, for a while. Callers that ask for the same name at once share one question.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from orders_svc.domain.amendments import ACCOUNT_CHECK
from orders_svc.outbox import rows as outbox
from orders_svc.outbox.rows import UPS
from orders_svc.service import commands, links
from orders_svc.service.current import current_world, peek_world

# How long an answer is good for; how many are kept.
KEEP_SECONDS = 60.0
MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """What is known of an account: `exists` is None where nobody could say, and `reason` says why."""

    exists: bool | None
    reason: str


class Waiter:
    """One caller that waits for the answer about a name; `has_to_ask`: nobody else asks at the moment."""

    def __init__(self, accounts: "Accounts", name: str, has_to_ask: bool) -> None:
        self._accounts = accounts
        self._name = name
        self.has_to_ask = has_to_ask

    def wait(self, seconds: float, now: float) -> bool | None:
        """Whether there is such an account; None: no answer within `seconds`. `now`: since when an answer counts."""
        return self._accounts._wait(self._name, seconds, now)


class Accounts:
    """What UPS said lately. Safe from any thread. `changed`: how callers wait for each other."""

    def __init__(self, changed: threading.Condition | None = None) -> None:
        self._changed = changed or threading.Condition()
        self._answers: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        # The names about which somebody asks, and waits.
        self._asking: set[str] = set()

    def recall(self, name: str, now: float) -> bool | None:
        """An answer that is still good; None: there is none."""
        with self._changed:
            return self._recall(name, now - KEEP_SECONDS)

    def answered(self, answers: Mapping[str, bool], now: float) -> None:
        """UPS said so, and it is committed."""
        with self._changed:
            for name, exists in answers.items():
                self._answers.pop(name, None)
                self._answers[name] = exists, now
            while len(self._answers) > MOST_KEPT:
                self._answers.popitem(last=False)
            self._changed.notify_all()

    @contextmanager
    def waiting(self, name: str) -> Iterator[Waiter]:
        """Registers a caller before anybody is asked, so that no answer is missed."""
        with self._changed:
            waiter = Waiter(self, name, name not in self._asking)
            self._asking.add(name)
        try:
            yield waiter
        finally:
            if waiter.has_to_ask:
                with self._changed:
                    self._asking.remove(name)

    def _recall(self, name: str, since: float) -> bool | None:
        exists, at = self._answers.get(name, (None, 0.0))
        return exists if at >= since else None

    def _wait(self, name: str, seconds: float, now: float) -> bool | None:
        since = now - KEEP_SECONDS
        with self._changed:
            self._changed.wait_for(lambda: self._recall(name, since) is not None, seconds)
            return self._recall(name, since)


def obstacle(connection: Connection) -> str:
    """Why UPS cannot be asked about an account at this moment; empty: it can be."""
    if not peek_world(connection).is_open or not links.view(connection)[UPS].usable:
        return "UPS cannot be asked at the moment"
    return "" if ACCOUNT_CHECK in links.features(connection) else "this UPS checks no accounts"


def ask(connection: Connection, name: str, now: float) -> int:
    """Writes the question; its command's id."""
    body = commands.account_check(current_world(connection).world_epoch, name)
    return outbox.append(connection, [outbox.NewCommand(body)], now)[0]
