"""What a case is given: a correct Amazon that goes on by itself, and the means to expect, hold back and misbehave.

Rules: a job that no case holds is packed, loaded and let go as soon as it can be, so that trucks come back; every wait
has an end, at which it is said what was expected; between two cases everything is put right again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import DELIVERED, LOAD, START, Amazon, Element, Partner
from proof.conform.cases import CaseFailed, NobodyThereError
from proof.conform.verdict import Entry
from proof.conform.world import WAREHOUSES, World


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that are waited at most for what has to come."""

    tick: float
    # For a partner to send again what is not acked, and to dial again.
    resend: float = 15.0

    @property
    def ack(self) -> float:
        """For an ack."""
        return 2 * self.tick + 3.0

    @property
    def trip(self) -> float:
        """For a truck to come, or to deliver."""
        return 60 * self.tick + 20.0

    @property
    def quiet(self) -> float:
        """That nothing may come within, where nothing has to."""
        return 3 * self.tick + 0.5


@dataclass(slots=True, eq=False)
class Job:
    """One package. `load`, `go`: whether the kit does these steps by itself."""

    ship: int
    warehouse: int
    to: tuple[int, int]
    number: int
    load: bool = True
    go: bool = True
    loading: bool = False
    # The numbers of AUDeliverRequests.
    went: list[int] = field(default_factory=list)


