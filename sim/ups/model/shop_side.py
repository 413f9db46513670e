"""The UPS stand-in towards the shop: announcing the world, taking requests once, telling news until acked.

Rules: UAstart is the first message on every connection and comes again until its number is acked; the pause before a
dial doubles while nothing comes of it; each of the shop's
numbers is handled once and acked every time, those of one message in their order; ours begin at 1 after a loss of
memory. Nothing of the extension is said before the shop's hello named it on this connection: answers wait for it,
notices are not made. An answer that is kept back keeps its number. What a request means is elsewhere (`fleet`).
"""

from collections import Counter
from collections.abc import Callable

from partners.ups import ups_pb2 as contract
from sim.contract import difference, our_contract
from sim.messages import parse
from sim.numbers import Incoming, Outgoing
from sim.ups.model import extension
from sim.ups.model.fleet import Fleet
from sim.ups.model.jobs import Job, Redirect, Truck
from sim.ups.model.redirects import may_refuse
from sim.ups.model.settings import Faults, Settings

Element = (
    contract.UALoadRequest
    | contract.UADelivered
    | contract.Err
    | contract.UARedirectAnswer
    | contract.UACancelAnswer
    | contract.UAAccountAnswer
    | contract.UADeliveryStarted
)
UNWILLING = "we would rather not"
FULL = "we have no truck to spare"
# Where an element has its place in a UACommand, and the feature that it is of.
_PLACES: dict[type[Element], tuple[str, str | None]] = {
    contract.UALoadRequest: ("loadRequests", None),
    contract.UADelivered: ("delivered", None),
    contract.Err: ("error", None),
    contract.UARedirectAnswer: ("redirectAnswers", extension.REDIRECT),
    contract.UACancelAnswer: ("cancelAnswers", extension.CANCEL),
    contract.UAAccountAnswer: ("accountAnswers", extension.ACCOUNT_CHECK),
    contract.UADeliveryStarted: ("deliveryStarted", extension.DELIVERY_STARTED),
}


