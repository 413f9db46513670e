"""A world model with one client on each side, in virtual time: `say`, `wait`, and what was heard."""

from random import Random
from typing import Any

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.world.model import Close, Quirks, Rules, Send, Side, WorldModel

KINDS = {
    Side.AMAZON: (amazon.AConnect, amazon.AConnected, amazon.ACommands, amazon.AResponses),
    Side.UPS: (ups.UConnect, ups.UConnected, ups.UCommands, ups.UResponses),
}


class Peer:
    """One connection; `heard` holds (time, message) of all that came on it, `closed` when it ended."""

    def __init__(self, world: "VirtualWorld", side: Side) -> None:
        self._world = world
        self.side = side
        self.number = world.model.accept(side, world.now)
        self.heard: list[tuple[float, Any]] = []
        self.closed: float | None = None
        self._numbers = 0
        world.peers[self.number] = self

    def connect(self, **fields: Any) -> Any:
        """Say hello; give the answer (None for a plain end)."""
        before = len(self.heard)
        hello = KINDS[self.side][0](**{"isAmazon": self.side is Side.AMAZON} | fields)
        self._world.model.receive(self.number, hello.SerializePartialToString(), self._world.now)
        self._world.collect()
        return self.heard[before][1] if len(self.heard) > before else None

    def say(self, **fields: Any) -> None:
        """Send one ACommands or UCommands."""
        command = KINDS[self.side][2](**fields)
        self._world.model.receive(self.number, command.SerializeToString(), self._world.now)
        self._world.collect()

    def seqnum(self) -> int:
        self._numbers += 1
        return self._numbers

    def leave(self) -> None:
        self._world.model.peer_closed(self.number, self._world.now)
        self._world.collect()

    def all(self, field: str) -> list[Any]:
        """Every element of this list that came, repeats included."""
        return [element for _, message in self.heard if hasattr(message, field) for element in getattr(message, field)]

    def errors(self) -> dict[int, str]:
        """Error texts by the seqnum they are about."""
        return {error.originseqnum: error.err for error in self.all("error")}

    def last(self, field: str) -> Any:
        return self.all(field)[-1]


class VirtualWorld:
    def __init__(self, rules: Rules | None = None, quirks: Quirks | None = None, seed: int = 0) -> None:
        self.model = WorldModel(rules or Rules(), Random(seed), quirks)
        self.now = 0.0
        self.peers: dict[int, Peer] = {}

    def peer(self, side: Side) -> Peer:
        return Peer(self, side)

    def wait(self, seconds: float) -> None:
        """Let time pass, exactly as a shell would: waking the model when it asks for it."""
        until = self.now + seconds
        while (due := self.model.next_timer()) is not None and due <= until:
            self.now = due
            self.model.advance(due)
            self.collect()
        self.now = until
        self.model.advance(until)
        self.collect()

    def collect(self) -> None:
        for output in self.model.outputs():
            peer = self.peers[output.connection]
            if isinstance(output, Close):
                peer.closed = output.at
                continue
            assert isinstance(output, Send)
            connected = any(getattr(message, "result", None) == "connected!" for _, message in peer.heard)
            message = KINDS[peer.side][3 if connected else 1]()
            message.MergeFromString(output.body)
            peer.heard.append((output.at, message))

    def pair(self, simspeed: int | None = None, trucks: int = 1) -> tuple[Peer, Peer]:
        """An Amazon with warehouses 1 at (10, 10) and 2 at (30, 40), and a UPS with trucks at (0, 0)."""
        shop, fleet = self.peer(Side.AMAZON), self.peer(Side.UPS)
        warehouses = [amazon.AInitWarehouse(id=1, x=10, y=10), amazon.AInitWarehouse(id=2, x=30, y=40)]
        world = shop.connect(initwh=warehouses).worldid
        fleet.connect(worldid=world, trucks=[ups.UInitTruck(id=1 + i, x=0, y=0) for i in range(trucks)])
        if simspeed is not None:
            shop.say(simspeed=simspeed)
            fleet.say(simspeed=simspeed)
        return shop, fleet


def things(count: int = 1, product: int = 1, description: str = "apple") -> list[amazon.AProduct]:
    return [amazon.AProduct(id=product, description=description, count=count)]


def buy(peer: Peer, count: int = 100, warehouse: int = 1, product: int = 1, description: str = "apple") -> int:
    seqnum = peer.seqnum()
    peer.say(buy=[amazon.APurchaseMore(whnum=warehouse, things=things(count, product, description), seqnum=seqnum)])
    return seqnum


def pack(peer: Peer, ship: int, warehouse: int = 1, count: int = 1, product: int = 1, entries: int = 1) -> int:
    seqnum = peer.seqnum()
    order = amazon.APack(whnum=warehouse, things=things(count, product) * entries, shipid=ship, seqnum=seqnum)
    peer.say(topack=[order])
    return seqnum


def load(peer: Peer, ship: int, truck: int = 1, warehouse: int = 1) -> int:
    seqnum = peer.seqnum()
    peer.say(load=[amazon.APutOnTruck(whnum=warehouse, truckid=truck, shipid=ship, seqnum=seqnum)])
    return seqnum


def ask(peer: Peer, id_: int) -> int:
    seqnum = peer.seqnum()
    if peer.side is Side.AMAZON:
        peer.say(queries=[amazon.AQuery(packageid=id_, seqnum=seqnum)])
    else:
        peer.say(queries=[ups.UQuery(truckid=id_, seqnum=seqnum)])
    return seqnum


def pickup(peer: Peer, truck: int = 1, warehouse: int = 1) -> int:
    seqnum = peer.seqnum()
    peer.say(pickups=[ups.UGoPickup(truckid=truck, whid=warehouse, seqnum=seqnum)])
    return seqnum


def deliver(peer: Peer, *drops: tuple[int, int, int], truck: int = 1) -> int:
    seqnum = peer.seqnum()
    packages = [ups.UDeliveryLocation(packageid=ship, x=x, y=y) for ship, x, y in drops]
    peer.say(deliveries=[ups.UGoDeliver(truckid=truck, packages=packages, seqnum=seqnum)])
    return seqnum


def loaded_truck(world: VirtualWorld, *ships: int, simspeed: int = 600) -> tuple[Peer, Peer]:
    """Packages packed and loaded on truck 1 at warehouse 1."""
    shop, fleet = world.pair(simspeed)
    buy(shop)
    for ship in ships:
        pack(shop, ship)
    pickup(fleet)
    world.wait(12)
    for ship in ships:
        load(shop, ship)
    world.wait(12)
    assert [element.shipid for element in shop.all("loaded")] == list(ships)
    return shop, fleet
