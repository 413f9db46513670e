"""The UPS team's server as a pure model: bytes in, bytes out, time as an argument, chance from one generator.

A caller tells it what happened on its two connections (`opened`, `received`, `bad_bytes`, `lost`, each with `now` in
seconds, never going back), calls `advance(now)` at `next_timer()`, and takes from `outputs()` what to dial, send and
close. The rooms: `world_side` and `shop_side` (one connection each), `fleet` (trucks and jobs), `numbers` (seqnums and
acks). With `Settings.features` it speaks the extension; without, the base alone. Sockets are deliberately elsewhere
(`sim.dialler`).
"""

from collections.abc import Callable
from random import Random
from typing import Any

from sim.agenda import Agenda
from sim.links import Dial, HangUp, Link, Output, Send, SendRaw
from sim.ups.model.extension import FEATURES
from sim.ups.model.fleet import Fleet
from sim.ups.model.jobs import Truck
from sim.ups.model.settings import Faults, Settings
from sim.ups.model.shop_side import ShopSide
from sim.ups.model.world_side import State, WorldSide

__all__ = ["FEATURES", "Dial", "Faults", "HangUp", "Link", "Output", "Send", "SendRaw", "Settings", "UpsModel"]


class UpsModel:
    """One UPS server. `faults` may be changed at any time; `note` hears what its operator should know, in words."""

    def __init__(
        self,
        settings: Settings,
        rng: Random,
        faults: Faults | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.faults = faults or Faults()
        self._note = note
        self._agenda = Agenda()
        self._world = WorldSide(settings, rng, self._new_world)
        self._shop = ShopSide(settings, self.faults)
        self.fleet = Fleet(settings, self._agenda, self._world, self._shop)
        self._world.fleet = self._shop.fleet = self.fleet
        self._output: list[Output] = []
        self._now = 0.0

    @property
    def world_id(self) -> int | None:
        """The world we are in, or None."""
        return self._world.world_id

    def start(self, now: float) -> None:
        """Begin to dial the world; the shop is dialled when there is a world to announce."""
        self._now = now
        self._world.redial_at = now
        self.advance(now)

    def opened(self, link: Link, now: float) -> None:
        """A connection that was dialled is there."""
        self._now = now
        if link is Link.WORLD:
            self._send(Link.WORLD, self._world.hello().SerializeToString())
        else:
            if self.faults.garbage:
                self.faults.done["garbage"] += 1
                self._output.append(SendRaw(now, Link.SHOP, self.faults.garbage))
            self._shop.opened(now)
        self._flush()

    def received(self, link: Link, body: bytes, now: float) -> None:
        """Handle one message (without its length)."""
        self._now = now
        side = self._world if link is Link.WORLD else self._shop
        known = self._shop.difference
        if not side.receive(body, now):
            self._close_for_bad_bytes(link)
        elif self._shop.difference not in ("", known):
            self._note(f"the shop's contract differs: {self._shop.difference}")
        self._flush()

    def bad_bytes(self, link: Link, now: float) -> None:
        """Handle bytes that are no message at all: close, dial again."""
        self._now = now
        self._close_for_bad_bytes(link)
        self._flush()

    def lost(self, link: Link, now: float) -> None:
        """A connection ended, or could not be made."""
        self._now = now
        (self._world if link is Link.WORLD else self._shop).lost(now)
        self._flush()

    def restart(self, now: float, *, memory: bool, keep_world: bool = True) -> None:
        """Die and come back at once: with everything known, or with nothing but (perhaps) the world's id."""
        self._now = now
        self._hang_up(Link.WORLD)
        self._hang_up(Link.SHOP)
        if not memory:
            self._agenda.clear()
            # Numbers of the life before are unknown; milliseconds since the start of time are higher.
            self._world.forget(1 + int(now * 1000) if keep_world else 1, keep_world)
            self._shop.forget()
            known = self.fleet.trucks.values() if keep_world else ()
            self.fleet.start([Truck(truck.id, truck.x, truck.y) for truck in known], forgot=keep_world)
            if keep_world and self.world_id is not None:
                self._shop.announce(self.world_id, now)
                for truck in self.fleet.trucks.values():
                    self._world.query(truck)
            self._world.redial_at = now + self.settings.redial
        self._flush()

    def next_timer(self) -> float | None:
        """When `advance` has something to do, or None."""
        moments = [self._world.next_due(self._now), self._agenda.next()]
        if self._shop.has_world and not (self.faults.silent and self._shop.up):
            moments.append(self._shop.next_due(self._now))
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, now: float) -> None:
        """Do everything that is due at `now`."""
        self._now = max(self._now, now)
        self._agenda.run(now)
        self._flush()

    def outputs(self) -> list[Output]:
        """Take what is to be done, in order."""
        output, self._output = self._output, []
        return output

    def as_json(self) -> dict[str, Any]:
        """Plain data about jobs, trucks and counts, for people and checkers."""
        return {
            "world": self.world_id,
            "world_link": self._world.state.name.lower(),
            "shop_link": "up" if self._shop.up else "down",
            "counts": dict(sorted(self._shop.counts.items())),
            "jobs": [
                {"ship": job.ship, "state": job.state.name.lower(), "truck": job.truck.id if job.truck else None}
                for _, job in sorted(self.fleet.jobs.items())
            ],
            "trucks": [
                {"id": truck.id, "state": truck.state.name.lower(), "jobs": sorted(truck.jobs)}
                for _, truck in sorted(self.fleet.trucks.items())
            ],
        }

    def _new_world(self) -> None:
        assert self.world_id is not None
        self._agenda.clear()
        self._shop.announce(self.world_id, self._now)

    def _flush(self) -> None:
        """Dial what is due, and send everything that is due in one message per connection."""
        now = self._now
        self.fleet.settle(now)
        world, shop = self._world, self._shop
        if world.state is State.DOWN and world.redial_at is not None and world.redial_at <= now:
            world.state, world.redial_at = State.DIALLING, None
            self._output.append(Dial(now, Link.WORLD))
        command = world.commands(now)
        if command is not None:
            self._send(Link.WORLD, command.SerializeToString())
        if not shop.has_world:
            return
        if not shop.up and not shop.dialling and (shop.redial_at is None or shop.redial_at <= now):
            shop.dialling, shop.redial_at = True, None
            self._output.append(Dial(now, Link.SHOP))
        if self.faults.silent:
            due = shop.next_due(now) if shop.up else None
            self.faults.done["silent"] += due is not None and due <= now
            return
        announcement = shop.announcement(now)
        if announcement is not None:
            self._send(Link.SHOP, announcement.SerializeToString())
        news = shop.command(now)
        if news is not None:
            self._send(Link.SHOP, news.SerializeToString())

    def _send(self, link: Link, body: bytes) -> None:
        self._output.append(Send(self._now, link, body))
        if link is Link.SHOP and self.faults.duplicate:
            self.faults.done["duplicate"] += 1
            self._output.append(Send(self._now, link, body))

    def _close_for_bad_bytes(self, link: Link) -> None:
        if link is Link.SHOP:
            why = f", and the contracts differ: {self._shop.difference}" if self._shop.difference else ""
            self._note(f"the shop said what is no message{why}; the connection is closed")
        self._hang_up(link)

    def _hang_up(self, link: Link) -> None:
        self._output.append(HangUp(self._now, link))
        (self._world if link is Link.WORLD else self._shop).lost(self._now)
