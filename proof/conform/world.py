"""The world of a conformance run: a stand-in on the partner's port, and Amazon's own connection to it.

Rules: nothing is lost here, so nothing is sent twice; what really happened is read from the world's own book.
"""

import asyncio
from collections import defaultdict
from dataclasses import replace
from random import Random

from partners.world import world_amazon_pb2 as amazon
from sim.world.model import Rules, Side, WorldModel
from sim.world.model.book import PackageRecord
from sim.world.model.state import TruckStatus
from sim.world.shell import WorldShell
from wire.link import Connection, dial

CONNECTED = "connected!"
WAREHOUSES = {1: (10, 10), 2: (60, 40)}
_PRODUCT = 1
_PLENTY = 1_000_000
_HOST = "127.0.0.1"
_SIMSPEED = 10_000


class _Shell(WorldShell):
    """The stand-in's ports, with a way to cut one side's connections."""

    def __init__(self, model: WorldModel) -> None:
        super().__init__(model)
        self._of_side: defaultdict[Side, set[Connection]] = defaultdict(set)

    async def _serve(self, side: Side, connection: Connection) -> None:
        self._of_side[side].add(connection)
        try:
            await super()._serve(side, connection)
        finally:
            self._of_side[side].discard(connection)

    def cut(self, side: Side) -> None:
        """Ends a side's connections at once."""
        for connection in list(self._of_side[side]):
            connection.abort(ConnectionResetError("cut"))


class World:
    """The world simulator, and what Amazon does in it."""

    def __init__(self, tick: float) -> None:
        self._rules = Rules.quick(tick=tick, poll=tick * 0.75, default_simspeed=_SIMSPEED)
        self._shell = _Shell(WorldModel(self._rules, Random(1)))
        self.changed = asyncio.Event()
        self.id: int | None = None
        self.refusal = ""
        self._seqnum = 0
        self._port = 0
        self._place = ("", 0)
        self._connection: Connection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self._packed: set[int] = set()
        self._loaded: set[int] = set()
        self._about: dict[int, int] = {}
        self._errors: dict[int, str] = {}

    async def open(self, host: str, port: int) -> int:
        """Listens for the partner; gives the port. Raises OSError."""
        self._port = await self._shell.open(Side.AMAZON, _HOST, 0)
        self._place = (host, await self._shell.open(Side.UPS, host, port))
        return self._place[1]

    async def close(self) -> None:
        """Ends everything."""
        await self._leave()
        await self._shell.close()

    async def end_all_worlds(self) -> None:
        """The simulator dies and starts again, empty; ids of its new worlds were never used before."""
        await self.close()
        first = max(self._shell.model.worlds, default=0) + 1_000
        self._shell = _Shell(WorldModel(replace(self._rules, first_world=first), Random(first)))
        self.id = None
        self._begin()
        await self.open(*self._place)

    def cut_partner(self) -> None:
        """Ends the partner's connection to the world."""
        self._shell.cut(Side.UPS)

    @property
    def died(self) -> str | None:
        """Why the simulator ended, or None."""
        return self._shell.model.died

    def exists(self, world_id: int) -> bool:
        """Whether there is such a world now."""
        return world_id in self._shell.model.worlds

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
        """What really happened to a package of this world."""
        return self._shell.model.book.packages.get((self.id or 0, ship))

    def is_delivered(self, ship: int) -> bool:
        """Whether a package of this world really is at an address."""
        record = self.record(ship)
        return record is not None and bool(record.delivered)

    def driving(self) -> set[int]:
        """The trucks of this world that are on their way somewhere."""
        world = self._shell.model.worlds.get(self.id or 0)
        trucks = {} if world is None else world.trucks
        return {id for id, truck in trucks.items() if truck.status in (TruckStatus.TRAVELING, TruckStatus.DELIVERING)}

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
