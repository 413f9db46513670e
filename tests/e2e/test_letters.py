"""The letters about an order, through real processes: each is written once, whatever stands still and is killed."""

import email
import email.policy
from collections import Counter
from pathlib import Path

import pytest

from mesh.channel import acting_for
from shop.orders.v1 import orders_pb2
from tests.e2e.running import SHOPPER_ID, RunningShop, shop
from tests.mail_server import mail_server
from tests.waiting import wait_until

SUBJECTS = (
    "Thank you for your order (order 1)",
    "It takes longer than we said (order 1)",
    "Your order is on its way (order 1)",
    "Your order is there (order 1)",
)


def subjects(letters: list[bytes]) -> Counter[str]:
    """How often each subject came."""
    messages = (email.message_from_bytes(one, policy=email.policy.default) for one in letters)
    return Counter(str(message["Subject"]) for message in messages)


def is_delivered(running: RunningShop, order_id: int) -> bool:
    look = orders_pb2.GetOrderRequest(order_id=order_id)
    with running.orders() as stub:
        order = stub.GetOrder(look, metadata=acting_for(SHOPPER_ID), timeout=60, wait_for_ready=True).order
    return bool(order.status == orders_pb2.ORDER_STATUS_DELIVERED)


@pytest.mark.timeout(600)
def test_each_letter_about_an_order_is_written_once_whatever_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An order for which no time can be told is late after a second.
    monkeypatch.setenv("MINIMART_LATE_AFTER_HOURS", str(1 / 3600))
    with mail_server({}) as (url, letters):
        monkeypatch.setenv("MINIMART_MAIL_URL", url)
        with shop(tmp_path / "data") as running:
            with running.standing_still("sim_world"):
                done = running.command("buy", "--product", "1", "--to", "5,9")
                assert done.returncode == 0, done.stderr
                wait_until(lambda: subjects(letters).keys() == set(SUBJECTS[:2]), "it is told that the order is late")
                for part in ("storefront", "orders_svc"):
                    running.kill(part)
            wait_until(lambda: is_delivered(running, 1), "the order is delivered")
            wait_until(lambda: subjects(letters).keys() == set(SUBJECTS), "all is told")
            running.kill("storefront")
            # Whatever would be told twice has been told by then.
            running.deliver(2, -3, 4)
            wait_until(lambda: subjects(letters)["Your order is there (order 2)"] > 0, "the next order is told of, too")
    told = {subject: count for subject, count in subjects(letters).items() if "order 1" in subject}
    assert told == dict.fromkeys(SUBJECTS, 1)
