"""Warehouses and packages: buying, packing, loading, and the thread that finishes the last two.

Rules: a refusal changes nothing; stock falls when packing starts; a truck loads one package at a time and the others
wait in its queue. Driving is elsewhere (`trucks`).
"""

import random
from collections.abc import Iterable

from partners.world import world_amazon_pb2 as amazon
from sim.world.model import texts
from sim.world.model.book import Book, PackageRecord
from sim.world.model.clockwork import PollingThread
from sim.world.model.movement import load_seconds, pack_seconds
from sim.world.model.refusal import Refused, WorldDied
from sim.world.model.rules import DEADLY_SIMSPEED, Rules
from sim.world.model.state import Package, PackageStatus, Side, Truck, TruckStatus, World
from sim.world.model.telling import Telling

_MAX_COUNT = 2**31 - 1


class Packages:
    """What the Amazon side can have done, and the package thread's work (`finish`)."""

    def __init__(self, rules: Rules, rng: random.Random, telling: Telling, book: Book) -> None:
        self._rules = rules
        self._rng = rng
        self._telling = telling
        self._book = book
        self.thread: PollingThread[Package]

    def buy(self, world: World, order: amazon.APurchaseMore) -> None:
        """Add to a warehouse's stock at once; the arrival names each product once, with its first description."""
        if order.whnum not in world.warehouses:
            raise Refused(texts.E1_UNKNOWN_ID)
        counts = _sum_of(order.things)
        described: dict[int, str] = {}
        for thing in order.things:
            described.setdefault(thing.id, thing.description)
        for product, count in counts.items():
            key = (order.whnum, product)
            if key not in world.stock and len(described[product]) > texts.DESCRIPTION_LIMIT:
                raise Refused(texts.E7_TOO_LONG)
            if count < 0:
                raise Refused(texts.E3_OUT_OF_STOCK)
            if world.stock.get(key, 0) + count > _MAX_COUNT:
                raise Refused(texts.E7_OUT_OF_RANGE)
        for product, count in counts.items():
            key = (order.whnum, product)
            world.stock[key] = world.stock.get(key, 0) + count
            world.descriptions.setdefault(key, described[product])
            self._book.bought[world.id, order.whnum, product] += count
            self._book.tell("bought", world.id, warehouse=order.whnum, product=product, count=count)
        things = [
            amazon.AProduct(id=product, description=world.descriptions[order.whnum, product], count=count)
            for product, count in counts.items()
        ]
        self._telling.tell(
            world,
            Side.AMAZON,
            "arrived",
            lambda seqnum, _: amazon.APurchaseMore(whnum=order.whnum, things=things, seqnum=seqnum),
        )

    def pack(self, world: World, order: amazon.APack, simspeed: int, now: float) -> None:
        """Take the things out of stock and start packing them."""
        if order.whnum not in world.warehouses:
            raise Refused(texts.E1_UNKNOWN_ID)
        if order.shipid in world.packages:
            raise Refused(texts.E2_ID_EXISTS)
        counts = _sum_of(order.things)
        for product, count in counts.items():
            stock = world.stock.get((order.whnum, product))
            if stock is None:
                raise Refused(texts.E1_UNKNOWN_ID)
            if count < 0 or stock < count:
                raise Refused(texts.E3_OUT_OF_STOCK)
        seconds = pack_seconds(len(order.things), simspeed)
        for product, count in counts.items():
            world.stock[order.whnum, product] -= count
            self._book.taken[world.id, order.whnum, product] += count
        package = world.packages[order.shipid] = Package(world, order.shipid, order.whnum)
        self._book.packages[world.id, package.id] = PackageRecord(world.id, package.id, order.whnum, dict(counts))
        things = sorted(counts.items())
        self._book.tell("taken", world.id, package=package.id, warehouse=order.whnum, things=things)
        self.thread.start(package, now + seconds)

    def load(self, world: World, order: amazon.APutOnTruck, simspeed: int, now: float) -> None:
        """Start to load a package, or put it in the truck's queue; naming another truck moves a queued one there."""
        package = world.packages.get(order.shipid)
        truck = world.trucks.get(order.truckid)
        if (
            package is None
            or truck is None
            or package.status is not PackageStatus.PACKED
            or package.warehouse != order.whnum
            or truck.warehouse != order.whnum
            or truck.status not in (TruckStatus.ARRIVE_WAREHOUSE, TruckStatus.LOADING)
        ):
            raise Refused(texts.E4_NOT_FOUND)
        self._survive(simspeed, f"load of package {package.id} asked for at simspeed {simspeed}")
        if package.truck is not None:
            package.truck.queue.remove(package)
            package.truck = None
        if truck.status is TruckStatus.ARRIVE_WAREHOUSE:
            self._start_loading(truck, package, load_seconds(simspeed), now)
        elif self._rules.lost_loads and self._rng.random() < self._rules.lost_loads:
            self._book.lost_loads.append((world.id, package.id))
        else:
            package.truck = truck
            truck.queue.append(package)

    def query(self, world: World, question: amazon.AQuery) -> None:
        """Tell a package's status as it is when the answer is sent."""
        package = world.packages.get(question.packageid)
        if package is None:
            raise Refused(texts.E1_UNKNOWN_ID)
        self._telling.tell(
            world,
            Side.AMAZON,
            "packagestatus",
            lambda seqnum, _: amazon.APackage(packageid=package.id, status=package.status, seqnum=seqnum),
        )

    def finish(self, package: Package, now: float) -> None:
        """End the packing or loading of `package`, whichever it is in."""
        if package.status is PackageStatus.PACKING:
            package.status = PackageStatus.PACKED
            self._book.packages[package.world.id, package.id].packed.append(now)
            self._book.tell("packed", package.world.id, package=package.id)
            self._telling.tell(
                package.world,
                Side.AMAZON,
                "ready",
                lambda seqnum, _: amazon.APacked(shipid=package.id, seqnum=seqnum),
            )
        else:
            self._finish_loading(package, now)

    def _finish_loading(self, package: Package, now: float) -> None:
        world, truck = package.world, package.truck
        assert truck is not None
        self._survive(world.simspeed, f"load of package {package.id} ended at simspeed {world.simspeed}")
        package.status = PackageStatus.LOADED
        record = self._book.packages[world.id, package.id]
        record.loaded.append(now)
        record.trucks.append(truck.id)
        self._book.tell("loaded", world.id, package=package.id, truck=truck.id)
        self._telling.tell(
            world,
            Side.AMAZON,
            "loaded",
            lambda seqnum, _: amazon.ALoaded(shipid=package.id, seqnum=seqnum),
        )
        if truck.queue:
            self._start_loading(truck, truck.queue.popleft(), load_seconds(world.simspeed), now)
        else:
            truck.status = TruckStatus.ARRIVE_WAREHOUSE

    def _start_loading(self, truck: Truck, package: Package, seconds: float, now: float) -> None:
        truck.status = TruckStatus.LOADING
        package.status = PackageStatus.LOADING
        package.truck = truck
        self.thread.start(package, now + seconds)

    def _survive(self, simspeed: int, what: str) -> None:
        if simspeed < DEADLY_SIMSPEED and self._rules.dies_below_60:
            raise WorldDied(what)


def _sum_of(things: Iterable[amazon.AProduct]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for thing in things:
        counts[thing.id] = counts.get(thing.id, 0) + thing.count
    return counts
