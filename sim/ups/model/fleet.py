"""Which truck goes where with which packages, and what is done when the world says no or nothing.

Rules: a ship id is one job however often and under whatever number it is asked for; an unasked-for truck never moves; a
truck leaves when all its packages are loaded (or the patience for the rest is over: they get another truck), and goes
elsewhere when it waited in vain for the first (they get another truck when somebody asks again); a notice
that may be about an earlier trip is checked by a query before it is believed; transient errors are tried again under a
new number, the others end in an Err to the shop or in another truck; a fleet that forgot looks for a loaded package on
one free truck after the other. Other addresses are elsewhere (`redirects`), and so are numbers and bytes (`world_side`,
`shop_side`).
"""

from sim.agenda import Agenda
from sim.ups.model.jobs import Job, JobState, Order, OrderKind, Redirect, Truck, TruckState
from sim.ups.model.redirects import DELIVERED, UNDER_WAY, UNKNOWN_SHIP, Redirects, is_being_decided
from sim.ups.model.search import Search
from sim.ups.model.settings import Settings
from sim.ups.model.sides import ShopNews, WorldOrders
from sim.ups.model.watch import Watch, under_way
from sim.ups.model.yard import Yard

NOT_ASKED_TO_LOAD = "no truck was at the warehouse for this shipId"
_GONE_OR_BUSY = "cannot find truck or package"
_NOT_ON_TRUCK = "package you have specified is not currently in the truck"
_UNKNOWN_PLACE = "error: "