class Kit:
    """The run under way."""

    def __init__(self, amazon: Amazon, world: World, patience: Patience, first_ship: int) -> None:
        self.amazon = amazon
        self.world = world
        self.patience = patience
        self.jobs: dict[int, Job] = {}
        # How each truck stood when its UALoadRequest came first.
        self.arrivals: dict[int, tuple[int, str]] = {}
        self._next_ship = first_ship
        self._loop = asyncio.get_running_loop()
        self._joining: asyncio.Task[None] | None = None
        amazon.on_element = self._on_element

    # Waiting.

    async def until(self, condition: Callable[[], object], seconds: float, expected: str) -> None:
        """Waits until `condition()`; the automatic Amazon goes on meanwhile. Raises CaseFailed."""
        if not await self._within(condition, seconds):
            raise CaseFailed(f"{expected} within {seconds:g} s", "it did not come")

    async def never(self, condition: Callable[[], object], seconds: float, unexpected: str) -> None:
        """Waits so long and raises CaseFailed if `condition()` comes true."""
        if await self._within(condition, seconds):
            raise CaseFailed(f"no {unexpected}", "it came")

    async def _within(self, condition: Callable[[], object], seconds: float) -> bool:
        until = self._loop.time() + seconds
        repeat_at = self._loop.time() + 2 * self.patience.tick + 1.0
        while not condition():
            now = self._loop.time()
            if now >= until:
                return False
            if now >= repeat_at:
                repeat_at = now + 2 * self.patience.tick + 1.0
                self.amazon.repeat_unacked()
            self._go_on()
            self.amazon.changed.clear()
            try:
                async with asyncio.timeout(min(until - now, 0.05)):
                    await self.amazon.changed.wait()
            except TimeoutError:
                continue
        return True

    async def acked(self, number: int, times: int = 1) -> None:
        """Waits until the partner has acked a number of ours so often."""
        expected = "its ack" if times == 1 else f"its ack, {times} times in all,"
        await self.until(lambda: len(self.amazon.acks[number]) >= times, self.patience.ack, f"{expected} of {number}")

    async def connected(self) -> Partner:
        """Waits until a partner has announced a world, and we have tried it."""
        seconds = self.patience.resend + self.patience.ack
        if not await self._within(lambda: self.amazon.live is not None and self._joining is None, seconds):
            newest = self.amazon.partners[-1] if self.amazon.partners else None
            came = "it dialled and announced nothing" if newest else "nobody dialled"
            raise NobodyThereError(f"a connection with a UAstart within {seconds:g} s", (newest and newest.bad) or came)
        assert self.amazon.live is not None
        return self.amazon.live

    async def ended(self, partner: Partner) -> None:
        """Waits for the end of a connection."""
        await self.until(lambda: partner.ended, self.patience.ack + 5.0, f"the end of connection {partner.number}")

    async def renewed(self, before: Partner) -> Partner:
        """Waits for the connection after this one."""
        expected = "a new connection with a UAstart"
        await self.until(lambda: self.amazon.live not in (None, before), self.patience.resend, expected)
        assert self.amazon.live is not None
        return self.amazon.live

    def said(self, kind: str, ship: int | None = None) -> list[Element]:
        """What the partner said of a kind (about a package), copies included."""
        return [
            element
            for element in self.amazon.elements
            if element.kind == kind and (ship is None or element.ship == ship)
        ]

    # Doing.

    def request(self, *, to: tuple[int, int] = (5, 9), warehouse: int = 1) -> tuple[Job, ups.AUCommand]:
        """A new job, packed in the world, and the request for its truck, which is not sent. Raises CaseFailed."""
        if self.world.id is None:
            raise CaseFailed("a world that Amazon can connect to", f"the world says: {self.world.refusal}")
        self._next_ship += 1
        job = Job(self._next_ship, warehouse, to, self.amazon.number())
        self.jobs[job.ship] = job
        self.world.pack(job.ship, warehouse)
        return job, self.pickup(job)

    def pickup(self, job: Job, number: int | None = None, to: tuple[int, int] | None = None) -> ups.AUCommand:
        """The request for a job's truck, under its first number or another."""
        (x, y), (to_x, to_y) = WAREHOUSES[job.warehouse], to or job.to
        asked = ups.AUPickupRequest(
            seqNum=job.number if number is None else number,
            shipId=job.ship,
            warehouseId=job.warehouse,
            x=x,
            y=y,
            destinationX=to_x,
            destinationY=to_y,
            upsName="conformance",
            items="1 x a thing",
        )
        return ups.AUCommand(pickupRequests=[asked])

    def order(self, *, to: tuple[int, int] = (5, 9), warehouse: int = 1, load: bool = True, go: bool = True) -> Job:
        """A new job whose truck is asked for."""
        job, command = self.request(to=to, warehouse=warehouse)
        job.load, job.go = load, go
        self.amazon.say(job.number, command)
        return job

    def let_go(self, job: Job) -> int:
        """Says that a job's truck may leave; gives the number."""
        number = self.amazon.number()
        job.went.append(number)
        go = ups.AUDeliverRequest(seqNum=number, shipId=job.ship)
        self.amazon.say(number, ups.AUCommand(deliverRequests=[go]))
        return number

    async def truck_there(self, job: Job) -> Element:
        """Waits for the job's UALoadRequest."""
        await self.until(lambda: self.said(LOAD, job.ship), self.patience.trip, f"a UALoadRequest for {job.ship}")
        return self.said(LOAD, job.ship)[0]

    async def delivered(self, job: Job) -> Element:
        """Waits for the job's UADelivered, and checks it against the world."""
        await self.until(lambda: self.said(DELIVERED, job.ship), self.patience.trip, f"a UADelivered for {job.ship}")
        self.check_delivered(job)
        return self.said(DELIVERED, job.ship)[0]

    def check_delivered(self, job: Job) -> None:
        """Raises CaseFailed unless the package was delivered once, to its address."""
        record = self.world.record(job.ship)
        places = [] if record is None else record.delivered_to
        if places != [job.to]:
            raise CaseFailed(f"one delivery of {job.ship} at {job.to}", f"the world saw {places or 'none'}")

    @contextmanager
    def holding(self, *kinds: str) -> Iterator[None]:
        """Does not ack these kinds of elements meanwhile."""
        self.amazon.holding.update(kinds)
        try:
            yield
        finally:
            self.amazon.release()

    @property
    def trace(self) -> Sequence[Entry]:
        """What happened since the case began."""
        return self.amazon.trace

    async def begin(self) -> None:
        """Puts everything right for the next case. Raises NobodyThereError if no partner comes."""
        self.amazon.trace.clear()
        self.amazon.holding.clear()
        for job in self.jobs.values():
            job.load = job.go = True
        await self.connected()

    async def close(self) -> None:
        """Ends what was begun."""
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.wait([self._joining])

    # The automatic Amazon.

    def _on_element(self, element: Element) -> None:
        if isinstance(element.message, ups.UAstart):
            world_id = element.message.worldid
            if world_id != self.world.id and self._joining is None:
                self._joining = self._loop.create_task(self._join(world_id))
        elif isinstance(element.message, ups.UALoadRequest):
            truck = element.message.truckId
            self.arrivals.setdefault(element.number, (truck, self.world.truck_status(truck)))

    async def _join(self, world_id: int) -> None:
        try:
            if not await self.world.join(world_id):
                self.amazon.note(f"world {world_id} was announced, and refuses us: {self.world.refusal}")
        finally:
            self._joining = None
            self.amazon.changed.set()

    def _go_on(self) -> None:
        for job in self.jobs.values():
            if job.went:
                continue
            loads = self.said(LOAD, job.ship) if job.load else []
            if loads and self.world.is_packed(job.ship) and not job.loading:
                assert isinstance(loads[-1].message, ups.UALoadRequest)
                job.loading = True
                self.world.load(job.ship, loads[-1].message.truckId, job.warehouse)
            if job.go and self.world.is_loaded(job.ship):
                self.let_go(job)


__all__ = ["DELIVERED", "LOAD", "START", "Job", "Kit", "Patience"]
