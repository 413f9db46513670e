"""The framer gives the same frames however the bytes are cut, and one kind of error for everything else."""

import io
import itertools
import time
import tracemalloc

import pytest
from google.protobuf import proto
from hypothesis import given
from hypothesis import strategies as st

from partners.world import world_amazon_pb2
from wire.errors import BadFrames, EndInsideFrame, FrameTooLarge, FrameTooLong, Unusable, VarintTooLong
from wire.framing import Framer, encode_frame, encode_frames, encode_length

BODIES = st.lists(st.one_of(st.binary(max_size=5), st.binary(min_size=120, max_size=140), st.binary(max_size=3000)))


def transfer(stream: bytes, cuts: list[int], framer: Framer | None = None) -> list[bytes]:
    """Feed `stream`, cut at `cuts`, and say that it ended."""
    framer = framer or Framer()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames = [frame for a, b in itertools.pairwise(edges) for frame in framer.receive(stream[a:b])]
    framer.end()
    return frames


@given(BODIES, st.lists(st.integers(0, 20_000), max_size=30))
def test_any_split_gives_the_same_frames(bodies: list[bytes], cuts: list[int]) -> None:
    assert transfer(encode_frames(bodies), cuts) == bodies


@given(st.lists(st.one_of(st.binary(max_size=4), st.binary(min_size=126, max_size=130)), max_size=12))
def test_byte_by_byte_gives_the_same_frames(bodies: list[bytes]) -> None:
    stream = encode_frames(bodies)
    assert transfer(stream, list(range(len(stream)))) == bodies


def test_every_single_cut_of_short_and_long_lengths() -> None:
    bodies = [b"", b"x", b"y" * 127, b"z" * 128, b"", b"w" * 16_384, b"last"]
    stream = encode_frames(bodies)
    for cut in range(len(stream) + 1):
        assert transfer(stream, [cut]) == bodies, cut


