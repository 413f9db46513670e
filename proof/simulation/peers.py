"""The partners as processes: the stand-in world and the stand-in UPS on simulated connections.

Rules: what `sim.world.shell` and `sim.dialler` do on sockets is done here in virtual time. A world that forgets is a
fresh model, whose ids and numbers begin again; the books of all of them are kept for the checkers.
"""

from collections import Counter
from random import Random

from partners.ups import ups_pb2
from proof.simulation.environment import Environment
from proof.simulation.faults import Kind
from proof.simulation.network import End
from sim.links import Dial, HangUp, Link, Send, SendRaw
from sim.messages import parse
from sim.ups.model import Faults, UpsModel
from sim.ups.model.jobs import JobState
from sim.world.model import Close, Side, WorldModel, texts
from wire.errors import BadFrames, EndInsideFrame
from wire.framing import Framer, encode_frame

# No frame is too large for the real program to wait for.
_MAX_FRAME = 2**31 - 1
_PORTS = {"world:amazon": Side.AMAZON, "world:ups": Side.UPS}
# The faults of UPS that its stand-in has itself, and what they are called there.
_OF_UPS = {
    Kind.UPS_UNLEARNS: "base",
    Kind.UPS_LIES: "announce",
    Kind.UPS_REPEATS: "duplicate",
    Kind.UPS_SILENT: "silent",
    Kind.UPS_GARBAGE: "garbage",
    Kind.UPS_UNWILLING: "unwilling",
    Kind.UPS_UNDECIDED: "undecided",
    Kind.UPS_FULL: "full",
}


