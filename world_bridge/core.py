"""The world link as a pure state machine: frames, RPC answers and the time go in; frames, RPCs and a timer come out.

Rules, beside those of mesh.attachment, mesh.reporting and wire.session:
* orders_svc leads the conversation about connecting (AdvanceWorld); one connection at a time is in its handshake.
* A lost connection is followed by a wait longer than a tick, else the world's old sender swallows the new one's
  answers; so is the start of the process, since another one may just have died.
* Unacked commands outlive a connection to the same world and go out again, under their numbers, once it is open again.
* A candidate has a socket of its own; the connection in use ends only when orders_svc opened the candidate.
* Losing the link's ownership ends every connection and forgets the window; what the world already said is still told.
Deliberately elsewhere: messages (codec), one connection's state (peer), sockets and gRPC (bootstrap).
"""

from random import Random
from typing import Any

from mesh.attachment import Attachment, Call, Identity, Kind, earliest, is_stale
from mesh.errors import FailedPrecondition
from mesh.reporting import Reporter
from mesh.tally import Tally
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from wire.backoff import Backoff
from wire.errors import BadMessage
from wire.loss import LossEstimate
from wire.session import Session
from wire.switchboard import Close, Open, Send
from world_bridge import codec, commands
from world_bridge.conversation import Conversation, Directive
from world_bridge.peer import Peer, Phase
from world_bridge.rules import Rules

CONNECTED = "connected!"
LINK = "world"

_TALKING = (Phase.JUDGED, Phase.ASKING, Phase.OPEN)


