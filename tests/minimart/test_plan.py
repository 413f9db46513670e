"""From the options of `up` to its parts: which are started, and what each is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from minimart import plan

OPTIONS = plan.Options(
    data=Path("/data"),
    database="sqlite:////data/minimart.db",
    tokens=Path("/data/t"),
    log_level="INFO",
    shop="127.0.0.1:8080",
)
FREE = [f"127.0.0.1:{20_000 + number}" for number in range(len(plan.ADDRESSES))]
OURS = ["orders_svc", "world_bridge", "ups_bridge", "storefront"]


def names(options: plan.Options) -> list[str]:
    return [part.name for part in plan.parts(options, plan.addresses(options, FREE))]


def told(options: plan.Options, part: str) -> dict[str, str]:
    parts = plan.parts(options, plan.addresses(options, FREE))
    return next(dict(one.environment) for one in parts if one.name == part)


def command(options: plan.Options, part: str) -> list[str]:
    parts = plan.parts(options, plan.addresses(options, FREE))
    return next(list(one.command)[3:] for one in parts if one.name == part)


def test_stand_ins_take_the_place_of_peers_that_are_not_named() -> None:
    assert names(OPTIONS) == ["sim_world", "sim_ups", *OURS]
    assert names(replace(OPTIONS, world="w:23456")) == ["sim_ups", *OURS]
    assert names(replace(OPTIONS, ups_listen="0.0.0.0:7000")) == ["sim_world", *OURS]
    assert names(replace(OPTIONS, world="w:23456", ups_listen="0.0.0.0:7000")) == OURS


def test_each_side_of_a_conversation_is_told_the_same_address() -> None:
    at = plan.addresses(OPTIONS, FREE)
    assert len(set(at.values())) == len(plan.ADDRESSES) + 1
    orders = told(OPTIONS, "orders_svc")
    assert told(OPTIONS, "storefront")["MINIMART_ORDERS_ADDRESS"] == orders["MINIMART_ORDERS_LISTEN"]
    for bridge in ("world_bridge", "ups_bridge"):
        assert told(OPTIONS, bridge)["MINIMART_FULFILMENT_ADDRESS"] == orders["MINIMART_FULFILMENT_LISTEN"]


def test_each_part_of_ours_shows_its_figures_on_a_port_of_its_own() -> None:
    at = plan.addresses(OPTIONS, FREE)
    ports = [told(OPTIONS, part)["MINIMART_METRICS_PORT"] for part in OURS]
    assert [f"127.0.0.1:{port}" for port in ports] == [at[f"{part}_metrics"] for part in OURS]
    assert len(set(ports)) == len(OURS)


def test_real_peers_are_told_to_the_bridges() -> None:
    options = replace(OPTIONS, world="world.example:23456", ups_listen="0.0.0.0:7000")
    assert told(options, "world_bridge")["MINIMART_WORLD_ADDRESS"] == "world.example:23456"
    assert told(options, "ups_bridge")["MINIMART_UPS_LISTEN"] == "0.0.0.0:7000"
    assert plan.addresses(options, FREE)["world_ups"] == "world.example:12345"


@pytest.mark.parametrize(
    ("options", "tick"),
    [
        (OPTIONS, plan.QUICK_TICK_SECONDS),
        (replace(OPTIONS, real_time=True), 6.0),
        (replace(OPTIONS, world="w:1"), 6.0),
        (replace(OPTIONS, world="w:1", world_tick=2.5), 2.5),
    ],
)
def test_the_tick_is_the_worlds(options: plan.Options, tick: float) -> None:
    assert options.tick == tick
    assert told(options, "orders_svc")["MINIMART_WORLD_TICK"] == str(tick)
    assert options.stop_seconds < max(5.0, tick + 2.0)


@pytest.mark.parametrize(
    ("options", "pace"),
    [
        (OPTIONS, ["--tick", "0.2"]),
        (replace(OPTIONS, real_time=True), ["--real-time", "--tick", "6.0"]),
        (replace(OPTIONS, world_tick=0.5), ["--tick", "0.5"]),
        (replace(OPTIONS, real_time=True, world_tick=2.5), ["--real-time", "--tick", "2.5"]),
    ],
)
def test_both_stand_ins_keep_the_pace_that_was_asked_for(options: plan.Options, pace: list[str]) -> None:
    at = plan.addresses(options, FREE)
    world = ["world", "--amazon", at["world"], "--ups", at["world_ups"], "--flakiness", "0", *pace]
    ups = ["ups", "--world", at["world_ups"], "--amazon", at["ups_listen"], "--features", "all", *pace]
    assert command(options, "sim_world") == world
    assert command(options, "sim_ups") == ups
    # Each beside a real partner.
    assert command(replace(options, ups_listen=at["ups_listen"]), "sim_world") == world
    beside_a_world = replace(options, world=at["world"], world_ups=at["world_ups"], world_tick=options.tick)
    assert command(beside_a_world, "sim_ups") == ups


def test_a_stand_in_ups_beside_a_real_world_keeps_its_tick() -> None:
    told_to_ups = command(replace(OPTIONS, world="w:23456"), "sim_ups")
    assert told_to_ups[-2:] == ["--tick", "6.0"]
    assert told_to_ups[1:3] == ["--world", "w:12345"]


def test_what_the_stand_in_world_alone_is_told() -> None:
    told_to_world = command(replace(OPTIONS, flakiness=20, seed=7, book=Path("/b.json")), "sim_world")
    assert told_to_world[-4:] == ["--seed", "7", "--book", "/b.json"]
    assert told_to_world[told_to_world.index("--flakiness") + 1] == "20"
