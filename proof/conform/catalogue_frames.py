"""Cases of section 2: frames, lengths, sizes, bytes that are no message."""

import asyncio
from collections.abc import Callable

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import Kit
from wire.framing import encode_frame, encode_length

frames = Catalogue()

_UNKNOWN_TEXT = b"\xa2\x06"  # field 100, bytes
_KIB_256 = 256 * 1024


def overlong(body: bytes, size: int) -> bytes:
    """A frame whose length takes `size` bytes."""
    length = bytearray(encode_length(len(body)))
    while len(length) < size:
        length[-1] |= 0x80
        length.append(0)
    return bytes(length) + body


def padded(command: ups.AUCommand, size: int) -> bytes:
    """A message of exactly `size` bytes: the rest is an unknown field."""
    body = command.SerializeToString()
    pad = size - len(body) - len(_UNKNOWN_TEXT)
    pad -= len(encode_length(pad))
    made = body + _UNKNOWN_TEXT + encode_length(pad) + b"x" * pad
    assert len(made) == size, (len(made), size)
    return made


async def in_pieces(kit: Kit, *pieces: bytes, pause: float = 0.1) -> None:
    """Sends bytes in several writes, with nothing else between them."""
    with kit.amazon.alone():
        for piece in pieces:
            kit.amazon.send_bytes(piece)
            await asyncio.sleep(pause)


@frames.must("2.3a", "a length of five bytes where one would do")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    kit.amazon.send_bytes(overlong(command.SerializeToString(), 5))
    await kit.acked(job.number)


@frames.must("2.4a", "twenty frames in one write")
async def _(kit: Kit) -> None:
    made = [kit.request(warehouse=1 + at % 2) for at in range(20)]
    kit.amazon.send_bytes(b"".join(encode_frame(command.SerializeToString()) for _, command in made))
    for job, _command in made:
        await kit.acked(job.number)


@frames.must("2.4b", "a frame in writes of one byte")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    await in_pieces(kit, *(bytes([byte]) for byte in encode_frame(command.SerializeToString())), pause=0.002)
    await kit.acked(job.number)


@frames.must("2.4c", "a pause inside a length of two bytes, and inside the body")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    data = encode_frame(padded(command, 300))
    await in_pieces(kit, data[:1], data[1:2], data[2:150], data[150:])
    await kit.acked(job.number)


@frames.must("2.4d", "the end of one frame and the beginning of the next in one write")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.request(), kit.request()
    data = encode_frame(one.SerializeToString()) + encode_frame(other.SerializeToString())
    await in_pieces(kit, data[:10], data[10:-10], data[-10:])
    await kit.acked(first.number)
    await kit.acked(second.number)


@frames.must("2.5a", "frames of no bytes before, between and behind others")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.request(), kit.request()
    frame_of = encode_frame(one.SerializeToString())
    kit.amazon.send_bytes(b"\0\0" + frame_of + b"\0" + encode_frame(other.SerializeToString()) + b"\0")
    await kit.acked(first.number)
    await kit.acked(second.number)


def _of_size(id: str, size: int) -> None:
    @frames.must(id, f"a body of {size:,} bytes")
    async def _(kit: Kit) -> None:
        job, command = kit.request()
        kit.amazon.send_bytes(encode_frame(padded(command, size)))
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


def _lacking(kit: Kit) -> bytes:
    job, command = kit.request()
    del kit.jobs[job.ship]
    asked = command.pickupRequests[0]
    asked.ClearField("shipId")
    return encode_frame(command.SerializePartialToString())


_closed_on("2.3b", "a length without an end", lambda _: b"\xff" * 10)
_closed_on("2.6f", "a frame of 2 GiB is announced", lambda _: b"\xff\xff\xff\xff\x07")
_closed_on("2.7a", "a body that is no message", lambda _: encode_frame(b"\xff\xff\xff"))
_closed_on("2.7b", "a request without a required field", _lacking)


@frames.must("2.8a", "a good frame in front of bad bytes counts")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    kit.amazon.send_bytes(encode_frame(command.SerializeToString()) + b"\x03\xff\xff\xff")
    await kit.connected()
    # The ack may have been lost with the connection; the copy brings it.
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@frames.must("2.9a", "a connection that ends inside a frame is a lost connection")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    before = await kit.connected()
    with kit.amazon.alone():
        kit.amazon.send_bytes(encode_frame(command.SerializeToString())[:-3])
        await asyncio.sleep(0.1)
        kit.amazon.hang_up()
        await kit.ended(before)
    await kit.renewed(before)
    if kit.amazon.acks[job.number]:
        raise CaseFailed("no ack of what did not come whole", f"{job.number} was acked")
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@frames.must("2.12a", "unknown fields of every type are ignored")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    unknown = b"\xa0\x06\x01" + b"\xa1\x06" + bytes(8) + b"\xa2\x06\x02hi" + b"\xa5\x06" + bytes(4)
    inner = command.pickupRequests[0].SerializeToString() + unknown
    body = unknown + b"\x0a" + encode_length(len(inner)) + inner + unknown
    kit.amazon.send_bytes(encode_frame(body))
    await kit.acked(job.number)
    await kit.delivered(job)


@frames.must("2.12b", "packed acks are acks")
async def _(kit: Kit) -> None:
    kit.amazon.holding.add("UALoadRequest")
    job = kit.order(load=False)
    element = await kit.truck_there(job)
    numbers = encode_length(element.number & (1 << 64) - 1)
    kit.amazon.send_bytes(encode_frame(b"\x1a" + encode_length(len(numbers)) + numbers))
    # One may have been on its way.
    await asyncio.sleep(0.5)
    copies = len(kit.said("UALoadRequest", job.ship))
    await kit.never(
        lambda: len(kit.said("UALoadRequest", job.ship)) > copies,
        kit.patience.quiet + 1.0,
        f"further copy of {element.number}",
    )


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
        inner = asked.SerializePartialToString() + b"\x4a" + encode_length(len(text)) + text
        kit.amazon.send_bytes(encode_frame(b"\x0a" + encode_length(len(inner)) + inner))
        await kit.acked(job.number)
