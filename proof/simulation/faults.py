"""What can go wrong, where, and how bad a seed may get. Values only: `plans` draws them, `injection` makes them happen.

Rules: every fault has ended at the healing, but for what the world does all the time. Times in seconds since the
beginning.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from mesh.attachment import Kind as Rpc


class Kind(StrEnum):
    """What can go wrong."""

    # On one direction of a partner's connection, for a while; size: the chance, or the longest delay in seconds.
    LOSE = "frames are lost"
    DUPLICATE = "frames come twice"
    DELAY = "frames are delayed"
    # On a partner's connection, at one moment.
    FLIP = "bits are flipped"
    CUT = "the connection breaks inside a frame"
    RESET = "the connection is reset"
    HALF_OPEN = "the connection is half-open"
    REFUSE = "connecting does not work"
    # On calls between our services, for a while.
    RPC_LOSE = "calls are lost before they are executed"
    RPC_MUTE = "answers to calls are lost"
    RPC_DELAY = "calls are delayed"
    RPC_TWICE = "calls are executed twice"
    # To our processes.
    CRASH = "a service is killed"
    CRASH_POINT = "a service dies at one exact point"
    PAUSE = "a service stands still"
    SECOND_OWNER = "a second bridge wants the link"
    TWIN = "a bridge is replaced while it stands still, and wakes"
    CLOCK_JUMP = "the clock of the orders service jumps"
    DISK_BUSY = "the database is busy"
    COMMIT_FAILS = "a commit fails"
    COMMIT_UNSURE = "a commit succeeds and says that it failed"
    UNSAYABLE = "a bridge can never say some commands"
    # To the partners.
    WORLD_DROPS = "the world closes all connections"
    WORLD_FORGETS = "the world forgets everything"
    WORLD_LOSES = "the world drops elements"
    WORLD_COLLIDES = "the world gives transient errors"
    WORLD_LOSES_LOADS = "the world acks loads and forgets them"
    UPS_RESTARTS = "UPS restarts and remembers"
    UPS_FORGETS = "UPS restarts with the world's id alone"
    UPS_NEW_WORLD = "UPS restarts and makes a new world"
    UPS_UNLEARNS = "UPS restarts and speaks the base alone"
    UPS_AWAY = "UPS is away"
    UPS_LIES = "UPS announces a world that is none"
    UPS_REPEATS = "UPS sends everything twice"
    UPS_SILENT = "UPS says nothing"
    UPS_GARBAGE = "UPS sends garbage"
    UPS_UNWILLING = "UPS refuses every change"
    UPS_UNDECIDED = "UPS answers no question"
    UPS_FULL = "UPS takes no parcel that it does not know"


DIRECTIONS = ("world>", "world<", "ups>", "ups<")
LINKS = ("world", "ups")
BRIDGES = ("world_bridge", "ups_bridge")
SERVICES = ("orders_svc", *BRIDGES)
ROUTES = (
    "world_bridge>orders_svc",
    "ups_bridge>orders_svc",
    "orders_svc>world_bridge",
    "orders_svc>ups_bridge",
    "shoppers>orders_svc",
    "staff>orders_svc",
)

# What staff can have done about a parcel.
INTERVENTIONS = ("RetryShipment", "RedriveShipment", "CancelShipment")

# What the orders service does in transactions beside the orders, in the seeds that have errands (`setups`).
ERRANDS = ("CheckAccount", "SettleNews", "find-late", "fail-commands")

# Everything that it does in a transaction of its own, by the label of its task.
TRANSACTIONS = (
    "PlaceOrder",
    "Restock",
    "SetReorderPoint",
    "CancelOrder",
    "ChangeAddress",
    *INTERVENTIONS,
    "AttachLink",
    "RenewLink",
    "AdvanceWorld",
    "Report",
    "serve-waiting",
    "ask-overdue",
    "forget",
    "dispatch-world",
    "dispatch-ups",
    *ERRANDS,
)


def crash_points() -> tuple[str, ...]:
    """Every exact point at which a service can die, as "service: point"."""
    points = [
        f"orders_svc: {when} {label}"
        for label in TRANSACTIONS
        for when in ("before begin of", "before commit of", "after commit of")
    ]
    points += [f"orders_svc: {when} SendCommands to {link}" for link in LINKS for when in ("before", "after")]
    for bridge in BRIDGES:
        calls = [call for call in Rpc if bridge == "world_bridge" or call is not Rpc.ADVANCE]
        points += [f"{bridge}: {when} {call.value}" for call in calls for when in ("after call of", "before answer of")]
        points += [f"{bridge}: {point}" for point in ("before a frame", "after a frame", "with frames unread")]
        points += [f"{bridge}: SendCommands {point}" for point in ("not taken", "taken")]
    return tuple(points)


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry. `number` is its place in the whole plan; `size` means what the kind says."""

    number: int
    kind: Kind
    at: float
    until: float
    where: str = ""
    size: float = 0.0

    def words(self) -> str:
        """One line for people."""
        span = f"{self.at:.1f} s" if self.until <= self.at else f"{self.at:.1f} to {self.until:.1f} s"
        where = f" [{self.where}]" if self.where else ""
        size = f" ({self.size:.2f})" if self.size else ""
        return f"#{self.number} {span}: {self.kind.value}{where}{size}"


