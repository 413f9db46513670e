"""Processes of ours, run for a measurement: started with settings, waited for by health, ended with the block.

They die with the process that measures, even if that is killed. What they write goes to a file that is shown when they
do not come up.
"""

import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.channel import open_channel
from mesh.ports import NoFreePort, take_addresses
from proof.config import inherited
from proof.tied import tied

START_SECONDS = 150.0
STOP_SECONDS = 15.0


class DidNotStartError(Exception):
    """A process ended, or served nothing, before its time was up."""


@contextmanager
def running(module: str, *arguments: str, settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module arguments` in the background; stopped by SIGTERM at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            tied([sys.executable, "-m", module, *arguments]),
            env={**inherited(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_health(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when HOST:PORT serves. DidNotStartError: it ended before, or took too long."""
    request = health_pb2.HealthCheckRequest()
    give_up_at = time.monotonic() + START_SECONDS
    with open_channel(address, token="") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < give_up_at and process.poll() is None:
            try:
                if stub.Check(request, timeout=1.0).status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.RpcError:
                time.sleep(0.05)
    raise DidNotStartError(f"nothing serves at {address}; its last words:\n{log.read_text(errors='replace')[-2000:]}")


def wait_for_page(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the page is there. DidNotStartError: the process ended before, or took too long."""
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5.0):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.05)
    raise DidNotStartError(f"no page at {url}; its last words:\n{log.read_text(errors='replace')[-2000:]}")


def free_address() -> str:
    """A loopback address on which nobody listens, and which nobody else is given while this process lives."""
    try:
        return take_addresses(1, random.SystemRandom())[0]
    except NoFreePort as error:
        raise DidNotStartError(str(error)) from error
