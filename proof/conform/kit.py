"""What a case is given: a correct Amazon that goes on by itself, and the means to expect, hold back and misbehave.

Rules: a job that no case holds is packed, loaded and let go as soon as it can be, so that trucks come back; every wait
has an end, at which it is said what was expected; between two cases everything is put right again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import DELIVERED, LOAD, START, Amazon, Element, Partner
from proof.conform.cases import CaseFailed, NobodyThereError, NotApplicable
from proof.conform.job import Arrival, Job
from proof.conform.patience import Patience
from proof.conform.program import Program
from proof.conform.reading import why_not
from proof.conform.speech import FEATURES, hello
from proof.conform.verdict import Entry, newest
from proof.conform.world import WAREHOUSES, World

# No partner uses so many numbers in one life.
_A_LIFE = 1_000_000


class Kit:
    """The run under way: one partner, one Amazon, one world. `program` is None where others start the partner."""

    def __init__(
        self, amazon: Amazon, world: World, patience: Patience, first_ship: int, program: Program | None = None
    ) -> None:
        self.amazon = amazon
        self.world = world
        self.patience = patience
        self.program = program
        self.jobs: dict[int, Job] = {}
        self.arrivals: list[Arrival] = []
        # What was announced where there was no such world.
        self.false_worlds: list[int] = []
        # The features that we name to a partner that names some; None: none, and no hello either.
        self.speaks: Sequence[str] | None = FEATURES
        # The addresses that were asked for, by the number of the AURedirect.
        self.changes: dict[int, tuple[int, int]] = {}
        # What is said instead of the hello that these features make.
        self.hello: ups.AUCommand | None = None
        # A case's own, beside what the kit does with an element.
        self.ears: Callable[[Element], None] = lambda _: None
        self._next_ship = first_ship
        self._loop = asyncio.get_running_loop()
        self._joining: asyncio.Task[None] | None = None
        amazon.on_element = self._on_element
        amazon.greeting = self._greeting

    # Waiting.

    async def until(self, condition: Callable[[], object], seconds: float, expected: str) -> None:
        """Waits until `condition()`; the automatic Amazon goes on meanwhile. Raises CaseFailed."""
        if not await self.within(condition, seconds):
            raise CaseFailed(f"{expected} within {seconds:g} s", f"it did not come; {newest(self.trace)}")

    async def never(self, condition: Callable[[], object], seconds: float, unexpected: str) -> None:
        """Waits so long and raises CaseFailed if `condition()` comes true."""
        if await self.within(condition, seconds):
            raise CaseFailed(f"no {unexpected}", f"it came; {newest(self.trace)}")

    async def within(self, condition: Callable[[], object], seconds: float) -> bool:
        """Waits so long for `condition()`; whether it came true. The automatic Amazon goes on meanwhile."""
        until = self._loop.time() + seconds
        repeat_at = self._loop.time() + 2 * self.patience.tick + 1.0
        while not condition():
            now = self._loop.time()
            self.amazon.check()
            if self.amazon.flood:
                raise NobodyThereError("a partner that says what it has to say", self.amazon.flood)
            if self.program is not None and self.program.ended:
                raise CaseFailed("a partner that goes on", self.program.ended)
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

    async def pause(self, seconds: float) -> None:
        """Lets so much time go by; the automatic Amazon goes on."""
        await self.within(lambda: False, seconds)

    async def acked(self, number: int, times: int = 1) -> None:
        """Waits until the partner has acked a number of ours so often."""
        expected = "its ack" if times == 1 else f"its ack, {times} times in all,"
        await self.until(lambda: len(self.amazon.acks[number]) >= times, self.patience.ack, f"{expected} of {number}")

    async def connected(self) -> Partner:
        """Waits until a partner has announced a world, and we have tried it."""
        seconds = self.patience.coming
        before = len(self.amazon.partners)
        if not await self.within(lambda: self.amazon.live is not None and self._joining is None, seconds):
            raise NobodyThereError(f"a connection with a UAstart within {seconds:g} s", self._absence(before))
        assert self.amazon.live is not None
        return self.amazon.live

    def _absence(self, before: int) -> str:
        since = self.amazon.partners[before:] or self.amazon.partners[-1:]
        if not since:
            trouble = self.amazon.trouble
            return f"it cannot be reached: {trouble}" if trouble else "nobody dialled"
        bad = next(filter(None, map(self._no_start, reversed(since))), "")
        closed = sum(partner.ended for partner in since)
        how = f"{len(since)} connections, {closed} of them closed again" if len(since) > 1 else "one connection"
        return f"{how}, and none announced a world" + (f": {bad}" if bad else "")

    @staticmethod
    def _no_start(partner: Partner) -> str:
        if partner.bad or not partner.bodies:
            return partner.bad
        why = why_not(ups.UAstart, partner.bodies[0])
        return f"its first message is no UAstart: {why}" if why else ""

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

    def has(self, *features: str) -> None:
        """Raises NotApplicable if the partner did not name these features in its newest UAstart."""
        starts = [one.message for one in self.said(START) if isinstance(one.message, ups.UAstart)]
        named = set(starts[-1].features) if starts else set()
        missing = [feature for feature in features if feature not in named]
        if missing:
            raise NotApplicable(f"the partner did not name the feature {', '.join(missing)} in UAstart")

    def needs_a_partner_that_dials(self) -> None:
        """Raises NotApplicable where the kit dials the partner."""
        if self.amazon.dials_partner:
            raise NotApplicable("the partner is dialled here, it does not dial")

    @property
    def now(self) -> float:
        """Seconds of the event loop."""
        return self._loop.time()

    # Doing.

    def request(self, *, to: tuple[int, int] = (5, 9), warehouse: int = 1) -> tuple[Job, ups.AUCommand]:
        """A new job, packed in the world, and the request for its truck, which is not sent. Raises CaseFailed."""
        if self.world.id is None:
            raise CaseFailed("a world that Amazon can connect to", f"the world says: {self.world.refusal}")
        self._next_ship += 1
        return self.request_for(self._next_ship, to=to, warehouse=warehouse)

    def request_for(self, ship: int, *, to: tuple[int, int] = (5, 9), warehouse: int = 1) -> tuple[Job, ups.AUCommand]:
        """The same with a ship id of the case's choice."""
        job = Job(ship, warehouse, to, self.amazon.number(), world=self.world.id or 0)
        self.jobs[ship] = job
        self.world.pack(ship, warehouse)
        return job, self.pickup(job)

    def unknown_ship(self) -> int:
        """A ship id that nobody heard of."""
        self._next_ship += 1
        return self._next_ship

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
        job.offers = self._offers(job)
        go = ups.AUDeliverRequest(seqNum=number, shipId=job.ship)
        self.amazon.say(number, ups.AUCommand(deliverRequests=[go]))
        return number

    async def loaded(self, job: Job) -> None:
        """Waits until the world has the package on its truck."""
        await self.until(
            lambda: self.world.is_loaded(job.ship), self.patience.trip, f"package {job.ship} loaded on the truck"
        )

    async def truck_there(self, job: Job) -> Element:
        """Waits for the job's UALoadRequest."""
        await self.until(lambda: self.said(LOAD, job.ship), self.patience.trip, f"a UALoadRequest for {job.ship}")
        return self.said(LOAD, job.ship)[0]

    async def delivered(self, job: Job) -> Element:
        """Waits for the job's UADelivered, and checks it against the world."""
        expected = f"a UADelivered for {job.ship}"
        await self.until(lambda: self.said(DELIVERED, job.ship), self.patience.trip, expected)
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

    async def restart(self) -> Partner:
        """Kills the partner's program, starts it again, and waits for its UAstart. Raises NotApplicable, CaseFailed."""
        if self.program is None:
            raise NotApplicable("the kit cannot kill and start the partner without --start")
        newest = self.amazon.partners[-1].number
        self.amazon.note("kill -9")
        self.program.kill()
        await self.until(lambda: self.amazon.live is None, self.patience.ack, "the end of its connection")
        # Longer than a tick: the world would swallow the answers of the new connection.
        await asyncio.sleep(2 * self.patience.tick)
        self.amazon.note("started again")
        self.start()
        await self.until(
            lambda: self.amazon.live is not None and self.amazon.live.number > newest and self._joining is None,
            self.patience.trip,
            "a UAstart after the restart",
        )
        assert self.amazon.live is not None
        return self.amazon.live

    def start(self) -> None:
        """Starts the partner's program, if it is ours to start. Raises CannotStart."""
        if self.program is not None:
            self.amazon.life += 1
            fresh = self.amazon.number(_A_LIFE)
            self.program.start(world_id=str(self.world.id or 0), number=str(fresh))

    async def another_world(self) -> Partner:
        """Ends the world, and waits until the partner is in another one, and we as well."""
        before = self.world.id
        self.amazon.note("the world simulator starts again, without any world")
        await self.world.end_all_worlds()
        await self.until(
            lambda: self.world.id not in (None, before) and self._joining is None and self.amazon.live,
            self.patience.trip,
            "a UAstart with the id of another world, which exists",
        )
        assert self.amazon.live is not None
        return self.amazon.live

    @property
    def trace(self) -> Sequence[Entry]:
        """What happened since the case began."""
        return self.amazon.trace

    @property
    def strange(self) -> Sequence[str]:
        """What came since the case began that the contract has no place for."""
        return self.amazon.strange

    async def begin(self) -> None:
        """Puts everything right for the next case. Raises NobodyThereError if no partner comes."""
        self.amazon.begin()
        odd_hello = self.speaks is not FEATURES or self.hello is not None
        self.speaks, self.hello, self.ears = FEATURES, None, lambda _: None
        for job in self.jobs.values():
            job.load = job.go = True
        if self.program is not None and self.program.ended:
            self.amazon.note(f"{self.program.ended}; it is started again")
            self.start()
        partner = await self.connected()
        if odd_hello:
            # What the case before said of features holds for its connection.
            self.amazon.hang_up()
            await self.renewed(partner)

    async def close(self) -> None:
        """Ends what was begun."""
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.wait([self._joining])

    # The automatic Amazon.

    def _on_element(self, element: Element) -> None:
        self.ears(element)
        if isinstance(element.message, ups.UAstart):
            world_id = element.message.worldid
            if not self.world.exists(world_id) and world_id not in self.false_worlds:
                self.false_worlds.append(world_id)
            if world_id != self.world.id and self._joining is None:
                self._joining = self._loop.create_task(self._join(world_id))
        elif isinstance(element.message, ups.UARedirectAnswer) and element.message.accepted:
            job, number = self.jobs.get(element.message.shipId), element.message.originSeqNum
            if job is not None and number in self.changes and number > job.changed_by:
                job.changed_by, job.to = number, self.changes[number]
        elif isinstance(element.message, ups.UALoadRequest):
            copies = [one for one in self.said(LOAD, element.ship) if one.number == element.number]
            if len(copies) == 1:
                truck = element.message.truckId
                status = self.world.truck_status(truck)
                ship, connection = element.message.shipId, element.connection
                job = self.jobs.get(ship)
                gone = job is not None and bool(job.went)
                self.arrivals.append(Arrival(element.number, ship, truck, status, connection, gone))

    def _greeting(self, start: ups.UAstart) -> ups.AUCommand | None:
        if not start.features or self.speaks is None:
            return None
        return self.hello or hello(self.speaks)

    async def _join(self, world_id: int) -> None:
        try:
            if not await self.world.join(world_id):
                self.amazon.note(f"world {world_id} was announced, and refuses us: {self.world.refusal}")
        except OSError as error:
            self.amazon.note(f"world {world_id} cannot be reached: {error}")
        finally:
            self._joining = None
            self.amazon.changed.set()

    def _go_on(self) -> None:
        for job in self.jobs.values():
            if job.world != self.world.id:
                continue
            if not self.world.is_loaded(job.ship):
                loads = self.said(LOAD, job.ship) if job.load else []
                if loads and self.world.is_packed(job.ship) and not job.loading:
                    assert isinstance(loads[-1].message, ups.UALoadRequest)
                    job.loading = True
                    self.world.load(job.ship, loads[-1].message.truckId, job.warehouse)
            elif job.go and not job.went:
                self.let_go(job)
            elif not self.world.is_delivered(job.ship) and self._offers(job) > job.offers > 0:
                # 6.10: it forgot, or our word was lost.
                self.let_go(job)

    def _offers(self, job: Job) -> int:
        return len({one.number for one in self.said(LOAD, job.ship)})


__all__ = ["DELIVERED", "LOAD", "START", "Arrival", "Job", "Kit"]
