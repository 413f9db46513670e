"""Shoppers and a seller over gRPC: whoever asks sends the very same request again until the answer is definite.

Rules: a yes is a yes, and only a refusal of the contract is a no; everything else is asked again, for as long as it
takes; now and then what was answered is asked once more and must be answered alike, a request_id is used for
something else and must be refused, and an order is taken back or sent elsewhere. What was asked and answered is in the
ledger. Bounded: so many at once.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import grpc
import grpc.aio

from db.seed.stock import INITIAL_STOCK
from mesh.channel import acting_for, open_aio_channel
from mesh.errors import RpcFailure, read_error
from mesh.identity import TokensError
from proof.chaos.ledger import Ledger, Outcome, Promise, Restocking, Wish
from shop.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

SELLER = 1
# The two of the seed: who orders must exist.
USERS = (SELLER, 2)
AT_ONCE = 200
CALL_SECONDS = 5.0
# Between two questions what UPS has said.
ASKED_SECONDS = 0.5
RESTOCK_SECONDS = 4.0
RESTOCK_UNITS = 20
# Offers of which there are few; many want them at once. 37 is made to order.
SCARCE = (12, 22, 31, 37)
WELL_STOCKED = sorted({entry.offer_id for entry in INITIAL_STOCK if entry.quantity >= 100})
PLACES = sorted({(entry.offer_id, entry.warehouse_id) for entry in INITIAL_STOCK})
_REFUSALS = ("OUT_OF_STOCK",)
_TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)


class Buyers:
    """Orders and restocks at a shop whose address (`addresses()["orders"]`) may change."""

    def __init__(
        self, ledger: Ledger, seed: int, addresses: Callable[[], dict[str, str]], token: Callable[[], str]
    ) -> None:
        self._ledger = ledger
        self._rng = Random(f"{seed}:buyers")
        self._addresses = addresses
        self._token = token
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self, rate: float, seconds: float) -> None:
        """Orders `rate` times a second and restocks now and then, for so long. What is unanswered goes on asking."""
        loop, rng = asyncio.get_running_loop(), self._rng
        began = loop.time()
        next_order, next_restock = began, began + RESTOCK_SECONDS
        while (now := loop.time()) < began + seconds:
            while next_order <= now and len(self._asking) < AT_ONCE:
                self._begin(self._order(self._new_promise(now)))
                next_order += rng.expovariate(rate)
            if len(self._asking) >= AT_ONCE:
                next_order = max(next_order, now)
            if next_restock <= now:
                self._begin(self._restock())
                next_restock += RESTOCK_SECONDS
            await asyncio.sleep(min(0.1, max(0.005, next_order - loop.time())))

    async def close(self) -> None:
        """Stops asking."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        for channel in self._channels.values():
            await channel.close()

    def _begin(self, asking: Any) -> None:
        task = asyncio.get_running_loop().create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _new_promise(self, now: float) -> Promise:
        rng = self._rng
        offers = rng.sample(WELL_STOCKED, rng.choice((1, 1, 1, 2, 3)))
        if rng.random() < 0.1:
            offers[0] = rng.choice(SCARCE)
        items = {offer: rng.choice((1, 1, 1, 2, 3)) for offer in dict.fromkeys(offers)}
        place = (rng.randint(-50, 50), rng.randint(-50, 50))
        promise = Promise(rng.choice(USERS), f"chaos-{rng.getrandbits(64):016x}", items, place, now)
        self._ledger.promises.append(promise)
        return promise

    async def _order(self, promise: Promise) -> None:
        rng = self._rng
        repeat, reuse, wish = rng.random() < 0.1, rng.random() < 0.03, rng.random() < 0.12
        elsewhere = rng.choice((None, (rng.randint(51, 99), rng.randint(51, 99))))
        answer = await self._place(promise, _request(promise))
        promise.seconds = asyncio.get_running_loop().time() - promise.asked_at
        if isinstance(answer, RpcFailure):
            promise.outcome = Outcome.REFUSED
            return
        promise.outcome, promise.order_id = Outcome.ACCEPTED, answer.order_id
        if repeat:
            again = await self._place(promise, _request(promise))
            if isinstance(again, RpcFailure) or again.order_id != promise.order_id or not again.replayed:
                self._ledger.surprise(f"{promise.request_id} was order {promise.order_id}, asked again: {again}")
        if reuse:
            other = _request(promise)
            other.destination.x += 1
            again = await self._place(promise, other)
            if not isinstance(again, RpcFailure) or again.reason != "REQUEST_ID_REUSED":
                self._ledger.surprise(f"{promise.request_id} for something else: {again}")
        if wish:
            await self._amend(promise, answer.order_id, elsewhere)

    async def _amend(self, promise: Promise, order_id: int, elsewhere: tuple[int, int] | None) -> None:
        """Takes an order back, or sends it elsewhere; the same question a second time must be answered alike.

        As long as UPS is being asked, that is no answer yet.
        """
        wish = Wish(promise.user_id, f"{promise.request_id}-wish", order_id, elsewhere)
        self._ledger.wishes.append(wish)
        request: Any
        if elsewhere is None:
            name, request = "CancelOrder", orders_pb2.CancelOrderRequest()
        else:
            name, request = "ChangeAddress", orders_pb2.ChangeAddressRequest()
            request.destination.x, request.destination.y = elsewhere
        request.request_id, request.order_id = wish.request_id, order_id

        def call(channel: grpc.aio.Channel) -> Any:
            method = getattr(orders_pb2_grpc.OrdersServiceStub(channel), name)
            return method(request, metadata=acting_for(wish.user_id), timeout=CALL_SECONDS)

        answers = [await self._until_definite(name, call) for _ in range(2)]
        while any(_is_asked(answer) for answer in answers):
            await asyncio.sleep(ASKED_SECONDS)
            answers = [await self._until_definite(name, call) for _ in range(2)]
        if any(isinstance(answer, RpcFailure) for answer in answers) or answers[0] != answers[1]:
            self._ledger.surprise(f"{name} of order {order_id}: {answers}")
            wish.outcome = Outcome.REFUSED
            return
        wish.done = {one.shipment_id: one.decision == orders_pb2.DECISION_DONE for one in answers[0].decisions}
        wish.outcome = Outcome.ACCEPTED

    async def _place(self, promise: Promise, request: orders_pb2.PlaceOrderRequest) -> Any:
        """The definite answer: a response, or a refusal of the contract."""

        def call(channel: grpc.aio.Channel) -> Any:
            promise.tries += 1
            stub: Any = orders_pb2_grpc.OrdersServiceStub(channel)
            return stub.PlaceOrder(request, metadata=acting_for(promise.user_id), timeout=CALL_SECONDS)

        return await self._until_definite("PlaceOrder", call)

    async def _restock(self) -> None:
        rng = self._rng
        offer, warehouse = rng.choice(PLACES)
        note = Restocking(SELLER, f"chaos-{rng.getrandbits(64):016x}")
        self._ledger.restockings.append(note)
        request = inventory_pb2.RestockRequest(
            request_id=note.request_id, offer_id=offer, warehouse_id=warehouse, quantity=RESTOCK_UNITS
        )

        def call(channel: grpc.aio.Channel) -> Any:
            stub: Any = inventory_pb2_grpc.InventoryServiceStub(channel)
            return stub.Restock(request, metadata=acting_for(SELLER), timeout=CALL_SECONDS)

        answer = await self._until_definite("Restock", call)
        if isinstance(answer, RpcFailure):
            self._ledger.surprise(f"Restock: {answer}")
        note.outcome = Outcome.REFUSED if isinstance(answer, RpcFailure) else Outcome.ACCEPTED

    async def _until_definite(self, name: str, call: Callable[[grpc.aio.Channel], Any]) -> Any:
        wait = 0.05
        while True:
            channel = self._channel()
            if channel is not None:
                try:
                    answer = await call(channel)
                except grpc.aio.AioRpcError as error:
                    failure = read_error(error)
                    self._ledger.answers[f"{name} {failure.code.name} {failure.reason}"] += 1
                    if self._is_definite(name, failure):
                        return failure
                else:
                    self._ledger.answers[f"{name} OK"] += 1
                    return answer
            await asyncio.sleep(wait * (0.5 + self._rng.random()))
            wait = min(1.0, wait * 2)

    def _is_definite(self, name: str, failure: RpcFailure) -> bool:
        overloaded = failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED and failure.reason not in _REFUSALS
        if failure.code in _TRANSIENT or overloaded:
            return False
        if failure.reason in (*_REFUSALS, "REQUEST_ID_REUSED"):
            return True
        self._ledger.surprise(f"{name}: {failure.code.name} {failure.reason} {failure.message}")
        return failure.code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)

    def _channel(self) -> grpc.aio.Channel | None:
        """A channel to where the shop is now; None: it is nowhere yet."""
        address = self._addresses().get("orders")
        if address is None:
            return None
        if address not in self._channels:
            try:
                self._channels[address] = open_aio_channel(address, self._token())
            except TokensError:
                return None
        return self._channels[address]


def _is_asked(answer: Any) -> bool:
    """Whether UPS is still being asked about a parcel."""
    if isinstance(answer, RpcFailure):
        return False
    return any(one.decision == orders_pb2.DECISION_ASKED for one in answer.decisions)


def _request(promise: Promise) -> orders_pb2.PlaceOrderRequest:
    return orders_pb2.PlaceOrderRequest(
        request_id=promise.request_id,
        items=[orders_pb2.OrderItem(offer_id=offer, quantity=count) for offer, count in promise.items.items()],
        destination=orders_pb2.Address(x=promise.place[0], y=promise.place[1]),
    )
