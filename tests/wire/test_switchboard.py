"""What finds no room on its way out is dropped, and nothing else."""

import asyncio

from tests.wire.test_link import DEADLINE, collect, pair
from wire.link import Limits
from wire.switchboard import Send, Switchboard


class Nobody:
    """A core that hears nothing."""

    def opened(self, number: int, now: float) -> None: ...

    def received(self, number: int, bodies: list[bytes], now: float) -> None: ...

    def ended(self, number: int, reason: str, now: float) -> None: ...

    def reading(self, number: int) -> bool:
        return True


def test_a_small_frame_goes_though_there_is_no_room_for_a_large_one_before_it() -> None:
    """Elements are said again; their session believes that acks which it gave are gone."""

    async def scenario() -> None:
        async with asyncio.timeout(DEADLINE), pair(Limits(queue_bytes=1000)) as (client, server, _):
            switchboard = Switchboard(Nobody(), client.limits)
            switchboard._connections[1] = client
            switchboard.perform(Send(1, (b"a" * 900, b"b" * 200, b"c" * 50)))
            assert await collect(server, 2) == [b"a" * 900, b"c" * 50]

    asyncio.run(scenario())
