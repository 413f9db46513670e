"""Dispatch: gives due outbox rows to the bridge that owns the link, in batches.

Rules: the call is made outside of any transaction; what a shopper could still
take back is noted as leaving before it leaves; a row is marked as sent only
after the bridge has it in its window, and a row that was given twice is one command,
since its id is its number; each batch says for which world of UPS it was planned;
what a bridge can never say keeps nothing else back, and has failed; a bridge that is
away, or whose peer is, delays and loses nothing, and while the peer is known to be
away nothing is taken out for it: a shopper can still change it. One step here, and
how long nothing will be due after it; the loop around it is in `orders_svc.workers`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine

from db.clock import Clock
from db.engine import read_only
from orders_svc.outbox import rows
from orders_svc.service import links
from orders_svc.service.current import peek_world
from orders_svc.service.transactions import transact
from shop.bridge.v1 import bridge_pb2

BATCH = 200
# The longest rest: whatever is not announced is found after so long.
LOOK_SECONDS = 1.0
# The pause after the first batch that a bridge did not take, doubled with each vain one.
RETRY_SECONDS = 0.1


class Bridge(Protocol):
    """How a batch reaches the bridge at an address."""

    def send(self, address: str, request: bridge_pb2.SendCommandsRequest) -> bridge_pb2.SendCommandsResponse:
        """How many of the commands, from the front, the bridge took, and which of them never will be sent; 0: none."""
        ...


@dataclass(slots=True)
class Dispatcher:
    """Sends what is due on one link."""

    link: str
    engine: Engine
    clock: Clock
    bridge: Bridge
    # Takes commands that the bridge can never say for failed: link, link_epoch, reasons by command id.
    fail: Callable[[str, int, Mapping[int, str]], None]
    _refusals: int = field(default=0, init=False)
    _next_due_at: float | None = field(default=None, init=False)

    def step(self) -> bool:
        """One batch; True if there may be more to send at once."""
        self._next_due_at = None
        with read_only(self.engine).begin() as connection:
            target = links.target(connection, self.link)
            world = peek_world(connection)
            if target is None or not target.connected or not world.is_open:
                return False
            if self.link == rows.UPS and target.announced_world_id != world.world_id:
                # UPS is in another world, or has not said in which.
                return False
            now = self.clock.now()
            commands = rows.due(connection, self.link, target.link_epoch, world.world_epoch, now, BATCH)
            full = len(commands) == BATCH
            if not full:
                self._next_due_at = rows.next_due(connection, self.link, target.link_epoch, world.world_epoch, now)
        commands = self._claim(commands, now)
        if not commands:
            return full
        request = bridge_pb2.SendCommandsRequest(link_epoch=target.link_epoch, commands=commands)
        if self.link == rows.UPS:
            request.world_id, request.announcement_no = target.announced_world_id or 0, target.announcement_no
        answer = self.bridge.send(target.callback_address, request)
        taken = answer.taken
        if answer.refused:
            self.fail(self.link, target.link_epoch, {one.command_id: one.reason for one in answer.refused})
        if taken:
            ids = [command.command_id for command in commands[:taken]]
            transact(self.engine, lambda connection: rows.mark_sent(connection, ids, target.link_epoch))
        self._refusals = 0 if taken else self._refusals + 1
        if taken < len(commands):
            self._next_due_at = now + RETRY_SECONDS * 2 ** min(max(0, self._refusals - 1), 10)
        return full and taken == len(commands)

    def rest(self) -> float:
        """Seconds until something may be due, as of the last step, if nothing wakes us before; at most LOOK_SECONDS."""
        if self._next_due_at is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.0, self._next_due_at - self.clock.now()))

    def _claim(self, commands: list[bridge_pb2.Command], now: float) -> list[bridge_pb2.Command]:
        """The commands without those that were taken back since they were read."""
        ids = [command.command_id for command in commands if command.WhichOneof("body") in rows.CLAIMED_KINDS]
        if not ids:
            return commands
        gone = set(ids) - transact(self.engine, lambda connection: rows.claim(connection, ids, now))
        return [command for command in commands if command.command_id not in gone]
