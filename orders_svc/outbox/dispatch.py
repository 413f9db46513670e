"""Dispatch: gives due outbox rows to the bridge that owns the link, in batches.

Rules: the call is made outside of any transaction; what a shopper could still
take back is noted as leaving before it leaves; a row is marked as sent only
after the bridge has it in its window, and a row that was given twice is one command,
since its id is its number; a bridge that is away, or whose peer is, delays and
loses nothing. One step here; the loop around it is in `orders_svc.workers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


class Bridge(Protocol):
    """How a batch reaches the bridge at an address."""

    def send(self, address: str, link_epoch: int, commands: Sequence[bridge_pb2.Command]) -> int:
        """How many of the commands, from the front, are in the bridge's window; 0: none, try later."""
        ...


@dataclass(slots=True)
class Dispatcher:
    """Sends what is due on one link."""

    link: str
    engine: Engine
    clock: Clock
    bridge: Bridge

    def step(self) -> bool:
        """One batch; True if there may be more to send at once."""
        with read_only(self.engine).begin() as connection:
            target = links.target(connection, self.link)
            world = peek_world(connection)
            if target is None or not world.is_open:
                return False
            if self.link == rows.UPS and target.announced_world_id != world.world_id:
                # UPS is in another world, or has not said in which.
                return False
            now = self.clock.now()
            commands = rows.due(connection, self.link, target.link_epoch, world.world_epoch, now, BATCH)
        full = len(commands) == BATCH
        commands = self._claim(commands, now)
        if not commands:
            return full
        taken = self.bridge.send(target.callback_address, target.link_epoch, commands)
        if taken:
            ids = [command.command_id for command in commands[:taken]]
            transact(self.engine, lambda connection: rows.mark_sent(connection, ids, target.link_epoch))
        return full and taken == len(commands)

    def _claim(self, commands: list[bridge_pb2.Command], now: float) -> list[bridge_pb2.Command]:
        """The commands without those that were taken back since they were read."""
        ids = [command.command_id for command in commands if command.WhichOneof("body") in rows.CLAIMED_KINDS]
        if not ids:
            return commands
        gone = set(ids) - transact(self.engine, lambda connection: rows.claim(connection, ids, now))
        return [command for command in commands if command.command_id not in gone]
