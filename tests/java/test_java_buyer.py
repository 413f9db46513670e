"""A shopper in Java, by grpc-java and the same contracts, orders something and watches it until it is delivered."""

import re
import subprocess
from pathlib import Path

import pytest

from mesh.channel import acting_for, open_channel
from mesh.identity import Tokens
from proof.processes import free_address
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from tests.e2e.running import SHOPPER_ID, shop
from tests.java import building

SECONDS = 150.0


def buyer(orders: str, tokens: Path, **options: str) -> list[str]:
    given = {"user": str(SHOPPER_ID), "offer": "3", "quantity": "2", "to": "5,9", "seconds": "90", **options}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return building.command("shop.Buyer", "--orders", orders, "--tokens", str(tokens), *words, part=building.SHOP)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


@pytest.mark.timeout(600)
def test_an_order_from_java_is_made_once_and_watched_to_its_end_through_a_crash(tmp_path: Path) -> None:
    with shop(tmp_path / "data") as running:
        orders, tokens = running.run.addresses["orders"], running.data / "service-tokens"
        with subprocess.Popen(buyer(orders, tokens), stdout=subprocess.PIPE, text=True) as java:
            assert java.stdout is not None
            lines = [java.stdout.readline()]
            running.kill("orders_svc")
            lines += java.stdout.readlines()
            assert java.wait(SECONDS) == 0, lines
        accepted = re.fullmatch(r"order (\d+) is accepted, (\d+) cents\n", lines[0])
        assert accepted is not None, lines
        told = [line.split(": ")[1].strip() for line in lines[1:-1]]
        assert told[-1] == "Delivered"
        assert len(told) == len(set(told)), f"a step was told twice: {lines}"
        assert {"Packed", "Loaded on the truck"} <= set(told)
        assert lines[-1] == f"order {accepted[1]} is DELIVERED\n"
        refused = run(buyer(orders, tokens, offer="999999"))
        assert (refused.returncode, refused.stderr) == (
            1,
            "Buyer: NOT_FOUND: offer 999999 is not for sale\n",
        )
        with open_channel(orders, Tokens.load(tokens).token_of("cli")) as channel:
            stub = orders_pb2_grpc.OrdersServiceStub(channel)
            mine = stub.ListOrders(orders_pb2.ListOrdersRequest(), metadata=acting_for(SHOPPER_ID), timeout=30).orders
        (order,) = mine
        assert (order.order_id, order.total_cents) == (int(accepted[1]), int(accepted[2]))
        assert (order.lines[0].offer_id, order.lines[0].quantity, order.destination.x, order.destination.y) == (
            3,
            2,
            5,
            9,
        )


def test_who_finds_no_shop_or_no_token_is_told_in_one_line(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("cli nothing\n")
    nobody = run(buyer(free_address(), tokens, seconds="1"))
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1), nobody.stderr
    assert nobody.stderr.startswith("Buyer: UNAVAILABLE")
    tokens.write_text("storefront nothing\n")
    unknown = run(buyer(free_address(), tokens))
    assert (unknown.returncode, unknown.stderr) == (2, f"Buyer: no token for cli in {tokens}\n")


@pytest.mark.parametrize("wrong", [{"to": "5"}, {"quantity": "two"}, {"colour": "red"}])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(wrong: dict[str, str], tmp_path: Path) -> None:
    done = run(buyer("127.0.0.1:1", tmp_path, **wrong))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "usage:" in done.stderr