class Fleet:
    """All trucks and jobs in one world."""

    def __init__(self, settings: Settings, agenda: Agenda, world: WorldOrders, shop: ShopNews) -> None:
        self._settings = settings
        self._agenda = agenda
        self._world = world
        self._shop = shop
        self.jobs: dict[int, Job] = {}
        self.trucks: dict[int, Truck] = {}
        self._yard = Yard(settings.capacity)
        self._waiting: dict[int, dict[int, Job]] = {}
        """Warehouse -> jobs without a truck, oldest first."""
        self._touched: dict[int, Truck] = {}
        self._redirects = Redirects(settings, agenda, world, shop, self._give)
        self._watch = Watch(settings, agenda, world)
        self._search = Search(settings, agenda, shop, self._loaded, self._wait)

    def start(self, trucks: list[Truck], *, forgot: bool = False) -> None:
        """Begin in a world: these trucks, no jobs. `forgot`: they may carry packages that we know nothing of."""
        self.trucks = {truck.id: truck for truck in trucks}
        self._yard = Yard(self._settings.capacity, trucks)
        self._search.trucks = self.trucks if forgot else {}
        self.jobs, self._waiting, self._touched = {}, {}, {}

    def pickup_wanted(self, job: Job) -> None:
        """Handle a request for a truck; for a known package answer with how things stand."""
        known = self.jobs.setdefault(job.ship, job)
        known.asked_as = job.asked_as
        if known.state is JobState.WAITING:
            # Again, if a truck waited for it in vain.
            self._waiting.setdefault(known.warehouse, {}).setdefault(known.ship, known)
        elif known.state in (JobState.THERE, JobState.LOADED):
            assert known.truck is not None
            self._shop.load(known, known.truck)
        elif known.state is JobState.DELIVERED:
            self._shop.delivered(known)

    def deliver_wanted(self, number: int, ship: int, now: float) -> None:
        """Handle "it is loaded, go"; for a package under way or delivered answer with how things stand."""
        job = self.jobs.get(ship)
        if job is None:
            self._shop.error(UNKNOWN_SHIP, number)
            return
        job.asked_as = number
        if job.state is JobState.THERE:
            assert job.truck is not None
            self._loaded(job, job.truck, now)
        elif job.state is JobState.DELIVERED:
            self._shop.delivered(job)
        elif job.state in (JobState.WAITING, JobState.COMING):
            if job.offered:
                self._loaded(job, job.offered[-1], now)
            else:
                self._shop.error(NOT_ASKED_TO_LOAD, number)

    def redirect_wanted(self, wanted: Redirect, ship: int, now: float) -> None:
        """Handle another address for a package."""
        self._redirects.wanted(self.jobs.get(ship), ship, wanted, now)

    def cancel_wanted(self, number: int, ship: int) -> None:
        """Handle a request to give a package up; what is not known is remembered as given up."""
        job = self.jobs.get(ship)
        if job is None:
            job = self.jobs[ship] = Job(ship, 0, (0, 0), 0, 0, number, JobState.CANCELLED)
        elif job.state in (JobState.LOADED, JobState.DELIVERING, JobState.DELIVERED):
            self._shop.cancelled(number, ship, DELIVERED if job.state is JobState.DELIVERED else UNDER_WAY)
            return
        elif job.truck is not None:
            self._touched[job.truck.id] = job.truck
            job.truck.leave_behind(job)
        self._waiting.get(job.warehouse, {}).pop(ship, None)
        job.state = JobState.CANCELLED
        self._shop.cancelled(number, ship, None)

    def taken(self, order: Order, now: float) -> None:
        """The world has acked an order, and not said with it that it failed."""
        if order.kind is OrderKind.DELIVER:
            for job in order.jobs:
                if job.truck is order.truck and job.state is JobState.DELIVERING:
                    self._shop.started(job, order.truck)
        elif order.kind is OrderKind.REDIRECT:
            self._redirects.taken(order, now)

    def world_lost(self) -> None:
        """What the world said last may have gone to a connection that is no more."""
        self._redirects.world_lost(self.jobs.values())

    def settle(self, now: float) -> None:
        """After a message or a timer: let trucks leave that can, and send trucks to whoever waits."""
        touched, self._touched = self._touched, {}
        for truck in touched.values():
            if truck.state is TruckState.THERE:
                self._leave_if_ready(truck, now)
        for warehouse in list(self._waiting):
            self._serve(warehouse, now)
        self._watch.look(self.trucks.values(), now)

    def arrived(self, truck_id: int, seqnum: int) -> None:
        """The world says that a truck reached a warehouse."""
        truck = self.trucks.get(truck_id)
        if truck is None:
            return
        if truck.state is TruckState.OUT and truck.stray:
            self._set_free(truck)
        if truck.state is not TruckState.GOING:
            return
        if truck.guessed:
            self._world.query(truck)
        elif all(seqnum > order.after for order in truck.orders.values()):
            self._at_warehouse(truck)

    def became_idle(self, truck_id: int, x: int, y: int) -> None:
        """The world says that a truck made its last delivery."""
        truck = self.trucks.get(truck_id)
        if truck is None or truck.state is not TruckState.OUT:
            return
        truck.x, truck.y = x, y
        if truck.jobs:
            self._world.query(truck)
        else:
            self._set_free(truck)

    def delivered(self, ship: int) -> None:
        """The world says that a package is at its address."""
        job = self.jobs.get(ship)
        if job is None or job.state in (JobState.DELIVERED, JobState.CANCELLED):
            return
        job.state = JobState.DELIVERED
        if job.truck is not None:
            job.truck.leave_behind(job)
        self._shop.delivered(job)

    def status(self, truck_id: int, status: str, x: int, y: int, now: float) -> None:
        """The world answers where a truck is; what it should have told before is made up for."""
        truck = self.trucks.get(truck_id)
        if truck is None:
            return
        if truck.state in (TruckState.GOING, TruckState.OUT):
            self._shop.seen(truck, x, y)
        settled = all(order.acked for order in truck.orders.values())
        if truck.stray:
            truck.x, truck.y = x, y
            if status in ("IDLE", "ARRIVE WAREHOUSE"):
                self._set_free(truck)
            else:
                # Whoever sent it forgot; the end of a way is told to us, the end of a loading to nobody.
                self._yard.free.pop(truck.id, None)
                truck.state = TruckState.OUT
                self._agenda.later(now + 3 * self._settings.tick, lambda _: self._world.query(truck))
        elif truck.state is TruckState.GOING and settled:
            if status == "ARRIVE WAREHOUSE" and (truck.x, truck.y) == (x, y):
                truck.guessed = True
                self._at_warehouse(truck)
            elif status != "TRAVELING":
                self._again(truck, now)
        elif truck.state is TruckState.OUT and settled:
            truck.x, truck.y = x, y
            if status == "IDLE":
                for job in list(truck.jobs.values()):
                    self.delivered(job.ship)
                self._set_free(truck)
            elif status == "ARRIVE WAREHOUSE":
                self._again(truck, now)

    def refused(self, order: Order, text: str, now: float) -> None:
        """The world refused an order."""
        truck = order.truck
        truck.orders.pop(order.number, None)
        if order.kind is OrderKind.QUERY:
            if not text.startswith(_UNKNOWN_PLACE):
                self._world.query(truck)
        elif order.kind is OrderKind.PICKUP:
            self._pickup_refused(truck, text, now)
        elif order.kind is OrderKind.REDIRECT:
            self._redirects.refused(order, text, now)
        elif not text.startswith(_NOT_ON_TRUCK):
            self._retry(order, text, now)
        elif len(order.jobs) > 1:
            for job in order.under_way:
                self._send_out(truck, (job,), now)
        else:
            self._not_on_truck(order.jobs[0], truck, text, now)

    def remove(self, truck: Truck) -> None:
        """Forget a truck that the world does not have; its packages wait for another."""
        self.trucks.pop(truck.id, None)
        self._yard.free.pop(truck.id, None)
        self._yard.close(truck)
        truck.state = TruckState.OUT
        for job in list(truck.jobs.values()):
            truck.leave_behind(job)
            self._wait(job)

    def look_after_all(self) -> None:
        """Ask after every truck that is under way: notices may have been lost."""
        for truck in under_way(self.trucks.values()):
            self._world.query(truck)

    def _wait(self, job: Job) -> None:
        job.state = JobState.WAITING
        job.truck = None
        self._waiting.setdefault(job.warehouse, {})[job.ship] = job

    def _serve(self, warehouse: int, now: float) -> None:
        waiting = self._waiting[warehouse]
        for job in list(waiting.values()):
            truck = self._yard.least_laden(warehouse)
            # While half the fleet is free everyone gets a truck; the rest is kept for places that have none.
            if truck is None or len(self._yard.free) * 2 > len(self.trucks):
                fresh = self._yard.nearest(*job.place)
                if fresh is not None:
                    self._go(fresh, job, now)
                    truck = fresh
            if truck is None:
                break
            del waiting[job.ship]
            self._join(job, truck)
        if not waiting:
            del self._waiting[warehouse]

    def _go(self, truck: Truck, job: Job, now: float) -> None:
        truck.state = TruckState.GOING
        truck.warehouse, (truck.x, truck.y) = job.warehouse, job.place
        truck.leaves_by = None
        self._yard.send(truck)
        self._give(truck, self._world.pickup(truck, job.warehouse), now)

    def _join(self, job: Job, truck: Truck) -> None:
        truck.jobs[job.ship] = job
        job.truck = truck
        job.state = JobState.COMING
        if truck.state is TruckState.THERE:
            self._offer(job, truck)

    def _offer(self, job: Job, truck: Truck) -> None:
        job.state = JobState.THERE
        job.offered.append(truck)
        if not truck.closed:
            truck.leaves_by = None
        self._touched[truck.id] = truck
        self._shop.load(job, truck)

    def _at_warehouse(self, truck: Truck) -> None:
        truck.orders.clear()
        truck.state = TruckState.THERE
        self._touched[truck.id] = truck
        for job in truck.jobs.values():
            if job.state is JobState.COMING:
                self._offer(job, truck)

    def _loaded(self, job: Job, truck: Truck, now: float) -> None:
        """Note that `job` is loaded on `truck`, which may have gone on without it."""
        if job.state is JobState.WAITING:
            self._waiting.get(job.warehouse, {}).pop(job.ship, None)
        if job.truck is not None and job.truck is not truck:
            self._touched[job.truck.id] = job.truck
            job.truck.leave_behind(job)
        truck.jobs[job.ship] = job
        job.truck = truck
        job.state = JobState.LOADED
        self._touched[truck.id] = truck
        if truck.state is TruckState.THERE:
            if not truck.closed:
                self._yard.close(truck)
                self._be_patient(truck, now)
        elif truck.state is not TruckState.GOING:
            self._send_out(truck, (job,), now)

    def _be_patient(self, truck: Truck, now: float) -> None:
        truck.leaves_by = now + self._settings.patience_ticks * self._settings.tick
        self._agenda.later(truck.leaves_by, lambda _: self._touched.update({truck.id: truck}))

    def _leave_if_ready(self, truck: Truck, now: float) -> None:
        loaded = tuple(job for job in truck.jobs.values() if job.state is JobState.LOADED)
        over = truck.leaves_by is not None and now >= truck.leaves_by
        if not truck.jobs:
            self._set_free(truck)
        elif truck.leaves_by is None:
            self._be_patient(truck, now)
        elif over and not loaded:
            for job in list(truck.jobs.values()):
                truck.leave_behind(job)
                job.state = JobState.WAITING
            self._set_free(truck)
        elif loaded and (len(loaded) == len(truck.jobs) or over):
            for job in [job for job in truck.jobs.values() if job.state is not JobState.LOADED]:
                truck.leave_behind(job)
                self._wait(job)
            self._send_out(truck, loaded, now)

    def _send_out(self, truck: Truck, jobs: tuple[Job, ...], now: float) -> None:
        self._yard.free.pop(truck.id, None)
        self._yard.close(truck)
        truck.state = TruckState.OUT
        truck.leaves_by = None
        for job in jobs:
            job.state = JobState.DELIVERING
        self._give(truck, self._world.deliver(truck, jobs), now)

    def _give(self, truck: Truck, order: Order, now: float) -> None:
        truck.orders[order.number] = order
        self._look_later(order, now, 3.0)

    def _look_later(self, order: Order, now: float, ticks: float) -> None:
        """Ask after an order that has no outcome yet, more and more rarely."""

        def look(then: float) -> None:
            if order.truck.orders.get(order.number) is order:
                if order.acked:
                    self._world.query(order.truck)
                self._look_later(order, then, min(ticks * 2, 48.0))

        self._agenda.later(now + ticks * self._settings.tick, look)

    def _again(self, truck: Truck, now: float) -> None:
        """Give the truck's orders once more, under new numbers: the world took them and nothing came of it."""
        orders = list(truck.orders.values())
        truck.orders.clear()
        for order in orders:
            self._repeat(order, now)

    def _repeat(self, order: Order, now: float) -> None:
        truck = order.truck
        if order.kind is OrderKind.PICKUP and truck.state is TruckState.GOING:
            assert truck.warehouse is not None
            self._give(truck, self._world.pickup(truck, truck.warehouse), now)
        elif order.kind is OrderKind.DELIVER:
            jobs = order.under_way
            if any(is_being_decided(job) for job in jobs):
                self._agenda.later(now + self._settings.tick, lambda then: self._repeat(order, then))
            elif jobs:
                self._give(truck, self._world.deliver(truck, jobs), now)

    def _retry(self, order: Order, text: str, now: float) -> None:
        """Repeat a refused order: at once when the refusal was chance, a tick later when the truck was busy."""
        if text.startswith(_GONE_OR_BUSY):
            self._world.query(order.truck)
            self._agenda.later(now + self._settings.tick, lambda then: self._repeat(order, then))
        else:
            self._repeat(order, now)

    def _pickup_refused(self, truck: Truck, text: str, now: float) -> None:
        if truck.state is not TruckState.GOING:
            return
        if not text.startswith(_UNKNOWN_PLACE):
            self._retry(Order(OrderKind.PICKUP, 0, truck, (), 0), text, now)
            return
        for job in list(truck.jobs.values()):
            truck.leave_behind(job)
            del self.jobs[job.ship]
            self._shop.error(text, job.asked_as)
        self._set_free(truck)

    def _not_on_truck(self, job: Job, truck: Truck, text: str, now: float) -> None:
        if job.truck is not truck or job.state is not JobState.DELIVERING:
            return
        earlier = [offered for offered in job.offered if offered is not truck]
        truck.leave_behind(job)
        job.offered = earlier
        job.not_on.add(truck.id)
        if earlier:
            self._loaded(job, earlier[-1], now)
        else:
            self._search.look(job, text, now)
        if not truck.jobs:
            self._set_free(truck)

    def _set_free(self, truck: Truck) -> None:
        self._yard.close(truck)
        truck.state = TruckState.FREE
        truck.warehouse = None
        truck.orders.clear()
        self._yard.free[truck.id] = truck
