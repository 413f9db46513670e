"""Java reads our frames and we read Java's: parseDelimitedFrom and writeDelimitedTo against the framer, both ways."""

import random
import subprocess
from collections.abc import Callable, Iterator

import pytest

from partners.ups import ups_pb2
from tests.java import building
from wire.framing import Framer, encode_frames

FRAMES = 10_000
# A length takes one more byte from 2^7, 2^14 and 2^21 on.
EDGES = [edge + offset for edge in (1 << 7, 1 << 14, 1 << 21) for offset in (-2, -1, 0, 1, 2)]
SMALLEST = 12

Speak = Callable[..., bytes]


@pytest.fixture(scope="session")
def java() -> Speak:
    """Runs the Java peer with these arguments and this input; what it wrote."""

    def speak(*arguments: str, input: bytes = b"") -> bytes:
        command = building.command("Peer", *arguments)
        return subprocess.run(command, input=input, capture_output=True, check=True, timeout=100).stdout

    return speak


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    """`data`, cut anywhere."""
    rng, position = random.Random(seed), 0
    while position < len(data):
        size = rng.choice((1, 2, 3, 100, 1 << 10, 1 << 16))
        yield data[position : position + size]
        position += size


def framed(data: bytes, seed: int) -> list[bytes]:
    framer = Framer(max_frame=4 << 20)
    frames = [frame for piece in pieces(data, seed) for frame in framer.receive(piece)]
    framer.end()
    return frames


def command_of(size: int, number: int) -> ups_pb2.AUCommand:
    """A command that takes exactly `size` bytes."""
    command = ups_pb2.AUCommand()
    # Each ack of a number below 128 takes two bytes; text fills the rest.
    request = command.error.add(err="", originSeqNum=number % 128, seqNum=1)
    for _ in range(4):
        request.err += "x" * max(0, size - command.ByteSize())
        request.err = request.err[: len(request.err) - max(0, command.ByteSize() - size)]
    if command.ByteSize() != size:
        # A length prefix inside grew by a byte: shorten the text by one more and make up for it with an ack of two.
        request.err = request.err[: len(request.err) - (2 - (size - command.ByteSize()))]
        command.acks.append(number % 128)
    assert command.ByteSize() == size
    return command


def test_java_reads_our_frames_and_we_read_them_again(java: Speak) -> None:
    sizes = [SMALLEST + number % 300 for number in range(FRAMES - len(EDGES))] + EDGES
    random.Random(1).shuffle(sizes)
    bodies = [command_of(size, number).SerializeToString() for number, size in enumerate(sizes)]
    assert framed(java("echo", input=encode_frames(bodies)), seed=2) == bodies


def test_an_empty_message_is_a_frame_in_java_too(java: Speak) -> None:
    bodies = [b"", command_of(20, 0).SerializeToString(), b""]
    assert framed(java("echo", input=encode_frames(bodies)), seed=3) == bodies


def test_every_field_arrives_as_java_reads_it(java: Speak) -> None:
    command = ups_pb2.AUCommand(acks=[0, 1, -1, 2**63 - 1, -(2**63)])
    command.pickupRequests.add(
        seqNum=2**62,
        shipId=2**50,
        warehouseId=-(2**31),
        x=-1,
        y=2**31 - 1,
        destinationX=0,
        destinationY=-7,
        upsName="zoë",
        items="3 teas, 1 café",
    )
    command.pickupRequests.add(
        seqNum=1, shipId=2, warehouseId=3, x=4, y=5, destinationX=6, destinationY=7, items="without an account"
    )
    command.deliverRequests.add(seqNum=3, shipId=4)
    command.error.add(err="nö", originSeqNum=5, seqNum=6)
    (body,) = framed(java("echo", input=encode_frames([command.SerializeToString()])), seed=4)
    assert ups_pb2.AUCommand.FromString(body) == command
    assert not ups_pb2.AUCommand.FromString(body).pickupRequests[1].HasField("upsName")


def test_we_read_what_java_tells(java: Speak) -> None:
    first, *rest = framed(java("tell", str(FRAMES)), seed=5)
    assert ups_pb2.UAstart.FromString(first) == ups_pb2.UAstart(worldid=2**63 - 1, seqnum=1)
    assert len(rest) == FRAMES
    for number, body in enumerate(rest):
        said = ups_pb2.UACommand(acks=[number, -(2**63)])
        said.loadRequests.add(seqNum=number, truckId=-number, shipId=number << 40)
        said.delivered.add(seqNum=number + 1, shipId=-number)
        said.error.add(err="é" * (number % 200), originSeqNum=number, seqNum=number + 2)
        assert ups_pb2.UACommand.FromString(body) == said
        # A UACommand can never be taken for the UAstart that may come again.
        assert not ups_pb2.UAstart.FromString(body).IsInitialized()