def test_many_frames_in_one_read_and_an_empty_frame_is_a_frame() -> None:
    assert Framer().receive(b"\x00\x01a\x00\x00\x02bc") == [b"", b"a", b"", b"", b"bc"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_any_bytes_give_frames_or_the_remote_error_and_the_cut_does_not_matter(data: bytes, cuts: list[int]) -> None:
    def outcome(pieces: list[int]) -> tuple[list[bytes], str]:
        framer = Framer(max_frame=200)
        frames: list[bytes] = []
        edges = [0, *sorted(min(cut, len(data)) for cut in pieces), len(data)]
        try:
            for a, b in itertools.pairwise(edges):
                frames += framer.receive(data[a:b])
            framer.end()
        except BadFrames as error:
            return [*frames, *error.frames], type(error).__name__
        return frames, "whole"

    assert outcome([]) == outcome(cuts) == outcome(list(range(len(data))))


def test_two_gibibytes_announced_are_refused_and_nothing_is_kept_for_them() -> None:
    framer = Framer()
    tracemalloc.start()
    with pytest.raises(FrameTooLarge) as caught:
        framer.receive(b"\x01a\xff\xff\xff\xff\x07")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.size == 2**31 - 1
    assert caught.value.frames == (b"a",)
    assert caught.value.head == b"\xff\xff\xff\xff\x07"
    assert peak < 100_000


def test_a_frame_at_the_cap_passes_and_one_byte_more_does_not() -> None:
    assert Framer(max_frame=300).receive(encode_frame(b"x" * 300)) == [b"x" * 300]
    with pytest.raises(FrameTooLarge):
        Framer(max_frame=300).receive(encode_frame(b"x" * 301))
    with pytest.raises(FrameTooLarge):
        Framer(max_frame=5).receive(b"\x06")


def test_an_announced_large_frame_costs_what_came_of_it() -> None:
    framer = Framer(max_frame=1 << 30)
    tracemalloc.start()
    framer.receive(encode_length(1 << 30) + b"abc")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert framer.inside_frame
    assert peak < 100_000


@pytest.mark.parametrize("split", range(7))
def test_a_length_of_six_bytes_is_refused(split: int) -> None:
    data = b"\x80\x80\x80\x80\x80\x01"
    framer = Framer()
    with pytest.raises(VarintTooLong):
        assert framer.receive(data[:split]) + framer.receive(data[split:]) == []


def test_a_length_of_five_bytes_may_be_padded() -> None:
    assert Framer().receive(b"\x82\x80\x80\x80\x00ab") == [b"ab"]


@pytest.mark.parametrize(("data", "missing"), [(b"\x05ab", 3), (b"\x05", 5), (b"\x80", None), (b"\x01a\x80\x80", None)])
def test_the_end_inside_a_frame_is_an_error(data: bytes, missing: int | None) -> None:
    framer = Framer()
    framer.receive(data)
    assert framer.inside_frame
    with pytest.raises(EndInsideFrame) as caught:
        framer.end()
    assert caught.value.missing == missing


def test_the_end_between_frames_is_fine() -> None:
    framer = Framer()
    framer.receive(b"\x01a")
    assert not framer.inside_frame
    framer.end()


def test_what_failed_stays_failed() -> None:
    framer = Framer(max_frame=10)
    with pytest.raises(FrameTooLarge):
        framer.receive(b"\x0b")
    for attempt in (lambda: framer.receive(b"\x01a"), lambda: framer.receive(b""), framer.end):
        with pytest.raises(Unusable) as caught:
            attempt()
        assert caught.value.first is framer.failure


def test_our_own_frame_above_the_cap_is_our_error() -> None:
    with pytest.raises(FrameTooLong):
        encode_frame(b"x" * 11, max_frame=10)
    with pytest.raises(FrameTooLong):
        encode_frames([b"x", b"x" * 11], max_frame=10)


@given(st.integers(0, 2**32 - 1))
def test_lengths_are_protobuf_varints(length: int) -> None:
    out = io.BytesIO()
    if length < 5000:
        message = world_amazon_pb2.AErr(err="x" * length, originseqnum=1, seqnum=2)
        proto.serialize_length_prefixed(message, out)
        assert encode_frame(message.SerializeToString()) == out.getvalue()
    encoded = encode_length(length)
    assert sum((byte & 0x7F) << 7 * at for at, byte in enumerate(encoded)) == length
    assert [byte >= 0x80 for byte in encoded] == [True] * (len(encoded) - 1) + [False]


def test_a_large_frame_that_drips_costs_linear_time() -> None:
    def seconds(size: int) -> float:
        framer = Framer(max_frame=1 << 24)
        framer.receive(encode_length(size))
        chunk = bytes(16)
        started = time.thread_time()
        for _ in range(size // 16):
            framer.receive(chunk)
        return time.thread_time() - started

    small, large = min(seconds(1 << 18) for _ in range(3)), min(seconds(1 << 21) for _ in range(3))
    assert large < small * 8 * 4


def test_small_frames_decode_at_least_as_fast_as_with_protobufs_own_helper() -> None:
    message = world_amazon_pb2.APacked
    bodies = [message(shipid=1000 + n % 100, seqnum=n).SerializeToString() for n in range(40_000)]
    stream = encode_frames(bodies)
    reads = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]

    def ours() -> float:
        started = time.thread_time()
        framer, count = Framer(), 0
        for read in reads:
            for body in framer.receive(read):
                message.FromString(body)
                count += 1
        assert count == len(bodies)
        return time.thread_time() - started

    def theirs() -> float:
        started = time.thread_time()
        source, count = io.BytesIO(stream), 0
        while proto.parse_length_prefixed(message, source) is not None:
            count += 1
        assert count == len(bodies)
        return time.thread_time() - started

    assert min(ours() for _ in range(5)) <= min(theirs() for _ in range(5))
