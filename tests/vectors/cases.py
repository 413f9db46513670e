"""Vectors of streams and bodies: cuts at each byte, frames and reads, lengths, tags, varints, acks, hostile bytes."""

from collections.abc import Iterator

from tests.vectors.encoding import (
    END_GROUP,
    FIXED32,
    FIXED64,
    LENGTH,
    START_GROUP,
    VARINT,
    canonical,
    chunk,
    frame,
    full,
    parts,
    tag,
    varint,
)
from tests.vectors.vector import (
    BAD_LENGTH,
    BAD_MESSAGE,
    CAP,
    CUT,
    FROM_UPS,
    MESSAGES,
    MISSING_FIELD,
    OK,
    TOO_LARGE,
    Vector,
)

ACKS = {"AUCommand": 3, "UACommand": 3, "ACommands": 7, "AResponses": 6, "UCommands": 6, "UResponses": 4}
START = {"worldid": 7, "seqnum": 300}
SAID = {"delivered": [{"seqNum": 5, "shipId": 1_800_000_000 << 20}], "acks": [1, -1]}
# A field that no message has, with a tag of one byte.
UNKNOWN = 9
SIZES = (0, 1, 2, 126, 127, 128, 129, 16_383, 16_384, 16_385, 65_536, 262_144)


def of(name: str, value: dict[str, object]) -> bytes:
    return canonical(MESSAGES[name], value)


def sized(size: int) -> bytes:
    """A UACommand of exactly this size, with unknown fields alone; not 1."""
    if size in (0, 2):
        return (tag(UNKNOWN, VARINT) + b"\1")[:size]
    pad = next(n for n in range(size, -1, -1) if len(chunk(UNKNOWN, bytes(n))) <= size)
    body = chunk(UNKNOWN, b"x" * pad)
    return body if len(body) == size else (tag(UNKNOWN, VARINT) + b"\1") + sized(size - 2)


# Streams.


def streams() -> Iterator[Vector]:
    yield Vector("nothing", "2.9", FROM_UPS, (), OK, ())
    yield from cuts()
    yield from sizes()
    yield from lengths()
    yield from reads()
    yield from what_ups_says()


def cuts() -> Iterator[Vector]:
    """One frame of each kind of stream, ended after each of its bytes; and behind a whole frame."""
    for name in ("UAstart", "UACommand", "AUCommand", "AConnected", "ACommands", "AResponses"):
        stream = frame(of(name, full(MESSAGES[name])))
        for cut in range(1, len(stream)):
            yield Vector(f"{name}/cut-{cut:03}", "2.9", name, (stream[:cut],), CUT, ())
    body = of("UACommand", SAID)
    for cut in range(1, len(frame(body))):
        stream = frame(body) + frame(body)[:cut]
        yield Vector(f"UACommand/second-cut-{cut:03}", "2.9", "UACommand", (stream,), CUT, (("UACommand", body),))
    long = frame(sized(300))
    for cut in (1, 2, 3, 299):
        yield Vector(f"UACommand/long-cut-{cut:03}", "2.9", "UACommand", (long[:cut],), CUT, ())


def sizes() -> Iterator[Vector]:
    nothing = (("UACommand", b""),)
    for size in SIZES:
        if size != 1:
            yield Vector(f"size/{size}", "2.6", "UACommand", (frame(sized(size)),), OK, nothing)
            twice = frame(sized(size)) * 2
            yield Vector(f"size/{size}-twice", "2.4", "UACommand", (twice,), OK, nothing * 2)
    for byte in (0x00, 0x08, 0x0A, 0x7F, 0x80, 0xFF):
        yield Vector(f"size/1-{byte:02x}", "2.7", "UACommand", (bytes([1, byte]),), BAD_MESSAGE, ())
    yield Vector("size/cap", "2.6", "UACommand", (frame(sized(CAP)),), OK, nothing)
    yield Vector("size/above-cap", "2.6", "UACommand", (frame(sized(CAP + 1)),), TOO_LARGE, ())
    yield Vector("size/above-cap-second", "2.8", "UACommand", (frame(b"") + varint(CAP + 1),), TOO_LARGE, nothing)