class WorldProcess:
    """The world simulator."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.process = env.process("world")
        # Every program that ran, the last one still does.
        self.models: list[WorldModel] = []
        self._ends: dict[int, End] = {}
        self._timer = 0

    @property
    def model(self) -> WorldModel:
        """The program that runs."""
        return self.models[-1]

    def start(self) -> None:
        """A fresh program, which knows nothing."""
        self.process.begin()
        self.models.append(WorldModel(self.env.setup.rules, Random(f"world {self.env.seed} {len(self.models)}")))
        self._ends = {}
        for port, side in _PORTS.items():
            self.env.network.listen(port, self.process, lambda end, side=side: self._accept(side, end))  # type: ignore[misc]

    def done(self) -> Counter[Kind]:
        """How often each of its bad habits changed something, by its own books."""
        done: Counter[Kind] = Counter()
        for book in (model.book for model in self.models):
            done[Kind.WORLD_LOSES] += sum(n for (_, outcome), n in book.elements.items() if outcome == "dropped")
            done[Kind.WORLD_COLLIDES] += sum(book.errors[text.strip()] for text in (texts.E6_ERROR, texts.E7_UPDATE))
            done[Kind.WORLD_LOSES_LOADS] += len(book.lost_loads)
        return done

    def drop_all(self) -> None:
        """Closes all connections and remembers everything."""
        ends, self._ends = self._ends, {}
        for number, end in ends.items():
            self.model.peer_closed(number, self._now())
            self.env.network.close(end)
        self._flush()

    def _now(self) -> float:
        return self.env.scheduler.time

    def _accept(self, side: Side, end: End) -> None:
        number = self.model.accept(side, self._now())
        self._ends[number] = end
        framer = Framer(_MAX_FRAME)
        end.data = lambda data: self._came(number, framer, data)
        end.ended = lambda _reason: self._over(number)
        self._flush()

    def _came(self, number: int, framer: Framer, data: bytes) -> None:
        if framer.failure is not None:
            return
        try:
            bodies = framer.receive(data)
        except BadFrames as error:
            for body in error.frames:
                self.model.receive(number, body, self._now())
            self.model.bad_bytes(number, self._now())
        else:
            for body in bodies:
                self.model.receive(number, body, self._now())
        self._flush()

    def _over(self, number: int) -> None:
        if self._ends.pop(number, None) is not None:
            self.model.peer_closed(number, self._now())
            self._flush()

    def _flush(self) -> None:
        network = self.env.network
        for output in self.model.outputs():
            end = self._ends.get(output.connection)
            if end is None:
                continue
            if isinstance(output, Close):
                del self._ends[output.connection]
                network.close(end)
            else:
                network.send(end, [encode_frame(output.body)])
        due = self.model.next_timer()
        self._timer += 1
        if due is not None:
            serial = self._timer
            self.env.scheduler.at(due, self.process, lambda: self._fire(serial))

    def _fire(self, serial: int) -> None:
        if serial == self._timer:
            self.model.advance(self._now())
            self._flush()


class UpsProcess:
    """The UPS team's server."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.process = env.process("ups")
        self.faults = Faults()
        self.model = UpsModel(env.setup.ups, Random(f"ups {env.seed}"), self.faults)
        # The shipments that it has called delivered, rightly or not.
        self.called_delivered: set[int] = set()
        # The numbers of the shop's elements that it has refused, and in which words.
        self.refused: dict[int, str] = {}
        # When it lost its memory, and when its memory of a world that was no more.
        self.forgot: list[float] = []
        self.left: list[float] = []
        # The parcels that were under way, or delivered, when it lost its memory; and when that was.
        self.out_of_sight: list[tuple[int, float]] = []
        # The parcels that it took another address for, by which question, and when it said so.
        self.redirected: list[tuple[int, int, float]] = []
        self._world_id = self.model.world_id
        self._ends: dict[Link, End] = {}
        self._timer = 0

    def start(self) -> None:
        """The first start."""
        self.process.begin()
        self.model.start(self._now())
        self._flush()

    def back(self, *, memory: bool, keep_world: bool = True) -> None:
        """Begins again after its process had ended: with all it knew, with the world's id alone, or with nothing."""
        self.process.begin()
        self._ends = {}
        now = self._now()
        if not memory:
            self.forgot.append(now)
            jobs = self.model.fleet.jobs.values()
            self.out_of_sight += [
                (job.ship, now) for job in jobs if job.state in (JobState.DELIVERING, JobState.DELIVERED)
            ]
        if keep_world or memory:
            self.model.restart(now, memory=memory, keep_world=keep_world)
            self.model.outputs()
            self.model.lost(Link.WORLD, now)
            self.model.lost(Link.SHOP, now)
        else:
            rng = Random(f"ups {self.env.seed} {self.process.life}")
            self.model = UpsModel(self.env.setup.ups, rng, self.faults)
            self.model.start(now)
        self._flush()

    @property
    def unacked(self) -> int:
        """How many elements it still repeats to the shop, and answers that it owes it."""
        owed = sum(len(job.redirects) for job in self.model.fleet.jobs.values())
        return len(self.model._shop._outgoing) + owed

    def done(self) -> Counter[Kind]:
        """How often each of its own faults changed something, as it says itself."""
        return Counter({kind: self.faults.done[name] for kind, name in _OF_UPS.items()})

    def poke(self) -> None:
        """Its faults were changed."""
        if self.process.alive:
            self.model.advance(self._now())
            self._flush()

    def announce_again(self) -> None:
        """Breaks its connection to the shop, so that it announces its world on the next."""
        end = self._ends.pop(Link.SHOP, None)
        if end is not None:
            self.env.network.close(end)
            self.model.lost(Link.SHOP, self._now())
            self._flush()

    def _now(self) -> float:
        return self.env.scheduler.time

    def _flush(self) -> None:
        network = self.env.network
        if self.model.world_id != self._world_id:
            self.left.append(self._now())
            self._world_id = self.model.world_id
        for output in self.model.outputs():
            if isinstance(output, Dial):
                self._dial(output.link)
                continue
            end = self._ends.get(output.link)
            if end is None:
                continue
            if isinstance(output, HangUp):
                del self._ends[output.link]
                network.close(end)
            elif isinstance(output, SendRaw):
                network.write(end, output.data)
            elif isinstance(output, Send):
                if output.link is Link.SHOP:
                    self._note(output.body)
                network.send(end, [encode_frame(output.body)])
        due = self.model.next_timer()
        self._timer += 1
        if due is not None:
            serial = self._timer
            self.env.scheduler.at(due, self.process, lambda: self._fire(serial))

    def _note(self, body: bytes) -> None:
        command = parse(ups_pb2.UACommand, body)
        if command is not None:
            self.called_delivered.update(one.shipId for one in command.delivered)
            self.refused.update((one.originSeqNum, one.err) for one in command.error)
            now = self._now()
            self.redirected += [(one.shipId, one.originSeqNum, now) for one in command.redirectAnswers if one.accepted]

    def _fire(self, serial: int) -> None:
        if serial == self._timer:
            self.model.advance(self._now())
            self._flush()

    def _dial(self, link: Link) -> None:
        place, name = ("world:ups", "fleet") if link is Link.WORLD else ("ups_bridge", "ups")

        def failed(_reason: str) -> None:
            self.model.lost(link, self._now())
            self._flush()

        self.env.network.dial(place, self.process, name, lambda end: self._serve(link, end), failed)

    def _serve(self, link: Link, end: End) -> None:
        before = self._ends.pop(link, None)
        if before is not None:
            self.env.network.close(before)
            self.model.lost(link, self._now())
        self._ends[link] = end
        framer = Framer(64 * 1024 * 1024)
        end.data = lambda data: self._came(link, end, framer, data)
        end.ended = lambda _reason: self._over(link, end, framer)
        self.model.opened(link, self._now())
        self._flush()

    def _came(self, link: Link, end: End, framer: Framer, data: bytes) -> None:
        if framer.failure is not None:
            return
        bad = False
        try:
            bodies = framer.receive(data)
        except BadFrames as error:
            bodies, bad = list(error.frames), True
        for body in bodies:
            if self._ends.get(link) is end:
                self.model.received(link, body, self._now())
                self._flush()
        if bad and self._ends.get(link) is end:
            del self._ends[link]
            self.env.network.close(end)
            self.model.bad_bytes(link, self._now())
            self._flush()

    def _over(self, link: Link, end: End, framer: Framer) -> None:
        if self._ends.get(link) is not end:
            return
        del self._ends[link]
        bad = False
        if framer.failure is None:
            try:
                framer.end()
            except EndInsideFrame:
                bad = False
        (self.model.bad_bytes if bad else self.model.lost)(link, self._now())
        self._flush()
