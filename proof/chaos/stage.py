"""The stage: the whole shop as `minimart up` runs it, stand-ins for its peers, a fault proxy on each of the two links.

    sim_world <- proxy "world" <- world_bridge          sim_ups -> proxy "ups" -> ups_bridge

Rules: the shop is started as anybody starts it and keeps its own services alive; what is not the shop's (stand-ins, the
shop's supervisor, PostgreSQL) is kept alive here, some seconds after it died. A UPS that comes back joins the world it
was in, or makes another one; a world that comes back has forgotten everything. Who is to die is elsewhere
(`proof.chaos.monkey`).
"""

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from mesh.identity import Tokens
from proof.chaos.children import Child, children_of, is_child, send
from proof.chaos.journal import Account, read_journal
from proof.chaos.proxy import HOST, FaultProxy
from proof.postgres import PostgresServer
from proof.processes import DidNotStartError, free_address, wait_for_health
from sim.ups import FEATURES

SERVICES = ("orders_svc", "world_bridge", "ups_bridge", "storefront")
OPEN_SECONDS = 150.0
LOOK_SECONDS = 0.1
# How often a UPS that comes back joins the world it was in.
JOINS = 0.75
# How often UPS speaks the extension, and then each feature of it.
SPEAKS, SPEAKS_EACH = 0.7, 0.8
_PORTS = ("shop", "world", "world_ups", "proxy_world", "ups_listen", "rival_listen", "proxy_ups")


