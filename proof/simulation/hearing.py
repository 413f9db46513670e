"""What a partner has said on one connection, and whether all that is acknowledged there is committed.

Rules: a number says nothing by itself, since a partner that begins anew counts from 1 again: what was said under it on
this very connection must be in the inbox, with its content; of a package's status, whose repetition may say something
else, its subject. An announcement must be the one that is written down, or have been since it came, or be followed by
one that is. A number that was not said here must not be acknowledged here.
"""

from dataclasses import dataclass, field

from proof.simulation import wording
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from ups_bridge import codec as ups_codec
from wire.errors import BadMessage
from world_bridge import codec as world_codec

# Link, number, kind, content.
Told = tuple[str, int, str, bytes]
# World and features.
Announced = tuple[int, str]


def told(link: str, event: pb.PeerEvent) -> Told:
    """An event as the inbox knows it again."""
    kind = event.WhichOneof("body") or ""
    about_a_status = kind == "package_status"
    content = str(event.package_status.shipment_id).encode() if about_a_status else event.SerializeToString()
    return link, event.seqnum, kind, content


@dataclass(slots=True)
class Committed:
    """What is committed of all that was said: events, and each announcement with the time from which on it counts."""

    events: set[Told] = field(default_factory=set)
    announced: list[tuple[float, Announced]] = field(default_factory=list)

    def note_announced(self, now: float, announced: Announced) -> None:
        """This is what is written down now."""
        if not self.announced or self.announced[-1][1] != announced:
            self.announced.append((now, announced))

    def was_announced(self, announced: Announced, since: float) -> bool:
        """Whether it was written down at `since`, or at any time after it."""
        ends = [at for at, _ in self.announced[1:]] + [float("inf")]
        return any(one == announced and end >= since for (_, one), end in zip(self.announced, ends, strict=False))


@dataclass(slots=True)
class Hearing:
    """One connection of a bridge."""

    link: str
    _events: dict[int, Told] = field(default_factory=dict)
    _announced: dict[int, tuple[float, Announced]] = field(default_factory=dict)

    def heard(self, body: bytes, now: float) -> None:
        """The partner said this."""
        announcement = ups_codec.decode_announcement(body) if self.link == "ups" else None
        if announcement is not None:
            said = (announcement.world_id, " ".join(announcement.features))
            self._announced[announcement.seqnum] = now, said
            return
        decode = ups_codec.decode_command if self.link == "ups" else world_codec.decode_responses
        try:
            events = decode(body).events
        except BadMessage:
            return
        for event in events:
            # The first one under a number counts; the others are copies of it.
            self._events.setdefault(event.seqnum, told(self.link, event))

    def missing(self, body: bytes, committed: Committed) -> list[int]:
        """The numbers that this body of ours acks and must not."""
        return [number for number in wording.acks_of(self.link, body) if not self._is_committed(number, committed)]

    def _is_committed(self, number: int, committed: Committed) -> bool:
        if number in self._announced:
            # Of several in one report only the last is written down, and stands for those before it.
            since = self._announced[number][0]
            return any(committed.was_announced(one, at) for at, one in self._announced.values() if at >= since)
        return self._events.get(number) in committed.events
