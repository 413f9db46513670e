"""Cases of section 2: frames, lengths, sizes, bytes that are no message."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.frames import VARINT, fields, frame, varint
from proof.conform.of_amazon.kit import Kit
from proof.conform.of_amazon.ups import Line
from proof.conform.reading import every_field

frames = Catalogue()

_UNKNOWN_TEXT = varint(100 << 3 | 2)
_UNKNOWN_NUMBER = varint(101 << 3)
_KIB_256 = 256 * 1024
_MANY = 2_000
_ACKS = 3


def padded(command: ups.UACommand, size: int) -> bytes:
    """A message of exactly `size` bytes: the rest is an unknown field."""
    body = command.SerializeToString()
    pad = size - len(body) - len(_UNKNOWN_TEXT)
    pad -= len(varint(pad))
    made = body + _UNKNOWN_TEXT + varint(pad) + b"x" * pad
    assert len(made) == size, (len(made), size)
    return made


async def in_pieces(kit: Kit, *pieces: bytes, pause: float = 0.1) -> None:
    """Sends bytes in several writes, with nothing else between them."""
    with kit.ups.alone():
        for piece in pieces:
            kit.ups.send_bytes(piece)
            await asyncio.sleep(pause)


async def in_one_write(kit: Kit, *bodies: bytes) -> None:
    """Sends several frames in one write."""
    kit.ups.send_bytes(b"".join(frame(body) for body in bodies))


async def closes(kit: Kit, data: bytes) -> Line:
    """Sends bytes that are bad; Amazon has to close this connection, and to take the next one."""
    line = await kit.connected()
    kit.ups.send_bytes(data)
    await kit.ended(line)
    await kit.connected()
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    return line


@frames.must("2.3a", "a length of five bytes where one would do")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    kit.ups.send_bytes(frame(command.SerializeToString(), 5))
    await kit.acked(number)


@frames.must("2.4a", "twenty frames in one write")
async def _(kit: Kit) -> None:
    made = [kit.probe() for _ in range(20)]
    await in_one_write(kit, *(command.SerializeToString() for _, command in made))
    for number, _ in made:
        await kit.acked(number)


@frames.must("2.4b", "a frame in writes of one byte")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    await in_pieces(kit, *(bytes([byte]) for byte in frame(command.SerializeToString())), pause=0.002)
    await kit.acked(number)


@frames.must("2.4c", "a pause inside a length of two bytes, and inside the body")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    data = frame(padded(command, 300))
    await in_pieces(kit, data[:1], data[1:2], data[2:150], data[150:])
    await kit.acked(number)


@frames.must("2.4d", "the end of one frame and the beginning of the next in one write")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.probe(), kit.probe()
    data = frame(one.SerializeToString()) + frame(other.SerializeToString())
    await in_pieces(kit, data[:10], data[10:-10], data[-10:])
    await kit.acked(first)
    await kit.acked(second)


@frames.must("2.5a", "frames of no bytes before, between and behind others")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.probe(), kit.probe()
    await in_one_write(kit, b"", one.SerializeToString(), b"", b"", other.SerializeToString(), b"")
    await kit.acked(first)
    await kit.acked(second)


@frames.must("2.6a", "a body of 256 KiB")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    await in_one_write(kit, padded(command, _KIB_256))
    await kit.acked(number)


@frames.must("2.6b", "a length of 2 GiB: closed, and nothing else")
async def _(kit: Kit) -> None:
    await closes(kit, b"\xff\xff\xff\xff\x07")


@frames.must("2.7a", "a length without an end: closed, and nothing else")
async def _(kit: Kit) -> None:
    await closes(kit, b"\x80" * 6)


@frames.must("2.7b", "a body that is no message: closed, and nothing else")
async def _(kit: Kit) -> None:
    await closes(kit, frame(b"\xff" * 8))


@frames.must("2.7c", "a UALoadRequest without its shipId: closed, and nothing else")
async def _(kit: Kit) -> None:
    lacking = ups.UACommand(loadRequests=[ups.UALoadRequest(seqNum=kit.ups.number(), truckId=1)])
    await closes(kit, frame(lacking.SerializePartialToString()))


@frames.must("2.7d", "bad bytes on a connection that announced nothing disturb no other")
async def _(kit: Kit) -> None:
    live = await kit.connected()
    stranger = await kit.line()
    kit.ups.send_bytes(b"\xff\xff\xff\xff\x07", stranger)
    await kit.ended(stranger)
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    if live.ended:
        raise CaseFailed("the live connection to stay", "it was closed as well")


@frames.must("2.8a", "what came in whole frames before bad bytes counts")
async def _(kit: Kit) -> None:
    job = await kit.job(load=False)
    truck = await kit.truck_there(job)
    line = await kit.connected()
    number = kit.ups.number()
    load = ups.UACommand(loadRequests=[ups.UALoadRequest(seqNum=number, truckId=truck, shipId=job.ship)])
    kit.ups.send_bytes(frame(load.SerializeToString()) + b"\xff\xff\xff\xff\x07")
    await kit.ended(line)
    await kit.connected()
    await kit.goes(job)
    await kit.delivered(job)


@frames.must("2.9a", "the end of the stream inside a frame, between two fields: the part counts for nothing")
async def _(kit: Kit) -> None:
    (first, one), (second, other) = kit.probe(), kit.probe()
    part, rest = one.SerializeToString(), other.SerializeToString()
    line = await kit.connected()
    kit.ups.send_bytes(varint(len(part) + len(rest)) + part)
    await asyncio.sleep(kit.patience.tick)
    kit.ups.hang_up(line)
    await kit.connected()
    await kit.never(lambda: kit.ups.acks[first] or kit.ups.acks[second], "ack of what was in half a frame")


@frames.must("2.11a", "two thousand elements from a partner that does not read meanwhile")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    made = [kit.probe() for _ in range(_MANY)]
    line.reading.clear()
    try:
        for at in range(0, _MANY, 100):
            await in_one_write(kit, *(command.SerializeToString() for _, command in made[at : at + 100]))
            await asyncio.sleep(0)
        await asyncio.sleep(2 * kit.patience.tick)
    finally:
        line.reading.set()
    numbers = {number for number, _ in made}
    await kit.until(
        lambda: all(kit.ups.acks.get(number) for number in numbers),
        kit.patience.ack + kit.patience.resend,
        f"acks of all {_MANY:,}",
    )


@frames.must("2.12a", "unknown fields in UACommand and in an element")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    inside = command.error[0].SerializeToString() + _UNKNOWN_NUMBER + varint(7) + _UNKNOWN_TEXT + varint(3) + b"new"
    body = varint(4 << 3 | 2) + varint(len(inside)) + inside + _UNKNOWN_TEXT + varint(5) + b"later"
    await in_one_write(kit, body)
    await kit.acked(number)


@frames.must("2.12b", "unknown fields in UAstart")
async def _(kit: Kit) -> None:
    line, number = await kit.line(), kit.ups.number()
    kit.ups.note_number(number)
    body = ups.UAstart(worldid=kit.world.id, seqnum=number).SerializeToString() + _UNKNOWN_NUMBER + varint(7)
    line.features = ()
    kit.ups.send_bytes(frame(body), line)
    await kit.acked(number)


@frames.must("2.12c", "packed, unpacked and mixed acks: what was acked comes no more")
async def _(kit: Kit) -> None:
    with kit.holding("AUPickupRequest"):
        jobs = [await kit.job(bring=False, fresh=True) for _ in range(_ACKS)]
    first, second, third = (varint(job.asked[0]) for job in jobs)
    packed = varint(3 << 3 | 2) + varint(len(first + second)) + first + second
    await in_one_write(kit, packed + varint(3 << 3 | VARINT) + third)
    await asyncio.sleep(2 * kit.patience.tick + 0.5)
    since = len(kit.ups.elements)
    numbers = {job.asked[0] for job in jobs}
    await kit.never(
        lambda: any(one.number in numbers for one in kit.ups.elements[since:]),
        "copy of a request that was acked",
        kit.patience.quiet + 2.0,
    )


@frames.should("2.12d", "sends its acks unpacked")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    for line in kit.ups.lines:
        for body in line.bodies:
            if any(one.number == 3 and one.kind != VARINT for one in fields(body)):
                raise CaseFailed("acks unpacked, as proto2 has them", "they came packed")


@frames.must("2.13a", "numbers that are zero, negative and extreme")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    numbers = (0, -1, 2**63 - 1, -(2**63))
    for number in numbers:
        if not kit.ups.used(number):
            kit.ups.note_number(number)
            error = ups.Err(err="conformance", originSeqNum=-(2**62), seqNum=number)
            kit.ups.send(ups.UACommand(error=[error]), line)
            await kit.acked(number)


@frames.must("2.13b", "ids beyond 32 bits, and a truck of a negative number")
async def _(kit: Kit) -> None:
    number = kit.ups.number()
    load = ups.UALoadRequest(seqNum=number, truckId=-(2**31), shipId=-(2**63))
    kit.ups.send(ups.UACommand(loadRequests=[load]))
    await kit.acked(number)


@frames.must("2.14a", "text that is not UTF-8")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    body = command.SerializeToString().replace(b"conformance", b"\xff\xfe conform\xc3")
    await in_one_write(kit, body)
    await kit.acked(number)


@frames.should("2.3b", "its lengths take as few bytes as they can", whole_run=True)
async def _(kit: Kit) -> None:
    odd = sum(line.incoming.odd for line in kit.ups.lines)
    if odd:
        raise CaseFailed("lengths in as few bytes as they can", f"{odd} took more")


@frames.should("2.6c", "sends no body above 256 KiB", whole_run=True)
async def _(kit: Kit) -> None:
    longest = max((len(body) for line in kit.ups.lines for body in line.bodies), default=0)
    if longest > _KIB_256:
        raise CaseFailed("bodies of up to 256 KiB", f"one had {longest:,} bytes")


@frames.should("2.14b", "its varints take as few bytes as they can", whole_run=True)
async def _(kit: Kit) -> None:
    for line in kit.ups.lines:
        for body in line.bodies:
            long = [one for one in every_field(body, ups.AUCommand.DESCRIPTOR) if not one.short]
            if long:
                raise CaseFailed("varints in as few bytes as they can", f"field {long[0].number} took more")


@frames.must("2.10a", "its frames are whole: each connection could be read to its end", whole_run=True)
async def _(kit: Kit) -> None:
    bad = [f"connection {line.number}: {line.bad}" for line in kit.ups.lines if line.bad]
    if bad:
        raise CaseFailed("frames and nothing between them", "; ".join(bad))


@frames.must("3.1a", "it says AUCommands and nothing else", whole_run=True)
async def _(kit: Kit) -> None:
    known = {one.number for one in ups.AUCommand.DESCRIPTOR.fields}
    for line in kit.ups.lines:
        for body in line.bodies:
            strange = [one.number for one in fields(body) if one.number not in known]
            if strange:
                raise CaseFailed("the fields of AUCommand alone", f"field {strange[0]} on connection {line.number}")
