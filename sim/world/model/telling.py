"""The one place that numbers what the world says: a global serial, shared by both sides of all worlds.

An ack works on the number alone, so either side of any world can ack anything; that is the real program's rule.
"""

from collections.abc import Callable

from sim.world.model.outbox import Element, Outbox, Pending
from sim.world.model.state import Side, World

Listener = Callable[[World, Side], None]


class Telling:
    """Puts elements into outboxes and takes them out by ack. `heard(world, side)` is called when one was put in."""

    def __init__(self, first_seqnum: int, heard: Listener) -> None:
        self._next = first_seqnum
        self._heard = heard
        self._outboxes: dict[int, Outbox] = {}

    def tell(self, world: World, side: Side, field: str, make: Callable[[int, float], Element]) -> None:
        """Put an element into list `field` of the next response; `make(seqnum, now)` is called at each send."""
        seqnum = self._next
        self._next += 1
        outbox = world.sides[side].outbox
        self._outboxes[seqnum] = outbox
        outbox.add(Pending(seqnum, field, lambda now: make(seqnum, now)))
        self._heard(world, side)

    def skip(self) -> None:
        """Use up a number, as a rolled-back transaction of the real program does: clients must not count on none."""
        self._next += 1

    def ack(self, seqnum: int) -> None:
        """Forget the element with this number, whoever it was for; an unknown number does nothing."""
        outbox = self._outboxes.pop(seqnum, None)
        if outbox is not None:
            outbox.forget(seqnum)
