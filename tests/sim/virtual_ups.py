"""A UPS model between a real world model and a shop played by the test, in virtual time."""

from random import Random
from typing import Any

from partners.ups import ups_pb2 as contract
from partners.world import world_amazon_pb2 as amazon
from sim.links import HangUp, Link, Output, Send
from sim.messages import parse
from sim.ups.model import Faults, Settings, UpsModel
from sim.virtual import VirtualRoom
from sim.world.model import Rules, Side, WorldModel

TICK = 6.0
ELEMENTS = (
    "loadRequests",
    "delivered",
    "error",
    "redirectAnswers",
    "cancelAnswers",
    "accountAnswers",
    "deliveryStarted",
)
PLACES = {1: (10, 10), 2: (30, 40)}


class ScriptedShop:
    """Joins the announced world, buys goods, acks UPS (unless told not to), and keeps what it heard."""

    def __init__(self) -> None:
        self.starts: list[contract.UAstart] = []
        self.commands: list[contract.UACommand] = []
        self.bad = 0
        self.openings = 0
        self.firsts: list[bytes] = []
        """The first message on each connection."""
        self.acking = True
        self.hello: contract.AUHello | None = None
        """Said after each announcement, as a shop does that speaks the extension."""
        self.loaded: list[int] = []
        self.ready: list[int] = []
        self._expect_first = False
        self._output: list[Output] = []

    def start(self, now: float) -> None:
        return

    def opened(self, link: Link, now: float) -> None:
        if link is Link.UPS:
            self.openings += 1
            self._expect_first = True

    def lost(self, link: Link, now: float) -> None:
        return

    def bad_bytes(self, link: Link, now: float) -> None:
        self.bad += 1
        self._output.append(HangUp(now, link))

    def received(self, link: Link, body: bytes, now: float) -> None:
        if self._expect_first:
            self._expect_first = False
            self.firsts.append(body)
        start = parse(contract.UAstart, body)
        if start is not None:
            self.starts.append(start)
            if self.hello is not None:
                self.say(now, hello=self.hello)
            self._ack(now, [start.seqnum])
            return
        command = parse(contract.UACommand, body)
        assert command is not None
        self.commands.append(command)
        lists = (getattr(command, field) for field in ELEMENTS)
        elements = [element for elements in lists for element in elements]
        self._ack(now, [element.seqNum for element in elements])

    def _ack(self, now: float, numbers: list[int]) -> None:
        if self.acking and numbers:
            self.say(now, acks=numbers)

    def say(self, now: float, **fields: Any) -> None:
        self._output.append(Send(now, Link.UPS, contract.AUCommand(**fields).SerializeToString()))

    def next_timer(self) -> float | None:
        return None

    def advance(self, now: float) -> None:
        return

    def outputs(self) -> list[Output]:
        output, self._output = self._output, []
        return output

    def all(self, field: str) -> list[Any]:
        """Every element of this list, one of each number."""
        found = {element.seqNum: element for command in self.commands for element in getattr(command, field)}
        return list(found.values())

    def acks(self) -> list[int]:
        return [number for command in self.commands for number in command.acks]


