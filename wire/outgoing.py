"""What goes out together, elements and acks, cut into frames.

Rules: all in one frame where it fits; else elements first, as they came, then acks in frames of their own: whoever has
no room for a large frame may have some for a small one, and acks are not lost with elements. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# At most, in a frame, with its tag.
ACK_BYTES = 11


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The contents of one frame: elements in order, and the numbers acked with them."""

    elements: tuple[bytes, ...]
    acks: tuple[int, ...]


def cut(elements: Sequence[bytes], acks: Sequence[int], cap: int) -> Iterator[Outgoing]:
    """Give frames of at most `cap` bytes, or of one element or ack."""
    if not (elements or acks):
        return
    if sum(map(len, elements)) + ACK_BYTES * len(acks) <= cap:
        yield Outgoing(tuple(elements), tuple(acks))
        return
    size, batch = 0, list[bytes]()
    for element in elements:
        if batch and size + len(element) > cap:
            yield Outgoing(tuple(batch), ())
            size, batch = 0, []
        size += len(element)
        batch.append(element)
    if batch:
        yield Outgoing(tuple(batch), ())
    per_frame = max(1, cap // ACK_BYTES)
    for start in range(0, len(acks), per_frame):
        yield Outgoing((), tuple(acks[start : start + per_frame]))
