"""The stand-in UPS with places at which it can be broken.

Rules: without a fault it is the stand-in; a fault changes one of these places, or a method of the model, and nothing
else. The model's inner parts are touched here on purpose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.dialler import Dialler
from sim.links import Link
from sim.ups.model import UpsModel
from wire.framing import encode_frame
from wire.link import Connection

# What is made of one body that came: bodies, or None for "this is nothing, close".
Hear = Callable[[bytes], Sequence[bytes] | None]


class FaultyDialler(Dialler):
    """The shell of the stand-in; the framer and the writer of the link to the shop can be others."""

    make_framer: Callable[[], Any] | None = None

    def __init__(self, model: UpsModel, addresses: dict[Link, tuple[str, int]]) -> None:
        super().__init__(model, addresses)
        self.shop_address = addresses[Link.SHOP]
        self.say: Callable[[bytes], Sequence[bytes]] = lambda body: [encode_frame(body)]
        self.on_open: Callable[[Connection], None] = lambda _: None

    async def _serve(self, link: Link, connection: Connection) -> None:
        if link is Link.SHOP:
            if self.make_framer is not None:
                connection._framer = self.make_framer()
            self.on_open(connection)
        await super()._serve(link, connection)

    async def _read(self, link: Link, connection: Connection) -> bool:
        bad = await super()._read(link, connection)
        rest = getattr(connection._framer, "rest", b"")
        if rest and link is Link.SHOP:
            self._model.received(link, rest, self._loop.time())
        return bad

    def _send(self, connection: Connection, body: bytes) -> None:
        if connection is self._live.get(Link.SHOP):
            for data in self.say(body):
                connection.send_bytes(data)
        else:
            super()._send(connection, body)


@dataclass
class Victim:
    """One UPS that is to be broken before it starts."""

    model: UpsModel
    dialler: FaultyDialler
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def shop(self) -> Any:
        """The model's side of the link to the shop."""
        return self.model._shop

    @property
    def world(self) -> Any:
        """The model's side of the link to the world."""
        return self.model._world

    @property
    def fleet(self) -> Any:
        """Trucks and jobs."""
        return self.model.fleet

    @property
    def now(self) -> float:
        """The model's time."""
        return self.model._now

    def later(self, seconds: float, do: Callable[[float], None]) -> None:
        """Does something after a while."""
        self.model._agenda.later(self.now + seconds, do)

    def hear(self, change: Hear) -> None:
        """Changes what comes from the shop, body by body."""
        receive = self.shop.receive

        def heard(body: bytes, now: float) -> bool:
            bodies = change(body)
            return bodies is not None and all(receive(one, now) for one in bodies)

        self.shop.receive = heard

    def replace(self, part: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Puts another method in the place of one: `make` is given the one that was there."""
        setattr(part, name, make(getattr(part, name)))


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake: what it is, in the words of who looks for it, the cases that name it, and how it is planted."""

    name: str
    what: str
    named_by: tuple[str, ...]
    plant: Callable[[Victim], None]


class Faults:
    """The faults of one file, in order."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def plant(self, name: str, what: str, *named_by: str) -> Callable[[Callable[[Victim], None]], None]:
        """Declares a fault that these cases name."""

        def declare(plant: Callable[[Victim], None]) -> None:
            self.faults.append(Fault(name, what, named_by, plant))

        return declare