def lengths() -> Iterator[Vector]:
    body = of("UACommand", SAID)
    said = (("UACommand", body),)
    for size in range(1, 6):
        yield Vector(f"length/of-{size}-bytes", "2.3", "UACommand", (frame(body, size),), OK, said)
        yield Vector(f"length/zero-of-{size}-bytes", "2.3", "UACommand", (varint(0, size),), OK, (("UACommand", b""),))
    for size in range(6, 12):
        stream = varint(len(body), size) + body
        yield Vector(f"length/of-{size}-bytes", "2.3", "UACommand", (stream,), BAD_LENGTH, ())
    for count in (5, 6, 10, 11, 1000):
        for byte in (0x80, 0xFF):
            stream = frame(body) + bytes([byte]) * count
            yield Vector(f"length/endless-{byte:02x}-{count}", "2.3", "UACommand", (stream,), BAD_LENGTH, said)
        slow = (b"\xff",) * min(count, 30)
        yield Vector(f"length/endless-slow-{count}", "2.3", "UACommand", slow, BAD_LENGTH, ())
    for count in range(1, 5):
        yield Vector(f"length/ends-inside-{count}", "2.9", "UACommand", (b"\x80" * count,), CUT, ())
    announced = (2**22 + 1, 2**28 - 1, 2**28, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**35 - 1)
    for length in announced:
        yield Vector(f"length/announced-{length}", "2.6", "UACommand", (varint(length),), TOO_LARGE, ())
        with_body = (frame(body) + varint(length) + body,)
        yield Vector(f"length/announced-{length}-after-one", "2.8", "UACommand", with_body, TOO_LARGE, said)


def reads() -> Iterator[Vector]:
    """The same bytes, cut into reads in every way that matters: the frames stay the same."""
    bodies = [of("UACommand", SAID), b"", sized(200), of("UACommand", {"acks": [7]})]
    told = tuple(("UACommand", form) for form in (bodies[0], b"", b"", bodies[3]))
    stream = b"".join(frame(body) for body in bodies)
    yield Vector("reads/all-in-one", "2.4", "UACommand", (stream,), OK, told)
    yield Vector("reads/one-each", "2.4", "UACommand", tuple(frame(body) for body in bodies), OK, told)
    yield Vector("reads/byte-by-byte", "2.4", "UACommand", tuple(bytes([byte]) for byte in stream), OK, told)
    lengths_apart = tuple(piece for body in bodies for piece in (varint(len(body)), body) if piece)
    yield Vector("reads/lengths-apart", "2.4", "UACommand", lengths_apart, OK, told)
    for size in (2, 3, 7, 64):
        pieces = tuple(stream[at : at + size] for at in range(0, len(stream), size))
        yield Vector(f"reads/of-{size}", "2.4", "UACommand", pieces, OK, told)
    short = frame(bodies[0]) + frame(bodies[3])
    for at in range(1, len(short)):
        halves = (short[:at], short[at:])
        yield Vector(f"reads/split-{at:02}", "2.4", "UACommand", halves, OK, (told[0], told[3]))
    many = frame(bodies[3]) * 100
    yield Vector("reads/hundred-in-one", "2.4", "UACommand", (many,), OK, (told[3],) * 100)


def what_ups_says() -> Iterator[Vector]:
    """A stream from UPS: UAstart and UACommand are told apart by content."""
    start, said = of("UAstart", START), of("UACommand", SAID)
    s, c = ("UAstart", start), ("UACommand", said)
    yield Vector("ups/start", "3.2", FROM_UPS, (frame(start),), OK, (s,))
    yield Vector("ups/start-and-more", "4.5", FROM_UPS, (frame(start) + frame(said),), OK, (s, c))
    yield Vector("ups/start-again", "4.6", FROM_UPS, (frame(start) + frame(said) + frame(start),), OK, (s, c, s))
    yield Vector("ups/empty-command", "2.5", FROM_UPS, (frame(start) + b"\0",), OK, (s, ("UACommand", b"")))
    featured = of("UAstart", {**START, "features": ["redirect", "cancel", "no feature"]})
    yield Vector("ups/start-with-features", "11.1", FROM_UPS, (frame(featured),), OK, (("UAstart", featured),))
    extended = of("UACommand", {**SAID, "deliveryStarted": [{"seqNum": 9, "shipId": 5, "truckId": 3}]})
    told = ("UACommand", extended)
    yield Vector("ups/command-of-the-extension", "11.2", FROM_UPS, (frame(start) + frame(extended),), OK, (s, told))
    for missing in START:
        half = of("UAstart", {key: value for key, value in START.items() if key != missing})
        # Not a complete UAstart: so it is a UACommand, whose field it is not, and says nothing.
        yield Vector(f"ups/start-without-{missing}", "3.2", FROM_UPS, (frame(half),), OK, (("UACommand", b""),))
    text = b"GET / HTTP/1.1\r\n\r\n"
    yield Vector("ups/http", "2.7", FROM_UPS, (text,), CUT, ())
    yield Vector("ups/text-in-a-frame", "2.7", FROM_UPS, (frame(text),), BAD_MESSAGE, ())
    spoilt = frame(start) + frame(said) + b"\2\xff\xff" + frame(said)
    yield Vector("ups/bad-after-good", "2.8", FROM_UPS, (spoilt,), BAD_MESSAGE, (s, c))
    load = chunk(1, of("UALoadRequest", {"truckId": 3, "shipId": 4}))
    yield Vector("ups/element-without-number", "2.7", FROM_UPS, (frame(start) + frame(load),), MISSING_FIELD, (s,))


