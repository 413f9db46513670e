"""Overload, a database that goes and comes back, starts that cannot succeed, and stops that leave nothing behind."""

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from db.clock import SystemClock
from db.engine import make_engine
from mesh.channel import acting_for
from mesh.errors import read_error
from proof.checkers import check_books
from proof.postgres import PostgresServer
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.orders.v1 import orders_pb2 as orders
from tests.orders_svc.rpc.serving import SHOPPER, Running, eventually, failure, running

Code = grpc.StatusCode


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may stop; it flushes to disk, so what was committed stays."""
    with PostgresServer(durable=True) as server:
        yield server


def again(server: PostgresServer) -> None:
    """Starts a killed server until it answers."""

    def answers() -> bool:
        if not server.alive:
            server.launch()
        return server.answers()

    eventually(answers, 30)


def test_a_database_that_goes_and_comes_back_loses_nothing(own_server: PostgresServer, tmp_path: Path) -> None:
    url = own_server.url(own_server.create_database())
    with running(url, tmp_path) as shop:
        shop.open_world()
        before = shop.place((1, 1))
        own_server.kill()
        request = shop.request((1, 1))
        for call in (
            lambda: shop.call(shop.orders.PlaceOrder, request),
            lambda: shop.order(before),
            lambda: shop.call(shop.orders.ListOrders, orders.ListOrdersRequest()),
            lambda: list(
                shop.orders.WatchOrder(
                    orders.WatchOrderRequest(order_id=before), timeout=60, metadata=acting_for(SHOPPER)
                )
            ),
            lambda: shop.report("world", packed=pb.Packed(shipment_id=1)),
            lambda: shop.attach("world"),
            lambda: shop.advance(start=pb.Start()),
        ):
            refused = failure(call)
            assert (refused.code, refused.reason) == (Code.UNAVAILABLE, "DATABASE_AWAY")
            # Nothing of the database's own words goes out.
            assert "socket" not in refused.message
        again(own_server)
        placed = eventually(lambda: placed_or_none(shop, request))
        assert placed.order_id != before
        assert shop.call(shop.orders.PlaceOrder, request).replayed
        assert shop.order(before).order_id == before
        # The workers came back too: a backorder's buy is dispatched, its arrival served.
        waiting = shop.place((37, 2))
        shop.report("world", arrived=pb.Arrived(warehouse_id=1, things=[{"offer_id": 37, "count": 2}]))
        eventually(lambda: shop.order(waiting).status == orders.ORDER_STATUS_PACKING)
    engine = make_engine(url, SystemClock())
    check_books(engine)
    engine.dispose()


def placed_or_none(shop: Running, request: orders.PlaceOrderRequest) -> Any:
    try:
        return shop.call(shop.orders.PlaceOrder, request)
    except grpc.RpcError as error:
        if read_error(error).code is not Code.UNAVAILABLE:
            raise
        return None


def test_too_many_calls_at_once_are_refused_and_the_rest_are_served(sqlite_url: str, tmp_path: Path) -> None:
    with running(sqlite_url, tmp_path, public_workers=4) as shop:
        shop.open_world()
        # Somebody else keeps the database for themselves for a while.
        with shop.app.engine.begin():
            futures = [
                shop.orders.PlaceOrder.future(shop.request((1, 1)), timeout=60, metadata=acting_for(SHOPPER))
                for _ in range(400)
            ]
            refused = eventually(lambda: [future for future in futures if future.done()])
            eventually(lambda: sum(future.done() for future in futures) >= 400 - 4 - 256)
        answers = [future.exception(60) for future in futures]
        failures = [read_error(answer) for answer in answers if answer is not None]
        assert refused
        assert {failure.code for failure in failures} == {Code.RESOURCE_EXHAUSTED}
        assert 400 - 4 - 256 - 5 <= len(failures) <= 400 - 4 - 256 + 5
        with shop.app.reader.begin() as connection:
            assert connection.exec_driver_sql("select count(*) from orders").scalar() == 400 - len(failures)


def test_shoppers_who_hold_all_their_connections_hold_up_no_report(sqlite_url: str, tmp_path: Path) -> None:
    with running(sqlite_url, tmp_path, public_workers=8) as shop, ExitStack() as held:
        shop.open_world()
        shoppers = next(engine for engine in shop.service.engines if engine is not shop.app.engine)
        for _ in range(4):
            held.enter_context(shoppers.connect())
        # Whoever asks that pool for one more waits in vain, and fails.
        assert isinstance(shoppers.pool, QueuePool)
        assert shoppers.pool.size() == shoppers.pool.checkedout() == 4
        shop.report("world", packed=pb.Packed(shipment_id=1))
        assert shop.place((1, 1))


def test_a_stop_leaves_no_thread_and_no_connection(database_url: str, tmp_path: Path) -> None:
    with running(database_url, tmp_path) as shop:
        shop.open_world()
        shop.place((1, 1))
    before = {thread.name for thread in threading.enumerate()}
    with running(database_url, tmp_path) as shop:
        placed = shop.place((1, 1))
        stream = shop.orders.WatchOrder(
            orders.WatchOrderRequest(order_id=placed), timeout=30, metadata=acting_for(SHOPPER)
        )
        next(stream)
    del shop, stream

    def gone() -> bool:
        gc.collect()
        return {thread.name for thread in threading.enumerate()} <= before

    eventually(gone)


@contextmanager
def start(folder: Path, *program: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """The service, or another program of Python's, as a process; ended also where the test fails."""
    values = {
        "DATABASE_URL": f"sqlite:///{folder / 'minimart.db'}",
        "MINIMART_DATA_DIR": str(folder),
        "MINIMART_ORDERS_LISTEN": "127.0.0.1:0",
        "MINIMART_FULFILMENT_LISTEN": "127.0.0.1:0",
        **settings,
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MINIMART_")} | values
    command = [sys.executable, *(program or ("-m", "orders_svc"))]
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINIMART_WORLD_TICK", "0"),
        ("MINIMART_WORLD_TICK", "soon"),
        ("MINIMART_ORDERS_LISTEN", "nowhere"),
        ("MINIMART_FULFILMENT_LISTEN", "host:70000"),
        ("MINIMART_LEASE_SECONDS", "-1"),
        ("MINIMART_CREATE_WORLD", "perhaps"),
        ("DATABASE_URL", "mysql://somewhere/db"),
        ("DATABASE_URL", "not a url"),
        ("MINIMART_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    with start(tmp_path, **{name: value}) as process:
        _, said = process.communicate(timeout=150)
    assert process.returncode == 2
    assert len(said.splitlines()) == 1
    assert name in said


@pytest.mark.parametrize("setting", ["MINIMART_ORDERS_LISTEN", "MINIMART_FULFILMENT_LISTEN"])
def test_a_port_in_use_is_one_line_that_names_it(tmp_path: Path, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with start(tmp_path, **{setting: address, "MINIMART_LOG_LEVEL": "ERROR"}) as process:
            _, said = process.communicate(timeout=150)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1, said
    assert address in said


def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://somebody:secret-word@127.0.0.1:1/minimart"
    with start(tmp_path, DATABASE_URL=url, MINIMART_DATABASE_WAIT="0", MINIMART_LOG_LEVEL="ERROR") as process:
        _, said = process.communicate(timeout=150)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert "secret-word" not in said


def test_a_start_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    url = "postgresql://somebody@127.0.0.1:1/minimart"
    tokens = tmp_path / "service-tokens"
    with start(tmp_path, DATABASE_URL=url, MINIMART_DATABASE_WAIT="3600") as process:
        eventually(tokens.exists, 150)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=150)
    assert process.returncode == 0


WHERE_NOTHING_CAN_BE_RAISED = """
import signal, sys, time
from orders_svc import __main__ as service

class Forgotten:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def bootstrap(settings):
    Forgotten()
    time.sleep(3600)

service.bootstrap = bootstrap
sys.exit(service.main())
"""


def test_a_start_can_be_stopped_at_any_point(tmp_path: Path) -> None:
    """Also in the callback of something forgotten, where Python throws exceptions away."""
    with start(tmp_path, "-c", WHERE_NOTHING_CAN_BE_RAISED) as process:
        process.communicate(timeout=150)
    assert process.returncode == 0


AT_EVERY_LINE = """
import os, signal, sys, threading
from types import SimpleNamespace
from orders_svc import __main__ as service

def told(frame, event, argument):
    if frame.f_code.co_filename != service.__file__:
        signal.raise_signal(signal.SIGTERM)
    return told

def start():
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    sys.settrace(told)

service.bootstrap = lambda settings: SimpleNamespace(start=start, stop=lambda: sys.settrace(None))
sys.exit(service.main())
"""


def test_a_process_can_be_told_to_stop_while_it_begins_to_wait_for_that(tmp_path: Path) -> None:
    with start(tmp_path, "-c", AT_EVERY_LINE) as process:
        process.communicate(timeout=150)
    assert process.returncode == 0


TO_ANOTHER_THREAD = """
import signal, sys, threading
from types import SimpleNamespace
from orders_svc import __main__ as service

def start():
    threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()

service.bootstrap = lambda settings: SimpleNamespace(start=start, stop=lambda: None)
sys.exit(service.main())
"""


def test_a_stop_that_another_thread_is_told_of_is_heard_while_the_first_one_waits(tmp_path: Path) -> None:
    with start(tmp_path, "-c", TO_ANOTHER_THREAD) as process:
        process.communicate(timeout=150)
    assert process.returncode == 0


def test_a_process_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "serving" in line:
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=150)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def test_callers_beside_each_other_share_transactions(shop: Running) -> None:
    """Those who come while one transaction is committed have the next one together; each gets its own answer."""
    first, go_on = threading.Event(), threading.Event()
    commits: list[int] = []

    @event.listens_for(shop.app.engine, "commit")
    def count(_connection: object) -> None:
        if threading.current_thread().name == "place-orders":
            commits.append(1)
            first.set()
            go_on.wait(60)

    with ThreadPoolExecutor(32) as pool:
        placed = [pool.submit(shop.place, (1, 1))]
        assert first.wait(60)
        placed += [pool.submit(shop.place, (1 + number % 5, 1)) for number in range(31)]
        eventually(lambda: len(shop.service.placing._queue) == 31)
        go_on.set()
        assert len({order.result(60) for order in placed}) == 32
    assert len(commits) == 2