class ShopSide:
    """The link to the shop. `counts` says how many elements of each kind came and went, repeats left out."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self.fleet: Fleet
        self.up = False
        self.dialling = False
        self.redial_at: float | None = None
        self.counts: Counter[str] = Counter()
        self.forget()

    def forget(self) -> None:
        """Lose the memory: our numbers begin again, theirs are all new."""
        self._outgoing: Outgoing[Element] = Outgoing(self._settings.first_news, self._settings.shop_resend)
        self._incoming = Incoming()
        self._kept_back: list[contract.UARedirectAnswer | contract.UACancelAnswer] = []
        self._acks: list[int] = []
        self._announced: contract.UAstart | None = None
        self._announce_at: float | None = None
        self._positions: dict[int, contract.UATruckPosition] = {}
        self._pause = self._settings.tick
        self.on: frozenset[str] = frozenset()
        # Where the shop's contract is not ours, in words; empty: nowhere that we know of.
        self.difference = ""

    @property
    def has_world(self) -> bool:
        """Whether there is a world to announce; before, the shop is not dialled."""
        return self._announced is not None

    def announce(self, world_id: int, now: float) -> None:
        """Tell the shop of a new world, at once and until it acks."""
        self._announced = contract.UAstart(worldid=world_id, seqnum=self._outgoing.number())
        self._announce_at = now

    def opened(self, now: float) -> None:
        """The connection is there: everything unacked goes out again, the announcement first."""
        self.up, self.dialling = True, False
        self.on, self.difference = frozenset(), ""
        self._positions.clear()
        self._announce_at = now
        self._outgoing.start_over()

    def lost(self, now: float) -> None:
        """The connection is gone, or could not be made."""
        self.up = self.dialling = False
        self.on = frozenset()
        self.redial_at = now + self._pause
        self._pause = min(2 * self._pause, self._settings.longest_redial)

    def receive(self, body: bytes, now: float) -> bool:
        """Handle an AUCommand; False means that it was none and the connection is of no use."""
        command = parse(contract.AUCommand, body)
        if command is None:
            return False
        self._pause = self._settings.tick
        for number in command.acks:
            self._outgoing.acked(number)
            if self._announced is not None and number == self._announced.seqnum:
                self._announce_at = None
        if command.HasField("hello"):
            self._greeted(command.hello)
        for number, handle in sorted(self._elements(command, now), key=lambda element: element[0]):
            if self._is_new(number):
                handle()
        return True

    @property
    def _features(self) -> tuple[str, ...]:
        return () if self._faults.base else self._settings.features

    def _greeted(self, hello: contract.AUHello) -> None:
        on = frozenset(self._features) & frozenset(hello.features)
        if on != self.on:
            self.on = on
            self._outgoing.start_over()
        self.difference = difference(hello.contract, on) if extension.CONTRACT in on else ""

    def _elements(self, command: contract.AUCommand, now: float) -> list[tuple[int, Callable[[], None]]]:
        """What is to be done for each element, with its number."""
        found: list[tuple[int, Callable[[], None]]] = []
        for error in command.error:
            found.append((error.seqNum, lambda: self._count("errors received")))
        for request in command.pickupRequests:
            found.append((request.seqNum, lambda request=request: self._pickup(request)))  # type: ignore[misc]
        for go in command.deliverRequests:
            found.append((go.seqNum, lambda go=go: self._deliver(go, now)))  # type: ignore[misc]
        for there in command.redirects:
            found.append((there.seqNum, lambda there=there: self._redirect(there, now)))  # type: ignore[misc]
        for cancel in command.cancels:
            found.append((cancel.seqNum, lambda cancel=cancel: self._cancel(cancel)))  # type: ignore[misc]
        for check in command.accountChecks:
            found.append((check.seqNum, lambda check=check: self._check(check)))  # type: ignore[misc]
        return found

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _pickup(self, request: contract.AUPickupRequest) -> None:
        self._count("pickup requests")
        if self._faults.full and request.shipId not in self.fleet.jobs:
            self._faults.done["full"] += 1
            self.error(FULL, request.seqNum)
            return
        self.fleet.pickup_wanted(_job(request))

    def _deliver(self, go: contract.AUDeliverRequest, now: float) -> None:
        self._count("deliver requests")
        self.fleet.deliver_wanted(go.seqNum, go.shipId, now)

    def _redirect(self, there: contract.AURedirect, now: float) -> None:
        self._count("redirects")
        if self._faults.unwilling and may_refuse(self.fleet.jobs.get(there.shipId), (there.x, there.y)):
            self._faults.done["unwilling"] += 1
            self.redirected(there.seqNum, there.shipId, UNWILLING)
            return
        self.fleet.redirect_wanted(Redirect(there.seqNum, there.x, there.y), there.shipId, now)

    def _cancel(self, cancel: contract.AUCancel) -> None:
        self._count("cancels")
        if self._faults.unwilling and may_refuse(self.fleet.jobs.get(cancel.shipId)):
            self._faults.done["unwilling"] += 1
            self.cancelled(cancel.seqNum, cancel.shipId, UNWILLING)
            return
        self.fleet.cancel_wanted(cancel.seqNum, cancel.shipId)

    def _check(self, check: contract.AUAccountCheck) -> None:
        self._count("account checks")
        known = check.upsName not in self._settings.strangers
        number = self._outgoing.number()
        answer = contract.UAAccountAnswer(seqNum=number, originSeqNum=check.seqNum, upsName=check.upsName, known=known)
        self._outgoing.add(number, answer)

    def announcement(self, now: float) -> contract.UAstart | None:
        """The announcement, when it is due."""
        if not self.up or self._announced is None or self._announce_at is None or self._announce_at > now:
            return None
        self._announce_at = now + self._settings.shop_resend
        world = self._announced.worldid if self._faults.announce is None else self._faults.announce
        start = contract.UAstart(worldid=world, seqnum=self._announced.seqnum, features=self._features)
        self._faults.done["announce"] += world != self._announced.worldid
        self._faults.done["base"] += self._features != self._settings.features
        if extension.CONTRACT in self._features:
            start.contract.CopyFrom(our_contract())
        return start

    def command(self, now: float) -> contract.UACommand | None:
        """Everything that is due, with the acks, or None."""
        if not self.up:
            return None
        if self._faults.undecided:
            self._faults.done["undecided"] += bool(self._kept_back)
        else:
            for answer in self._kept_back:
                self._outgoing.add(answer.seqNum, answer)
            self._kept_back.clear()
        command = contract.UACommand(acks=self._acks)
        self._acks.clear()
        for element in self._outgoing.take(now):
            place, feature = _PLACES[type(element)]
            if feature is None or feature in self.on:
                getattr(command, place).append(element)
        command.truckPositions.extend(self._positions.values())
        self._positions.clear()
        return command if command.ByteSize() else None

    def next_due(self, now: float) -> float | None:
        """When there is something to send or to dial."""
        if not self.up:
            return None if self.dialling else self.redial_at
        if self._acks or self._positions or (self._kept_back and not self._faults.undecided):
            return now
        due = [moment for moment in (self._announce_at, self._outgoing.next_due(now)) if moment is not None]
        return min(due, default=None)

    def load(self, job: Job, truck: Truck) -> None:
        """The truck is there."""
        self.counts["load requests"] += 1
        number = self._outgoing.number()
        self._outgoing.add(number, contract.UALoadRequest(seqNum=number, truckId=truck.id, shipId=job.ship))

    def delivered(self, job: Job) -> None:
        """The package is at its address."""
        self.counts["delivered"] += 1
        number = self._outgoing.number()
        self._outgoing.add(number, contract.UADelivered(seqNum=number, shipId=job.ship))

    def error(self, text: str, origin: int) -> None:
        """The element with number `origin` cannot be done."""
        self.counts["errors"] += 1
        number = self._outgoing.number()
        self._outgoing.add(number, contract.Err(err=text, originSeqNum=origin, seqNum=number))

    def redirected(self, number: int, ship: int, refusal: str | None) -> None:
        """Answer a redirect: accepted, or why not."""
        self._count("redirects accepted" if refusal is None else "redirects refused")
        own = self._outgoing.number()
        answer = contract.UARedirectAnswer(
            seqNum=own, originSeqNum=number, shipId=ship, accepted=refusal is None, reason=refusal
        )
        self._kept_back.append(answer)

    def cancelled(self, number: int, ship: int, refusal: str | None) -> None:
        """Answer a cancel: accepted, or why not."""
        self._count("cancels accepted" if refusal is None else "cancels refused")
        own = self._outgoing.number()
        answer = contract.UACancelAnswer(
            seqNum=own, originSeqNum=number, shipId=ship, accepted=refusal is None, reason=refusal
        )
        self._kept_back.append(answer)

    def started(self, job: Job, truck: Truck) -> None:
        """The truck has left with it."""
        if extension.DELIVERY_STARTED in self.on:
            number = self._outgoing.number()
            self._outgoing.add(number, contract.UADeliveryStarted(seqNum=number, shipId=job.ship, truckId=truck.id))

    def seen(self, truck: Truck, x: int, y: int) -> None:
        """A truck under way is there."""
        if extension.TRUCK_POSITION in self.on:
            ships = sorted(truck.jobs)
            self._positions[truck.id] = contract.UATruckPosition(truckId=truck.id, x=x, y=y, shipIds=ships)

    def _is_new(self, number: int) -> bool:
        self._acks.append(number)
        return self._incoming.is_new(number)


def _job(request: contract.AUPickupRequest) -> Job:
    return Job(
        ship=request.shipId,
        warehouse=request.warehouseId,
        place=(request.x, request.y),
        x=request.destinationX,
        y=request.destinationY,
        asked_as=request.seqNum,
    )
