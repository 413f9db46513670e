"""What happens to whole processes and partners at a moment, and the healing.

Rules: a fault that cannot happen at its moment (its victim is down already) does not; everything begun here has an
end at the healing at the latest. One that is done in its moment counts as hit then; for one that is only begun, whoever
has it says at the end how often it changed something. Faults of frames, calls, disk and exact points are elsewhere
(`injection`).
"""

from collections.abc import Callable, Mapping

from proof.simulation.bridges import UPS_PORT, Bridge
from proof.simulation.database import BEGINNING
from proof.simulation.environment import Environment
from proof.simulation.faults import Fault, Kind
from proof.simulation.network import End
from proof.simulation.peers import UpsProcess, WorldProcess
from proof.simulation.scheduler import Process

NO_WORLD = 987_654
# What is only begun here: see `Trouble.count`.
_BEGUN = frozenset(
    (
        Kind.SECOND_OWNER,
        Kind.TWIN,
        Kind.CLOCK_JUMP,
        Kind.UPS_UNLEARNS,
        Kind.UPS_LIES,
        Kind.UPS_REPEATS,
        Kind.UPS_SILENT,
        Kind.UPS_GARBAGE,
        Kind.UPS_UNWILLING,
        Kind.UPS_UNDECIDED,
        Kind.UPS_FULL,
    )
)
# How long a replaced bridge and its replacement are both awake.
OVERLAP_SECONDS = 3.0
# UPS sends garbage when it connects within this time, or within the fault's own, if that is longer.
GARBAGE_SECONDS = 5.0


