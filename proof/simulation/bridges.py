"""world_bridge and ups_bridge as processes: the real cores and the real framing, under a shell in virtual time.

Rules: what `mesh.runner` and `wire.switchboard` do with a core is done here, in the same order: every input is
followed by its actions and its timer; frames are cut from the stream and given in batches; a connection is read only
while the core has room. A core that raises anything but a Refusal is broken: a bug. Points at which the process may
die stand around every call and every send.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from mesh.attachment import Call, Identity
from mesh.attachment import Kind as Rpc
from mesh.errors import Refusal, RpcFailure
from mesh.identity import Caller
from proof.simulation.calls import UNSURE
from proof.simulation.checks import Checks
from proof.simulation.environment import Environment
from proof.simulation.hearing import Hearing
from proof.simulation.network import End
from proof.simulation.orders import FULFILMENT
from proof.simulation.scheduler import SECOND
from proof.simulation.violations import bug, fail
from shop.bridge.v1 import bridge_pb2
from ups_bridge.core import UpsCore
from wire.errors import BadFrames, FrameTooLong, Unusable
from wire.framing import Framer, encode_frame
from wire.switchboard import Close, Open, Send
from world_bridge.core import WorldCore

RPC_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_MOST_VAIN = 20
WORLD_PORT = "world:amazon"
UPS_PORT = "ups_bridge"


class _Connection:
    """A connection by its number: the end, the framer, and what has come and is not read yet."""

    def __init__(self, number: int, end: End, link: str) -> None:
        self.number = number
        self.end = end
        self.hearing = Hearing(link)
        self.framer = Framer()
        self.unread: list[bytes] = []
        self.over: str | None = None


class Bridge:
    """One bridge process; `mark` tells a second instance from the first, which alone comes back when it was killed."""

    def __init__(self, env: Environment, checks: Checks, link: str, mark: str = "", instance: str = "") -> None:
        self.env = env
        self.checks = checks
        self.link = link
        self.process = env.process(f"{link}_bridge{mark}", None if mark else self.start)
        self.address = f"127.0.0.1:70{'03' if link == 'world' else '04'}{mark and '9'}"
        self.instance = instance or f"{link}-bridge"
        # Whether UPS finds this instance; a second one with a name of its own is at another address.
        self.listens = link == "ups"
        # Whether it was ever told whose the link is.
        self.told = False
        self.core: WorldCore | UpsCore
        self.who = Caller(f"{link}_bridge", None)
        self._connections: dict[int, _Connection] = {}
        self._accepted = 0
        # What the timer is set to.
        self._timer_at: float | None = None
        # How often, one after another, the core was called in time and is due for the same or longer since.
        self._vain = 0
        self._looking = False

    def second(self, instance: str) -> "Bridge":
        """Another one of the same link."""
        return Bridge(self.env, self.checks, self.link, SECOND, instance)

    def start(self) -> None:
        """A new life: a new core, nothing remembered."""
        env, process = self.env, self.process
        process.begin()
        self._connections = {}
        self._accepted = 0
        self._looking = False
        self._timer_at = None
        identity = Identity(self.link, self.instance, process.boot, self.address)
        rng = Random(f"core {env.seed} {process.name} {process.life}")
        kind = WorldCore if self.link == "world" else UpsCore
        self.core = kind(identity, self._now(), rng)
        env.calls.serve(self.address, process, {"SendCommands": self._send_commands})
        if self.link == "ups" and self.listens:
            env.network.listen(UPS_PORT, process, self.accept)
        self._carry_out()

    def _now(self) -> float:
        return self.env.scheduler.time

    def _feed(self, take: Callable[..., Any], *inputs: Any) -> Any:
        try:
            return take(*inputs, self._now())
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - the process would end of it
            bug(f"core of {self.process.name}", error)
        finally:
            self._carry_out()

    def _carry_out(self) -> None:
        for action in self.core.actions():
            if isinstance(action, Call):
                self._call(action)
            else:
                self._perform(action)
        self._read_all()
        at = self.core.next_timer
        if at is None:
            self._timer_at = None
        elif self._timer_at is None or at != self._timer_at:
            self._timer_at = at
            # A little late rather than early, as in mesh.runner.
            self.env.scheduler.at(max(at, self._now()) + 0.0005, self.process, lambda: self._fire(at))

    def _fire(self, at: float) -> None:
        if at != self._timer_at:
            return
        self._timer_at = None
        self._feed(self.core.timer)
        again = self.core.next_timer
        self._vain = self._vain + 1 if again is not None and again <= at else 0
        if self._vain > _MOST_VAIN:
            fail("G8", f"{self.process.name} wants to be called for {at} again and again")

    def _call(self, call: Call) -> None:
        method = call.kind.value
        self.env.calls.call(
            self.process,
            self.who,
            FULFILMENT,
            method,
            call.request,
            RPC_SECONDS,
            lambda answer: self._answered(call, answer),
        )
        self._point(f"after call of {method}")

    def _answered(self, call: Call, answer: Any) -> None:
        self._point(f"before answer of {call.kind.value}")
        if call.kind is Rpc.ATTACH and not (isinstance(answer, RpcFailure) and answer.code in UNSURE):
            self.told = True
        self._feed(self.core.answered, call, answer)

    def _send_commands(self, request: bridge_pb2.SendCommandsRequest, _context: object) -> Any:
        self._point("SendCommands not taken")
        owned = self.core.attachment.link_epoch
        answer = self._feed(self.core.send_commands, request)
        if request.link_epoch != owned:
            fail("G7", f"{self.process.name} owns epoch {owned} and took commands of epoch {request.link_epoch}")
        self._point("SendCommands taken")
        return answer or bridge_pb2.SendCommandsResponse()

    def _perform(self, action: Any) -> None:
        connection = self._connections.get(action.number)
        if isinstance(action, Open):
            self._dial(action.number)
        elif isinstance(action, Close):
            if connection is not None:
                del self._connections[action.number]
                self.env.network.close(connection.end)
        elif isinstance(action, Send) and connection is not None:
            self._point("before a frame")
            for body in action.bodies:
                self.checks.acks_sent(connection.hearing, body)
            try:
                frames = [encode_frame(body) for body in action.bodies]
            except FrameTooLong as error:
                bug(f"{self.process.name} sends", error)
            self.env.network.send(connection.end, frames)
            self._point("after a frame")

    def _dial(self, number: int) -> None:
        self.env.network.dial(
            WORLD_PORT,
            self.process,
            self.link,
            lambda end: self._converse(number, end),
            lambda reason: self._feed(self.core.ended, number, f"cannot reach the world: {reason}"),
        )

    def accept(self, end: End) -> None:
        """UPS has connected."""
        self._accepted += 1
        self._converse(self._accepted, end)

    def _converse(self, number: int, end: End) -> None:
        connection = self._connections[number] = _Connection(number, end, self.link)
        end.data = lambda data: self._came(connection, data)
        end.ended = lambda reason: self._over(connection, reason)
        self._feed(self.core.opened, number)

    def _came(self, connection: _Connection, data: bytes) -> None:
        connection.unread.append(data)
        self._read(connection)

    def _over(self, connection: _Connection, reason: str) -> None:
        connection.over = reason
        self._read(connection)

    def _read_all(self) -> None:
        for connection in list(self._connections.values()):
            if connection.unread and self.core.reading(connection.number):
                self.env.scheduler.at(self._now(), self.process, lambda c=connection: self._read(c))  # type: ignore[misc]

    def _read(self, connection: _Connection) -> None:
        """Gives the core what came, while it has room; what is left is looked at again soon."""
        number = connection.number
        while connection.unread and self._connections.get(number) is connection:
            if not self.core.reading(number):
                self._look_later()
                return
            self._point("with frames unread")
            data = b"".join(connection.unread)
            connection.unread.clear()
            try:
                frames = connection.framer.receive(data)
            except BadFrames as error:
                if error.frames:
                    self._hear(connection, list(error.frames))
                self._lose(connection, f"bad bytes: {error}")
                return
            if frames:
                self._hear(connection, frames)
        if connection.over is not None and not connection.unread and self._connections.get(number) is connection:
            reason = connection.over
            try:
                connection.framer.end()
            except (BadFrames, Unusable) as error:
                reason = f"bad bytes: {error}"
            self._lose(connection, reason)

    def _hear(self, connection: _Connection, frames: list[bytes]) -> None:
        for body in frames:
            connection.hearing.heard(body, self._now())
        self._feed(self.core.received, connection.number, frames)

    def _lose(self, connection: _Connection, reason: str) -> None:
        if self._connections.pop(connection.number, None) is not None:
            self.env.network.close(connection.end)
            self._feed(self.core.ended, connection.number, reason)

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self.env.scheduler.after(_LOOK_SECONDS, self.process, self._look)

    def _look(self) -> None:
        self._looking = False
        for connection in list(self._connections.values()):
            self._read(connection)

    def _point(self, name: str) -> None:
        self.env.injector.point(self.process, name)
