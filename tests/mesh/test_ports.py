"""Ports that are taken before anything listens on them."""

import random
import socket
import subprocess
import sys

import pytest

from mesh.ports import NoFreePort, take_addresses

# Few, and not those that others are given.
FEW = range(11_900, 11_910)
TAKES_ALL = """
import random, sys
from mesh.ports import take_addresses
took, ports = [], range({start}, {stop})
for port in ports:
    try:
        took += take_addresses(1, random.Random(1), range(port, port + 1))
    except Exception:
        pass
print(len(took), flush=True)
sys.stdin.read()
"""


def test_they_are_different_and_nobody_listens_there() -> None:
    addresses = take_addresses(20, random.Random(7))
    assert len(set(addresses)) == 20
    for address in addresses:
        host, _, port = address.partition(":")
        with socket.create_server((host, int(port))):
            pass


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NoFreePort, match=f"fewer than 1 free ports from {port} to {port}"):
            take_addresses(1, random.Random(7), range(port, port + 1))


def test_no_two_processes_are_given_the_same_and_what_a_killed_one_had_is_free_again() -> None:
    command = [sys.executable, "-c", TAKES_ALL.format(start=FEW.start, stop=FEW.stop)]
    for _ in range(2):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert int(other.stdout.readline()) > 0
            with pytest.raises(NoFreePort):
                take_addresses(1, random.Random(7), FEW)
            other.kill()
