"""The world of such a run: a stand-in that Amazon dials, and UPS's own connection to it.

Rules: nothing is lost here, so nothing is sent twice; what really happened is read from the world's own book. Trucks
go where they are sent, and nowhere else.
"""

import asyncio
from random import Random

from partners.world import world_ups_pb2 as pb
from sim.world.model import Rules, Side, WorldModel
from sim.world.model.book import PackageRecord
from sim.world.shell import WorldShell
from wire.link import Connection, dial

CONNECTED = "connected!"
TRUCKS = 30
_HOST = "127.0.0.1"
_SIMSPEED = 10_000


class World:
    """The world simulator, and what UPS does in it."""

    def __init__(self, tick: float) -> None:
        rules = Rules.quick(tick=tick, poll=tick * 0.75, default_simspeed=_SIMSPEED)
        self._shell = WorldShell(WorldModel(rules, Random(1)))
        self.changed = asyncio.Event()
        self.id = 0
        # Trucks that a warehouse said are there, and packages that were delivered.
        self.arrived: set[int] = set()
        self.made: set[int] = set()
        # What the world had against an order of ours, by the truck.
        self.refused: dict[int, str] = {}
        self._about: dict[int, int] = {}
        self._free: list[int] = []
        self._seqnum = 0
        self._port = 0
        self._connection: Connection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int) -> int:
        """Listens for Amazon; gives the port. Raises OSError."""
        self._port = await self._shell.open(Side.UPS, _HOST, 0)
        return await self._shell.open(Side.AMAZON, host, port)

    async def close(self) -> None:
        """Ends everything."""
        await self._leave()
        await self._shell.close()

    async def make(self) -> int:
        """Makes a new world with trucks, and is in it; gives its id."""
        await self._leave()
        connection = await dial(_HOST, self._port)
        hello = pb.UConnect(isAmazon=False)
        for truck in range(1, TRUCKS + 1):
            hello.trucks.add(id=truck, x=0, y=0)
        connection.send(hello.SerializeToString())
        first, *_ = await connection.receive(5.0) or [b""]
        answer = pb.UConnected.FromString(first)
        assert answer.result == CONNECTED, answer.result
        self._connection, self.id = connection, answer.worldid
        self._free = list(range(TRUCKS, 0, -1))
        self.arrived.clear()
        self._reading = asyncio.create_task(self._read(connection))
        return self.id

    def truck(self) -> int:
        """A truck that nobody uses."""
        return self._free.pop() if self._free else TRUCKS

    def let_go(self, truck: int) -> None:
        """Gives a truck back."""
        self.arrived.discard(truck)
        if truck not in self._free:
            self._free.insert(0, truck)

    def fetch(self, truck: int, warehouse: int) -> None:
        """Sends a truck to a warehouse."""
        number = self._number(truck)
        self._send(pb.UCommands(pickups=[pb.UGoPickup(truckid=truck, whid=warehouse, seqnum=number)]))

    def deliver(self, truck: int, ship: int, to: tuple[int, int]) -> None:
        """Sends a truck to an address."""
        self.arrived.discard(truck)
        stop = pb.UDeliveryLocation(packageid=ship, x=to[0], y=to[1])
        number = self._number(truck)
        self._send(pb.UCommands(deliveries=[pb.UGoDeliver(truckid=truck, packages=[stop], seqnum=number)]))

    @property
    def has_amazon(self) -> bool:
        """Whether Amazon is in the world that we are in."""
        world = self._shell.model.worlds.get(self.id)
        return world is not None and world.sides[Side.AMAZON].occupant is not None

    def warehouse(self, id: int) -> tuple[int, int] | None:
        """Where a warehouse really is."""
        return self._shell.model.worlds[self.id].warehouses.get(id)

    def record(self, ship: int) -> PackageRecord | None:
        """What really happened to a package of this world."""
        return self._shell.model.book.packages.get((self.id, ship))

    def is_loaded(self, ship: int) -> bool:
        """Whether a package is on a truck, or was."""
        record = self.record(ship)
        return record is not None and bool(record.loaded)

    def ships(self) -> set[int]:
        """Every package with something in it that was made in this world."""
        return {
            ship
            for (world, ship), record in self._shell.model.book.packages.items()
            if world == self.id and record.things
        }

    async def _read(self, connection: Connection) -> None:
        while bodies := await connection.receive():
            acks: list[int] = []
            for body in bodies:
                said = pb.UResponses.FromString(body)
                for done in said.completions:
                    if done.status == "ARRIVE WAREHOUSE":
                        self.arrived.add(done.truckid)
                self.made.update(one.packageid for one in said.delivered)
                for error in said.error:
                    self.refused[self._about.get(error.originseqnum, 0)] = error.err
                for told in (said.completions, said.delivered, said.error, said.truckstatus):
                    acks += [one.seqnum for one in told]
            if acks:
                self._send(pb.UCommands(acks=acks))
            self.changed.set()

    async def _leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _number(self, truck: int) -> int:
        self._seqnum += 1
        self._about[self._seqnum] = truck
        return self._seqnum

    def _send(self, commands: pb.UCommands) -> None:
        if self._connection is not None:
            self._connection.send(commands.SerializeToString())
