"""Which parts make up the shop, where each listens, and how it is told: from the options of `up` to a list of parts.

Pure: ports come in as arguments. Peers that are real are not started; the stand-ins take their place where nothing else
is named.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from minimart.probes import in_thread, serves_grpc, serves_http
from minimart.supervisor import Part

REAL_TICK_SECONDS = 6.0
QUICK_TICK_SECONDS = 0.2
STOP_SECONDS = 3.5


@dataclass(frozen=True, slots=True)
class Options:
    """What `minimart up` was told. `world` and `ups_listen` None: the stand-in takes the part."""

    data: Path
    database: str
    tokens: Path
    log_level: str
    shop: str
    world: str | None = None
    world_ups: str | None = None
    ups_listen: str | None = None
    real_time: bool = False
    flakiness: int = 0
    create_world: bool = False
    world_tick: float | None = None
    seed: int | None = None
    book: Path | None = None

    @property
    def tick(self) -> float:
        """One step of the world's time, in seconds."""
        if self.world_tick is not None:
            return self.world_tick
        return REAL_TICK_SECONDS if self.world or self.real_time else QUICK_TICK_SECONDS

    @property
    def stop_seconds(self) -> float:
        """How long the parts may take to stop, within 5 s or a tick + 2 s, whichever is longer."""
        return max(STOP_SECONDS, self.tick + 1.0)


SHOP = ("orders_svc", "storefront")
"""The parts that must serve before the shop is open; the bridges may still be waiting for their peers."""

OURS = ("orders_svc", "world_bridge", "ups_bridge", "storefront")
"""The parts that are no stand-ins; each shows its figures."""

ADDRESSES = (
    *("orders", "fulfilment", "world_bridge", "ups_bridge", "ups_listen", "world", "world_ups"),
    *(f"{name}_metrics" for name in OURS),
)
"""What needs an address beside the shop itself; those that the options name need no port of ours."""


def addresses(options: Options, free: list[str]) -> dict[str, str]:
    """Every address by name, with `free` ones (as many as ADDRESSES) where the options name none."""
    chosen = dict(zip(ADDRESSES, free, strict=True))
    chosen["shop"] = options.shop
    if options.world:
        chosen["world"] = options.world
        chosen["world_ups"] = options.world_ups or options.world.rpartition(":")[0] + ":12345"
    if options.ups_listen:
        chosen["ups_listen"] = options.ups_listen
    return chosen


def parts(options: Options, at: dict[str, str]) -> list[Part]:
    """The processes to keep alive, peers first."""
    found = []
    metrics = {name: {"MINIMART_METRICS_PORT": at[f"{name}_metrics"].rpartition(":")[2]} for name in OURS}
    if options.world is None:
        found.append(_stand_in_world(options, at))
    if options.ups_listen is None:
        found.append(_stand_in_ups(options, at))
    fulfilment = {"MINIMART_FULFILMENT_ADDRESS": at["fulfilment"]}
    found += [
        Part(
            "orders_svc",
            _python("orders_svc"),
            {
                "MINIMART_ORDERS_LISTEN": at["orders"],
                "MINIMART_FULFILMENT_LISTEN": at["fulfilment"],
                "MINIMART_WORLD_TICK": str(options.tick),
                "MINIMART_CREATE_WORLD": str(options.create_world).lower(),
                **metrics["orders_svc"],
            },
            in_thread(serves_grpc, at["orders"]),
        ),
        Part(
            "world_bridge",
            _python("world_bridge"),
            {
                **fulfilment,
                "MINIMART_WORLD_ADDRESS": at["world"],
                "MINIMART_BRIDGE_LISTEN": at["world_bridge"],
                **metrics["world_bridge"],
            },
            in_thread(serves_grpc, at["world_bridge"]),
        ),
        Part(
            "ups_bridge",
            _python("ups_bridge"),
            {
                **fulfilment,
                "MINIMART_UPS_LISTEN": at["ups_listen"],
                "MINIMART_BRIDGE_LISTEN": at["ups_bridge"],
                **metrics["ups_bridge"],
            },
            in_thread(serves_grpc, at["ups_bridge"]),
        ),
        Part(
            "storefront",
            _python("storefront"),
            {
                "MINIMART_STOREFRONT_LISTEN": at["shop"],
                "MINIMART_ORDERS_ADDRESS": at["orders"],
                **metrics["storefront"],
            },
            in_thread(serves_http, at["shop"]),
        ),
    ]
    return found


def environment(options: Options) -> dict[str, str]:
    """The settings that all parts share."""
    return {
        "DATABASE_URL": options.database,
        "MINIMART_DATA_DIR": str(options.data),
        "MINIMART_TOKENS_FILE": str(options.tokens),
        "MINIMART_LOG_LEVEL": options.log_level,
        "PYTHONUNBUFFERED": "1",
    }


def _stand_in_world(options: Options, at: dict[str, str]) -> Part:
    command = ["--amazon", at["world"], "--ups", at["world_ups"], "--flakiness", str(options.flakiness)]
    command += _pace(options)
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    if options.book is not None:
        command += ["--book", str(options.book)]
    return Part("sim_world", _python("sim", "world", *command))


def _stand_in_ups(options: Options, at: dict[str, str]) -> Part:
    command = ["--world", at["world_ups"], "--amazon", at["ups_listen"], "--features", "all", *_pace(options)]
    return Part("sim_ups", _python("sim", "ups", *command))


def _pace(options: Options) -> list[str]:
    return [*(["--real-time"] if options.real_time else []), "--tick", str(options.tick)]


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
