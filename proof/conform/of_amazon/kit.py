"""What a case is given: a correct UPS that goes on by itself, and the means to expect, hold back and misbehave.

Rules: a job that a case took and does not hold is fetched, told, driven and reported as soon as it can be, so that
orders come to their end; every wait has an end, at which it is said what was expected; before a case there is a
connection as a base partner makes it, and Amazon is in our world.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, NobodyThereError, NotApplicable
from proof.conform.of_amazon.asking import Asking
from proof.conform.of_amazon.job import Job
from proof.conform.of_amazon.orders import Placing
from proof.conform.of_amazon.ups import DELIVER, ERROR, PICKUP, Element, Line, Ups
from proof.conform.of_amazon.world import World
from proof.conform.patience import Patience
from proof.conform.program import Program
from proof.conform.verdict import Entry, newest

_DIAL_PAUSE = 0.1


class Kit:
    """The run under way: one Amazon, and all that is needed to check it."""

    def __init__(
        self,
        ups: Ups,
        world: World,
        orders: Placing,
        asking: Asking,
        patience: Patience,
        order_seconds: float,
        program: Program | None,
    ) -> None:
        self.ups = ups
        self.world = world
        self.orders = orders
        self.asking = asking
        self.patience = patience
        self.jobs: dict[int, Job] = {}
        # Where the orders that we placed ourselves go.
        self.placed: list[tuple[int, int]] = []
        # Ship ids of which another address was promised.
        self.promised: set[int] = set()
        # AUDeliverRequests that came before the world had loaded the package.
        self.early: list[Element] = []
        self._order_seconds = order_seconds
        self._program = program
        self._announced: int | None = None
        # Ship ids of worlds before: copies of requests for them may still come.
        self._past: set[int] = set()
        self._loop = asyncio.get_running_loop()
        ups.on_element = self._on_element

    # A ground.

    @property
    def trace(self) -> Sequence[Entry]:
        """What happened since `begin`."""
        return self.ups.trace

    @property
    def strange(self) -> Sequence[str]:
        """What came since `begin` that the contract has no place for."""
        return self.ups.strange

    async def begin(self) -> None:
        """Puts everything right for the next case. Raises NobodyThereError."""
        self.ups.begin()
        for job in self.jobs.values():
            job.bring = job.load = job.drive = job.tell = True
        await self.connected()

    async def connected(self, seconds: float | None = None) -> Line:
        """The connection of a base partner that announced our world, made anew where it has to be.

        Raises NobodyThereError when no Amazon is there within so many seconds, or does not come to our world.
        """
        line = self.ups.live
        if line is None or line.features or self._announced != self.world.id:
            line = await self.dial(seconds=seconds)
        wait = self.patience.resend + self.patience.trip if seconds is None else seconds
        if not await self._within(lambda: self.world.has_amazon, wait):
            raise NobodyThereError(
                f"Amazon in world {self.world.id}, which was announced and acked", "it is not connected to that world"
            )
        return line

    async def dial(
        self, features: Sequence[str] = (), contract: ups.Contract | None = None, seconds: float | None = None
    ) -> Line:
        """A new connection on which our world is announced and acked. Raises NobodyThereError."""
        line = await self.line(seconds)
        number = self.ups.announce(line, self.world.id, features=features, contract=contract)
        await self._within(lambda: self.ups.acks[number] or line.ended, self.patience.ack)
        if not self.ups.acks[number]:
            came = line.bad or ("it closed the connection" if line.ended else "it said nothing of it")
            raise NobodyThereError(f"an ack of UAstart within {self.patience.ack:g} s", came)
        self._announced = self.world.id
        self.ups.repeat_unacked()
        return line

    async def line(self, seconds: float | None = None) -> Line:
        """A new connection on which nothing was said. Raises NobodyThereError."""
        give_up_at = self._loop.time() + (self.patience.resend if seconds is None else seconds)
        while True:
            try:
                return await self.ups.connect()
            except OSError as error:
                if self._loop.time() > give_up_at:
                    host, port = self.ups.address
                    reason = error.strerror or str(error) or type(error).__name__
                    raise NobodyThereError(f"an Amazon that listens at {host}:{port}", reason) from error
            await asyncio.sleep(_DIAL_PAUSE)

    # Waiting.

    async def until(self, condition: Callable[[], object], seconds: float, expected: str) -> None:
        """Waits until `condition()`; the automatic UPS goes on meanwhile. Raises CaseFailed."""
        if not await self._within(condition, seconds):
            raise CaseFailed(f"{expected} within {seconds:g} s", f"it did not come; {newest(self.trace)}")

    async def never(self, condition: Callable[[], object], unexpected: str, seconds: float | None = None) -> None:
        """Waits so long and raises CaseFailed if `condition()` comes true."""
        if await self._within(condition, self.patience.quiet if seconds is None else seconds):
            raise CaseFailed(f"no {unexpected}", f"it came; {newest(self.trace)}")

    async def _within(self, condition: Callable[[], object], seconds: float) -> bool:
        until = self._loop.time() + seconds
        pause = 2 * self.patience.tick + 1.0
        repeat_at = self._loop.time() + pause
        while not condition():
            now = self._loop.time()
            if now >= until:
                return False
            if now >= repeat_at:
                repeat_at = now + pause
                self.ups.repeat_unacked()
            self._go_on()
            self.ups.changed.clear()
            try:
                async with asyncio.timeout(min(until - now, 0.05)):
                    await self.ups.changed.wait()
            except TimeoutError:
                continue
        return True

    async def give_time_for(self, condition: Callable[[], object], seconds: float | None = None) -> None:
        """Gives Amazon time for what it may say, and goes on when it did."""
        await self._within(condition, self.patience.quiet if seconds is None else seconds)

    @property
    def now(self) -> float:
        """Seconds of the event loop."""
        return self._loop.time()

    async def acked(self, number: int, times: int = 1) -> None:
        """Waits until Amazon has acked a number of ours so often."""
        expected = "its ack" if times == 1 else f"its ack, {times} times in all,"
        acks = self.ups.acks
        await self.until(lambda: len(acks[number]) >= times, self.patience.ack, f"{expected} of {number}")

    async def ended(self, line: Line, seconds: float | None = None) -> None:
        """Waits for the end of a connection by Amazon."""
        wanted = f"the end of connection {line.number}"
        await self.until(lambda: line.ended, self.patience.ack + 5.0 if seconds is None else seconds, wanted)

    def said(self, kind: str, ship: int | None = None) -> list[Element]:
        """What Amazon said of a kind (about a package), copies included."""
        return [one for one in self.ups.elements if one.kind == kind and (ship is None or one.ship == ship)]

    # Doing.

    async def job(
        self, *, bring: bool = True, load: bool = True, drive: bool = True, tell: bool = True, fresh: bool = False
    ) -> Job:
        """A job that no case has had: an order that waits already, or (if it has to be `fresh`) a new one.

        Raises CaseFailed.
        """
        known = set(self.jobs) if fresh else set()
        if self._untaken(known) is None:
            to = (3 + len(self.placed) % 40, 5 + len(self.placed) // 40)
            await self.orders.place(to)
            if self.orders.by_itself:
                self.placed.append(to)
            seconds = self.patience.trip if self.orders.by_itself else self._order_seconds
            await self.until(lambda: self._untaken(known), seconds, "an AUPickupRequest for an order")
        job = self._untaken(known)
        assert job is not None
        job.taken, job.bring, job.load, job.drive, job.tell = True, bring, load, drive, tell
        return job

    def _untaken(self, known: set[int]) -> Job | None:
        return next(
            (job for job in self.jobs.values() if not job.taken and not job.went and job.ship not in known), None
        )

    @property
    def question_seconds(self) -> float:
        """For what a shopper asks for to reach UPS; without an answer it is asked again after 50 ticks."""
        return self.patience.trip if self.asking.by_itself else self._order_seconds

    async def question(self, kind: str, ship: int, times: int = 1) -> Element:
        """Waits for what is asked about a package, under so many numbers; gives the newest."""

        def numbers() -> dict[int, Element]:
            return {one.number: one for one in self.said(kind, ship)}

        under = f" under {times} numbers" if times > 1 else ""
        await self.until(lambda: len(numbers()) >= times, self.question_seconds, f"an {kind} for {ship}{under}")
        return list(numbers().values())[-1]

    async def truck_there(self, job: Job) -> int:
        """Waits until a truck is at the job's warehouse, and gives it."""
        await self.until(
            lambda: job.truck in self.world.arrived,
            self.patience.trip,
            f"the world to let a truck arrive for {job.ship}",
        )
        assert job.truck is not None
        return job.truck

    def say_load(self, job: Job, number: int | None = None, truck: int | None = None) -> int:
        """Says that the truck is there; gives the number."""
        number = self.ups.number() if number is None else number
        load = ups.UALoadRequest(seqNum=number, truckId=job.truck if truck is None else truck, shipId=job.ship)
        job.loads.append(number)
        self.ups.say(number, ups.UACommand(loadRequests=[load]))
        return number

    def say_delivered(self, ship: int, number: int | None = None) -> int:
        """Says that a package is at its address; gives the number."""
        number = self.ups.number() if number is None else number
        made = ups.UADelivered(seqNum=number, shipId=ship)
        self.ups.say(number, ups.UACommand(delivered=[made]))
        return number

    def say_error(self, text: str, origin: int) -> int:
        """Says that Amazon's element could not be done; gives the number."""
        number = self.ups.number()
        error = ups.Err(err=text, originSeqNum=origin, seqNum=number)
        self.ups.say(number, ups.UACommand(error=[error]))
        return number

    def probe(self, number: int | None = None) -> tuple[int, ups.UACommand]:
        """A harmless element, which is not sent: an Err about a number that is nobody's."""
        number = self.ups.number() if number is None else number
        self.ups.note_number(number)
        return number, ups.UACommand(error=[ups.Err(err="conformance", originSeqNum=-abs(number) - 1, seqNum=number)])

    async def goes(self, job: Job, times: int = 1) -> int:
        """Waits for the job's AUDeliverRequest, or a further one; gives its number."""
        wanted = f"an AUDeliverRequest for {job.ship}" + (f" under {times} numbers" if times > 1 else "")
        await self.until(lambda: len(job.went) >= times, self.patience.trip, wanted)
        return job.went[-1]

    async def delivered(self, job: Job) -> None:
        """Lets a job go its way, and waits until it is done: delivered in the world, told and acked."""
        job.bring = job.load = job.drive = job.tell = True
        await self.until(lambda: job.told, self.patience.trip, f"the world to deliver {job.ship}")
        await self.acked(job.told[0])
        self.check_delivered(job)

    def check_delivered(self, job: Job) -> None:
        """Raises CaseFailed unless the package was packed, loaded and delivered once, to its address."""
        record = self.world.record(job.ship)
        seen = (0, 0, []) if record is None else (len(record.packed), len(record.loaded), record.delivered_to)
        if seen != (1, 1, [job.to]):
            raise CaseFailed(
                f"package {job.ship} packed and loaded once, delivered at {job.to}",
                f"the world saw it packed {seen[0]} times, loaded {seen[1]} times, delivered at {seen[2] or 'none'}",
            )

    @contextmanager
    def holding(self, *kinds: str) -> Iterator[None]:
        """Does not ack these kinds of elements meanwhile."""
        self.ups.holding.update(kinds)
        try:
            yield
        finally:
            self.ups.release()

    async def new_world(self) -> int:
        """Makes another world and is in it; the jobs of the one before are over. Gives the id of that one."""
        before = self.world.id
        await self.world.make()
        self.ups.forget_unacked()
        self._past |= self.jobs.keys()
        self.jobs.clear()
        return before

    def note_world(self) -> None:
        """The world that we are in now is the one that was announced last."""
        self._announced = self.world.id

    async def anew(self, job: Job) -> Job:
        """Waits until a shipment has begun anew, with the same address; gives the new job."""

        def found() -> Job | None:
            return next((one for one in self.jobs.values() if one.to == job.to and not one.taken), None)

        await self.until(found, self.patience.trip, f"an AUPickupRequest for what was {job.ship}")
        again = found()
        assert again is not None
        again.taken = True
        return again

    async def kill_amazon(self) -> None:
        """kill -9 of Amazon's program; returns when its connections are gone.

        Raises NotApplicable where the kit did not start it.
        """
        if self._program is None:
            raise NotApplicable("Amazon is killed only where --start says how it is started")
        self.ups.note("killed Amazon")
        self._program.kill()
        await self.until(
            lambda: self.ups.live is None and not self.world.has_amazon,
            self.patience.ack,
            "the end of all connections of the killed Amazon",
        )

    async def start_amazon(self) -> None:
        """Starts it again; returns when it is connected."""
        assert self._program is not None
        self.ups.note("started Amazon again")
        self._program.start()
        # A whole program has to come up, and to find the world.
        give_up_at = self._loop.time() + self._order_seconds
        while True:
            try:
                await self.connected()
                return
            except NobodyThereError:
                if self._loop.time() > give_up_at:
                    raise

    # The automatic UPS.

    def _on_element(self, element: Element) -> None:
        message = element.message
        if isinstance(message, ups.AUPickupRequest) and message.shipId not in self._past:
            job = self.jobs.setdefault(message.shipId, Job(message.shipId, message))
            if message.seqNum not in job.asked:
                job.asked.append(message.seqNum)
                if len(job.asked) > 1 and job.taken:
                    self._say_again(job)
        elif isinstance(message, ups.AUDeliverRequest):
            if message.shipId not in self._past and not self.world.is_loaded(message.shipId):
                self.early.append(element)
            known = self.jobs.get(message.shipId)
            if known is not None and message.seqNum not in known.went:
                known.went.append(message.seqNum)
                if known.told and known.tell:
                    known.told.append(self.say_delivered(known.ship))

    def _say_again(self, job: Job) -> None:
        """The same job, asked for anew: how things stand (6.7)."""
        if job.told:
            if job.tell:
                job.told.append(self.say_delivered(job.ship))
        elif job.loads and not job.driving and job.load and job.truck in self.world.arrived:
            self.say_load(job)

    def _go_on(self) -> None:
        for job in self.jobs.values():
            if not job.taken or job.told or job.given_up:
                continue
            if job.truck is None:
                if job.bring:
                    job.truck = self.world.truck()
                    self.world.fetch(job.truck, job.warehouse)
            elif job.load and not job.loads and job.truck in self.world.arrived:
                self.say_load(job)
            elif job.drive and job.went and not job.driving:
                job.driving = True
                self.world.deliver(job.truck, job.ship, job.to)
            elif job.tell and job.ship in self.world.made:
                job.told.append(self.say_delivered(job.ship))
                self.world.let_go(job.truck)


__all__ = ["DELIVER", "ERROR", "PICKUP", "Job", "Kit", "Patience"]
