"""The UPS stand-in towards the world: making or joining it, orders under numbers, and coming back after a loss.

Rules: a number is never used twice in a world; after a loss it waits longer than the world's tick, joins without
trucks, sends everything unacked under its old numbers and asks after every truck under way; a world that refuses
several times, or that does not know our trucks, is gone, and a new one is made. Which truck does what is elsewhere
(`fleet`).
"""

from collections.abc import Callable
from enum import Enum, auto
from random import Random

from partners.world import world_ups_pb2 as ups
from sim.messages import parse
from sim.numbers import Incoming, Outgoing
from sim.ups.model.fleet import Fleet
from sim.ups.model.jobs import Job, Order, OrderKind, Truck
from sim.ups.model.settings import Settings

CONNECTED = "connected!"
ALREADY_EXISTS = "error: warehouse_id/truck_id already exists."
_SPREAD = 100

Element = ups.UGoPickup | ups.UGoDeliver | ups.UQuery


class State(Enum):
    """How far the connection is."""

    DOWN = auto()
    DIALLING = auto()
    CONNECTING = auto()
    UP = auto()


class WorldSide:
    """The link to the world. `world_id` is ours or None; `on_new_world` is called when it changes."""

    def __init__(self, settings: Settings, rng: Random, on_new_world: Callable[[], None]) -> None:
        self._settings = settings
        self._rng = rng
        self._on_new_world = on_new_world
        self.fleet: Fleet
        self.state = State.DOWN
        self.world_id = settings.join
        self._ours = False
        """Whether this world has answered our trucks before: then it knows them, or it is another."""
        self._with_trucks = True
        self._trucks_are_ours = False
        self._trucks: list[Truck] = []
        self._refusals = 0
        self._speed_told = False
        self.redial_at: float | None = None
        self.first_number = settings.first_number
        self._begin()

    def _begin(self) -> None:
        self._outgoing: Outgoing[Element] = Outgoing(self.first_number, self._settings.world_resend)
        self._incoming = Incoming()
        self._orders: dict[int, Order] = {}
        self._acks: list[int] = []

    def forget(self, first_number: int, keep_world: bool) -> None:
        """Lose the memory: a new world, or the same one with numbers that were not used yet."""
        self.first_number = first_number
        self._begin()
        self._ours = self._ours and keep_world
        if not keep_world:
            self.world_id, self._with_trucks = None, True
        self.state, self.redial_at, self._refusals = State.DOWN, None, 0

    def hello(self) -> ups.UConnect:
        """The first message of a connection that was just opened."""
        self.state = State.CONNECTING
        hello = ups.UConnect(isAmazon=False)
        if self.world_id is not None:
            hello.worldid = self.world_id
        self._trucks = self._new_trucks() if self._with_trucks else []
        for truck in self._trucks:
            hello.trucks.add(id=truck.id, x=truck.x, y=truck.y)
        return hello

    def lost(self, now: float) -> None:
        """The connection is gone, or could not be made."""
        self.state = State.DOWN
        self.redial_at = now + self._settings.redial
        self.fleet.world_lost()

    def receive(self, body: bytes, now: float) -> bool:
        """Handle a message; False means that the connection is of no use."""
        if self.state is State.CONNECTING:
            return self._answered(body)
        responses = parse(ups.UResponses, body)
        if responses is None:
            return False
        fresh: list[Order] = []
        for number in responses.acks:
            self._outgoing.acked(number)
            order = self._orders.get(number)
            if order is not None:
                if not order.acked:
                    fresh.append(order)
                order.acked = True
        another = self._take_errors(responses, now)
        for order in fresh:
            if order.number in self._orders:
                self.fleet.taken(order, now)
        for delivered in responses.delivered:
            if self._is_new(delivered.seqnum):
                self.fleet.delivered(delivered.packageid)
        for finished in sorted(responses.completions, key=lambda finished: finished.seqnum):
            if self._is_new(finished.seqnum):
                self._finished(finished)
        for truck in responses.truckstatus:
            if self._is_new(truck.seqnum):
                self.fleet.status(truck.truckid, truck.status, truck.x, truck.y, now)
        if another:
            self._give_up_world()
        return not responses.finished and not another

    def commands(self, now: float) -> ups.UCommands | None:
        """Everything that is due, with the acks, or None."""
        if self.state is not State.UP:
            return None
        command = ups.UCommands()
        for element in self._outgoing.take(now):
            if isinstance(element, ups.UGoPickup):
                command.pickups.append(element)
            elif isinstance(element, ups.UGoDeliver):
                command.deliveries.append(element)
            else:
                command.queries.append(element)
        command.acks.extend(self._acks)
        self._acks.clear()
        if not self._speed_told and self._settings.simspeed is not None:
            command.simspeed = self._settings.simspeed
            self._speed_told = True
        return command if command.ByteSize() else None

    def next_due(self, now: float) -> float | None:
        """When there is something to re-send or to dial."""
        if self.state is State.UP:
            return now if self._acks else self._outgoing.next_due(now)
        return self.redial_at

    def pickup(self, truck: Truck, warehouse: int) -> Order:
        """Send a truck to a warehouse."""
        order = self._order(OrderKind.PICKUP, truck, ())
        self._outgoing.add(order.number, ups.UGoPickup(truckid=truck.id, whid=warehouse, seqnum=order.number))
        return order

    def deliver(self, truck: Truck, jobs: tuple[Job, ...], kind: OrderKind = OrderKind.DELIVER) -> Order:
        """Send a truck out with packages, or, as a redirect, one under way elsewhere."""
        order = self._order(kind, truck, jobs)
        places = [ups.UDeliveryLocation(packageid=job.ship, x=job.x, y=job.y) for job in jobs]
        self._outgoing.add(order.number, ups.UGoDeliver(truckid=truck.id, packages=places, seqnum=order.number))
        return order

    def query(self, truck: Truck) -> Order:
        """Ask where a truck is."""
        order = self._order(OrderKind.QUERY, truck, ())
        self._outgoing.add(order.number, ups.UQuery(truckid=truck.id, seqnum=order.number))
        return order

    def _order(self, kind: OrderKind, truck: Truck, jobs: tuple[Job, ...]) -> Order:
        order = Order(kind, self._outgoing.number(), truck, jobs, self._incoming.highest)
        self._orders[order.number] = order
        return order

    def _is_new(self, seqnum: int) -> bool:
        self._acks.append(seqnum)
        return self._incoming.is_new(seqnum)

    def _answered(self, body: bytes) -> bool:
        answer = ups.UConnected()
        answer.MergeFromString(body)
        if answer.result != CONNECTED:
            if answer.result == ALREADY_EXISTS and self.world_id is not None:
                self._with_trucks = False
            else:
                self._refusals += 1
                if self._ours and self._refusals >= self._settings.tries:
                    self._give_up_world()
            return False
        self.state = State.UP
        self._refusals = 0
        self._speed_told = False
        self._outgoing.start_over()
        if not self._ours:
            self._enter(answer.worldid)
        else:
            self.fleet.look_after_all()
        return True

    def _enter(self, world_id: int) -> None:
        """Begin in a world; trucks that were there before us are asked where they are."""
        self.world_id = world_id
        # What was ordered since the last world was given up is about trucks and packages of that one.
        self._begin()
        self.fleet.start(self._trucks or self._new_trucks(), forgot=not self._trucks)
        if not self._trucks:
            for truck in self.fleet.trucks.values():
                self.query(truck)
        self._ours = True
        self._with_trucks = False
        self._trucks_are_ours = bool(self._trucks)
        self._on_new_world()

    def _give_up_world(self) -> None:
        self.world_id = None
        self._ours = False
        self._with_trucks = True
        self._refusals = 0

    def _take_errors(self, responses: ups.UResponses, now: float) -> bool:
        """Handle the errors; True when they show that this is not our world."""
        another = False
        for error in responses.error:
            if not self._is_new(error.seqnum):
                continue
            order = self._orders.pop(error.originseqnum, None)
            if order is None:
                continue
            if order.kind is OrderKind.QUERY and error.err.startswith("error: "):
                another = another or self._trucks_are_ours
                self.fleet.remove(order.truck)
            self.fleet.refused(order, error.err, now)
        return another

    def _finished(self, finished: ups.UFinished) -> None:
        if finished.status == "ARRIVE WAREHOUSE":
            self.fleet.arrived(finished.truckid, finished.seqnum)
        else:
            self.fleet.became_idle(finished.truckid, finished.x, finished.y)

    def _new_trucks(self) -> list[Truck]:
        places = range(1, self._settings.trucks + 1)
        return [Truck(id, self._rng.randint(0, _SPREAD), self._rng.randint(0, _SPREAD)) for id in places]