# Bodies.


def bodies() -> Iterator[Vector]:
    yield from cut_bodies()
    yield from acks()
    yield from varints()
    yield from tags()


def cut_bodies() -> Iterator[Vector]:
    """A body that ends too early, with a length that is true: right only between two fields."""
    for name in ("UAstart", "UACommand", "AUCommand", "AConnected", "AResponses"):
        message = MESSAGES[name]
        needed = {field.number for field in message.fields if field.is_required}
        body, ends, least_size = b"", {0: b""}, 0
        for part in parts(message, full(message)):
            body += part
            ends[len(body)] = body
            if part[0] >> 3 in needed:
                least_size = len(body)
        for cut in range(len(body)):
            here = f"{name}/body-cut-{cut:03}"
            if cut not in ends:
                yield Vector(here, "2.7", name, (frame(body[:cut]),), BAD_MESSAGE, ())
            elif cut < least_size:
                yield Vector(here, "2.7", name, (frame(body[:cut]),), MISSING_FIELD, ())
            else:
                yield Vector(here, "2.7", name, (frame(body[:cut]),), OK, ((name, ends[cut]),))


def acks() -> Iterator[Vector]:
    numbers = [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**63 - 1, -1, -(2**63)]
    for name, number in ACKS.items():
        plain = of(name, {"acks": numbers})
        packed = chunk(number, b"".join(varint(one) for one in numbers))
        half = chunk(number, b"".join(varint(one) for one in numbers[:5])) + of(name, {"acks": numbers[5:]})
        forms = {
            "unpacked": plain,
            "packed": packed,
            "mixed": half,
            "two-packs": chunk(number, varint(0)) + chunk(number, b"".join(varint(one) for one in numbers[1:])),
            "and-an-empty-pack": chunk(number, b"") + packed + chunk(number, b""),
        }
        for what, body in forms.items():
            yield Vector(f"{name}.acks/{what}", "2.12", name, (frame(body),), OK, ((name, plain),))
        many = of(name, {"acks": list(range(1000))})
        pack = chunk(number, b"".join(varint(one) for one in range(1000)))
        yield Vector(f"{name}.acks/thousand-packed", "2.12", name, (frame(pack),), OK, ((name, many),))
        for what, data in (("cut", b"\x01\x80"), ("endless", b"\xff" * 11)):
            body = chunk(number, data)
            yield Vector(f"{name}.acks/packed-{what}", "2.7", name, (frame(body),), BAD_MESSAGE, ())


def varints() -> Iterator[Vector]:
    def start(world: bytes) -> bytes:
        return tag(1, VARINT) + world + tag(2, VARINT) + b"\x05"

    form = of("UAstart", {"worldid": 1, "seqnum": 5})
    for size in range(2, 10):
        body = start(varint(1, size))
        yield Vector(f"varint/one-of-{size}-bytes", "2.14", "UAstart", (frame(body),), OK, (("UAstart", form),))
    for size in (11, 12, 100):
        body = start(varint(1, size))
        yield Vector(f"varint/one-of-{size}-bytes", "2.14", "UAstart", (frame(body),), BAD_MESSAGE, ())
    for count in range(1, 14):
        body = tag(1, VARINT) + b"\xff" * count
        yield Vector(f"varint/endless-{count}", "2.7", "UAstart", (frame(body),), BAD_MESSAGE, ())
    # What is beyond the 64th bit is dropped.
    for byte in (0x01, 0x7F):
        body = start(b"\xff" * 9 + bytes([byte]))
        form = of("UAstart", {"worldid": -1, "seqnum": 5})
        yield Vector(f"varint/tenth-byte-{byte:02x}", "2.14", "UAstart", (frame(body),), OK, (("UAstart", form),))
    # An int32 keeps the lower 32 bits of what came.
    for number in (2**32, 2**32 + 7, 2**31, -(2**31) - 1):
        kept = (number + 2**31) % 2**32 - 2**31
        body = tag(1, VARINT) + b"\1" + tag(2, VARINT) + varint(number) + tag(3, VARINT) + b"\2"
        told = of("UALoadRequest", {"seqNum": 1, "truckId": kept, "shipId": 2})
        here = f"varint/int32-from-{number}"
        yield Vector(here, "2.13", "UALoadRequest", (frame(body),), OK, (("UALoadRequest", told),))
    for number in (2, 127, 128, 2**63, -1):
        body = tag(4, VARINT) + varint(number)
        told = of("AResponses", {"finished": 1})
        yield Vector(f"varint/bool-from-{number}", "2.13", "AResponses", (frame(body),), OK, (("AResponses", told),))


