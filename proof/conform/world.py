"""The world of a conformance run: a stand-in on the partner's port, and Amazon's own connection to it.

Rules: nothing is lost here, so nothing is sent twice; what really happened is read from the world's own book.
"""

import asyncio
from random import Random

from partners.world import world_amazon_pb2 as amazon
from sim.world.model import Rules, Side, WorldModel
from sim.world.model.book import PackageRecord
from sim.world.shell import WorldShell
from wire.link import Connection, dial

CONNECTED = "connected!"
WAREHOUSES = {1: (10, 10), 2: (60, 40)}
_PRODUCT = 1
_PLENTY = 1_000_000
_HOST = "127.0.0.1"
_SIMSPEED = 10_000


class World:
    """The world simulator, and what Amazon does in it."""

    def __init__(self, tick: float) -> None:
        rules = Rules.quick(tick=tick, poll=tick * 0.75, default_simspeed=_SIMSPEED)
        self._shell = WorldShell(WorldModel(rules, Random(1)))
        self.changed = asyncio.Event()
        self.id: int | None = None
        self.refusal = ""
        self._seqnum = 0
        self._port = 0
        self._connection: Connection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._packed: set[int] = set()
        self._loaded: set[int] = set()
        self._about: dict[int, int] = {}
        self._errors: dict[int, str] = {}

    async def open(self, host: str, port: int) -> int:
        """Listens for the partner; gives the port. Raises OSError."""
        self._port = await self._shell.open(Side.AMAZON, _HOST, 0)
        return await self._shell.open(Side.UPS, host, port)

    async def close(self) -> None:
        """Ends everything."""
        await self._leave()
        await self._shell.close()

    async def join(self, world_id: int) -> bool:
        """Takes Amazon's place in a world; False (and `refusal`) if the world says no."""
        await self._leave()
        known = self.id == world_id
        connection = await dial(_HOST, self._port)
        hello = amazon.AConnect(worldid=world_id, isAmazon=True)
        for id_, (x, y) in {} if known else WAREHOUSES.items():
            hello.initwh.add(id=id_, x=x, y=y)
        connection.send(hello.SerializeToString())
        first, *_ = await connection.receive(5.0) or [b""]
        answer = amazon.AConnected()
        answer.MergeFromString(first)
        if answer.result != CONNECTED:
            self.refusal = answer.result.strip()
            await connection.close()
            return False
        self._connection, self.id, self.refusal = connection, world_id, ""
        self._reading = asyncio.create_task(self._read(connection))
        if not known:
            thing = amazon.AProduct(id=_PRODUCT, description="a thing", count=_PLENTY)
            for id_ in WAREHOUSES:
                self._send(
                    amazon.ACommands(buy=[amazon.APurchaseMore(whnum=id_, things=[thing], seqnum=self._number())])
                )
        return True

    def pack(self, ship: int, warehouse: int) -> None:
        """Asks for a package."""
        number = self._number()
        self._about[number] = ship
        thing = amazon.AProduct(id=_PRODUCT, description="a thing", count=1)
        self._send(amazon.ACommands(topack=[amazon.APack(whnum=warehouse, things=[thing], shipid=ship, seqnum=number)]))

    def load(self, ship: int, truck: int, warehouse: int) -> None:
        """Asks to load a package on a truck."""
        number = self._number()
        self._about[number] = ship
        self._errors.pop(ship, None)
        self._send(
            amazon.ACommands(load=[amazon.APutOnTruck(whnum=warehouse, truckid=truck, shipid=ship, seqnum=number)])
        )

    def is_packed(self, ship: int) -> bool:
        """Whether the world said so."""
        return ship in self._packed

    def is_loaded(self, ship: int) -> bool:
        """Whether the world said so."""
        return ship in self._loaded

    def error(self, ship: int) -> str:
        """What the world last had against this package; empty: nothing."""
        return self._errors.get(ship, "")

    def record(self, ship: int) -> PackageRecord | None:
        """What really happened to a package."""
        return self._shell.model.book.packages.get((self.id or 0, ship))

    def truck_status(self, truck: int) -> str:
        """What a truck of this world really does; empty: there is no such truck."""
        world = self._shell.model.worlds.get(self.id or 0)
        known = None if world is None else world.trucks.get(truck)
        return "" if known is None else str(known.status)

    async def _read(self, connection: Connection) -> None:
        while bodies := await connection.receive():
            acks: list[int] = []
            for body in bodies:
                said = amazon.AResponses.FromString(body)
                self._packed.update(one.shipid for one in said.ready)
                self._loaded.update(one.shipid for one in said.loaded)
                for error in said.error:
                    self._errors[self._about.get(error.originseqnum, 0)] = error.err
                for told in (said.ready, said.loaded, said.error, said.arrived, said.packagestatus):
                    acks += [one.seqnum for one in told]
            if acks:
                self._send(amazon.ACommands(acks=acks))
            self.changed.set()

    async def _leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _number(self) -> int:
        self._seqnum += 1
        return self._seqnum

    def _send(self, commands: amazon.ACommands) -> None:
        if self._connection is not None:
            self._connection.send(commands.SerializeToString())
