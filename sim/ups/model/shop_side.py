"""The UPS stand-in towards the shop: announcing the world, taking requests once, telling news until acked.

Rules: UAstart is the first message on every connection and comes again until its number is acked; each of the shop's
numbers is handled once and acked every time; ours begin at 1 after a loss of memory. What a request means is elsewhere
(`fleet`).
"""

from collections import Counter

from partners.ups import ups_pb2 as contract
from sim.messages import parse
from sim.numbers import Incoming, Outgoing
from sim.ups.model.fleet import Fleet
from sim.ups.model.jobs import Job, Truck
from sim.ups.model.settings import Faults, Settings

Element = contract.UALoadRequest | contract.UADelivered | contract.Err


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
        """Lose the memory: our numbers begin at 1 again, theirs are all new."""
        self._outgoing: Outgoing[Element] = Outgoing(1, self._settings.shop_resend)
        self._incoming = Incoming()
        self._acks: list[int] = []
        self._announced: contract.UAstart | None = None
        self._announce_at: float | None = None

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
        self._announce_at = now
        self._outgoing.start_over()

    def lost(self, now: float) -> None:
        """The connection is gone, or could not be made."""
        self.up = self.dialling = False
        self.redial_at = now + self._settings.tick

    def receive(self, body: bytes, now: float) -> bool:
        """Handle an AUCommand; False means that it was none and the connection is of no use."""
        command = parse(contract.AUCommand, body)
        if command is None:
            return False
        for number in command.acks:
            self._outgoing.acked(number)
            if self._announced is not None and number == self._announced.seqnum:
                self._announce_at = None
        for error in command.error:
            if self._is_new(error.seqNum):
                self.counts["errors received"] += 1
        for request in command.pickupRequests:
            if self._is_new(request.seqNum):
                self.counts["pickup requests"] += 1
                self.fleet.pickup_wanted(_job(request))
        for go in command.deliverRequests:
            if self._is_new(go.seqNum):
                self.counts["deliver requests"] += 1
                self.fleet.deliver_wanted(go.seqNum, go.shipId, now)
        return True

    def announcement(self, now: float) -> contract.UAstart | None:
        """The announcement, when it is due."""
        if not self.up or self._announced is None or self._announce_at is None or self._announce_at > now:
            return None
        self._announce_at = now + self._settings.shop_resend
        world = self._announced.worldid if self._faults.announce is None else self._faults.announce
        return contract.UAstart(worldid=world, seqnum=self._announced.seqnum)

    def command(self, now: float) -> contract.UACommand | None:
        """Everything that is due, with the acks, or None."""
        if not self.up:
            return None
        command = contract.UACommand(acks=self._acks)
        self._acks.clear()
        for element in self._outgoing.take(now):
            if isinstance(element, contract.UALoadRequest):
                command.loadRequests.append(element)
            elif isinstance(element, contract.UADelivered):
                command.delivered.append(element)
            else:
                command.error.append(element)
        return command if command.ByteSize() else None

    def next_due(self, now: float) -> float | None:
        """When there is something to send or to dial."""
        if not self.up:
            return None if self.dialling else self.redial_at
        if self._acks:
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
