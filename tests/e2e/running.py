"""The whole shop as real processes, started and used the way a person does."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from mesh.channel import acting_for, open_channel
from mesh.identity import Tokens
from minimart.installation import Run, read_run
from proof.processes import free_address
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from tests.waiting import is_alive, wait_until

OPEN_SECONDS = 150.0
SHOPPER_ID = 2


class RunningShop:
    """`minimart up` in a data folder, and the other commands against it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "minimart",
                "up",
                "--data",
                data,
                "--port",
                free_address().rpartition(":")[2],
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines += iter(output.readline, "")

    @property
    def log(self) -> str:
        return "".join(self.lines)

    @property
    def run(self) -> Run:
        run = read_run(self.data)
        assert run is not None
        return run

    def wait_until_open(self) -> None:
        def is_open() -> bool:
            assert self.process.poll() is None, self.log
            return "the shop is open" in self.log

        wait_until(is_open, "the shop is open", OPEN_SECONDS)

    def command(self, *arguments: str, seconds: float = 150.0) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [sys.executable, "-m", "minimart", *arguments, "--data", self.data],
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode() + (error.stderr or b"").decode()
            raise AssertionError(f"no end after {seconds} s: {arguments}\n{said}\n{self.log[-12000:]}") from None

    def buy(self, *arguments: str, seconds: float = 150.0) -> str:
        """Orders, watches, and expects that it is delivered; what was printed."""
        done = self.command("buy", "--watch", *arguments, seconds=seconds)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.log[-6000:]}"
        return done.stdout

    def deliver(self, product_id: int, x: int, y: int, seconds: float = 150.0) -> int:
        """Orders one of a product over gRPC and waits until it is delivered, through every outage; the order's id.

        What `minimart buy` does, without another process that has to be started first.
        """
        place = orders_pb2.PlaceOrderRequest(
            request_id=secrets.token_urlsafe(24),
            items=[orders_pb2.OrderItem(offer_id=product_id, quantity=1)],
            destination=orders_pb2.Address(x=x, y=y),
        )
        metadata = acting_for(SHOPPER_ID)
        with self.orders() as stub:
            placed = stub.PlaceOrder(place, metadata=metadata, timeout=seconds, wait_for_ready=True)
            look = orders_pb2.GetOrderRequest(order_id=placed.order_id)

            def is_delivered() -> bool:
                order = stub.GetOrder(look, metadata=metadata, timeout=seconds, wait_for_ready=True).order
                return bool(order.status == orders_pb2.ORDER_STATUS_DELIVERED)

            try:
                wait_until(is_delivered, f"order {placed.order_id} is delivered", seconds)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.log[-12000:]}") from error
        return int(placed.order_id)

    @contextmanager
    def orders(self) -> Iterator[orders_pb2_grpc.OrdersServiceStub]:
        token = Tokens.load(self.data / "service-tokens").token_of("cli")
        with open_channel(self.run.addresses["orders"], token) as channel:
            yield orders_pb2_grpc.OrdersServiceStub(channel)

    def parcels(self, order_ids: Iterable[int]) -> set[int]:
        """The parcels of the sample shopper's orders."""
        with self.orders() as stub:
            return {
                parcel.shipment_id
                for order_id in order_ids
                for parcel in stub.GetOrder(
                    orders_pb2.GetOrderRequest(order_id=order_id), metadata=acting_for(SHOPPER_ID), timeout=60
                ).order.shipments
            }

    def wait_until_well(self) -> None:
        """Waits until doctor finds nothing wrong."""
        said = ""

        def is_well() -> bool:
            nonlocal said
            done = self.command("doctor")
            said = done.stdout + done.stderr
            return done.returncode == 0

        try:
            wait_until(is_well, "doctor is content", OPEN_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{said}\n{self.log[-6000:]}") from error

    def kill(self, part: str) -> None:
        """kill -9 of a part; returns when the supervisor has started another in its place."""
        victim = self.run.pids[part]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: self.run.pids.get(part, victim) != victim, f"{part} is started again")

    @contextmanager
    def down(self, part: str) -> Iterator[None]:
        """A part that is killed, and again as often as the supervisor starts it, until the end."""
        over, killed = threading.Event(), [self.run.pids[part]]

        def keep_down() -> None:
            while not over.wait(0.02):
                pid = self.run.pids.get(part, killed[-1])
                if pid != killed[-1]:
                    kill(pid)

        def kill(pid: int) -> None:
            killed.append(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        kill(killed[0])
        keeper = threading.Thread(target=keep_down)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
        wait_until(lambda: self.run.pids.get(part, killed[-1]) != killed[-1], f"{part} is started again")

    @contextmanager
    def standing_still(self, part: str) -> Iterator[None]:
        """A part that hangs, and goes on at the end as if nothing had been."""
        pid = self.run.pids[part]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def pss(self) -> int:
        """Memory of all processes in bytes, shared pages by their share."""
        everyone = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return sum(process.memory_full_info().pss for process in everyone)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stops it by a signal, and expects that nothing is left."""
        everyone = [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]
        self.process.send_signal(number)
        self.process.wait(150)
        self._reader.join(60)
        wait_until(lambda: not any(is_alive(pid) for pid in everyone), "nothing is left")


@contextmanager
def shop(data: Path, *options: str) -> Iterator[RunningShop]:
    running = RunningShop(data, *options)
    try:
        running.wait_until_open()
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGTERM)


@contextmanager
def stand_in(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`minimart sim ...` as a process of its own, as somebody else's world or UPS would be."""
    process = subprocess.Popen([sys.executable, "-m", "minimart", "sim", *arguments])
    try:
        yield process
        assert process.poll() is None, f"it has ended: {arguments}"
    finally:
        process.terminate()
        process.wait(30)
