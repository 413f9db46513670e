"""Whatever an order has come to, its page says in plain words how it stands: every state times every trouble."""

import itertools
import re
from collections.abc import Iterator

import pytest
from flask import Flask, render_template

from db.clock import SystemClock
from db.engine import make_engine
from mesh.channel import open_channel
from orders_svc.domain import explain, lifecycle
from orders_svc.domain.explain import LinkView, Status
from orders_svc.domain.lifecycle import Asked, Event, Goods, State, Truck
from orders_svc.rpc import convert
from shop.orders.v1 import orders_pb2 as pb
from storefront.bootstrap import build
from storefront.config import Settings
from storefront.orders.view import show_order

NOW = 1_700_000_000.0
LINKS = (LinkView(True, NOW), LinkView(False, None), LinkView(False, NOW, "is in world 2, while we are in 1"))
TROUBLES = ("", "Tried 12 times without success. Last: Packing failed; it is tried again")
# What a program would say, not a person: names of ours, of the contract, of Python.
NOT_PLAIN = re.compile(r"[a-z]_[a-z]|[A-Z]{4,}|None|Error|<|>")


def every_state() -> set[State]:
    """All that the table leads to from the beginning."""
    reached, to_visit = set(), [State(Goods.NEW, Truck.NONE, Asked.NOTHING)]
    while to_visit:
        state = to_visit.pop()
        if state not in reached:
            reached.add(state)
            to_visit += [lifecycle.apply(state, event).state for event in Event]
    return reached


def every_parcel() -> Iterator[pb.Shipment]:
    for state, world, ups, trouble, attempt in itertools.product(every_state(), LINKS, LINKS, TROUBLES, (1, 2)):
        waiting = explain.waiting(state, NOW, world, ups)
        parcel = pb.Shipment(
            shipment_id=1,
            goods=convert.GOODS[state.goods],
            truck=convert.TRUCK[state.truck],
            status=pb.OrderStatus.ValueType(int(explain.parcel_status(state, bool(trouble)))),
            attention_reason=trouble,
            attempt=attempt,
        )
        if waiting is not None:
            at = convert.timestamp(waiting.since)
            parcel.waiting.CopyFrom(pb.Waiting(who=waiting.who, since=at, next=waiting.next))
        yield parcel


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", html).split())


@pytest.fixture
def app() -> Iterator[Flask]:
    """The pages alone: neither a database nor an orders service is behind them."""
    clock = SystemClock()
    with open_channel("127.0.0.1:1", token="") as channel:
        yield build(
            Settings(), engine=make_engine("sqlite://", clock), clock=clock, channel=channel, secret_key="x"
        ).app


def test_every_state_and_every_trouble_is_told_in_plain_words(app: Flask) -> None:
    parcels = list(every_parcel())
    with app.test_request_context():
        page = render_template("orders/live.html", order=show_order(pb.Order(order_id=1, shipments=parcels)), map=None)
    sections = page.split('<section class="parcel panel"')[1:]
    assert len(sections) == len(parcels)
    for parcel, section in zip(parcels, sections, strict=True):
        told = re.search(r'<div class="waits[^>]*>(.*?)</div>', section, re.S)
        assert told, parcel
        words = words_of(told[1])
        assert not NOT_PLAIN.search(words), words
        match parcel.status:
            case Status.DELIVERED:
                assert words.startswith("Delivered.")
            case Status.CANCELLED:
                assert words.startswith("Cancelled.")
            case Status.NEEDS_ATTENTION:
                assert re.fullmatch(r"This parcel needs our attention\. .+[.] ?Next: .+", words), words
            case _:
                assert re.fullmatch(r"Waiting for .{5,} since .+ UTC .*Next: .{10,}", words), words
                assert ("begun anew" in words) == (parcel.attempt > 1)