@dataclass(frozen=True, slots=True)
class Profile:
    """How bad a seed is. `span`: seconds until the healing."""

    name: str
    faults: tuple[int, int]
    orders: tuple[int, int]
    span: float
    loss: float
    delay: float
    weights: dict[Kind, float]
    # Drawn apart, so that the plans of before are what they were but for these: the chance of each.
    apart: dict[Kind, float] = field(default_factory=dict)
    # The chances that it has a theme, one of those that came later, and errands.
    themes: float = 0.0
    later: float = 0.0
    errands: float = 0.0


_MILD = {
    Kind.LOSE: 4.0,
    Kind.DUPLICATE: 2.0,
    Kind.DELAY: 2.0,
    Kind.CUT: 1.0,
    Kind.RESET: 2.0,
    Kind.RPC_LOSE: 1.0,
    Kind.RPC_MUTE: 1.0,
    Kind.RPC_DELAY: 1.0,
    Kind.RPC_TWICE: 1.0,
    Kind.CRASH: 3.0,
    Kind.CRASH_POINT: 3.0,
    Kind.PAUSE: 1.0,
    Kind.DISK_BUSY: 1.0,
    Kind.WORLD_DROPS: 1.0,
    Kind.WORLD_LOSES: 1.0,
    Kind.UPS_RESTARTS: 1.0,
    Kind.UPS_REPEATS: 1.0,
}
_APART = {Kind.UPS_UNWILLING: 0.25, Kind.UPS_UNDECIDED: 0.4}
# What only a theme brings, or errands.
_THEMES = (Kind.UPS_FULL, Kind.UNSAYABLE)
_HARSH = (
    dict.fromkeys((kind for kind in Kind if kind not in (*_APART, *_THEMES)), 1.0)
    | {Kind.LOSE: 3.0, Kind.CRASH_POINT: 9.0, Kind.CRASH: 2.0, Kind.RESET: 2.0, Kind.RPC_MUTE: 2.0}
    | {Kind.WORLD_FORGETS: 0.6, Kind.UPS_NEW_WORLD: 0.6}
)
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("calm", (0, 0), (3, 5), 0.0, 0.0, 0.0, {}),
        Profile("mild", (2, 5), (3, 5), 200.0, 0.5, 10.0, _MILD),
        Profile("harsh", (10, 16), (5, 7), 260.0, 0.99, 60.0, _HARSH, _APART, 0.6, 0.1, 0.25),
    )
}
