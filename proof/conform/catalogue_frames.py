"""Cases of section 2: frames, lengths, sizes, bytes that are no message."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from random import Random

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.frames import frame, varint
from proof.conform.kit import DELIVERED, LOAD, Kit

frames = Catalogue()

_UNKNOWN_TEXT = b"\xa2\x06"  # field 100, bytes
_KIB_256 = 256 * 1024


def padded(command: ups.AUCommand, size: int) -> bytes:
    """A message of exactly `size` bytes: the rest is an unknown field."""
    body = command.SerializeToString()
    pad = size - len(body) - len(_UNKNOWN_TEXT)
    pad -= len(varint(pad))
    made = body + _UNKNOWN_TEXT + varint(pad) + b"x" * pad
    assert len(made) == size, (len(made), size)
    return made


async def in_pieces(kit: Kit, *pieces: bytes, pause: float = 0.1) -> None:
    """Sends bytes in several writes, with nothing else between them."""
    with kit.amazon.alone():
        for piece in pieces:
            kit.amazon.send_bytes(piece)
            await asyncio.sleep(pause)


def _in_a_longer_form(id: str, size: int) -> None:
    @frames.must(id, f"a length of {size} bytes where one would do")
    async def _(kit: Kit) -> None:
        job, command = kit.request()
        body = ups.AUCommand(acks=[kit.amazon.number()]).SerializeToString()
        kit.amazon.send_bytes(frame(body, size) + frame(command.SerializeToString(), size))
        await kit.acked(job.number)


for _id, _size in (("2.3a", 5), ("2.3c", 2), ("2.3d", 3), ("2.3e", 4)):
    _in_a_longer_form(_id, _size)


@frames.must("2.3f", "a length of nothing in two bytes (80 00)")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    kit.amazon.send_bytes(b"\x80\x00" + frame(command.SerializeToString()))
    await kit.acked(job.number)


@frames.must("2.4a", "twenty frames in one write")
async def _(kit: Kit) -> None:
    made = [kit.request(warehouse=1 + at % 2) for at in range(20)]
    kit.amazon.send_bytes(b"".join(frame(command.SerializeToString()) for _, command in made))
    for job, _command in made:
        await kit.acked(job.number)


@frames.must("2.4b", "a frame in writes of one byte")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    await in_pieces(kit, *(bytes([byte]) for byte in frame(command.SerializeToString())), pause=0.002)
    await kit.acked(job.number)


@frames.must("2.4c", "a pause inside a length of two bytes, and inside the body")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    data = frame(padded(command, 300))
    await in_pieces(kit, data[:1], data[1:2], data[2:150], data[150:])
    await kit.acked(job.number)


@frames.must("2.4d", "the end of one frame and the beginning of the next in one write")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.request(), kit.request()
    data = frame(one.SerializeToString()) + frame(other.SerializeToString())
    await in_pieces(kit, data[:10], data[10:-10], data[-10:])
    await kit.acked(first.number)
    await kit.acked(second.number)


@frames.must("2.4e", "fifty frames, cut anywhere (by a generator with a fixed seed)")
async def _(kit: Kit) -> None:
    chance = Random(24)
    job, _command = kit.request()
    asked = [kit.pickup(job, job.number if at == 0 else kit.amazon.number()) for at in range(50)]
    data = b"".join(frame(padded(command, chance.choice((96, 127, 128, 300)))) for command in asked)
    cuts = sorted(chance.sample(range(1, len(data)), 60))
    await in_pieces(kit, *(data[begin:end] for begin, end in pairwise([0, *cuts, len(data)])), pause=0.003)
    for command in asked:
        await kit.acked(command.pickupRequests[0].seqNum)


@frames.must("2.4f", "pauses inside a length of three bytes")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    data = frame(padded(command, 16_384))
    await in_pieces(kit, data[:1], data[1:2], data[2:3], data[3:])
    await kit.acked(job.number)


@frames.must("2.5b", "a thousand frames of no bytes")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    kit.amazon.send_bytes(bytes(1000) + frame(command.SerializeToString()))
    await kit.acked(job.number)


@frames.must("2.5a", "frames of no bytes before, between and behind others")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.request(), kit.request()
    frame_of = frame(one.SerializeToString())
    kit.amazon.send_bytes(b"\0\0" + frame_of + b"\0" + frame(other.SerializeToString()) + b"\0")
    await kit.acked(first.number)
    await kit.acked(second.number)


def _of_size(id: str, size: int) -> None:
    @frames.must(id, f"a body of {size:,} bytes")
    async def _(kit: Kit) -> None:
        job, command = kit.request()
        kit.amazon.send_bytes(frame(padded(command, size)))
        await kit.acked(job.number)


for _id, _size in (("2.6a", 127), ("2.6b", 128), ("2.6c", 16_383), ("2.6d", 16_384), ("2.6e", _KIB_256)):
    _of_size(_id, _size)


def _closed_on(id: str, title: str, make: Callable[[Kit], bytes]) -> None:
    @frames.must(id, f"{title}: this connection is closed, and dialled again")
    async def _(kit: Kit) -> None:
        job = kit.order(load=False)
        await kit.acked(job.number)
        before = await kit.connected()
        kit.amazon.send_bytes(make(kit))
        await kit.ended(before)
        after = await kit.connected()
        if after is before:
            raise CaseFailed("a new connection", "the old one goes on")
        # What was known is known still.
        job.load = True
        await kit.delivered(job)


def _pickup_without(name: str) -> Callable[[Kit], bytes]:
    def make(kit: Kit) -> bytes:
        job, command = kit.request()
        del kit.jobs[job.ship]
        command.pickupRequests[0].ClearField(name)  # type: ignore[arg-type]
        return frame(command.SerializePartialToString())

    return make


def _go_without_ship(kit: Kit) -> bytes:
    go = ups.AUDeliverRequest(seqNum=kit.amazon.number())
    return frame(ups.AUCommand(deliverRequests=[go]).SerializePartialToString())


def _error_without_text(kit: Kit) -> bytes:
    error = ups.Err(originSeqNum=1, seqNum=kit.amazon.number())
    return frame(ups.AUCommand(error=[error]).SerializePartialToString())


def _noise(_: Kit) -> bytes:
    # A length that is refused, and then anything.
    return b"\xfe\xff\xff\xff\x7f" + Random(27).randbytes(50_000)


_HTTP = b"GET / HTTP/1.1\r\nHost: ups.example\r\nUser-Agent: somebody who took the wrong port\r\n\r\n" * 3

_closed_on("2.3b", "a length without an end", lambda _: b"\xff" * 10)
_closed_on("2.3h", "a length of six bytes", lambda _: b"\x80\x80\x80\x80\x80\x00")
_closed_on("2.6f", "a frame of 2 GiB is announced", lambda _: b"\xff\xff\xff\xff\x07")
_closed_on("2.6g", "a frame of 4 GiB is announced", lambda _: b"\xff\xff\xff\xff\x0f")
_closed_on("2.6h", "a frame of 1 GiB is announced, and begins", lambda _: b"\x80\x80\x80\x80\x04" + bytes(100_000))
_closed_on("2.7a", "a body that is no message", lambda _: frame(b"\xff\xff\xff"))
_closed_on("2.7b", "a request without its shipId", _pickup_without("shipId"))
_closed_on("2.7c", "a request without its items", _pickup_without("items"))
_closed_on("2.7d", "an AUDeliverRequest without its shipId", _go_without_ship)
_closed_on("2.7e", "an Err without its text", _error_without_text)
_closed_on("2.7f", "an element that is longer than its message", lambda _: frame(b"\x0a\x20" + bytes(8)))
_closed_on("2.7g", "a varint without an end in a body", lambda _: frame(b"\x18" + b"\xff" * 11))
_closed_on("2.7h", "a field of number 0", lambda _: frame(b"\x00\x01"))
_closed_on("2.7i", "a group that nobody began", lambda _: frame(b"\x0c"))
_closed_on("2.7j", "ten thousand groups inside one another", lambda _: frame(b"\x0b" * 10_000))
_closed_on("2.7k", "an HTTP request", lambda _: _HTTP)
_closed_on("2.7l", "50,000 bytes of noise", _noise)


@frames.must("2.8a", "a good frame in front of bad bytes counts")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    kit.amazon.send_bytes(frame(command.SerializeToString()) + b"\x03\xff\xff\xff")
    await kit.connected()
    # The ack may have been lost with the connection; the copy brings it.
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@frames.must("2.9a", "a connection that ends inside a frame is a lost connection")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    before = await kit.connected()
    with kit.amazon.alone():
        kit.amazon.send_bytes(frame(command.SerializeToString())[:-3])
        await asyncio.sleep(0.1)
        kit.amazon.hang_up()
        await kit.ended(before)
    await kit.renewed(before)
    await kit.never(
        lambda: kit.amazon.acks[job.number] or kit.said(LOAD, job.ship),
        3 * kit.patience.tick + 0.3,
        "ack and no truck for what did not come whole",
    )
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@frames.must("2.9b", "a connection that ends inside a frame, between two fields")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    before = await kit.connected()
    with kit.amazon.alone():
        # What came is a whole message by itself: the length alone says that it is not all of it.
        body = command.SerializeToString()
        kit.amazon.send_bytes(varint(len(body) + 40) + body)
        await asyncio.sleep(0.1)
        kit.amazon.hang_up_gently()
        await kit.ended(before)
    await kit.renewed(before)
    await kit.never(
        lambda: kit.amazon.acks[job.number] or kit.said(LOAD, job.ship),
        3 * kit.patience.tick + 0.3,
        "ack and no truck for what did not come whole",
    )
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@frames.must("2.9c", "a connection that ends inside a length")
async def _(kit: Kit) -> None:
    before = await kit.connected()
    with kit.amazon.alone():
        kit.amazon.send_bytes(b"\x80\x80")
        await asyncio.sleep(0.1)
        kit.amazon.hang_up_gently()
        await kit.ended(before)
    await kit.renewed(before)
    await kit.delivered(kit.order())


@frames.must("2.11a", "while nothing of its own is acked it goes on reading")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD, DELIVERED):
        first = kit.order(load=False)
        await kit.truck_there(first)
        for _ in range(5):
            job = kit.order(load=False)
            await kit.acked(job.number)


@frames.must("2.12a", "unknown fields of every type are ignored")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    unknown = b"\xa0\x06\x01" + b"\xa1\x06" + bytes(8) + b"\xa2\x06\x02hi" + b"\xa5\x06" + bytes(4)
    inner = command.pickupRequests[0].SerializeToString() + unknown
    body = unknown + b"\x0a" + varint(len(inner)) + inner + unknown
    kit.amazon.send_bytes(frame(body))
    await kit.acked(job.number)
    await kit.delivered(job)


@frames.must("2.12b", "packed acks are acks")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        job = kit.order(load=False)
        element = await kit.truck_there(job)
        numbers = varint(element.number)
        kit.amazon.send_bytes(frame(b"\x1a" + varint(len(numbers)) + numbers))
        # One may have been on its way.
        await kit.pause(0.5)
        copies = len(kit.said(LOAD, job.ship))
        await kit.never(
            lambda: len(kit.said(LOAD, job.ship)) > copies,
            kit.patience.quiet + 1.0,
            f"further copy of {element.number}",
        )


@frames.must("2.12c", "packed and unpacked acks in one message are acks")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        made = [kit.order(load=False) for _ in range(3)]
        first, second, third = [(await kit.truck_there(job)).number for job in made]
        packed = varint(second) + varint(third)
        kit.amazon.send_bytes(frame(b"\x18" + varint(first) + b"\x1a" + varint(len(packed)) + packed))
        await kit.pause(0.5)
        ships = {job.ship for job in made}
        copies = len([one for one in kit.said(LOAD) if one.ship in ships])
        await kit.never(
            lambda: len([one for one in kit.said(LOAD) if one.ship in ships]) > copies,
            kit.patience.quiet + 1.0,
            f"further copy of {first}, {second} or {third}",
        )


@frames.must("2.13b", "zero is a number, and a ship id may be below zero or beyond 32 bits")
async def _(kit: Kit) -> None:
    for ship in (-kit.unknown_ship(), 2**62 + kit.unknown_ship() % 1000):
        job, command = kit.request_for(ship)
        kit.amazon.say(job.number, command)
        await kit.delivered(job)
    acks = len(kit.amazon.acks[0])
    job, _command = kit.request()
    kit.amazon.say(0, kit.pickup(job, 0))
    await kit.acked(0, acks + 1)


@frames.must("2.13a", "numbers at the ends of int64, and below zero")
async def _(kit: Kit) -> None:
    for number in (2**63 - 1 - kit.amazon.number() % 1000, -(2**63) + kit.amazon.number() % 1000, -1):
        job, _command = kit.request()
        kit.amazon.say(number, kit.pickup(job, number))
        await kit.acked(number)


@frames.must("2.14a", "text that is long, that is not English, and that is no UTF-8")
async def _(kit: Kit) -> None:
    for text in (b"x" * 2000, "茶 café \U0001f69a".encode(), b"ab\xff\xfe"):
        job, command = kit.request()
        asked = command.pickupRequests[0]
        asked.ClearField("items")
        inner = asked.SerializePartialToString() + b"\x4a" + varint(len(text)) + text
        kit.amazon.send_bytes(frame(b"\x0a" + varint(len(inner)) + inner))
        await kit.acked(job.number)
