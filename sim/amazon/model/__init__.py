"""The mock Amazon as a pure model: lines, bodies and the time go in; what to send, close and dial comes out.

A caller tells it what happened on its lines (`opened`, `received`, `bad_bytes`, `lost`, each with `now` in seconds,
never going back), calls `advance(now)` at `next_timer()`, and takes `outputs()`. The rooms: `world_side` and `ups_side`
(one partner each), `orders`, `parcels` and `questions` (what is to be done), `mishaps` (faults on purpose), `settings`,
`outputs`. Everything that is said or happens goes to `see`, in words.
"""

from collections.abc import Callable, Sequence
from random import Random

from google.protobuf.message import Message

from partners.ups import ups_pb2 as pb
from sim.agenda import Agenda
from sim.amazon import script
from sim.amazon.model.mishaps import Mishaps
from sim.amazon.model.orders import Orders
from sim.amazon.model.outputs import WORLD, Close, Dial, Listen, Output, See, Send, SendRaw, Sign
from sim.amazon.model.parcels import Parcel
from sim.amazon.model.settings import Faults, Settings
from sim.amazon.model.ups_side import UpsSide, read
from sim.amazon.model.world_side import State, WorldSide
from sim.amazon.script import WAREHOUSES, Order, Step
from sim.amazon.words import spoken

__all__ = ["WORLD", "AmazonModel", "Close", "Dial", "Faults", "Listen", "Output", "Send", "SendRaw", "Settings", "Sign"]

_TICKS_TO_TRY_AGAIN = 10


