"""Simulated connections: who is told of an end, and who is not."""

from random import Random

import pytest

from proof.simulation.injection import Injector
from proof.simulation.network import End, Network
from proof.simulation.scheduler import Process, Scheduler
from proof.simulation.trace import Trace


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(0.0)


@pytest.fixture
def network(scheduler: Scheduler) -> Network:
    injector = Injector(1, (), scheduler.now, lambda _who, _words: None)
    return Network(scheduler, injector, Random(1), Trace(False), 0.0)


def alive(name: str) -> Process:
    process = Process(name)
    process.begin()
    return process


def test_the_end_of_a_connection_is_told_to_nobody_who_began_after_it(scheduler: Scheduler, network: Network) -> None:
    bridge, world = alive("world_bridge"), alive("world")
    told: list[tuple[str, str]] = []

    def listen(name: str) -> None:
        def accept(end: End) -> None:
            end.ended = lambda reason: told.append((name, reason))

        network.listen("world:amazon", world, accept)

    def dial(name: str) -> None:
        def opened(end: End) -> None:
            end.ended = lambda reason: told.append((name, reason))

        network.dial("world:amazon", bridge, "world", opened, lambda reason: told.append((name, reason)))
        scheduler.run(scheduler.time + 1.0, lambda: False)

    listen("the world before")
    dial("ours")
    half_open = network.half_open("world")
    world.end()
    network.died(world)
    world.begin()
    listen("the world after")
    dial("the next of ours")
    network.notice(half_open)
    scheduler.run(scheduler.time + 60.0, lambda: False)
    assert [who for who, _ in told] == ["ours"]


def test_who_closes_late_what_broke_before_tells_nobody_who_began_after_it(
    scheduler: Scheduler, network: Network
) -> None:
    bridge, world = alive("world_bridge"), alive("world")
    told: list[str] = []
    ours: list[End] = []

    def accept(end: End) -> None:
        end.data = lambda _data: told.append("the world got something")
        end.ended = lambda _reason: told.append("the world was told")

    network.listen("world:amazon", world, accept)
    network.dial("world:amazon", bridge, "world", ours.append, told.append)
    scheduler.run(1.0, lambda: False)
    bridge.paused = True
    network.send(ours[0], [b"late"])
    world.end()
    network.died(world)
    world.begin()
    network.close(ours[0])
    scheduler.run(60.0, lambda: False)
    assert told == []


def test_who_dials_is_told_of_a_server_that_dies_before_the_connection_is_known(
    scheduler: Scheduler, network: Network
) -> None:
    ups, bridge = alive("ups"), alive("ups_bridge")
    told: list[str] = []

    def die(_end: End) -> None:
        bridge.end()
        network.died(bridge)

    def opened(end: End) -> None:
        told.append("opened")
        end.ended = told.append

    network.listen("ups_bridge", bridge, lambda end: scheduler.after(0.0001, None, lambda: die(end)))
    for _ in range(50):
        told.clear()
        bridge.begin()
        network.dial("ups_bridge", ups, "ups", opened, told.append)
        scheduler.run(scheduler.time + 1.0, lambda: False)
        assert told in (["connection reset"], ["opened", "connection reset"])