class WorldCore:
    """The state of the world link. Each input is followed by `actions` and `next_timer`; the first is `timer`."""

    def __init__(self, identity: Identity, now: float, rng: Random, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.attachment = Attachment(identity, Backoff(rng, 0.1, 1.0), now)
        self.reporter = Reporter(LINK, Backoff(rng, 0.05, 0.5), now)
        self.tally = Tally()
        self._rng = rng
        self._conversation = Conversation(Backoff(rng, 0.1, 2.0))
        self._actions: list[object] = []
        self._loss: LossEstimate | None = None
        self._main: Peer | None = None
        self._candidate: Peer | None = None
        self._start_at = self._candidate_at = now
        self._quiet_since = now
        self._reason = ""
        # The candidate that could not be had at the last try, and why.
        self._refused: tuple[int | None, str] = (None, "")
        self._number = 0
        self._parked: tuple[int, list[tuple[int, bytes]]] = (0, [])

    # Inputs.

    def timer(self, now: float) -> None:
        """Time has passed."""
        self._work(now)

    def opened(self, number: int, now: float) -> None:
        """The socket of connection `number` is there."""
        peer = self._peer(number)
        if peer is not None:
            peer.phase = Phase.GREETING
            peer.deadline = now + self.rules.greeting_seconds
            self._send(peer, codec.encode_connect(peer.dial))
        self._work(now)

    def received(self, number: int, bodies: list[bytes], now: float) -> None:
        """These bodies came on connection `number`, oldest first."""
        self.tally.last_frame_at = now
        for body in bodies:
            peer = self._peer(number)
            if peer is None:
                break
            self.tally.frames_received += 1
            try:
                self._take(peer, body, now)
            except BadMessage as error:
                self.tally.bad_messages += 1
                self._end(peer, str(error), now, bad_head=error.head)
        self._work(now)

    def ended(self, number: int, reason: str, now: float) -> None:
        """Connection `number` is gone, or could not be opened."""
        peer = self._peer(number)
        if peer is not None:
            self._end(peer, reason, now, tell=False)
        self._work(now)

    def reading(self, number: int) -> bool:
        """Whether there is room for more of what the world says; what is held back has a bound of its own."""
        peer = self._peer(number)
        return peer is None or peer.phase is not Phase.OPEN or self.reporter.queued < self.rules.max_queued // 2

    def answered(self, call: Call, answer: Any, now: float) -> None:
        """The answer to a Call, a response or an RpcFailure."""
        if call.kind is not Kind.ATTACH and is_stale(answer):
            if call.request.link_epoch == self.attachment.link_epoch:
                self._lose(now)
        elif call.kind is Kind.ADVANCE:
            directive = self._conversation.answered(call, answer, now)
            if directive is not None and directive.peer is not None:
                self._directed(directive.peer, directive, now)
            elif directive is not None:
                self._started(directive, now)
        elif call.kind is Kind.REPORT:
            for done in self.reporter.answered(call, answer, now):
                peer = self._peer(done.source)
                if peer is not None:
                    peer.session.confirm([event.seqnum for event in done.events], now)
        elif self.attachment.answered(call, answer, now):
            self._attached(now)
        self._work(now)

    def send_commands(self, request: bridge.SendCommandsRequest, now: float) -> bridge.SendCommandsResponse:
        """Put commands in the window; give how many were taken, from the front, and which of them never will be sent.

        Raises FailedPrecondition (STALE_EPOCH, LINK_NOT_OPEN), InvalidArgument.
        """
        if not self.attachment.attached or request.link_epoch != self.attachment.link_epoch:
            raise FailedPrecondition("STALE_EPOCH", "this bridge owns another link_epoch")
        peer = self._main
        if peer is None or peer.phase is not Phase.OPEN:
            raise FailedPrecondition("LINK_NOT_OPEN", self.state(now))
        elements = commands.encode(request.commands, peer.world_epoch, peer.session)
        response = commands.take(request.commands, elements, peer.session, self.reporter, now)
        self._work(now)
        return response

    # Outputs.

    def actions(self) -> list[object]:
        """What is to be done, oldest first: Call, Open, Send, Close. Given once."""
        actions, self._actions = self._actions, []
        return actions

    @property
    def next_timer(self) -> float | None:
        """When `timer` is to be called at the latest."""
        times = [self.attachment.next_timer]
        if self.attachment.attached:
            times.append(self.reporter.next_timer)
            if self._conversation.busy:
                times.append(self._conversation.next_timer)
            elif self._candidate is None and (self._main is None or self._main.phase is Phase.OPEN):
                times.append(self._start_at if self._main is None else None)
                times.append(self._candidate_at if self._wants_candidate() else None)
        for peer in (self._main, self._candidate):
            if peer is not None:
                times += [peer.deadline, None if peer.lost else peer.session.next_timer]
        return earliest(*times)

    def state(self, now: float) -> str:  # noqa: ARG002 - words may come to depend on it
        """What the link is doing, in words for people."""
        if not self.attachment.attached:
            return self.attachment.trouble
        main = self._main
        trouble = self.attachment.trouble or self._conversation.trouble or self.reporter.trouble
        if main is not None and main.phase is Phase.OPEN:
            return "; ".join(filter(None, (Phase.OPEN.value, trouble, self._about_candidate())))
        peer = main or self._candidate
        if peer is not None:
            reason = trouble or self._reason
            return f"{peer.phase.value}; {reason}" if reason else peer.phase.value
        return trouble or self._reason or "starting"

    def _about_candidate(self) -> str:
        wanted, (refused, why) = self.attachment.candidate_world_id, self._refused
        if wanted is not None and wanted == refused:
            return f"world {wanted}, which UPS is in, cannot be had: {why}"
        return "" if self._candidate is None else f"trying world {self._candidate.candidate_id} too"

    @property
    def connected(self) -> bool:
        """Whether the world's connection is open."""
        return self._main is not None and self._main.phase is Phase.OPEN

    def status(self, now: float) -> bridge.GetLinkStatusResponse:
        """Give the link's status; what sockets count is added by the shell."""
        sessions = [peer.session for peer in (self._main, self._candidate) if peer is not None]
        loss = self._loss.value(now) if self._loss else 0.0
        status = self.tally.status(self.attachment, sessions, len(self._parked[1]), self.rules.window, loss)
        status.state, status.connected = self.state(now), self.connected
        status.world_epoch = 0 if self._main is None else self._main.world_epoch
        return status

    # The conversation with the world.

    def _take(self, peer: Peer, body: bytes, now: float) -> None:
        if peer.phase is Phase.GREETING:
            self._greeted(peer, codec.decode_connected(body), now)
            return
        said = codec.decode_responses(body)
        peer.session.heard(now)
        acked, events = peer.take(said, now)
        self.reporter.add_acked(peer.number, peer.world_epoch, acked)
        for event in events:
            self.reporter.add_event(peer.number, peer.world_epoch, event)
        if peer.phase is Phase.ASKING and peer.all_acked and peer.deadline is None:
            peer.deadline = now + self.rules.answer_ticks * self.attachment.world_tick_seconds
        if said.finished:
            self._end(peer, "the world ended the connection", now)

    def _greeted(self, peer: Peer, greeting: codec.Greeting, now: float) -> None:
        peer.phase = Phase.JUDGED
        peer.deadline = None
        if greeting.result != CONNECTED and peer is self._main:
            self._reason = f"the world refused: {greeting.result.strip()}"
        self._conversation.connected(peer, greeting.world_id, greeting.result, now)

    def _send(self, peer: Peer, *bodies: bytes) -> None:
        self.tally.frames_sent += len(bodies)
        self._actions.append(Send(peer.number, bodies))

    def _end(self, peer: Peer, reason: str, now: float, *, tell: bool = True, bad_head: bytes | None = None) -> None:
        """The connection is of no more use, for a reason that is not orders_svc's."""
        if peer.phase is not Phase.JUDGED:
            self._hang_up(peer, reason, now, tell=tell, bad_head=bad_head)
        elif not peer.lost:
            # orders_svc may have decided to use it already; its answer is needed before anything else happens.
            peer.lost = True
            self._reason = self._reason or reason
            if tell:
                self._actions.append(Close(peer.number, reason, bad_head))

    def _hang_up(
        self, peer: Peer, reason: str, now: float, *, tell: bool = True, bad_head: bytes | None = None
    ) -> None:
        """End a connection and remember what its successor needs. `tell`: the socket is still there."""
        dialled = peer.phase is not Phase.PLANNED
        if tell and dialled and not peer.lost:
            self._actions.append(Close(peer.number, reason, bad_head))
        self.tally.close(peer.session)
        self._conversation.drop(peer)
        if peer is self._candidate:
            self._candidate = None
            self._candidate_at = now + self._pause
            # In one line: the world's own words may be many.
            self._refused = (peer.candidate_id, " ".join(reason.split()))
            return
        self._main = None
        self._reason = reason
        self._start_at = now + self._pause
        self.tally.reconnects += 1
        if dialled:
            self._quiet_since = now
        if peer.phase is Phase.OPEN:
            self._parked = (peer.world_epoch, list(peer.session.unacked()))

    # The conversation with orders_svc.

    def _attached(self, now: float) -> None:
        policy = self.rules.policy(self.attachment.world_tick_seconds)
        self._loss = LossEstimate(policy.max_copies, policy.wait)
        self._start_at = min(self._start_at, now)

    def _lose(self, now: float) -> None:
        """Another instance owns the link, or did: nothing of ours may go on."""
        for peer in (self._candidate, self._main):
            if peer is not None:
                self._hang_up(peer, "the link has another owner", now)
        self._parked = (0, [])
        self._conversation.drop()
        self._start_at = self._candidate_at = now
        self.reporter.requeue()
        self.attachment.lose("the link had another owner, attaching again", now)

    @property
    def _pause(self) -> float:
        """Between two connections to one world, in seconds."""
        return self.rules.reconnect_ticks * self.attachment.world_tick_seconds

    def _started(self, directive: Directive, now: float) -> None:
        """An answer to `start`: plan a connection, or say why there is none."""
        if directive.kind == "dial":
            self._plan(directive.response.dial, directive.candidate_id, now)
            return
        pause = self._pause if directive.kind == "redial" else self.attachment.lease_seconds / 3
        if directive.candidate_id is not None:
            self._candidate_at = now + pause
        else:
            self._reason = directive.reason
            self._start_at = now + pause

    def _plan(self, dial: pb.Dial, candidate_id: int | None, now: float) -> None:
        self._number += 1
        policy = self.rules.policy(self.attachment.world_tick_seconds)
        session = Session(policy, now, self._rng, self._loss)
        peer = Peer(self._number, dial, candidate_id, session, self.rules.max_queued // 2)
        peer.deadline = now
        if candidate_id is not None:
            self._candidate = peer
            return
        self._main, self._reason = peer, ""
        if dial.HasField("world_id"):
            peer.deadline = max(now, self._quiet_since + self._pause)

    def _directed(self, peer: Peer, directive: Directive, now: float) -> None:
        """An answer to `connected` or `answered`: what to do with this connection."""
        if directive.kind == "open":
            self._open(peer, now)
        elif peer.lost:
            self._hang_up(peer, self._reason or "the connection was lost", now)
        elif directive.kind == "ask":
            try:
                peer.ask(list(directive.response.ask.commands), now)
            except ValueError as error:
                self._hang_up(peer, f"orders_svc asked for what the world cannot be asked: {error}", now)
        else:
            self._hang_up(peer, directive.reason, now)

    def _open(self, peer: Peer, now: float) -> None:
        if peer is self._candidate:
            self._candidate = self.attachment.candidate_world_id = None
            if self._main is not None:
                self._hang_up(self._main, "the world was changed", now)
            self._main = peer
        if peer.lost:
            self._hang_up(peer, "the connection was lost", now)
            return
        self._reason = ""
        for event in peer.open():
            self.reporter.add_event(peer.number, peer.world_epoch, event)
        epoch, parked = self._parked
        self._parked = (0, [])
        if epoch == peer.world_epoch:
            for number, element in parked:
                if peer.session.room and not self.reporter.holds_ack(number):
                    peer.session.send(number, element, now)

    # What is due.

    def _work(self, now: float) -> None:
        """Do all that is due at `now`."""
        if self.attachment.attached:
            self._converse(now)
        for peer in (self._main, self._candidate):
            if peer is not None:
                self._keep_time(peer, now)
        call = self.attachment.due(now, self.connected, self.state(now))
        if call is not None:
            self._actions.append(call)
        if self.attachment.attached:
            report = self.reporter.due(self.attachment.link_epoch, now)
            if report is not None:
                self._actions.append(report)
        for peer in (self._main, self._candidate):
            if peer is not None and not peer.lost and peer.phase in _TALKING:
                frames = peer.session.outgoing(now)
                if frames:
                    self._send(peer, *(codec.encode_frame(frame.elements, frame.acks) for frame in frames))

    def _converse(self, now: float) -> None:
        """Say to AdvanceWorld what is to be said next; one connection at a time is in its handshake."""
        shaking = next((p for p in (self._main, self._candidate) if p is not None and p.phase is not Phase.OPEN), None)
        if self._conversation.busy:
            pass
        elif shaking is not None:
            settled = shaking.phase is Phase.ASKING and shaking.all_settled
            if settled and not self.reporter.pending(shaking.number):
                self._answered(shaking, now)
        elif self._wants_candidate() and now >= self._candidate_at:
            self._conversation.start(self.attachment.candidate_world_id, now)
        elif self._main is None and now >= self._start_at:
            self._conversation.start(None, now)
        call = self._conversation.due(self.attachment.link_epoch, now)
        if call is not None:
            self._actions.append(call)

    def _wants_candidate(self) -> bool:
        return self.attachment.candidate_world_id is not None

    def _answered(self, peer: Peer, now: float) -> None:
        peer.phase = Phase.JUDGED
        peer.deadline = None
        self._conversation.answers_are_in(peer, now)

    def _keep_time(self, peer: Peer, now: float) -> None:
        if peer.deadline is None or now < peer.deadline:
            return
        peer.deadline = None
        if peer.phase is Phase.PLANNED:
            peer.phase = Phase.DIALLING
            self._actions.append(Open(peer.number))
        elif peer.phase is Phase.GREETING:
            self._hang_up(peer, f"the world said nothing for {self.rules.greeting_seconds:g} s", now)
        elif peer.phase is Phase.ASKING:
            # The answer was swallowed; orders_svc asks again, under a new number.
            self._answered(peer, now)
            self._converse(now)

    def _peer(self, number: int) -> Peer | None:
        return next((p for p in (self._main, self._candidate) if p is not None and p.number == number), None)
