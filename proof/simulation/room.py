"""One run: everything built from one seed, let run under its faults, healed, and judged.

Rules: the plan may be given (a shrunk one); everything else follows from the seed and the profile. The run ends when
all has settled after the healing, when the patience is over, or at the first violation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from orders_svc.domain.patience import Patience
from orders_svc.outbox.dispatch import LOOK_SECONDS
from proof.simulation import coverage
from proof.simulation.book import DatabaseBook
from proof.simulation.bridges import Bridge
from proof.simulation.calls import Calls
from proof.simulation.checks import Checks, Violated
from proof.simulation.database import BEGINNING, Database
from proof.simulation.faults import PROFILES, Fault, Kind, Profile
from proof.simulation.injection import Injector
from proof.simulation.network import Network
from proof.simulation.orders import OrdersService, SkewedClock, patience_of
from proof.simulation.peers import UpsProcess, WorldProcess
from proof.simulation.plans import plan
from proof.simulation.scheduler import Process, Scheduler, Stuck
from proof.simulation.shoppers import Shoppers
from proof.simulation.staff import Staff
from proof.simulation.themes import PLAIN, Theme, theme_of
from proof.simulation.trace import Trace
from proof.simulation.trouble import Trouble
from proof.simulation.verdict import Verdict
from sim.ups.model import Settings
from sim.ups.model.extension import FEATURES
from sim.world.model import Rules

TICK = 6.0
# How many ticks a truck waits for a parcel: less than we do, or one truck for all would be too slow.
UPS_PATIENCE = 20.0
# So many ticks after the healing everything has settled.
SETTLE_TICKS = 300.0
# What is still on its way to the bridges when the last order has ended.
LAST_TICKS = 3.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a seed decides beside the faults. Times in seconds."""

    warehouses: int
    lease_seconds: float
    # How often a worker looks by itself.
    look_seconds: float
    # From a parcel's end until messages about it are deleted.
    keep_seconds: float
    group_seconds: float
    patience: Patience
    rules: Rules
    ups: Settings
    orders: int
    span: float
    theme: Theme = PLAIN


@dataclass(slots=True)
class Result:
    """What became of a run."""

    seed: int
    plan: tuple[Fault, ...]
    violations: list[tuple[str, str]]
    trace: Trace
    # Virtual seconds in all, and from the healing to rest; events; commits.
    seconds: float = 0.0
    settled_after: float = 0.0
    events: int = 0
    commits: int = 0
    excused: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Whether every guarantee held."""
        return not self.violations


def setup_of(seed: int, profile: Profile, faults: Iterable[Fault], orders: int | None) -> Setup:
    """What the seed decides; the world's own bad habits are faults, and so in the plan."""
    rng = Random(f"setup {seed}")
    theme = theme_of(seed, profile)
    sizes = {fault.kind: fault.size for fault in faults}
    rules = Rules(
        tick=TICK,
        poll=5.0,
        package_phase=round(rng.uniform(0, 5), 3),
        truck_phase=round(rng.uniform(0, 5), 3),
        resend_after=150.0,
        default_simspeed=rng.choice(theme.speeds),
        flakiness=int(sizes.get(Kind.WORLD_LOSES, 0)),
        transient_errors=sizes.get(Kind.WORLD_COLLIDES, 0.0),
        lost_loads=sizes.get(Kind.WORLD_LOSES_LOADS, 0.0),
    )
    return Setup(
        warehouses=rng.choice((2, 3)),
        lease_seconds=rng.choice((20.0, 60.0, 120.0)),
        look_seconds=rng.choice((LOOK_SECONDS, 4.0, 8.0)),
        keep_seconds=Random(f"keep {seed}").choice((15.0, 60.0, 150.0, 1e6)),
        group_seconds=rng.choice((0.0, 0.002, 0.05)),
        patience=replace(patience_of(TICK, quick=True), max_failures=theme.tries),
        rules=rules,
        ups=Settings(
            trucks=rng.choice((1, 2, 5)), tick=TICK, features=_features(seed, theme), patience_ticks=UPS_PATIENCE
        ),
        orders=orders if orders is not None else rng.randint(*profile.orders),
        span=0.6 * profile.span or 30.0,
        theme=theme,
    )


def _features(seed: int, theme: Theme) -> tuple[str, ...]:
    """What this UPS speaks beside the base: often nothing, else most of it."""
    if theme.speaks:
        return FEATURES
    rng = Random(f"features {seed}")
    return tuple(name for name in FEATURES if rng.random() < 0.8) if rng.random() < 0.7 else ()


