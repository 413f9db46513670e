"""How an order comes about: placed over gRPC in a Minimart, by a command that was told, or by a person who is asked.

Rules: who places says where it is to be delivered, so that what Amazon makes of it can be checked; a person is told
which case waits, and for how long.
"""

import asyncio
import json
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import grpc
from google.protobuf.message import Message

from mesh.channel import acting_for, open_aio_channel
from mesh.errors import read_error
from mesh.identity import Tokens, TokensError
from proof.conform.cases import CaseFailed
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

CALLER = "cli"
SHOPPER_ID = 2
_SECONDS = 60.0
# The world may have to be joined first, and goods may have to be bought.
_CALL_SECONDS = 10.0


class Placing(Protocol):
    """A way to place an order. `by_itself`: it says where to, and needs nobody."""

    by_itself: bool

    async def place(self, to: tuple[int, int]) -> None:
        """Places one order of one thing. Raises CaseFailed."""


class InMinimart:
    """Orders in a Minimart whose data folder is known: where it listens is read anew each time, it may restart."""

    by_itself = True

    def __init__(self, data: Path, offer: int, user: int = SHOPPER_ID) -> None:
        self._data = data
        self._offer = offer
        self._user = user
        # By where they go.
        self._orders: dict[tuple[int, int], int] = {}

    async def place(self, to: tuple[int, int]) -> None:
        """PlaceOrder, sent again until somebody says yes or no."""
        request = orders_pb2.PlaceOrderRequest(
            request_id=secrets.token_urlsafe(24),
            items=[orders_pb2.OrderItem(offer_id=self._offer, quantity=1)],
            destination=orders_pb2.Address(x=to[0], y=to[1]),
        )
        placed = await self._call("PlaceOrder", request)
        assert isinstance(placed, orders_pb2.PlaceOrderResponse)
        self._orders[to] = placed.order_id

    async def change_address(self, at: tuple[int, int], to: tuple[int, int]) -> None:
        """ChangeAddress of the order that goes to `at`; yes or no is not looked at. Raises CaseFailed."""
        there = orders_pb2.Address(x=to[0], y=to[1])
        request = orders_pb2.ChangeAddressRequest(
            request_id=secrets.token_urlsafe(24), order_id=self._order(at), destination=there
        )
        await self._call("ChangeAddress", request)

    async def cancel(self, at: tuple[int, int]) -> None:
        """CancelOrder of the order that goes to `at`; yes or no is not looked at. Raises CaseFailed."""
        request = orders_pb2.CancelOrderRequest(request_id=secrets.token_urlsafe(24), order_id=self._order(at))
        await self._call("CancelOrder", request)

    async def check_account(self, name: str) -> None:
        """CheckAccount; known or not is not looked at. Raises CaseFailed."""
        await self._call("CheckAccount", orders_pb2.CheckAccountRequest(ups_account=name))

    def _order(self, at: tuple[int, int]) -> int:
        if at not in self._orders:
            raise CaseFailed(f"an order to {at} that was placed here", "there is none: somebody else orders, too")
        return self._orders[at]

    async def _call(self, name: str, request: Message) -> Message:
        """The answer, which is asked for until somebody says yes or no. Raises CaseFailed."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _SECONDS
        while True:
            answer = await self._try(name, request)
            if isinstance(answer, Message):
                return answer
            if loop.time() > give_up_at:
                raise CaseFailed(f"a request to be accepted ({name})", answer)
            await asyncio.sleep(0.2)

    async def _try(self, name: str, request: Message) -> Message | str:
        """The answer, or what went wrong and may go right the next time. Raises CaseFailed."""
        try:
            address = json.loads((self._data / "run.json").read_text(encoding="utf-8"))["addresses"]["orders"]
            token = Tokens.load(self._data / "service-tokens").token_of(CALLER)
        except (OSError, ValueError, LookupError, TypeError, TokensError) as error:
            return f"there is no shop in {self._data}: {error}"
        async with open_aio_channel(address, token) as channel:
            stub = orders_pb2_grpc.OrdersServiceStub(channel)
            try:
                call = getattr(stub, name)
                answer: Message = await call(request, metadata=acting_for(self._user), timeout=_CALL_SECONDS)
                return answer
            except grpc.RpcError as error:
                failure = read_error(error)
                waiting_helps = failure.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
                if not waiting_helps and failure.reason != "OUT_OF_STOCK":
                    raise CaseFailed(f"a request to be accepted ({name})", f"{failure.message}") from error
                return failure.message


class ByCommand:
    """Orders by a command line; {x} and {y} are put in."""

    by_itself = True

    def __init__(self, command: str) -> None:
        self._command = command

    async def place(self, to: tuple[int, int]) -> None:
        """Runs the command to its end."""
        await run_command("--place", self._command, {"x": to[0], "y": to[1]})


async def run_command(option: str, command: str, values: Mapping[str, object]) -> None:
    """Runs what an option says to its end, with the values put in for {names}. Raises CaseFailed."""
    try:
        words = [word.format(**values) for word in shlex.split(command)]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except (OSError, ValueError, LookupError) as error:
        raise CaseFailed(f"{option} to run", f"it cannot be run: {error}") from error
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CaseFailed(f"{option} to end within {_SECONDS:g} s", "it did not") from None
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise CaseFailed(f"{option} to end with exit code 0", f"{process.returncode}: {last[0]}")


class ByHand:
    """Orders that a person places."""

    by_itself = False

    def __init__(self, tell: Callable[[str], None], seconds: float) -> None:
        self._tell = tell
        self._seconds = seconds

    async def place(self, to: tuple[int, int]) -> None:
        """Asks for an order."""
        self._tell(f"place an order of one thing now, to ({to[0]}, {to[1]}) if you can; waiting {self._seconds:g} s")