def tags() -> Iterator[Vector]:
    def bad(what: str, body: bytes) -> Vector:
        return Vector(f"tag/{what}", "2.7", "UACommand", (frame(body),), BAD_MESSAGE, ())

    def fine(what: str, body: bytes) -> Vector:
        return Vector(f"tag/{what}", "2.12", "UACommand", (frame(body),), OK, (("UACommand", b""),))

    for wire_type in range(8):
        yield bad(f"field-0-type-{wire_type}", bytes([wire_type]) + bytes(9))
    for number in (1, 3, UNKNOWN, 99):
        for wire_type in (6, 7):
            yield bad(f"field-{number}-type-{wire_type}", tag(number, wire_type) + bytes(9))
    for number in (5, UNKNOWN, 16, 2047, 2048, 262_144, 536_870_911):
        yield fine(f"unknown-{number}", tag(number, VARINT) + b"\1")
    for size in range(8):
        yield bad(f"fixed64-of-{size}", tag(UNKNOWN, FIXED64) + bytes(size))
    for size in range(4):
        yield bad(f"fixed32-of-{size}", tag(UNKNOWN, FIXED32) + bytes(size))
    for size in range(1, 5):
        yield bad(f"cut-after-{size}", (b"\xf8\xff\xff\xff\x0f")[:size])
    yield fine("group", tag(UNKNOWN, START_GROUP) + tag(1, VARINT) + b"\1" + tag(UNKNOWN, END_GROUP))
    yield fine("group-empty", tag(UNKNOWN, START_GROUP) + tag(UNKNOWN, END_GROUP))
    yield fine(
        "group-in-group", tag(UNKNOWN, START_GROUP) + tag(3, START_GROUP) + tag(3, END_GROUP) + tag(UNKNOWN, END_GROUP)
    )
    yield bad("group-without-end", tag(UNKNOWN, START_GROUP) + tag(1, VARINT) + b"\1")
    yield bad("group-with-another-end", tag(UNKNOWN, START_GROUP) + tag(14, END_GROUP))
    yield bad("group-end-alone", tag(UNKNOWN, END_GROUP))
    yield bad("groups-too-deep", tag(UNKNOWN, START_GROUP) * 10_000)
    for length in (1, 127, 128, 2**31 - 1):
        yield bad(f"length-{length}-beyond-the-end", tag(UNKNOWN, LENGTH) + varint(length))
        yield bad(f"known-length-{length}-beyond-the-end", tag(1, LENGTH) + varint(length))
    for length in (2**31, 2**32 - 1, -1):
        yield bad(f"length-{length}", tag(UNKNOWN, LENGTH) + varint(length))
    for size in (2, 3, 4, 5):
        yield fine(f"length-of-{size}-bytes", tag(UNKNOWN, LENGTH) + varint(1, size) + b"x")


# Bytes that the contract forbids, and that Python's and Java's parsers take in different ways.


def unspecified() -> Iterator[Vector]:
    """The verdict is Python's; Java's stands beside it."""
    # Java takes the tenth byte of a varint in the middle of a message for 1, whatever it is.
    for what, number in (("one-of-10-bytes", varint(1, 10)), ("tenth-byte-02", b"\xff" * 9 + b"\2")):
        body = tag(1, VARINT) + number + tag(2, VARINT) + b"\5"
        kept = 1 if number[0] == 0x81 else 2**63 - 1
        python, java = (("UAstart", of("UAstart", {"worldid": one, "seqnum": 5})) for one in (kept, kept - 2**63))
        yield Vector(f"varint/{what}", "2.14", "UAstart", (frame(body),), OK, (python,), (OK, (java,)))
    for length in (2**32, 2**63):
        body = tag(UNKNOWN, LENGTH) + varint(length)
        nothing = (OK, (("UACommand", b""),))
        yield Vector(f"tag/length-{length}", "2.14", "UACommand", (frame(body),), BAD_MESSAGE, (), nothing)
