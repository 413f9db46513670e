"""Strangers at the port that UPS dials: the bridge stays up, small and quick, and serves the one who behaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.errors import Unavailable
from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from tests.hostile.messages import incomplete
from tests.hostile.services import Watched, service
from tests.hostile.stranger import Stranger, enough_files, everybody_leaves, send_some
from tests.ups_bridge.fakes import FIRST, start, truck
from tests.world_bridge.running import FulfilmentRecorder, caller_of, eventually, orders_svc, run, send_all
from wire.framing import encode_frame, encode_length

TWO_GIBIBYTES = b"\xff\xff\xff\xff\x07"
MANY = 1000
pytestmark = pytest.mark.usefixtures(enough_files.__name__)
ENDS = (-(2**63), -1, 0, 2**63 - 1)


@asynccontextmanager
async def ups_bridge(folder: Path, **settings: str) -> AsyncIterator[tuple[FulfilmentRecorder, Watched]]:
    orders = FulfilmentRecorder()
    async with orders_svc(orders) as server:
        ports = {"BRIDGE_LISTEN": "127.0.0.1:0", "UPS_LISTEN": "127.0.0.1:0"}
        address = f"127.0.0.1:{server.port}"
        # Starting and stopping a process may block: the loop that serves it must not.
        manager = service("ups_bridge", folder, FULFILMENT_ADDRESS=address, **ports, **settings)
        watched = await asyncio.to_thread(manager.__enter__)
        try:
            await eventually(lambda: orders.renewals)
            watched.mark()
            yield orders, watched
        except BaseException as error:
            await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__)
            raise
        finally:
            await everybody_leaves()
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def a_good_partner_is_served(watched: Watched, seqnum: int = 77) -> Stranger:
    partner = await Stranger.at(watched.port("ups_port"))
    await partner.says_until_acked(start(7, seqnum), seqnum)
    return partner


@pytest.mark.parametrize(
    "words",
    [TWO_GIBIBYTES, encode_length(4 * 1024 * 1024) + b"x" * 1000, b"", b"\x80" * 4, b"GET / HTTP/1.1\r\n\r\n" * 9],
    ids=["two gibibytes", "four mebibytes", "nothing", "half a length", "a browser"],
)
def test_a_thousand_connections_at_once_cost_little_and_keep_nobody_out(tmp_path: Path, words: bytes) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (_, watched):
            port = watched.port("ups_port")
            first = await a_good_partner_is_served(watched, 1)
            strangers = []
            for _ in range(MANY // 50):
                strangers += await asyncio.gather(*(Stranger.at(port) for _ in range(50)))
                await asyncio.gather(*(stranger.say(words) for stranger in strangers[-50:]))
            # All are open on our side; the good one has not noticed, and another one is let in.
            first.say_message(ups.UACommand(delivered=[ups.UADelivered(seqNum=2, shipId=1)]))
            await first.is_acked(2)
            await (await a_good_partner_is_served(watched, 3)).say(b"")
            assert watched.grown < 40.0
            assert watched.cpu < 15.0
            for stranger in strangers:
                stranger.leave()
            await eventually(lambda: watched.connections < 20)

    run(scenario)


def test_who_drips_a_byte_a_second_waits_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched):
            slow = await Stranger.at(watched.port("ups_port"))
            words = encode_frame(b"x" * 100)

            async def drip() -> None:
                for byte in words:
                    await slow.say(bytes([byte]))
                    await asyncio.sleep(1.0)

            dripping = asyncio.create_task(drip())
            partner = await a_good_partner_is_served(watched, 1)
            renewals = len(orders.renewals)
            await eventually(lambda: len(orders.renewals) > renewals)
            partner.say_message(ups.UACommand(delivered=[ups.UADelivered(seqNum=2, shipId=1)]))
            await partner.is_acked(2)
            # Whoever has not announced a world after ten seconds is turned away.
            await slow.is_hung_up()
            dripping.cancel()
            assert [one.world_id for one in orders.happened("world_announced")] == [7]
            assert watched.grown < 10.0
            assert watched.cpu < 5.0

    run(scenario)


def test_a_partner_that_drips_inside_a_frame_is_spoken_to_meanwhile_and_heard_in_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched), caller_of(watched.port()) as stub:
            slow = await a_good_partner_is_served(watched, 1)
            words = encode_frame(
                ups.UACommand(acks=[5], delivered=[ups.UADelivered(seqNum=2, shipId=1)]).SerializeToString()
            )
            renewals = len(orders.renewals)
            await slow.say(words[:1])
            await send_all(stub, 1, [truck(5)], **FIRST)
            assert await slow.is_told() == [5]
            for byte in words[1:]:
                assert not orders.happened("delivered")
                await asyncio.sleep(1.0)
                await slow.say(bytes([byte]))
            await slow.is_acked(2)
            assert (len(orders.happened("delivered")), orders.acked) == (1, [5])
            assert len(orders.renewals) > renewals + 5
            assert watched.cpu < 5.0
            await slow.say(words[:3])
            await a_good_partner_is_served(watched, 3)

    run(scenario)


def test_who_never_reads_is_dropped_and_costs_what_a_queue_holds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (_, watched), caller_of(watched.port()) as stub:
            deaf = await a_good_partner_is_served(watched, 1)
            deaf.stop_reading()
            commands = [truck(number) for number in range(1, 400)]
            for command in commands:
                command.request_truck.items = "x" * 200_000
            for at in range(0, len(commands), 4):
                await send_some(stub, commands[at : at + 4], **FIRST)
            # The bridge does not go on talking to the deaf.
            status = bridge.GetLinkStatusRequest()
            async with asyncio.timeout(60):
                while (await stub.GetLinkStatus(status, timeout=60)).connected:
                    await asyncio.sleep(0.1)
            # What waits for UPS is a window full of it, what was written to the deaf one at most a queue.
            assert watched.grown < 60.0
            deaf.leave()
            await a_good_partner_is_served(watched, 2)

    run(scenario)


@pytest.mark.parametrize("step", [1, 2, -(2**40)])
def test_a_flood_of_new_numbers_is_bounded_while_nobody_takes_them(tmp_path: Path, step: int) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched):
            partner = await a_good_partner_is_served(watched, 1)
            orders.refusal = Unavailable("DATABASE_AWAY", "away")
            numbers = [2 + step * place for place in range(150_000)]
            said = 0

            async def flood() -> None:
                nonlocal said
                for said in range(0, len(numbers), 1000):
                    told = [ups.UADelivered(seqNum=number, shipId=5) for number in numbers[said : said + 1000]]
                    await partner.say(encode_frame(ups.UACommand(delivered=told).SerializeToString()))

            flooding = asyncio.create_task(flood())
            # All is said, or the bridge reads no further.
            before = -1
            while not flooding.done() and said != before:
                before = said
                await asyncio.wait([flooding], timeout=1.0)
            orders.refusal = None
            reading = asyncio.create_task(partner.is_hung_up(90))
            await flooding
            await eventually(lambda: len(orders.happened("delivered")) >= 20_000, seconds=60)
            assert watched.grown < 100.0
            partner.leave()
            reading.cancel()
            await a_good_partner_is_served(watched, 5)

    run(scenario)


def test_acks_of_what_was_never_sent_cost_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched), caller_of(watched.port()) as stub:
            partner = await a_good_partner_is_served(watched, 1)
            await send_all(stub, 1, [truck(5)], **FIRST)
            for _ in range(20):
                await partner.say(encode_frame(ups.UACommand(acks=range(100, 100_100)).SerializeToString()))
            await partner.say(encode_frame(ups.UACommand(acks=[*ENDS, 5]).SerializeToString()))
            await eventually(lambda: orders.acked)
            assert orders.acked == [5]
            assert watched.grown < 40.0

    run(scenario)


def test_a_message_without_a_required_field_ends_its_connection_only(tmp_path: Path) -> None:
    bad = dict(incomplete(ups.UACommand))
    assert len(bad) == 26

    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched), caller_of(watched.port()) as stub:
            for seqnum, message in enumerate(bad.values(), start=1):
                partner = await a_good_partner_is_served(watched, seqnum)
                partner.say_message(message)
                await partner.is_hung_up()
            await a_good_partner_is_served(watched, len(bad) + 1)
            assert {event.WhichOneof("body") for event in orders.events} == {"world_announced"}
            status = await stub.GetLinkStatus(bridge.GetLinkStatusRequest(), timeout=60)
            assert (status.bad_frames, status.connected) == (len(bad), True)

    run(scenario)


def test_an_announcement_without_a_required_field_is_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched):
            for _, message in incomplete(ups.UAstart):
                partner = await Stranger.at(watched.port("ups_port"))
                partner.say_message(message)
                await partner.is_hung_up()
            await a_good_partner_is_served(watched, 1)
            assert [one.world_id for one in orders.happened("world_announced")] == [7]

    run(scenario)


def test_numbers_at_the_ends_of_their_types_are_told_as_they_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ups_bridge(tmp_path) as (orders, watched):
            partner = await a_good_partner_is_served(watched, 1)
            for world_id, seqnum in zip(ENDS, reversed(ENDS), strict=True):
                partner.say_message(start(world_id, seqnum))
                await partner.is_acked(seqnum)
            loads = [ups.UALoadRequest(seqNum=n, shipId=-n - 1, truckId=max(-(2**31), min(n, 2**31 - 1))) for n in ENDS]
            partner.say_message(ups.UACommand(loadRequests=loads, acks=ENDS))
            await partner.is_acked(ENDS[0])
            assert [one.world_id for one in orders.happened("world_announced")] == [7, *ENDS]
            assert sorted(one.shipment_id for one in orders.happened("truck_arrived")) == sorted(-n - 1 for n in ENDS)

    run(scenario)
