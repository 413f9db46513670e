"""One run: everything built from one seed, let run under its faults, healed, and judged.

Rules: the plan may be given (a shrunk one); everything else follows from the seed and the profile. The run ends when
all has settled after the healing, when the patience is over, or at the first violation.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proof.simulation import coverage
from proof.simulation.blame import Blame
from proof.simulation.bridges import Bridge
from proof.simulation.checks import Checks
from proof.simulation.database import BEGINNING, Database
from proof.simulation.environment import Environment
from proof.simulation.errands import Errands
from proof.simulation.faults import LINKS, PROFILES, Fault, Kind, Profile
from proof.simulation.orders import OrdersService
from proof.simulation.peers import UpsProcess, WorldProcess
from proof.simulation.plans import plan
from proof.simulation.purchases import Purchases
from proof.simulation.scheduler import Stuck
from proof.simulation.setups import TICK, Setup, setup_of
from proof.simulation.shoppers import Shoppers
from proof.simulation.staff import Staff
from proof.simulation.trace import Trace
from proof.simulation.trouble import Trouble
from proof.simulation.unsayable import Unsayable
from proof.simulation.verdict import Verdict
from proof.simulation.violations import Violated

# So many ticks after the healing everything has settled.
SETTLE_TICKS = 300.0
# What is still on its way to the bridges when the last order has ended.
LAST_TICKS = 3.0


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
    twice: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Whether every guarantee held."""
        return not self.violations


class Room:
    """Everything of one run; each part is given what it needs, and knows no other."""

    def __init__(
        self,
        database: Database,
        seed: int,
        profile: Profile,
        faults: Sequence[Fault],
        setup: Setup,
        *,
        shoppers: Callable[[Environment, Checks], Shoppers] = Shoppers,
        traced: bool = False,
    ) -> None:
        self.env = Environment(database, self, seed, profile, setup, faults, traced=traced)
        self.checks = self.env.calls.watcher = Checks(self.env)
        self.orders = OrdersService(self.env)
        self.bridges = {link: Bridge(self.env, self.checks, link) for link in LINKS}
        self.world = WorldProcess(self.env)
        self.ups = UpsProcess(self.env)
        self.shoppers = shoppers(self.env, self.checks)
        self.staff = Staff(self.env)
        self.errands = Errands(self.env)
        self.unsayable = Unsayable(self.env.injector)
        self.purchases = Purchases(self.env.db, self.shoppers.wishes)
        self.trouble = Trouble(self.env, self.bridges, self.world, self.ups)
        self.coverage = coverage.Transitions()

    # A run.

    def run(self) -> Result:
        """Runs to the end."""
        env = self.env
        result = Result(env.seed, tuple(env.injector.plan), [], env.trace)
        heal = BEGINNING + env.profile.span
        try:
            with self.coverage, self.unsayable:
                self._run(heal)
            if env.scheduler.time < heal + SETTLE_TICKS * TICK:
                result.settled_after = env.scheduler.time - heal
            blame = Blame(env, self.world, self.ups, self.unsayable.refused)
            verdict = Verdict(env, self.checks, self.shoppers, self.staff, self.world, self.ups, blame)
            result.violations = [*verdict.violations, *self.errands.wrong()]
            result.excused, result.twice = verdict.excused, verdict.twice
        except Violated as violation:
            result.violations = [(violation.guarantee, violation.words)]
        except Stuck as stuck:
            result.violations = [("G6", str(stuck))]
        result.seconds = env.scheduler.time - BEGINNING
        result.events, result.commits = env.scheduler.events, env.db.commits
        self.trouble.count()
        result.hits, result.points = env.injector.hits, env.injector.points
        result.transitions = self.coverage.seen
        result.orders = self._orders()
        for process in env.processes:
            process.end()
        env.scheduler.end()
        return result

    def _run(self, heal: float) -> None:
        env = self.env
        self.orders.start()
        for bridge in self.bridges.values():
            bridge.start()
        self.world.start()
        self.ups.start()
        self.shoppers.start()
        self.staff.start()
        self.errands.start()
        self.trouble.start()
        env.scheduler.run(heal, lambda: False)
        self.trouble.heal()
        while env.scheduler.run(heal + SETTLE_TICKS * TICK, self._settled):
            env.scheduler.run(env.scheduler.time + LAST_TICKS * TICK, lambda: False)
            if self._settled() and not self.ups.unacked:
                return
            self._settled_at = -1

    _settled_at: int = -1

    def _settled(self) -> bool:
        db = self.env.db
        if db.written == self._settled_at or not (self.shoppers.done and self.staff.done and self.errands.done):
            return False
        self._settled_at = db.written
        return db.unsettled() is None

    def _orders(self) -> Counter[str]:
        statuses = self.env.db.rows(
            "select case when goods = 'cancelled' then goods when attention_reason is null then truck"
            " else 'attention' end, count(*) from shipments where superseded_by is null group by 1"
        )
        return Counter(dict(statuses))

    # What the database does around a transaction of the orders service (database.Disk).

    def before_begin(self, label: str, writes: bool) -> None:
        """See database.Disk."""
        if writes:
            self.env.injector.point(self.orders.process, f"before begin of {label}")
        self.env.injector.disk(Kind.DISK_BUSY)

    def before_commit(self, label: str) -> None:
        """See database.Disk."""
        self.env.injector.point(self.orders.process, f"before commit of {label}")
        self.env.injector.disk(Kind.COMMIT_FAILS)

    def after_commit(self, label: str) -> None:
        """See database.Disk."""
        self.env.db.committed()
        if self.env.trace.on:
            self.env.say("orders_svc", f"committed {label}")
        self.checks.committed(label)
        self.purchases.committed(label)
        self.env.injector.point(self.orders.process, f"after commit of {label}")
        self.env.injector.disk(Kind.COMMIT_UNSURE)


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
    setup = setup_of(seed, chosen, entries, orders)
    return Room(database(), seed, chosen, entries, setup, traced=traced).run()
