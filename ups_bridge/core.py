"""The UPS link as a pure state machine: frames, RPC answers and the time go in; frames, RPCs and a timer come out.

Rules, beside those of mesh.attachment, mesh.reporting and wire.session:
* UPS dials us. The newest connection whose UAstart parses wins and is the live one; the one before it is closed.
* UAstart is a standing fact, not an element of the session: partners count it apart. The same one again is acked again
  once it is committed, another one, at any time, is a new event.
* Unacked commands outlive a connection and go out again, under their numbers, on the next live one.
* All commands in the window are of the newest world_epoch seen; older ones are dropped from it and refused.
* They are for the world that orders_svc names with them; what was planned before UPS's last announcement is refused.
  While UPS is in another world they are held back: orders_svc gives them only once.
* Of the extension nothing is said that the newest announcement on the connection did not name: what waits for such a
  feature is dropped and reported, so that it does not stay open, and orders_svc, who hears of the same announcement,
  takes what was asked by it for refused. A hello goes out at once
  after a UAstart that names features, and again with its acknowledgement: who has the one has the other.
* Where trucks are is told with the next renewal of the lease, the latest of each truck, and then forgotten.
* Losing the link's ownership ends every connection and forgets the window: the partner says again what was not acked.
Deliberately elsewhere: messages (codec), sockets and gRPC (bootstrap).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from mesh.attachment import Attachment, Call, Identity, Kind, earliest, is_stale
from mesh.errors import FailedPrecondition
from mesh.reporting import Reporter
from mesh.tally import Tally
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from ups_bridge import codec, commands, features
from ups_bridge.codec import Announcement
from ups_bridge.rules import CURRENT, Rules
from wire.backoff import Backoff
from wire.errors import BadMessage
from wire.loss import LossEstimate
from wire.session import Policy, Session, Verdict
from wire.switchboard import Close, Send

LINK = "ups"
_MAX_ANNOUNCEMENTS = 100


@dataclass(slots=True)
class Partner:
    """The live connection. `announcements`: each seen, the newest last, and whether it is committed."""

    number: int
    session: Session
    announcements: dict[Announcement, bool]
    greet: bool = False

    @property
    def announcement(self) -> Announcement:
        """The newest, which counts."""
        return next(reversed(self.announcements))


class UpsCore:
    """The state of the UPS link. Each input is followed by `actions` and `next_timer`; the first is `timer`."""

    def __init__(self, identity: Identity, now: float, rng: Random, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.attachment = Attachment(identity, Backoff(rng, 0.1, 1.0), now)
        self.reporter = Reporter(LINK, Backoff(rng, 0.05, 0.5), now)
        self.tally = Tally()
        self._rng = rng
        self._actions: list[object] = []
        self._loss: LossEstimate | None = None
        self._live: Partner | None = None
        self._waiting: dict[int, float] = {}
        # How many were reported, whatever became of the link.
        self._announcements = 0
        self._world_epoch = 0
        # What UPS announced last, and which world the commands of the present world_epoch are for.
        self._world_id: int | None = None
        self._home: int | None = None
        self._parked: list[tuple[int, bytes]] = []
        self._trucks: dict[int, pb.TruckPosition] = {}

    # Inputs.

    def timer(self, now: float) -> None:
        """Time has passed."""
        self._work(now)

    def opened(self, number: int, now: float) -> None:
        """A connection was accepted."""
        self._waiting[number] = now + self.rules.announce_seconds
        if len(self._waiting) > self.rules.max_waiting:
            self._turn_away(next(iter(self._waiting)), "too many connections wait to announce a world")
        self._work(now)

    def received(self, number: int, bodies: list[bytes], now: float) -> None:
        """These bodies came on connection `number`, oldest first."""
        for body in bodies:
            if number not in self._waiting and (self._live is None or self._live.number != number):
                break
            self.tally.last_frame_at = now
            self.tally.frames_received += 1
            try:
                self._take(number, body, now)
            except BadMessage as error:
                self.tally.bad_messages += 1
                self._hang_up(number, f"{error}{self._differs(number)}", bad_head=error.head)
        self._work(now)

    def ended(self, number: int, reason: str, now: float) -> None:  # noqa: ARG002 - the shell logs the reason
        """Connection `number` is gone."""
        if self._waiting.pop(number, None) is None and self._live is not None and self._live.number == number:
            self._park(self._live)
        self._work(now)

    def reading(self, number: int) -> bool:
        """Whether there is room for more of what the partner says, and whether anybody would hear it."""
        if not self.attachment.attached and number in self._waiting:
            return False
        return self.reporter.queued < self.rules.max_queued // 2

    def answered(self, call: Call, answer: Any, now: float) -> None:
        """The answer to a Call, a response or an RpcFailure."""
        if call.kind is not Kind.ATTACH and is_stale(answer):
            if call.request.link_epoch == self.attachment.link_epoch:
                self._lose(now)
        elif call.kind is Kind.REPORT:
            self._reported(call, answer, now)
        elif self.attachment.answered(call, answer, now):
            policy = self._policy()
            self._loss = LossEstimate(policy.max_copies, policy.wait)
        self._work(now)

    def send_commands(self, request: bridge.SendCommandsRequest, now: float) -> bridge.SendCommandsResponse:
        """Put commands in the window; give how many were taken, from the front, and which of them never will be sent.

        Raises FailedPrecondition (STALE_EPOCH, LINK_NOT_OPEN), InvalidArgument.
        """
        if not self.attachment.attached or request.link_epoch != self.attachment.link_epoch:
            raise FailedPrecondition("STALE_EPOCH", "this bridge owns another link_epoch")
        live = self._live
        if live is None:
            raise FailedPrecondition("LINK_NOT_OPEN", self.state(now))
        if (request.world_id, request.announcement_no) != (self._world_id, self._announcements):
            raise FailedPrecondition("LINK_NOT_OPEN", "waiting for orders_svc to take the announced world")
        newest = max([self._world_epoch, *(command.world_epoch for command in request.commands)])
        if newest == self._world_epoch and self._home != self._world_id:
            self._home = self._world_id
            self._hold_or_resume(live, now)
        elements = commands.encode(request.commands, newest, live.session)
        if newest > self._world_epoch:
            self._world_epoch = newest
            self._home = self._world_id
            self._parked = []
            live.session.withdraw([number for number, _ in live.session.unacked()])
        spoken = live.announcement.features
        response = commands.take(request.commands, elements, live.number, live.session, spoken, self.reporter, now)
        self._work(now)
        return response

    # Outputs.

    def actions(self) -> list[object]:
        """What is to be done, oldest first: Call, Send, Close. Given once."""
        actions, self._actions = self._actions, []
        return actions

    @property
    def next_timer(self) -> float | None:
        """When `timer` is to be called at the latest."""
        times = [self.attachment.next_timer, *self._waiting.values()]
        if self.attachment.attached:
            times.append(self.reporter.next_timer)
        if self._live is not None:
            times.append(self._live.session.next_timer)
        return earliest(*times)

    def state(self, now: float) -> str:  # noqa: ARG002 - words may come to depend on it
        """What the link is doing, in words for people."""
        if not self.attachment.attached:
            return self.attachment.trouble
        trouble = self.attachment.trouble or self.reporter.trouble
        if self._live is None:
            words = "waiting for UPS to connect" if not self._waiting else "waiting for UPS to announce its world"
        else:
            words = "open"
            if self._parked:
                words = f"open; UPS is in world {self._world_id}: what was for another world is held back"
            words += self._differs(self._live.number)
        return f"{words}; {trouble}" if trouble else words

    @property
    def connected(self) -> bool:
        """Whether a partner is there that has announced its world."""
        return self._live is not None

    def status(self, now: float) -> bridge.GetLinkStatusResponse:
        """Give the link's status; what sockets count is added by the shell."""
        sessions = [self._live.session] if self._live else []
        loss = self._loss.value(now) if self._loss else 0.0
        status = self.tally.status(self.attachment, sessions, len(self._parked), self.rules.window, loss)
        status.state, status.connected = self.state(now), self.connected
        status.world_epoch = self._world_epoch
        if self._live is not None:
            status.features.extend(self._live.announcement.features)
            status.contract_difference = self._live.announcement.difference
        return status

    # The conversation with the partner.

    def _take(self, number: int, body: bytes, now: float) -> None:
        announcement = codec.decode_announcement(body)
        if announcement is not None:
            self._announced(number, announcement, now)
            return
        live = self._live
        if live is None or live.number != number:
            raise BadMessage("the first message is no UAstart", body)
        said = codec.decode_command(body)
        live.session.heard(now)
        # Who refuses or answers a command has it: not every partner acks it besides.
        acked = live.session.acked((*said.acks, *codec.answered(said.events)), now)
        self.reporter.add_acked(number, CURRENT, acked)
        for event in said.events:
            if event.redirect_answered.accepted:
                self._forget_truck_requests(live, event.redirect_answered)
            if live.session.receive(event.seqnum, now) is Verdict.NEW:
                self.reporter.add_event(number, CURRENT, event)
        if features.TRUCK_POSITION in live.announcement.features:
            self._saw(said.trucks)

    def _announced(self, number: int, announcement: Announcement, now: float) -> None:
        live = self._live
        if live is None or live.number != number:
            if live is not None:
                self._hang_up(live.number, "a newer connection announced a world")
            self._waiting.pop(number, None)
            live = self._live = Partner(number, Session(self._policy(), now, self._rng, self._loss), {})
        live.session.heard(now)
        committed = live.announcements.get(announcement)
        if committed is None or announcement != live.announcement:
            # The newest is last; a world that is announced a second time after another one counts again.
            live.announcements.pop(announcement, None)
            live.announcements[announcement] = False
            if len(live.announcements) > _MAX_ANNOUNCEMENTS:
                del live.announcements[next(iter(live.announcements))]
            self._announcements += 1
            self.reporter.add_event(number, CURRENT, codec.announced(announcement, self._announcements))
        elif committed:
            live.session.acknowledge(announcement.seqnum, now)
        live.greet = announcement.extended
        self._world_id = announcement.world_id
        self._hold_or_resume(live, now)

    def _hold_or_resume(self, live: Partner, now: float) -> None:
        """Commands go to a UPS that is in their world and speaks of such things, and wait while it is in another."""
        window = list(live.session.unacked())
        if self._world_id != self._home:
            self._parked += window
            live.session.withdraw([number for number, _ in window])
            return
        spoken = (None, *live.announcement.features)
        live.session.withdraw([number for number, element in window if codec.feature_of(element) not in spoken])
        parked, self._parked = self._parked, []
        unspoken = [number for number, element in (*window, *parked) if codec.feature_of(element) not in spoken]
        self.reporter.add_acked(live.number, CURRENT, unspoken)
        for command_id, element in parked:
            if codec.feature_of(element) in spoken and not self.reporter.holds_ack(command_id):
                live.session.send(command_id, element, now)

    def _forget_truck_requests(self, live: Partner, answer: pb.RedirectAnswered) -> None:
        """UPS has the job, and another address for it: a copy of the request could only bring the old one back.

        Not so a request that is newer than the question. The answer may be a copy, heard again by a bridge that just
        began, and the request what orders_svc has asked for since; it asks for it only once.
        """
        older = [
            number
            for number, element in live.session.unacked()
            if number < answer.command_id and codec.asks_for_truck(element, answer.shipment_id)
        ]
        live.session.withdraw(older)

    def _saw(self, trucks: Iterable[pb.TruckPosition]) -> None:
        for truck in trucks:
            self._trucks.pop(truck.truck_id, None)
            self._trucks[truck.truck_id] = truck
        while len(self._trucks) > codec.MAX_TRUCKS:
            del self._trucks[next(iter(self._trucks))]

    def _differs(self, number: int) -> str:
        """How the contract of a live partner differs from ours, in words that follow others; or nothing."""
        live = self._live
        difference = live.announcement.difference if live is not None and live.number == number else ""
        return f"; the contracts differ: {difference}" if difference else ""

    def _reported(self, call: Call, answer: Any, now: float) -> None:
        for done in self.reporter.answered(call, answer, now):
            live = self._live
            if live is None or live.number != done.source:
                continue
            for event in done.events:
                if event.WhichOneof("body") == "world_announced":
                    for one in live.announcements:
                        if codec.announced(one, event.world_announced.announcement_no) == event:
                            live.announcements[one] = True
                    live.session.acknowledge(event.seqnum, now)
                    live.greet = live.announcement.extended
                else:
                    live.session.confirm([event.seqnum], now)

    def _hang_up(self, number: int, reason: str, *, bad_head: bytes | None = None) -> None:
        self._waiting.pop(number, None)
        self._actions.append(Close(number, reason, bad_head))
        if self._live is not None and self._live.number == number:
            self._park(self._live)

    def _turn_away(self, number: int, reason: str) -> None:
        del self._waiting[number]
        self._actions.append(Close(number, reason))

    def _park(self, live: Partner) -> None:
        """The live connection ended: remember what the next one needs."""
        self._parked += live.session.unacked()
        self.tally.close(live.session)
        self.tally.reconnects += 1
        self._live = None

    def _lose(self, now: float) -> None:
        """Another instance owns the link, or did: nothing of ours may go on."""
        reason = "the link has another owner"
        for number in list(self._waiting):
            self._turn_away(number, reason)
        if self._live is not None:
            self._hang_up(self._live.number, reason)
        self._parked = []
        self._world_epoch = 0
        self._world_id = None
        self._home = None
        self._trucks.clear()
        self.reporter.clear()
        self.attachment.lose("the link had another owner, attaching again", now)

    def _policy(self) -> Policy:
        return Policy(
            tick=self.attachment.world_tick_seconds,
            max_copies=self.rules.max_copies,
            window=self.rules.window,
            max_frame=self.rules.max_frame,
            max_unconfirmed=self.rules.max_queued,
        )

    # What is due.

    def _work(self, now: float) -> None:
        """Do all that is due at `now`."""
        for number, deadline in list(self._waiting.items()):
            if deadline > now:
                continue
            if self.attachment.attached:
                self._turn_away(number, f"no world was announced within {self.rules.announce_seconds:g} s")
            else:
                self._waiting[number] = now + self.rules.announce_seconds
        call = self.attachment.due(now, self.connected, self.state(now))
        if call is not None:
            if call.kind is Kind.RENEW:
                call.request.trucks.extend(self._trucks.values())
                self._trucks.clear()
            self._actions.append(call)
        if self.attachment.attached:
            report = self.reporter.due(self.attachment.link_epoch, now)
            if report is not None:
                self._actions.append(report)
        live = self._live
        if live is not None:
            bodies = [codec.encode_frame(frame.elements, frame.acks) for frame in live.session.outgoing(now)]
            if live.greet:
                live.greet = False
                hello = codec.encode_hello(live.announcement)
                bodies[:1] = [hello + body for body in bodies[:1] or [b""]]
            if bodies:
                self.tally.frames_sent += len(bodies)
                self._actions.append(Send(live.number, tuple(bodies)))
