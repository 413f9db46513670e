"""Who is killed, stopped or rivalled, and when: one thing every few seconds, drawn from the seed.

Rules: what is drawn does not depend on what happens, so that a seed is a plan; a target that does not run at that
moment is left out and not counted; whoever is stopped is woken again, some of them only after their lease has lapsed; a
rival ends within RIVAL_SECONDS. How it is done is elsewhere (`proof.chaos.stage`).
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Coroutine
from random import Random

from proof.chaos.children import send
from proof.chaos.stage import Stage

LEASE_SECONDS = 3.0
RIVAL_SECONDS = (4.0, 9.0)
LINKS = ("world", "ups")

KILLS = {
    "orders_svc": 16,
    "world_bridge": 16,
    "ups_bridge": 16,
    "storefront": 7,
    "storefront_worker": 9,
    "sim_ups": 12,
    "sim_world": 7,
    "database": 9,
    "supervisor": 4,
}
STOPS = {
    "orders_svc": 4,
    "world_bridge": 4,
    "ups_bridge": 4,
    "storefront_worker": 2,
    "sim_ups": 3,
    "sim_world": 3,
    "database": 2,
}
_ACTS = {"kill": 72, "stop": 18, "rival": 10}


class Monkey:
    """Makes trouble on a stage every `pace` seconds or so. `done` counts by "act part"."""

    def __init__(self, stage: Stage, seed: int, pace: float) -> None:
        self.done: Counter[str] = Counter()
        self._stage = stage
        self._rng = Random(f"{seed}:monkey")
        self._pace = pace
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def kills(self) -> int:
        """How many processes were killed, rivals included."""
        return sum(count for what, count in self.done.items() if what.startswith("kill "))

    async def run(self, seconds: float) -> None:
        """Makes trouble for so long, then waits until everything that it stopped goes on again."""
        loop = asyncio.get_running_loop()
        end_at = loop.time() + seconds
        try:
            while True:
                pause = self._rng.uniform(0.3, 1.7) * self._pace
                if loop.time() + pause > end_at:
                    await asyncio.sleep(max(0.0, end_at - loop.time()))
                    break
                await asyncio.sleep(pause)
                self._act()
            await asyncio.gather(*self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()

    def _act(self) -> None:
        rng = self._rng
        act = _draw(rng, _ACTS)
        if act == "kill":
            part, away = _draw(rng, KILLS), rng.choice((0.0, 0.5, 3.0)) * rng.random()
            if self._stage.kill(part, away):
                self.done[f"kill {part}"] += 1
        elif act == "stop":
            part, seconds = _draw(rng, STOPS), rng.choice((0.5, 2.0, LEASE_SECONDS + 2.0)) * rng.uniform(0.7, 1.0)
            self._begin(self._stop(part, seconds))
        else:
            link, seconds, stops_owner = rng.choice(LINKS), rng.uniform(*RIVAL_SECONDS), rng.random() < 0.6
            self._begin(self._rival(link, seconds, stops_owner))

    def _begin(self, act: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(act)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _stop(self, part: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT to the same processes afterwards."""
        pids = self._stage.pids(part)
        if not send(pids, signal.SIGSTOP):
            return
        self.done[f"stop {part}"] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            send(pids, signal.SIGCONT)

    async def _rival(self, link: str, seconds: float, stops_owner: bool) -> None:
        """A second bridge, which becomes the owner if the first is stopped for longer than its lease."""
        if not self._stage.rival(link):
            return
        self.done[f"rival {link}_bridge"] += 1
        try:
            await asyncio.sleep(1.5)  # until it asks for the link
            if stops_owner:
                self._begin(self._stop(f"{link}_bridge", LEASE_SECONDS + 1.5))
            if link == "ups":
                self._stage.lead_ups_to_rival()
            await asyncio.sleep(seconds)
        finally:
            if self._stage.end_rival(link):
                self.done[f"kill rival_{link}"] += 1


def _draw(rng: Random, odds: dict[str, int]) -> str:
    return rng.choices(list(odds), list(odds.values()))[0]