class Stage:
    """Everything that runs. `database` None: SQLite in the folder; a `server` of ours may be killed as well."""

    def __init__(
        self, folder: Path, seed: int, *, tick: float, database: str | None, server: PostgresServer | None
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.database = database or f"sqlite:///{self.data / 'minimart.db'}"
        self.server = server
        self.journal = folder / "world.journal"
        self._rng = Random(f"{seed}:stage")
        self._tick = tick
        features = Random(f"{seed}:features")
        speaks = features.random() < SPEAKS
        # What UPS speaks beside the base.
        self.features = tuple(name for name in FEATURES if features.random() < SPEAKS_EACH) if speaks else ()
        self._port = _free_ports()
        self.proxies = {
            "world": FaultProxy("world", self._port["world"], seed),
            "ups": FaultProxy("ups", self._port["ups_listen"], seed),
        }
        self.world = self._child("sim_world", self._world_command)
        self.ups = self._child("sim_ups", self._ups_command)
        self.shop = self._child("supervisor", self._shop_command)
        self._own = {child.name: child for child in (self.world, self.ups, self.shop)}
        self._rivals: dict[str, Child] = {}
        self._server_not_before = 0.0
        self._ups_joined = False
        self._hand: asyncio.Task[None] | None = None

    # How the parts are started.

    def _child(self, name: str, command: Callable[[], Sequence[str]], **settings: str) -> Child:
        return Child(name, self.logs / f"{name}.log", command, **settings)

    def _world_command(self) -> list[str]:
        places = ["--amazon", self._at("world"), "--ups", self._at("world_ups")]
        return ["sim", "world", *places, "--tick", str(self._tick), "--journal", str(self.journal)]

    def _ups_command(self) -> list[str]:
        command = ["sim", "ups", "--world", self._at("world_ups"), "--amazon", self._at("proxy_ups")]
        command += ["--tick", str(self._tick), "--seed", str(self._rng.randrange(1000))]
        command += ["--features", ",".join(self.features) or "none"]
        account = self.account()
        # A life that is over has no world to join, and one that has just begun has not written of itself yet.
        goes_on = self.world.alive and account.boots.get(account.last_boot, 0.0) >= self.world.started_at
        here = [world.number for world in account.worlds if world.boot == account.last_boot and goes_on]
        self._ups_joined = bool(here) and self.ups.starts > 1 and self._rng.random() < JOINS
        if self._ups_joined:
            # Numbers of the lives before are unknown to it; those made from the time are higher.
            command += ["--join", str(here[-1]), "--first-number", str(1 + int(time.monotonic() * 1000))]
        return command

    def _shop_command(self) -> list[str]:
        command = ["minimart", "up", "--data", str(self.data), "--port", str(self._port["shop"])]
        command += ["--database", self.database, "--world-tick", str(self._tick)]
        command += ["--world", self._at("proxy_world"), "--world-ups", self._at("world_ups")]
        return [*command, "--ups-listen", self._at("ups_listen")]

    def _at(self, name: str) -> str:
        return f"{HOST}:{self._port[name]}"

    # Beginning and end.

    async def open(self) -> None:
        """Starts everything; returns when the shop takes orders. DidNotStartError."""
        for name, proxy in self.proxies.items():
            await proxy.open(self._port[f"proxy_{name}"])
        self._hand = asyncio.create_task(self._keep_alive())
        give_up_at = time.monotonic() + OPEN_SECONDS
        while not (orders := self.addresses().get("orders")):
            if time.monotonic() > give_up_at or self.shop.starts > 1:
                raise DidNotStartError(f"the shop did not start:\n{self._last_words()}")
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(wait_for_health, orders, self.shop.process, self.logs / "supervisor.log")

    async def close(self) -> None:
        """Ends everything."""
        if self._hand is not None:
            self._hand.cancel()
            await asyncio.gather(self._hand, return_exceptions=True)
        self._wake_all()
        for child in (*self._rivals.values(), self.shop, self.ups, self.world):
            await asyncio.to_thread(child.stop)
        for proxy in self.proxies.values():
            await proxy.close()

    async def _keep_alive(self) -> None:
        """Starts anew what died, once its time has come."""
        while True:
            now = time.monotonic()
            if self.server is not None and not self.server.alive and now >= self._server_not_before:
                self.server.launch()
                self._server_not_before = now + 0.5
            for child in self._own.values():
                if child.wanted and not child.alive and now >= child.not_before:
                    child.start()
                    child.not_before = now + 0.5
            await asyncio.sleep(LOOK_SECONDS)

    def heal(self) -> None:
        """Makes the weather fair, ends rivals, lets everything go on that is stopped. What is broken stays broken."""
        for name, proxy in self.proxies.items():
            proxy.calm()
            self.end_rival(name)
        self._wake_all()

    def _wake_all(self) -> None:
        for part in (*SERVICES, "storefront_worker", *self._own, "database"):
            send(self.pids(part), signal.SIGCONT)

    # Who is there.

    def addresses(self) -> dict[str, str]:
        """Where the shop's parts listen, by name; empty before it ran."""
        return dict(self._run().get("addresses", {}))

    @property
    def shop_address(self) -> str:
        """HOST:PORT of the shop for browsers."""
        return self._at("shop")

    def token(self) -> str:
        """The command line's service token."""
        return Tokens.load(self.data / "service-tokens").token_of("cli")

    def pids(self, part: str) -> list[int]:
        """The processes of a part that run: one, or for PostgreSQL all of them. Empty: it does not run."""
        if part == "database":
            pid = self.server.pid if self.server is not None and self.server.alive else None
            return [] if pid is None else [pid, *children_of(pid)]
        if part in self._own:
            pid = self._own[part].pid
        elif part == "storefront_worker":
            pid = self._worker()
        else:
            pid = self._service_pids().get(part)
        return [] if pid is None else [pid]

    def kill(self, part: str, away: float) -> bool:
        """kill -9; what is kept alive here comes back after `away` seconds. False: it does not run."""
        if not self.pids(part):
            return False
        back_at = time.monotonic() + away
        if part == "database":
            assert self.server is not None
            self._server_not_before = back_at
            # Who is stopped would not notice that the main process has gone.
            send(self.pids(part), signal.SIGCONT)
            self.server.kill()
        elif part in self._own:
            self._own[part].not_before = back_at
            self._own[part].kill()
            if part == "sim_world" and self._ups_joined:
                # Who was told which world to join would wait for it for ever.
                self.ups.kill()
        else:
            return send(self.pids(part), signal.SIGKILL)
        return True

    def rival(self, link: str) -> bool:
        """Starts a second bridge beside the first, as another owner of the link. False: there is one, or no shop."""
        fulfilment = self.addresses().get("fulfilment")
        if link in self._rivals or fulfilment is None or not self.shop.alive:
            return False
        name = f"rival_{link}"
        self._rivals[link] = self._child(
            name,
            lambda: [f"{link}_bridge"],
            MINIMART_DATA_DIR=str(self.data),
            MINIMART_FULFILMENT_ADDRESS=fulfilment,
            MINIMART_WORLD_ADDRESS=self._at("proxy_world"),
            MINIMART_UPS_LISTEN=self._at("rival_listen"),
            MINIMART_BRIDGE_LISTEN=f"{HOST}:0",
            MINIMART_INSTANCE=name,
        )
        self._rivals[link].start()
        return True

    def lead_ups_to_rival(self) -> None:
        """UPS's connections go to the rival from now on."""
        self.proxies["ups"].lead_to(self._port["rival_listen"])

    def end_rival(self, link: str) -> bool:
        """kill -9 of a rival; UPS's connections go to the first bridge again. False: there is none."""
        rival = self._rivals.pop(link, None)
        if link == "ups":
            self.proxies["ups"].lead_to(self._port["ups_listen"])
        if rival is None:
            return False
        rival.kill()
        return True

    def account(self) -> Account:
        """What took effect in the worlds, as far as it is written."""
        return read_journal(self._journal_lines())

    def _journal_lines(self) -> Iterator[str]:
        with suppress(FileNotFoundError), self.journal.open(encoding="utf-8") as lines:
            yield from lines

    def _service_pids(self) -> dict[str, int]:
        """The shop's services that its present supervisor runs."""
        pids: Mapping[str, int] = self._run().get("pids", {})
        return {name: pid for name, pid in pids.items() if is_child(pid, self.shop.pid)}

    def _worker(self) -> int | None:
        master = self._service_pids().get("storefront")
        return next(iter(children_of(master)), None) if master is not None else None

    def _run(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.data / "run.json").read_text(encoding="utf-8"))
            return found
        return {}

    def _last_words(self) -> str:
        log = self.logs / "supervisor.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def _free_ports() -> dict[str, int]:
    found: set[str] = set()
    while len(found) < len(_PORTS):
        found.add(free_address())
    return {name: int(address.rpartition(":")[2]) for name, address in zip(_PORTS, sorted(found), strict=True)}
