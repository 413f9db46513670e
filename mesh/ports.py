"""Loopback ports for services that are about to start: nobody listens there, and nobody else of ours is given them.

Rules: a port is taken by a name of its own in the kernel's abstract namespace, so that two who look for ports at the
same moment, long before anything listens, find different ones; the name goes with the process, however that ends.
"""

import random
import socket

# Below the range from which the system gives ports to outgoing connections.
PORTS = range(12_000, 32_000)

_taken: list[socket.socket] = []


class NoFreePort(Exception):
    """Fewer ports are free than were asked for."""

    def __init__(self, count: int, ports: range) -> None:
        super().__init__(f"fewer than {count} free ports from {ports.start} to {ports.stop - 1}")


def take_addresses(count: int, rng: random.Random, ports: range = PORTS) -> list[str]:
    """That many different addresses HOST:PORT, for as long as this process lives. Raises NoFreePort."""
    found: list[str] = []
    for port in rng.sample(ports, len(ports)):
        if len(found) == count:
            break
        if _take(port):
            found.append(f"127.0.0.1:{port}")
    if len(found) < count:
        raise NoFreePort(count, ports)
    return found


def _take(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0minimart-port-{port}")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return False
    _taken.append(name)
    return True