class Delivery:
    """One world, one UPS, one scripted shop with goods in the warehouses of the first announced world."""

    def __init__(
        self,
        trucks: int = 3,
        faults: Faults | None = None,
        flakiness: int = 0,
        seed: int = 1,
        features: tuple[str, ...] = (),
        simspeed: int = 10_000,
    ) -> None:
        self.rules = Rules(default_simspeed=simspeed, flakiness=flakiness)
        self.shop = ScriptedShop()
        if features:
            self.shop.hello = contract.AUHello(features=features)
        self.ups = UpsModel(Settings(trucks=trucks, tick=TICK, features=features), Random(seed), faults)
        self.room = VirtualRoom(WorldModel(self.rules, Random(seed)), self.ups, self.shop)
        self.numbers = 0
        self.amazon_numbers = 0
        self.room.start()
        self.open_goods()

    @property
    def world(self) -> WorldModel:
        return self.room.world

    def open_goods(self) -> None:
        """Join the UPS's world as Amazon, with warehouses and goods."""
        self.connection = self.world.accept(Side.AMAZON, self.room.now)
        hello = amazon.AConnect(worldid=self.ups.world_id, isAmazon=True)
        for id_, (x, y) in PLACES.items():
            hello.initwh.add(id=id_, x=x, y=y)
        self.world.receive(self.connection, hello.SerializeToString(), self.room.now)

    def command(self, **fields: Any) -> None:
        """Tell the world as Amazon; where it loses elements, so often that it hears."""
        if self.rules.flakiness:
            fields = {name: elements * 50 for name, elements in fields.items()}
        self.world.receive(self.connection, amazon.ACommands(**fields).SerializeToString(), self.room.now)
        self.room.settle()

    def packed(self, ship: int, warehouse: int = 1) -> None:
        """Have a package packed."""
        self.amazon_numbers += 1
        self.command(topack=[amazon.APack(whnum=warehouse, shipid=ship, seqnum=self.amazon_numbers)])

    def load(self, ship: int, warehouse: int = 1) -> None:
        """Have a package loaded on the truck that the shop was last told of."""
        truck = [load.truckId for load in self.shop.all("loadRequests") if load.shipId == ship][-1]
        self.amazon_numbers += 1
        order = amazon.APutOnTruck(whnum=warehouse, truckid=truck, shipid=ship, seqnum=self.amazon_numbers)
        self.command(load=[order])

    def ask_pickup(self, *ships: int, warehouse: int = 1, number: int | None = None) -> int:
        x, y = PLACES.get(warehouse, (0, 0))
        requests = []
        for ship in ships:
            self.numbers += 1
            requests.append(
                contract.AUPickupRequest(
                    seqNum=self.numbers if number is None else number,
                    shipId=ship,
                    warehouseId=warehouse,
                    x=x,
                    y=y,
                    destinationX=ship,
                    destinationY=-ship,
                    items="goods",
                )
            )
        self.shop.say(self.room.now, pickupRequests=requests)
        self.room.settle()
        return requests[-1].seqNum

    def ask_deliver(self, *ships: int) -> int:
        requests = []
        for ship in ships:
            self.numbers += 1
            requests.append(contract.AUDeliverRequest(seqNum=self.numbers, shipId=ship))
        self.shop.say(self.room.now, deliverRequests=requests)
        self.room.settle()
        return self.numbers

    def redirect(self, ship: int, x: int, y: int, number: int | None = None) -> int:
        self.numbers += 1
        request = contract.AURedirect(seqNum=number or self.numbers, shipId=ship, x=x, y=y)
        self.shop.say(self.room.now, redirects=[request])
        self.room.settle()
        return request.seqNum

    def cancel(self, ship: int) -> int:
        self.numbers += 1
        self.shop.say(self.room.now, cancels=[contract.AUCancel(seqNum=self.numbers, shipId=ship)])
        self.room.settle()
        return self.numbers

    def wait(self, ticks: float) -> None:
        self.room.run(lambda: False, self.room.now + ticks * TICK)

    def all_the_way(self, *ships: int, warehouse: int = 1) -> None:
        """Everything from the request for a truck to the delivery."""
        for ship in ships:
            self.packed(ship, warehouse)
        self.ask_pickup(*ships, warehouse=warehouse)
        self.until(lambda: {load.shipId for load in self.shop.all("loadRequests")} >= set(ships))
        self.wait(2)
        for ship in ships:
            self.load(ship, warehouse)
        self.wait(2)
        self.ask_deliver(*ships)
        self.until(lambda: {made.shipId for made in self.shop.all("delivered")} >= set(ships))

    def until(self, holds: Any, ticks: float = 200) -> None:
        assert self.room.run(holds, self.room.now + ticks * TICK), self.ups.as_json()