class AmazonModel:
    """One Amazon. `faults` may be changed at any time."""

    def __init__(self, settings: Settings, steps: Sequence[Step], faults: Faults, rng: Random, see: See) -> None:
        self.settings = settings
        self._steps = list(steps)
        self._see = see
        self._now = 0.0
        self._ups = UpsSide(settings)
        self._agenda = Agenda()
        self._orders = Orders(settings, self._ups, self._agenda, self._note)
        self._world = WorldSide(settings.tick, WAREHOUSES, self._orders, settings.first_number)
        self._orders.world = self._world
        self._orders.on_first_world, self._orders.on_refused = self._begin, self._refused
        self._output: list[Output] = []
        self._mishaps = Mishaps(faults, rng, self._agenda, self._put)
        self._down = False

    # How it stands.

    @property
    def parcels(self) -> dict[int, Parcel]:
        """The orders by their numbers."""
        return self._orders.parcels

    @property
    def ordered(self) -> int:
        """How many orders the script has."""
        return len(script.orders_of(self._steps))

    @property
    def done(self) -> bool:
        """Whether every order of the script has ended."""
        return len(self.parcels) == self.ordered and not any(parcel.open for parcel in self.parcels.values())

    def order(self, words: str, now: float) -> None:
        """Do a step now that a person asks for, in the words of a script without the time. Raises ScriptError."""
        self._now = self._orders.now = now
        step = script.parse_now(words, self.ordered + 1)
        self._steps.append(step)
        self._do(step)
        self._flush()

    # What happens.

    def start(self, now: float) -> None:
        """Begin to listen."""
        self._now = self._orders.now = now
        self._output.append(Listen(True))
        self._mishaps.begin(now, self._cut, self._restart)

    def opened(self, line: int, now: float) -> None:
        """The line to the world is there, or UPS made a connection."""
        self._now = self._orders.now = now
        if line == WORLD:
            self._output.append(Send(WORLD, self._world.hello().SerializeToString()))
        elif self._down:
            self._output.append(Close(line))
        else:
            self._note(f"connection {line} was made; it has to say UAstart first")
            for odd in self._ups.opened(line, now):
                self._close(odd, "too many connections announce nothing")
        self._flush()

    def received(self, line: int, body: bytes, now: float) -> None:
        """A message (without its length) came."""
        self._now = self._orders.now = now
        if line == WORLD:
            if not self._world.receive(body):
                self._output.append(Close(WORLD))
                self._world.lost(now)
        elif not self._down:
            self._hear(line, body)
        self._flush()

    def bad_bytes(self, line: int, why: str, now: float) -> None:
        """Bytes came that are no frame."""
        self._now = self._orders.now = now
        if line == WORLD:
            self._output.append(Close(WORLD))
            self._world.lost(now)
        else:
            self._close(line, why)
        self._flush()

    def lost(self, line: int, now: float) -> None:
        """A line ended, or could not be made."""
        self._now = self._orders.now = now
        if line == WORLD:
            self._world.lost(now)
        else:
            self._note(f"connection {line} ended")
            self._ups.lost(line)
        self._flush()

    def next_timer(self) -> float | None:
        """When `advance` has something to do, or None."""
        moments = [self._agenda.next(), self._world.next_due(self._now)]
        if not self._down:
            moments.append(self._ups.next_due(self._now))
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, now: float) -> None:
        """Do everything that is due."""
        self._now = self._orders.now = max(self._now, now)
        self._agenda.run(now)
        for line in self._ups.overdue(now):
            self._close(line, f"no UAstart within {self.settings.announce_seconds:g} s")
        self._flush()

    def outputs(self) -> list[Output]:
        """Take what is to be done, in order."""
        output, self._output = self._output, []
        return output

    # What UPS says.

    def _hear(self, line: int, body: bytes) -> None:
        message = read(body)
        if message is None:
            self._close(line, f"what came is no message, or lacks a required field: {body[:32].hex(' ')}")
            return
        if not self._ups.is_of(line) and not isinstance(message, pb.UAstart):
            self._close(line, "its first message is no UAstart")
            return
        if isinstance(message, pb.UAstart):
            self._show(Sign.CAME, message)
            self._announced(line, message)
            return
        heard, lost = self._mishaps.sieved(message)
        self._show(Sign.CAME, lost, "   [lost on purpose]")
        self._show(Sign.CAME, heard)
        if heard is not None:
            self._told(heard)

    def _announced(self, line: int, start: pb.UAstart) -> None:
        known = self._ups.difference
        before = self._ups.start(line, start)
        if self._ups.difference not in ("", known):
            self._note(f"the contract of UPS differs: {self._ups.difference}")
        if before is not None:
            self._note(f"connection {line} is live now; connection {before} is closed for it")
            self._output.append(Close(before))
        if start.worldid != self._world.world_id:
            self._leave_for(start.worldid, self._now)

    def _leave_for(self, world_id: int, now: float) -> None:
        if self._world.state is not State.DOWN:
            self._output.append(Close(WORLD))
        self._world.join(world_id, now)

    def _told(self, said: pb.UACommand) -> None:
        self._ups.acked(iter(said.acks))
        for load in said.loadRequests:
            if self._ups.is_new("load", load, load.seqNum):
                self._orders.truck_is_there(load)
        for made in said.delivered:
            if self._ups.is_new("delivered", made, made.seqNum):
                self._orders.delivered(made.shipId)
        for error in said.error:
            if self._ups.is_new("error", error, error.seqNum):
                self._orders.refused_by_ups(error.originSeqNum, str(error.err))
        for started in said.deliveryStarted:
            self._ups.is_new("started", started, started.seqNum)
        for account in said.accountAnswers:
            if self._ups.is_new("account", account, account.seqNum):
                self._note(f"UPS {'knows' if account.known else 'does not know'} the account {account.upsName!r}")
        for kind, answers in (("redirect", said.redirectAnswers), ("cancel", said.cancelAnswers)):
            for answer in answers:
                if self._ups.is_new(kind, answer, answer.seqNum):
                    self._orders.answered(answer.originSeqNum, answer.accepted, answer.reason)

    # What we do.

    def _begin(self) -> None:
        """There is a world: the script begins, and so may the faults."""
        self._mishaps.steady()
        for step in self._steps:
            self._agenda.later(self._now + step.at, self._doing(step))

    def _refused(self, world_id: int) -> None:
        def try_again(now: float) -> None:
            if self._ups.announced == world_id != self._world.world_id:
                self._leave_for(world_id, now)

        self._agenda.later(self._now + _TICKS_TO_TRY_AGAIN * self.settings.tick, try_again)

    def _doing(self, step: Step) -> Callable[[float], None]:
        return lambda _: self._do(step)

    def _do(self, step: Step) -> None:
        if isinstance(step, Order):
            self._orders.place(step)
        elif isinstance(step, script.Account):
            if self._ups.is_on("account-check"):
                self._ups.say(pb.AUAccountCheck(upsName=step.name))
            else:
                self._note(f"UPS is not asked for the account {step.name!r}: it does not speak account-check")
        elif isinstance(step, script.Restart):
            self._restart(step.seconds)
        elif isinstance(step, script.Cut | script.Reset):
            self._cut(hard=isinstance(step, script.Reset))
        else:
            self._orders.change(step)

    def _cut(self, *, hard: bool) -> None:
        line = self._ups.live
        if line is not None:
            self._note("reset on purpose" if hard else "cut inside a frame on purpose")
            if not hard:
                self._output.append(SendRaw(line, b"\x40\x0a"))
            self._output.append(Close(line, hard))
            self._ups.lost(line)

    def _restart(self, seconds: float) -> None:
        self._note(f"away for {seconds:g} s on purpose")
        self._down = True
        self._output.append(Listen(False))
        if self._ups.live is not None:
            self._ups.lost(self._ups.live)
        self._agenda.later(self._now + seconds, self._come_back)

    def _come_back(self, _: float) -> None:
        self._down = False
        self._note("back again")
        self._output.append(Listen(True))

    def _flush(self) -> None:
        self._orders.settle()
        world = self._world
        self._ups.holding = world.state is not State.JOINED or world.world_id != self._ups.announced
        if world.state is State.DOWN and world.redial_at is not None and world.redial_at <= self._now:
            world.state, world.redial_at = State.DIALLING, None
            self._output.append(Dial())
        commands = world.commands(self._now)
        if commands is not None:
            self._output.append(Send(WORLD, commands.SerializeToString()))
        command = None if self._down else self._ups.command(self._now)
        if command is not None and self._ups.live is not None:
            said, lost = self._mishaps.sieved(command)
            self._show(Sign.SENT, lost, "   [lost on purpose]")
            if said is not None:
                self._mishaps.send(self._ups.live, said, self._now)

    def _put(self, line: int, message: pb.AUCommand, remark: str) -> None:
        if line == self._ups.live:
            self._show(Sign.SENT, message, remark)
            self._output.append(Send(line, message.SerializeToString()))

    def _close(self, line: int, why: str) -> None:
        told = self._ups.difference if self._ups.is_of(line) else ""
        self._note(f"connection {line} is closed: {why}" + (f"; the contracts differ: {told}" if told else ""))
        self._ups.lost(line)
        self._output.append(Close(line))

    def _show(self, sign: Sign, message: Message | None, remark: str = "") -> None:
        for words in () if message is None else spoken(message):
            self._see(self._now, sign, f"{words}{remark}")

    def _note(self, words: str) -> None:
        self._see(self._now, Sign.NOTE, words)