class Room:
    """Everything of one run."""

    def __init__(
        self,
        database: Database,
        seed: int,
        profile: Profile,
        faults: Sequence[Fault],
        *,
        orders: int | None = None,
        setup: Setup | None = None,
        traced: bool = False,
    ) -> None:
        self.seed = seed
        self.profile = profile
        self.setup = setup or setup_of(seed, profile, faults, orders)
        self.trace = Trace(traced)
        self.scheduler = Scheduler(BEGINNING)
        self.scheduler.died = self.died
        self.clock = SkewedClock(self.scheduler.now)
        self.injector = Injector(seed, faults, lambda: self.scheduler.time - BEGINNING, self.say)
        self.network = Network(self.scheduler, self.injector, Random(f"network {seed}"), self.trace, BEGINNING)
        self.calls = Calls(self.scheduler, self.injector, Random(f"calls {seed}"), self.trace, BEGINNING, self.bug)
        self.checks = Checks(self)
        self.calls.watcher = self.checks
        self.engine = database.engine
        self.db = DatabaseBook(database.begin_run(self.setup.warehouses, self.clock, self))
        self.orders = OrdersService(self)
        self.bridges = {link: Bridge(self, link) for link in ("world", "ups")}
        self.world = WorldProcess(self, self.setup.rules)
        self.ups = UpsProcess(self, self.setup.ups)
        self.shoppers = Shoppers(self, self.setup.orders, self.setup.span)
        self.staff = Staff(self, self.setup.theme.looks)
        self.trouble = Trouble(self, faults)
        self.coverage = coverage.Transitions()

    # A run.

    def run(self) -> Result:
        """Runs to the end."""
        result = Result(self.seed, tuple(self.injector.plan), [], self.trace)
        heal = BEGINNING + self.profile.span
        try:
            with self.coverage:
                self._run(heal)
            if self.scheduler.time < heal + SETTLE_TICKS * TICK:
                result.settled_after = self.scheduler.time - heal
            verdict = Verdict(self)
            result.violations, result.excused = verdict.violations, verdict.excused
        except Violated as violation:
            guarantee, _, words = str(violation).partition(": ")
            result.violations = [(guarantee, words)]
        except Stuck as stuck:
            result.violations = [("G6", str(stuck))]
        result.seconds = self.scheduler.time - BEGINNING
        result.events, result.commits = self.scheduler.events, self.db.commits
        result.hits, result.points = self.injector.hits, self.injector.points
        result.transitions = self.coverage.seen
        result.orders = self._orders()
        for process in self._processes():
            process.end()
        self.scheduler.end()
        return result

    def _run(self, heal: float) -> None:
        self.orders.start()
        for bridge in self.bridges.values():
            bridge.start()
        self.world.start()
        self.ups.start()
        self.shoppers.start()
        self.staff.start()
        self.trouble.start()
        self.scheduler.run(heal, lambda: False)
        self.trouble.heal()
        while self.scheduler.run(heal + SETTLE_TICKS * TICK, self._settled):
            self.scheduler.run(self.scheduler.time + LAST_TICKS * TICK, lambda: False)
            if self._settled() and not self.ups.unacked:
                return
            self._settled_at = -1

    _settled_at: int = -1

    def _settled(self) -> bool:
        if self.db.written == self._settled_at or not (self.shoppers.done and self.staff.done):
            return False
        self._settled_at = self.db.written
        return self.db.unsettled() is None

    def _orders(self) -> Counter[str]:
        statuses = self.db.rows(
            "select case when goods = 'cancelled' then goods when attention_reason is null then truck"
            " else 'attention' end, count(*) from shipments where superseded_by is null group by 1"
        )
        return Counter(dict(statuses))

    def _processes(self) -> list[Process]:
        return [self.orders.process, *self.trouble.bridge_processes(), self.world.process, self.ups.process]

    # Life and death.

    def died(self, process: Process) -> None:
        """A process died at a point of its own."""
        self.kill(process, self.trouble.down_seconds())

    def kill(self, process: Process, down: float) -> None:
        """Ends a process as kill -9 does; it is started again after `down` seconds."""
        if not process.alive:
            return
        self.say(process.name, f"is killed, and back in {down:.1f} s")
        process.end()
        self.network.died(process)
        self.calls.died(process)
        life = process.life
        self.scheduler.after(down, None, lambda: self.trouble.start_again(process, life))

    # What the database does around a transaction of the orders service (database.Disk).

    def before_begin(self, label: str, writes: bool) -> None:
        """See database.Disk."""
        if writes:
            self.injector.point(self.orders.process, f"before begin of {label}")
        self.injector.disk(Kind.DISK_BUSY)

    def before_commit(self, label: str) -> None:
        """See database.Disk."""
        self.injector.point(self.orders.process, f"before commit of {label}")
        self.injector.disk(Kind.COMMIT_FAILS)

    def after_commit(self, label: str) -> None:
        """See database.Disk."""
        self.db.committed()
        if self.trace.on:
            self.say("orders_svc", f"committed {label}")
        self.checks.committed(label)
        self.injector.point(self.orders.process, f"after commit of {label}")
        self.injector.disk(Kind.COMMIT_UNSURE)

    # Telling.

    def say(self, who: str, words: str) -> None:
        """A note for the trace."""
        if self.trace.on:
            self.trace.note(self.scheduler.time - BEGINNING, who, words)

    def bug(self, where: str, error: Exception) -> None:
        """Something raised what nobody expected."""
        if isinstance(error, Violated):
            raise error
        raise Violated(f"G8: {where} raised {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error


_databases: dict[int, Database] = {}


def database() -> Database:
    """The one database of this process of ours."""
    if 0 not in _databases:
        _databases[0] = Database()
    return _databases[0]


def run_seed(
    seed: int,
    profile: str = "harsh",
    *,
    faults: Sequence[Fault] | None = None,
    keep: Callable[[Fault], bool] | None = None,
    orders: int | None = None,
    traced: bool = False,
) -> Result:
    """Runs a seed; `faults` instead of its own plan, or those of its own that `keep` says."""
    chosen = PROFILES[profile]
    entries = tuple(faults) if faults is not None else plan(seed, chosen)
    if keep is not None:
        entries = tuple(fault for fault in entries if keep(fault))
    return Room(database(), seed, chosen, entries, orders=orders, traced=traced).run()
