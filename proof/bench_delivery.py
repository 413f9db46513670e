"""The whole running shop: from PlaceOrder to DELIVERED against the stand-ins' own minimum, its start and its memory.

The shop is `minimart up` with the quick stand-ins, as anybody starts it. The minimum is what a shop that never thinks
needs with the same stand-ins, tick and loss (sim.virtual): time jumps there, so a busy machine does not lengthen it.
"""

import json
import secrets
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from db.seed.stock import INITIAL_STOCK
from mesh.channel import acting_for, open_channel
from mesh.identity import Tokens
from proof.figures import Figure
from proof.processes import DidNotStartError, free_address, running, wait_for_health, wait_for_page
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from sim.ups.model import Settings
from sim.virtual import minimum
from sim.world.model import Rules

ORDERS = (1, 100)
LOSS = (0, 60)
TICK, POLL = 0.2, 0.15
SIMSPEED = 10_000
SEEDS = 5
CALLERS = 32
START_LIMIT_SECONDS = 15.0
MEMORY_LIMIT_MB = 500.0
USER_ID = 2
PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.02
WELL_STOCKED = sorted({entry.offer_id for entry in INITIAL_STOCK if entry.quantity >= 100})


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that runs, seen as its one sample shopper sees it."""

    stub: orders_pb2_grpc.OrdersServiceStub

    def place(self, offer_id: int) -> int:
        """Orders one of an offer; the order's id."""
        request = orders_pb2.PlaceOrderRequest(
            request_id=secrets.token_urlsafe(12),
            items=[orders_pb2.OrderItem(offer_id=offer_id, quantity=1)],
            destination=orders_pb2.Address(x=offer_id, y=offer_id),
        )
        return self.stub.PlaceOrder(request, metadata=acting_for(USER_ID), timeout=30).order_id

    def seconds_until_delivered(self, count: int) -> float:
        """Places `count` orders at once; the time from the first call until the last is delivered."""
        rng = Random(count)
        began = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as callers:
            waiting = set(callers.map(self.place, [rng.choice(WELL_STOCKED) for _ in range(count)]))
        while waiting:
            waiting = {order_id for order_id in waiting if not self._is_delivered(order_id)}
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise DidNotStartError(f"{len(waiting)} of {count} orders were not delivered in time")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - began

    def _is_delivered(self, order_id: int) -> bool:
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        order = self.stub.GetOrder(request, metadata=acting_for(USER_ID), timeout=30).order
        return order.status == orders_pb2.ORDER_STATUS_DELIVERED


def measure(folder: Path) -> Iterator[Figure]:
    """One order and a hundred at once, without loss and with much."""
    for loss in LOSS:
        with _shop(folder / f"shop-{loss}", loss) as (shop, seconds, memory):
            if loss == LOSS[0]:
                yield Figure("minimart up to the first page", seconds, "s", "limit", START_LIMIT_SECONDS, at_most=1.0)
                yield Figure("memory of all processes (PSS)", memory / 1e6, "MB", "limit", MEMORY_LIMIT_MB, at_most=1.0)
            # The first delivery waits for the initial stock; it is not what is measured.
            shop.seconds_until_delivered(1)
            for count in ORDERS:
                seconds = shop.seconds_until_delivered(count)
                orders = "1 order" if count == 1 else f"{count} orders at once"
                yield Figure(
                    f"PlaceOrder to DELIVERED, {orders}, {loss} % lost",
                    seconds,
                    "s",
                    "shop that never thinks",
                    _minimum(count, loss),
                )


def _minimum(count: int, loss: int) -> float:
    rules = Rules.quick(TICK, POLL, default_simspeed=SIMSPEED, flakiness=loss)
    return statistics.median(minimum(count, rules, Settings(tick=TICK), seed=seed).seconds for seed in range(SEEDS))


@contextmanager
def _shop(data: Path, loss: int) -> Iterator[tuple[Shop, float, int]]:
    """A new shop, the seconds until it served its first page, and the bytes that its processes take."""
    data.mkdir()
    began = time.perf_counter()
    log, port = data / "log", free_address().rpartition(":")[2]
    arguments = ("up", "--data", str(data), "--port", port, "--flakiness", str(loss), "--world-tick", str(TICK))
    with running("minimart", *arguments, settings={}, log=log) as process:
        run_file, give_up_at = data / "run.json", time.monotonic() + PATIENCE_SECONDS
        while not run_file.exists():
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise DidNotStartError(f"the shop did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        run = json.loads(run_file.read_text())
        wait_for_page(run["shop"], process, log)
        seconds = time.perf_counter() - began
        address = run["addresses"]["orders"]
        wait_for_health(address, process, log)
        token = Tokens.load(data / "service-tokens").token_of("cli")
        with open_channel(address, token) as channel:
            yield Shop(orders_pb2_grpc.OrdersServiceStub(channel)), seconds, _memory(process.pid)


def _memory(pid: int) -> int:
    root = psutil.Process(pid)
    return sum(int(one.memory_full_info().pss) for one in [root, *root.children(recursive=True)])
