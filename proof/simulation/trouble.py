"""What happens to whole processes and partners at a moment, and the healing.

Rules: a fault that cannot happen at its moment (its victim is down already) does not; everything begun here has an
end at the healing at the latest. Faults of frames, calls, disk and exact points are elsewhere (`injection`).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from proof.simulation.bridges import UPS_PORT, Bridge, boot_of
from proof.simulation.database import BEGINNING
from proof.simulation.faults import Fault, Kind
from proof.simulation.injection import DOWN_SECONDS
from proof.simulation.network import End
from proof.simulation.scheduler import SECOND, Process

if TYPE_CHECKING:
    from proof.simulation.room import Room

NO_WORLD = 987_654
# How long a replaced bridge and its replacement are both awake.
OVERLAP_SECONDS = 3.0


class Trouble:
    """The timed faults of a run."""

    def __init__(self, room: "Room", faults: Sequence[Fault]) -> None:
        self._room = room
        self._faults = faults
        self._seconds: list[Bridge] = []
        self._half_open: list[list[End]] = []
        self._healed = False
        self._do: dict[Kind, Callable[[Fault], bool]] = {
            Kind.RESET: lambda fault: room.network.reset(fault.where),
            Kind.HALF_OPEN: self._half,
            Kind.REFUSE: self._refuse,
            Kind.CRASH: self._crash,
            Kind.PAUSE: self._pause,
            Kind.SECOND_OWNER: self._second,
            Kind.TWIN: self._twin,
            Kind.CLOCK_JUMP: self._jump,
            Kind.WORLD_DROPS: self._world_drops,
            Kind.WORLD_FORGETS: self._world_forgets,
            Kind.UPS_RESTARTS: lambda fault: self._ups_down(fault, memory=True),
            Kind.UPS_UNLEARNS: self._unlearns,
            Kind.UPS_AWAY: lambda fault: self._ups_down(fault, memory=True),
            Kind.UPS_FORGETS: lambda fault: self._ups_down(fault, memory=False),
            Kind.UPS_NEW_WORLD: lambda fault: self._ups_down(fault, memory=False, keep_world=False),
            Kind.UPS_LIES: self._lies,
            Kind.UPS_REPEATS: self._repeats,
            Kind.UPS_SILENT: self._silent,
            Kind.UPS_GARBAGE: self._garbage,
            Kind.UPS_UNWILLING: self._unwilling,
            Kind.UPS_UNDECIDED: self._undecided,
            Kind.UPS_FULL: self._full,
        }

    def start(self) -> None:
        """Has every timed fault happen at its moment."""
        for fault in self._faults:
            if fault.kind in self._do:
                self._room.scheduler.at(BEGINNING + fault.at, None, lambda fault=fault: self._happen(fault))  # type: ignore[misc]
            elif fault.kind in (Kind.WORLD_LOSES, Kind.WORLD_COLLIDES, Kind.WORLD_LOSES_LOADS):
                self._room.injector.hit(fault.kind)

    def bridge_processes(self) -> list[Process]:
        """All bridges, second instances too."""
        return [bridge.process for bridge in (*self._room.bridges.values(), *self._seconds)]

    def is_alive(self, boot_nonce: str) -> bool:
        """Whether that start of a bridge lives."""
        return any(boot_nonce == boot_of(process) for process in self.bridge_processes() if process.alive)

    def down_seconds(self) -> float:
        """How long a service that died at a point is down."""
        return DOWN_SECONDS

    def start_again(self, process: Process, life: int) -> None:
        """Starts a process that was killed, unless that has happened already."""
        if process.alive or process.life != life:
            return
        self._room.say(process.name, "starts")
        if process is self._room.orders.process:
            self._room.orders.start()
        for bridge in self._room.bridges.values():
            if bridge.process is process:
                bridge.start()

    def heal(self) -> None:
        """Nothing goes wrong any more: all are awake, alone, and tell the truth."""
        room = self._room
        self._healed = True
        room.say("orders_svc", "faults stop here")
        room.injector.heal()
        room.network.refusing.clear()
        for bridge in self._seconds:
            self._end(bridge)
        for ends in self._half_open:
            room.network.notice(ends)
        for process in (room.orders.process, *self.bridge_processes()):
            if process.paused:
                room.scheduler.resume(process)
        faults = room.ups.faults
        lied = faults.announce is not None or faults.base
        faults.silent = faults.duplicate = faults.base = faults.unwilling = faults.undecided = faults.full = False
        faults.announce, faults.garbage = None, b""
        room.ups.poke()
        if lied:
            room.ups.announce_again()

    def _happen(self, fault: Fault) -> None:
        if not self._healed and self._do[fault.kind](fault):
            self._room.injector.hit(fault.kind)
            self._room.say(self._victim(fault), fault.kind.value)

    def _victim(self, fault: Fault) -> str:
        if fault.where in ("world", "ups"):
            return f"{fault.where}_bridge"
        return fault.where or {"UPS": "ups", "WOR": "world"}.get(fault.kind.name[:3], "orders_svc")

    def _later(self, fault: Fault, call: Callable[[], None]) -> None:
        self._room.scheduler.at(BEGINNING + fault.until, None, call)

    def _process(self, fault: Fault) -> Process:
        room = self._room
        return room.orders.process if fault.where == "orders_svc" else room.bridges[_link(fault)].process

    def _crash(self, fault: Fault) -> bool:
        process = self._process(fault)
        if not process.alive:
            return False
        self._room.kill(process, fault.until - fault.at)
        return True

    def _pause(self, fault: Fault) -> bool:
        process = self._process(fault)
        if not process.alive or process.paused:
            return False
        self._stand_still(process, fault.until)
        return True

    def _stand_still(self, process: Process, until: float) -> None:
        process.paused = True
        life = process.life

        def wake() -> None:
            if process.life == life and process.paused:
                self._room.say(process.name, "wakes")
                self._room.scheduler.resume(process)

        self._room.scheduler.at(BEGINNING + until, None, wake)

    def _second(self, fault: Fault) -> bool:
        link = _link(fault)
        second = Bridge(self._room, link, SECOND, f"{link}-bridge-b")
        self._begin(second, fault.until, listens=False)
        return True

    def _twin(self, fault: Fault) -> bool:
        main = self._room.bridges[_link(fault)]
        if not main.process.alive or main.process.paused:
            return False
        self._stand_still(main.process, fault.until)
        twin = Bridge(self._room, main.link, SECOND, main.instance)
        self._begin(twin, min(fault.until + OVERLAP_SECONDS, self._room.profile.span), listens=True)
        return True

    def _begin(self, bridge: Bridge, until: float, *, listens: bool) -> None:
        room = self._room
        self._seconds.append(bridge)
        bridge.listens = listens
        bridge.start()
        room.scheduler.at(BEGINNING + until, None, lambda: self._end(bridge))

    def _end(self, bridge: Bridge) -> None:
        """A second instance goes; the port is the first one's again."""
        room = self._room
        if bridge.process.alive or bridge.process.paused:
            room.say(bridge.process.name, "is killed")
        bridge.process.end()
        room.network.died(bridge.process)
        room.calls.died(bridge.process)
        main = room.bridges["ups"]
        if bridge.link == "ups" and bridge.listens:
            room.network.listen(UPS_PORT, main.process, main.accept)

    def _half(self, fault: Fault) -> bool:
        ends = self._room.network.half_open(fault.where)
        if not ends:
            return False
        self._half_open.append(ends)
        self._later(fault, lambda: self._room.network.notice(ends))
        return True

    def _refuse(self, fault: Fault) -> bool:
        """Nobody gets through for a while; to be seen at all, what is connected breaks."""
        network = self._room.network
        network.refusing[fault.where] = max(network.refusing.get(fault.where, 0.0), BEGINNING + fault.until)
        network.reset(fault.where)
        return False

    def _jump(self, fault: Fault) -> bool:
        self._room.clock.jump(fault.size)
        return True

    def _world_drops(self, _fault: Fault) -> bool:
        if self._room.world.process.alive:
            self._room.world.drop_all()
        return self._room.world.process.alive

    def _world_forgets(self, fault: Fault) -> bool:
        world = self._room.world
        if not world.process.alive:
            return False
        world.process.end()
        self._room.network.died(world.process)
        self._later(fault, world.start)
        return True

    def _ups_down(self, fault: Fault, *, memory: bool, keep_world: bool = True) -> bool:
        ups = self._room.ups
        if not ups.process.alive:
            return False
        ups.process.end()
        self._room.network.died(ups.process)
        self._later(fault, lambda: ups.back(memory=memory, keep_world=keep_world))
        return True

    def _unlearns(self, fault: Fault) -> bool:
        """It comes back as it was before it spoke the extension, until the healing."""
        if not self._room.setup.ups.features or not self._ups_down(fault, memory=True):
            return False
        self._room.ups.faults.base = True
        return True

    def _lies(self, fault: Fault) -> bool:
        ups = self._room.ups
        if not ups.process.alive or self._room.ups.model.world_id is None:
            return False
        ups.faults.announce = NO_WORLD
        ups.announce_again()

        def truth() -> None:
            ups.faults.announce = None
            if ups.process.alive:
                ups.announce_again()

        self._later(fault, truth)
        return True

    def _repeats(self, fault: Fault) -> bool:
        faults = self._room.ups.faults
        faults.duplicate = True
        self._later(fault, lambda: setattr(faults, "duplicate", False))
        return True

    def _silent(self, fault: Fault) -> bool:
        faults = self._room.ups.faults
        faults.silent = True

        def speak() -> None:
            faults.silent = False
            self._room.ups.poke()

        self._later(fault, speak)
        return True

    def _unwilling(self, fault: Fault) -> bool:
        faults = self._room.ups.faults
        faults.unwilling = True
        self._later(fault, lambda: setattr(faults, "unwilling", False))
        return bool(self._room.setup.ups.features)

    def _undecided(self, fault: Fault) -> bool:
        faults = self._room.ups.faults
        faults.undecided = True

        def decide() -> None:
            faults.undecided = False
            self._room.ups.poke()

        self._later(fault, decide)
        return bool(self._room.setup.ups.features)

    def _full(self, fault: Fault) -> bool:
        faults = self._room.ups.faults
        faults.full = True
        self._later(fault, lambda: setattr(faults, "full", False))
        return True

    def _garbage(self, fault: Fault) -> bool:
        ups = self._room.ups
        rng = self._room.injector.rng_of(fault)
        if not ups.process.alive:
            return False
        ups.faults.garbage = bytes(rng.randrange(256) for _ in range(rng.randint(1, 40)))
        ups.announce_again()
        self._room.scheduler.after(5.0, None, lambda: setattr(ups.faults, "garbage", b""))
        return True


def _link(fault: Fault) -> str:
    return fault.where.removesuffix("_bridge")