class Trouble:
    """The timed faults of a run."""

    def __init__(self, env: Environment, bridges: Mapping[str, Bridge], world: WorldProcess, ups: UpsProcess) -> None:
        self._env = env
        self._bridges = bridges
        self._world = world
        self._ups = ups
        self._seconds: list[tuple[Kind, Bridge]] = []
        self._half_open: list[list[End]] = []
        self._healed = False
        self._do: dict[Kind, Callable[[Fault], bool]] = {
            Kind.RESET: lambda fault: env.network.reset(fault.where),
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
        for fault in self._env.injector.plan:
            if fault.kind in self._do:
                self._env.scheduler.at(BEGINNING + fault.at, None, lambda fault=fault: self._happen(fault))  # type: ignore[misc]

    def heal(self) -> None:
        """Nothing goes wrong any more: all are awake, alone, and tell the truth."""
        env = self._env
        self._healed = True
        env.say("orders_svc", "faults stop here")
        env.injector.heal()
        env.network.refusing.clear()
        for _, bridge in self._seconds:
            self._end(bridge)
        for ends in self._half_open:
            env.network.notice(ends)
        for process in env.processes:
            if process.paused:
                env.scheduler.resume(process)
        faults = self._ups.faults
        lied = faults.announce is not None or faults.base
        faults.silent = faults.duplicate = faults.base = faults.unwilling = faults.undecided = faults.full = False
        faults.announce, faults.garbage = None, b""
        self._ups.poke()
        if lied:
            self._ups.announce_again()

    def count(self) -> None:
        """At the end: the hits of what was only begun here, and of the world's bad habits."""
        done = self._world.done() + self._ups.done()
        done[Kind.CLOCK_JUMP] = self._env.clock.found
        done.update(kind for kind, bridge in self._seconds if bridge.told)
        for kind, hits in done.items():
            self._env.injector.hit(kind, hits)

    def _happen(self, fault: Fault) -> None:
        if not self._healed and self._do[fault.kind](fault):
            if fault.kind not in _BEGUN:
                self._env.injector.hit(fault.kind)
            self._env.say(self._victim(fault), fault.kind.value)

    def _victim(self, fault: Fault) -> str:
        if fault.where in ("world", "ups"):
            return f"{fault.where}_bridge"
        return fault.where or {"UPS": "ups", "WOR": "world"}.get(fault.kind.name[:3], "orders_svc")

    def _later(self, fault: Fault, call: Callable[[], None]) -> None:
        self._env.scheduler.at(BEGINNING + fault.until, None, call)

    def _process(self, fault: Fault) -> Process:
        return next(process for process in self._env.processes if process.name == fault.where)

    def _crash(self, fault: Fault) -> bool:
        process = self._process(fault)
        if not process.alive:
            return False
        self._env.kill(process, fault.until - fault.at)
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
                self._env.say(process.name, "wakes")
                self._env.scheduler.resume(process)

        self._env.scheduler.at(BEGINNING + until, None, wake)

    def _second(self, fault: Fault) -> bool:
        main = self._bridges[_link(fault)]
        self._begin(fault, main.second(f"{main.link}-bridge-b"), fault.until, listens=False)
        return True

    def _twin(self, fault: Fault) -> bool:
        main = self._bridges[_link(fault)]
        if not main.process.alive or main.process.paused:
            return False
        self._stand_still(main.process, fault.until)
        until = min(fault.until + OVERLAP_SECONDS, self._env.profile.span)
        self._begin(fault, main.second(main.instance), until, listens=True)
        return True

    def _begin(self, fault: Fault, bridge: Bridge, until: float, *, listens: bool) -> None:
        env = self._env
        self._seconds.append((fault.kind, bridge))
        bridge.listens = listens
        bridge.start()
        env.scheduler.at(BEGINNING + until, None, lambda: self._end(bridge))

    def _end(self, bridge: Bridge) -> None:
        """A second instance goes; the port is the first one's again."""
        env = self._env
        if bridge.process.alive or bridge.process.paused:
            env.say(bridge.process.name, "is killed")
        env.end(bridge.process)
        main = self._bridges["ups"]
        if bridge.link == "ups" and bridge.listens:
            env.network.listen(UPS_PORT, main.process, main.accept)

    def _half(self, fault: Fault) -> bool:
        ends = self._env.network.half_open(fault.where)
        if not ends:
            return False
        self._half_open.append(ends)
        self._later(fault, lambda: self._env.network.notice(ends))
        return True

    def _refuse(self, fault: Fault) -> bool:
        """Nobody gets through for a while; to be seen at all, what is connected breaks."""
        network = self._env.network
        network.refusing[fault.where] = max(network.refusing.get(fault.where, 0.0), BEGINNING + fault.until)
        network.reset(fault.where)
        return False

    def _jump(self, fault: Fault) -> bool:
        self._env.clock.jump(fault.size)
        return True

    def _world_drops(self, _fault: Fault) -> bool:
        if self._world.process.alive:
            self._world.drop_all()
        return self._world.process.alive

    def _world_forgets(self, fault: Fault) -> bool:
        world = self._world
        if not world.process.alive:
            return False
        self._env.end(world.process)
        self._later(fault, world.start)
        return True

    def _ups_down(self, fault: Fault, *, memory: bool, keep_world: bool = True) -> bool:
        ups = self._ups
        if not ups.process.alive:
            return False
        self._env.end(ups.process)
        self._later(fault, lambda: ups.back(memory=memory, keep_world=keep_world))
        return True

    def _unlearns(self, fault: Fault) -> bool:
        """It comes back as it was before it spoke the extension, until the healing."""
        if not self._env.setup.ups.features or not self._ups_down(fault, memory=True):
            return False
        self._ups.faults.base = True
        return True

    def _lies(self, fault: Fault) -> bool:
        ups = self._ups
        if not ups.process.alive or ups.model.world_id is None:
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
        faults = self._ups.faults
        faults.duplicate = True
        self._later(fault, lambda: setattr(faults, "duplicate", False))
        return True

    def _silent(self, fault: Fault) -> bool:
        faults = self._ups.faults
        faults.silent = True

        def speak() -> None:
            faults.silent = False
            self._ups.poke()

        self._later(fault, speak)
        return True

    def _unwilling(self, fault: Fault) -> bool:
        faults = self._ups.faults
        faults.unwilling = True
        self._later(fault, lambda: setattr(faults, "unwilling", False))
        return bool(self._env.setup.ups.features)

    def _undecided(self, fault: Fault) -> bool:
        faults = self._ups.faults
        faults.undecided = True

        def decide() -> None:
            faults.undecided = False
            self._ups.poke()

        self._later(fault, decide)
        return bool(self._env.setup.ups.features)

    def _full(self, fault: Fault) -> bool:
        faults = self._ups.faults
        faults.full = True
        self._later(fault, lambda: setattr(faults, "full", False))
        return True

    def _garbage(self, fault: Fault) -> bool:
        ups = self._ups
        rng = self._env.injector.rng_of(fault)
        if not ups.process.alive:
            return False
        ups.faults.garbage = bytes(rng.randrange(256) for _ in range(rng.randint(1, 40)))
        ups.announce_again()
        end = max(GARBAGE_SECONDS, fault.until - fault.at)
        self._env.scheduler.after(end, None, lambda: setattr(ups.faults, "garbage", b""))
        return True


def _link(fault: Fault) -> str:
    return fault.where.removesuffix("_bridge")
