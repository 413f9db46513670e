"""The decoders that are measured decode the same, and the framer is not slower than protobuf's helper."""

from proof import bench_frames
from proof.figures import Figure


def test_the_framer_is_at_least_as_fast_as_protobufs_helper() -> None:
    figures: list[Figure] = list(bench_frames.measure())
    assert [figure.ratio >= 1.0 for figure in figures] == [True, True], figures
