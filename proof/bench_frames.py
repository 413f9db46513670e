"""Frames per second: wire.framing against protobuf's own helper, on the same small messages in 64 KiB reads."""

import io
import time
from collections.abc import Callable, Iterator

from google.protobuf import proto

from partners.ups import ups_pb2
from proof.figures import Figure
from wire.framing import Framer, encode_frames

FRAMES = 100_000
READ_BYTES = 64 * 1024
ROUNDS = 5


def measure() -> Iterator[Figure]:
    """Decoding alone, and with the parse that the helper cannot leave out; the best of interleaved rounds."""
    stream = encode_frames(
        ups_pb2.UACommand(
            delivered=[ups_pb2.UADelivered(seqNum=number, shipId=number << 20)], acks=[number]
        ).SerializeToString()
        for number in range(FRAMES)
    )
    takes: dict[Callable[[bytes], int], float] = {_helper: 0.0, _framer: 0.0, _framer_and_parse: 0.0}
    for _ in range(ROUNDS):
        for decode in takes:
            began = time.perf_counter()
            count = decode(stream)
            rate = count / (time.perf_counter() - began)
            assert count == FRAMES
            takes[decode] = max(takes[decode], rate)
    size = len(stream) / FRAMES
    for decode, what in ((_framer, "framer"), (_framer_and_parse, "framer and parse")):
        yield Figure(
            f"{what}, frames of {size:.0f} bytes",
            takes[decode],
            "frames/s",
            "protobuf's parse_length_prefixed",
            takes[_helper],
            at_least=1.0,
        )


def _framer(stream: bytes) -> int:
    framer, count = Framer(), 0
    for position in range(0, len(stream), READ_BYTES):
        count += len(framer.receive(stream[position : position + READ_BYTES]))
    framer.end()
    return count


def _framer_and_parse(stream: bytes) -> int:
    framer, count = Framer(), 0
    parse = ups_pb2.UACommand.FromString
    for position in range(0, len(stream), READ_BYTES):
        for body in framer.receive(stream[position : position + READ_BYTES]):
            parse(body)
            count += 1
    framer.end()
    return count


def _helper(stream: bytes) -> int:
    source, count = io.BytesIO(stream), 0
    while proto.parse_length_prefixed(ups_pb2.UACommand, source) is not None:
        count += 1
    return count
