"""Trucks: pickups, deliveries, and the thread that lets them arrive.

Rules: a refusal changes nothing, a UGoDeliver with one wrong package changes nothing at all; the clock of a leg starts
at the command or, for later legs, at the poll that ended the leg before; after an interruption the reported position
still counts from the last stop, while the time is reckoned from where the truck really was. Loading is elsewhere
(`packages`).
"""

from partners.world import world_ups_pb2 as ups
from sim.world.model import texts
from sim.world.model.book import Book
from sim.world.model.clockwork import PollingThread
from sim.world.model.movement import distance, drive_seconds, position
from sim.world.model.quirks import Quirks
from sim.world.model.refusal import Refused
from sim.world.model.state import Drop, PackageStatus, Side, Truck, TruckStatus, World
from sim.world.model.telling import Telling

_MOVING = (TruckStatus.TRAVELING, TruckStatus.DELIVERING)
_BUSY = (TruckStatus.TRAVELING, TruckStatus.LOADING)


class Trucks:
    """What the UPS side can have done, and the truck thread's work (`finish`)."""

    def __init__(self, quirks: Quirks, telling: Telling, book: Book) -> None:
        self._quirks = quirks
        self._telling = telling
        self._book = book
        self.thread: PollingThread[Truck]

    def pickup(self, world: World, order: ups.UGoPickup, simspeed: int, now: float) -> None:
        """Send a truck to a warehouse; the leg of a delivery that this interrupts is kept for the next UGoDeliver."""
        place = world.warehouses.get(order.whid)
        if place is None:
            raise Refused(texts.E1_UNKNOWN_ID)
        truck = _free_truck(world, order.truckid)
        here = _position(truck, now)
        seconds = drive_seconds(distance(*here, *place), simspeed)
        if truck.status is TruckStatus.DELIVERING:
            truck.drops[0].package.status = PackageStatus.LOADED
        truck.status = TruckStatus.TRAVELING
        truck.warehouse = order.whid
        self._drive(truck, place, seconds, now)

    def deliver(self, world: World, order: ups.UGoDeliver, simspeed: int, now: float) -> None:
        """Start, extend or redirect a delivery; what an interruption left over comes first."""
        truck = _free_truck(world, order.truckid)
        drops = [Drop(drop.package, drop.x, drop.y) for drop in truck.drops]
        known = {drop.package.id: drop for drop in drops}
        for wanted in order.packages:
            package = world.packages.get(wanted.packageid)
            drop = known.get(wanted.packageid)
            if drop is not None:
                drop.x, drop.y = wanted.x, wanted.y
            elif package is not None and package.truck is truck and package.status is PackageStatus.LOADED:
                known[package.id] = Drop(package, wanted.x, wanted.y)
                drops.append(known[package.id])
            else:
                raise Refused(texts.E5_NOT_ON_TRUCK)
        if not drops:
            raise Refused(texts.E6_PROBLEM)
        target = (drops[0].x, drops[0].y)
        under_way = truck.status is TruckStatus.DELIVERING
        if not under_way or any(wanted.packageid == drops[0].package.id for wanted in order.packages):
            here = _position(truck, now)
            first = not under_way and self._quirks.first_leg_ignores_dy
            way = abs(target[0] - here[0]) if first else distance(*here, *target)
            seconds = drive_seconds(way, simspeed)
            truck.drops = drops
            truck.status = TruckStatus.DELIVERING
            drops[0].package.status = PackageStatus.DELIVERING
            self._drive(truck, target, seconds, now)
        truck.drops = drops

    def query(self, world: World, question: ups.UQuery) -> None:
        """Tell a truck's status and place as they are when the answer is sent."""
        truck = world.trucks.get(question.truckid)
        if truck is None:
            raise Refused(texts.E1_UNKNOWN_ID)

        def answer(seqnum: int, now: float) -> ups.UTruck:
            x, y = _clamped(_position(truck, now))
            return ups.UTruck(truckid=truck.id, status=truck.status, x=x, y=y, seqnum=seqnum)

        self._telling.tell(world, Side.UPS, "truckstatus", answer)

    def finish(self, truck: Truck, now: float) -> None:
        """Let `truck` arrive at its target."""
        truck.x, truck.y = truck.target
        if truck.status is TruckStatus.TRAVELING:
            truck.status = TruckStatus.ARRIVE_WAREHOUSE
            self._tell_finished(truck)
        else:
            self._finish_drop(truck, now)

    def _finish_drop(self, truck: Truck, now: float) -> None:
        world, package = truck.world, truck.drops.pop(0).package
        package.status = PackageStatus.DELIVERED
        record = self._book.packages[world.id, package.id]
        record.delivered.append(now)
        record.delivered_to.append(truck.target)
        x, y = truck.target
        self._book.tell("delivered", world.id, package=package.id, truck=truck.id, x=x, y=y)
        self._telling.tell(
            world,
            Side.UPS,
            "delivered",
            lambda seqnum, _: ups.UDeliveryMade(truckid=truck.id, packageid=package.id, seqnum=seqnum),
        )
        if truck.drops:
            following = truck.drops[0]
            following.package.status = PackageStatus.DELIVERING
            way = distance(truck.x, truck.y, following.x, following.y)
            seconds = drive_seconds(way, world.simspeed) if way else 0.0
            self._drive(truck, (following.x, following.y), seconds, now)
        else:
            truck.status = TruckStatus.IDLE
            self._tell_finished(truck)

    def _tell_finished(self, truck: Truck) -> None:
        x, y, status = truck.x, truck.y, truck.status
        self._telling.tell(
            truck.world,
            Side.UPS,
            "completions",
            lambda seqnum, _: ups.UFinished(truckid=truck.id, x=x, y=y, status=status, seqnum=seqnum),
        )

    def _drive(self, truck: Truck, target: tuple[int, int], seconds: float, now: float) -> None:
        if truck.status is TruckStatus.DELIVERING:
            truck.warehouse = None
        truck.target, truck.started, truck.duration = target, now, seconds
        self.thread.start(truck, now + seconds)


def _free_truck(world: World, truck_id: int) -> Truck:
    truck = world.trucks.get(truck_id)
    if truck is None or truck.status in _BUSY:
        raise Refused(texts.E4_NOT_FOUND)
    return truck


def _position(truck: Truck, now: float) -> tuple[int, int]:
    if truck.status not in _MOVING:
        return truck.x, truck.y
    fraction = (now - truck.started) / truck.duration if truck.duration > 0 else 1.0
    return position((truck.x, truck.y), truck.target, fraction)


def _clamped(place: tuple[int, int]) -> tuple[int, int]:
    low, high = -(2**31), 2**31 - 1
    return min(max(place[0], low), high), min(max(place[1], low), high)
