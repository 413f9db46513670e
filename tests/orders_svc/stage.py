"""A stage for the orders service: the real use cases on a real database, with a scripted world and UPS.

What the peers say is said by the test, through Report and AdvanceWorld as a bridge would; what the service says to
them is collected by `dispatch`. Time is virtual.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select, text

from db.engine import make_engine
from db.orders.stock import Stock
from db.seed.shop import seed_shop
from orders_svc.domain.patience import Patience
from orders_svc.outbox.dispatch import Dispatcher
from orders_svc.service.app import App
from orders_svc.service.changes import Changes
from orders_svc.service.installation import install
from orders_svc.service.links import Attachment
from orders_svc.service.placing import Item, Placed, PlaceOrder
from orders_svc.service.reports import Report, Result
from orders_svc.service.views import OrderView, ParcelView
from shop.bridge.v1.bridge_pb2 import Command, RefusedCommand, SendCommandsRequest, SendCommandsResponse, Thing
from shop.fulfilment.v1 import fulfilment_pb2 as pb

SHOPPER = 2
SELLER = 1
TICK = 1.0
# Of the seed: offers with nothing in stock, with and without backorders; one with a single unit, at warehouse 10.
BACKORDER, SOLD_OUT, LAST_ONE = 37, 46, 31


class Clock:
    """Stands still until it is moved. Begins at the machine's time: PostgreSQL's leases use that."""

    def __init__(self) -> None:
        self.time = time.time()

    def now(self) -> float:
        return self.time


@dataclass
class BridgeDouble:
    """Takes what it is given, or refuses, as told."""

    limit: int = 10_000
    # Kinds that can never be said, with the reason.
    refuses: dict[str, str] = field(default_factory=dict)
    # The last one.
    request: SendCommandsRequest = field(default_factory=SendCommandsRequest)
    taken: list[Command] = field(default_factory=list)

    def send(self, address: str, request: SendCommandsRequest) -> SendCommandsResponse:
        self.request = request
        now = list(request.commands)[: self.limit]
        kinds = [command.WhichOneof("body") for command in now]
        refused = [
            RefusedCommand(command_id=command.command_id, reason=self.refuses[kind])
            for command, kind in zip(now, kinds, strict=True)
            if kind in self.refuses
        ]
        self.taken.extend(command for command, kind in zip(now, kinds, strict=True) if kind not in self.refuses)
        return SendCommandsResponse(taken=len(now), refused=refused)


class Stage:
    """The service between a scripted world and a scripted UPS."""

    def __init__(self, url: str, *, create_world: bool = False) -> None:
        self.clock = Clock()
        self.url = url
        self.engine: Engine = make_engine(url, self.clock)
        seed_shop(self.engine, self.clock)
        install(self.engine, self.clock.now())
        self.announced: list[Changes] = []
        self.patience = Patience(TICK)
        self.app = App(
            engine=self.engine,
            clock=self.clock,
            patience=self.patience,
            rng=random.Random(1),
            announce=self.announced.append,
            create_world=create_world,
            lease_seconds=10_000.0,
        )
        self.bridges = {"world": BridgeDouble(), "ups": BridgeDouble()}
        self.dispatchers = {
            link: Dispatcher(link, self.engine, self.clock, bridge, self.app.fail_commands)
            for link, bridge in self.bridges.items()
        }
        self.epochs = {"world": 0, "ups": 0}
        self.world_epoch = 0
        self.seqnum = 1000
        self.requests = 0

    @classmethod
    def resumed(cls, url: str) -> "Stage":
        """A stage on a copy of a database whose world is open and stocked."""
        stage = cls(url)
        stage.epochs = {"world": 1, "ups": 1}
        stage.world_epoch = 1
        stage.seqnum = 5000
        return stage

    # The links

    def attach(self, link: str, instance: str = "", nonce: str = "boot-1") -> int:
        ((seen,),) = self.rows("select link_epoch from links where name = :name", name=link)
        wanted = Attachment(link, instance or f"{link}-bridge", nonce, "127.0.0.1:1", seen_epoch=seen)
        self.epochs[link] = self.app.attach(wanted)
        return self.epochs[link]

    def advance(self, **observation: Any) -> pb.AdvanceWorldResponse:
        return self.app.advance_world(pb.AdvanceWorldRequest(link_epoch=self.epochs["world"], **observation))

    def start(self, candidate: int | None = None) -> pb.AdvanceWorldResponse:
        return self.advance(start=pb.Start(candidate_world_id=candidate))

    def connected(self, dial: pb.Dial, result: str = "connected!", world_id: int | None = None) -> Any:
        ids = [warehouse.warehouse_id for warehouse in dial.warehouses]
        answer = pb.Connected(
            world_epoch=dial.world_epoch, world_id=world_id or dial.world_id, result=result, warehouse_ids=ids
        )
        return self.advance(connected=answer)

    def answered(self, world_epoch: int, world_id: int | None = None) -> pb.AdvanceWorldResponse:
        return self.advance(answered=pb.Answered(world_epoch=world_epoch, world_id=world_id))

    def announce(self, world_id: int = 7, *features: str) -> None:
        """UPS says in which world it is, and what it speaks."""
        self.seqnum += 1
        announced = pb.WorldAnnounced(world_id=world_id, features=features)
        event = pb.PeerEvent(seqnum=self.seqnum, world_announced=announced)
        self.app.report(Report("ups", self.epochs["ups"], 0, [], [event]))

    def yes(self, ask: pb.Ask) -> list[pb.PeerEvent]:
        """The answers of a world that has everything it is asked for."""
        events = []
        for command in ask.commands:
            self.seqnum += 1
            event = pb.PeerEvent(seqnum=self.seqnum)
            kind = command.WhichOneof("body")
            if kind == "pack":
                event.packed.shipment_id = command.pack.shipment_id
            elif kind == "buy":
                event.arrived.warehouse_id = command.buy.warehouse_id
            else:
                event.package_status.shipment_id = command.query_package.shipment_id
                event.package_status.status = "PACKED"
            events.append(event)
        return events

    def no(self, command: Command, text: str = "error: warehouse id does not exist") -> pb.PeerEvent:
        """The answer that a command failed."""
        self.seqnum += 1
        failed = pb.CommandFailed(command_id=command.command_id, text=text)
        return pb.PeerEvent(seqnum=self.seqnum, command_failed=failed)

    def hand_over(self, ask: pb.Ask, events: Sequence[pb.PeerEvent] | None = None) -> pb.AdvanceWorldResponse:
        """Reports the answers to an Ask (default: yes to all), and asks what is next."""
        answers = self.yes(ask) if events is None else events
        acked = [command.command_id for command in ask.commands]
        self.app.report(Report("world", self.epochs["world"], ask.world_epoch, acked, answers))
        return self.answered(ask.world_epoch)

    def open_world(self, world_id: int = 7) -> int:
        """Attaches both bridges, has UPS announce the world, adopts it; its epoch."""
        for link in ("ups", "world"):
            self.attach(link)
        self.announce(world_id)
        self.app.renew("ups", self.epochs["ups"], True, "open")
        directive = self.connected(self.start().dial)
        while directive.HasField("ask"):
            directive = self.hand_over(directive.ask)
        assert directive.HasField("open"), directive
        self.app.renew("world", self.epochs["world"], True, "open")
        self.world_epoch = directive.open.world_epoch
        return self.world_epoch

    def move_to(self, world_id: int, *features: str) -> None:
        """UPS moves to another world, and so do we."""
        self.announce(world_id, *features)
        directive = self.connected(self.start(candidate=world_id).dial)
        while directive.HasField("ask"):
            directive = self.hand_over(directive.ask)
        assert directive.HasField("open"), directive
        self.world_epoch = directive.open.world_epoch

    # What goes out

    def dispatch(self, link: str | None = None) -> list[Command]:
        """Lets the dispatchers send what is due; what they sent, oldest first."""
        links = [link] if link else ["world", "ups"]
        sent = []
        for name in links:
            self.bridges[name].taken.clear()
            while self.dispatchers[name].step():
                pass
            sent += self.bridges[name].taken
        return sent

    def sent(self, kind: str, link: str | None = None) -> list[Any]:
        """The bodies of one kind among what is sent now."""
        return [getattr(command, kind) for command in self.dispatch(link) if command.WhichOneof("body") == kind]

    # What comes in

    def event(self, **body: Any) -> pb.PeerEvent:
        self.seqnum += 1
        return pb.PeerEvent(seqnum=self.seqnum, **body)

    def report(self, link: str, *events: pb.PeerEvent, acked: Sequence[int] = (), epoch: int | None = None) -> Any:
        world_epoch = epoch if epoch is not None else self.world_epoch if link == "world" else 0
        return self.app.report(Report(link, self.epochs[link], world_epoch, list(acked), list(events)))

    def ack(self, commands: Sequence[Command]) -> None:
        for link in ("world", "ups"):
            self.report(link, acked=[command.command_id for command in commands])

    def world_says(self, *events: pb.PeerEvent) -> list[Result]:
        results: list[Result] = self.report("world", *events)
        return results

    def ups_says(self, *events: pb.PeerEvent) -> list[Result]:
        results: list[Result] = self.report("ups", *events)
        return results

    def packed(self, shipment_id: int) -> pb.PeerEvent:
        return self.event(packed=pb.Packed(shipment_id=shipment_id))

    def loaded(self, shipment_id: int) -> pb.PeerEvent:
        return self.event(loaded=pb.Loaded(shipment_id=shipment_id))

    def status(self, shipment_id: int, status: str) -> pb.PeerEvent:
        return self.event(package_status=pb.PackageStatus(shipment_id=shipment_id, status=status))

    def truck(self, shipment_id: int, truck_id: int = 3) -> pb.PeerEvent:
        return self.event(truck_arrived=pb.TruckArrived(shipment_id=shipment_id, truck_id=truck_id))

    def delivered(self, shipment_id: int) -> pb.PeerEvent:
        return self.event(delivered=pb.Delivered(shipment_id=shipment_id))

    def redirected(self, asked: Command, accepted: bool, reason: str = "") -> pb.PeerEvent:
        """The answer to a redirect."""
        answer = pb.RedirectAnswered(
            command_id=asked.command_id,
            shipment_id=asked.redirect.shipment_id,
            accepted=accepted,
            reason=reason,
        )
        return self.event(redirect_answered=answer)

    def given_up(self, asked: Command, accepted: bool, reason: str = "") -> pb.PeerEvent:
        """The answer to a cancellation."""
        answer = pb.CancelAnswered(
            command_id=asked.command_id,
            shipment_id=asked.cancel_job.shipment_id,
            accepted=accepted,
            reason=reason,
        )
        return self.event(cancel_answered=answer)

    def questions(self, kind: str = "redirect") -> list[Command]:
        """The commands of this kind among what UPS is sent now."""
        return [command for command in self.dispatch("ups") if command.WhichOneof("body") == kind]

    def arrived(self, warehouse_id: int, *units: tuple[int, int]) -> pb.PeerEvent:
        things = [Thing(offer_id=offer_id, count=count) for offer_id, count in units]
        return self.event(arrived=pb.Arrived(warehouse_id=warehouse_id, things=things))

    def stocked(self) -> "Stage":
        """All buys that are due arrive, are acknowledged, and serve who waits."""
        for command in self.dispatch("world"):
            if command.WhichOneof("body") == "buy":
                buy = command.buy
                came = self.event(arrived=pb.Arrived(warehouse_id=buy.warehouse_id, things=buy.things))
                self.report("world", came, acked=[command.command_id])
        while self.app.serve_waiting():
            pass
        return self

    # Shoppers

    def request(
        self, *items: tuple[int, int], at: tuple[int, int] = (3, 4), request_id: str = "", user: int = SHOPPER
    ) -> PlaceOrder:
        self.requests += 1
        return PlaceOrder(user, request_id or f"request-{self.requests:06}", tuple(Item(*i) for i in items), *at)

    def place(self, *items: tuple[int, int], **options: Any) -> int:
        answer = self.app.place_orders([self.request(*items, **options)])[0]
        assert isinstance(answer, Placed), answer
        return answer.order_id

    def order(self, order_id: int) -> OrderView:
        return self.app.order(SHOPPER, order_id)

    def parcel(self, order_id: int) -> ParcelView:
        """The only parcel of an order."""
        (parcel,) = self.order(order_id).parcels
        return parcel

    def drive(self, shipment_id: int, until: str = "delivered") -> None:
        """Takes a shipment along the happy path, up to and with one event."""
        self.dispatch()
        path = {
            "packed": lambda: self.world_says(self.packed(shipment_id)),
            "truck": lambda: self.ups_says(self.truck(shipment_id)),
            "loaded": lambda: self.world_says(self.loaded(shipment_id)),
            "delivered": lambda: self.ups_says(self.delivered(shipment_id)),
        }
        for name, step in path.items():
            assert step() == [Result.APPLIED], name
            self.dispatch()
            if name == until:
                return

    # The tables

    def stock(self, offer_id: int, warehouse_id: int, epoch: int | None = None) -> dict[str, int]:
        wanted = (
            Stock.world_epoch == (epoch or self.world_epoch),
            Stock.offer_id == offer_id,
            Stock.warehouse_id == warehouse_id,
        )
        with self.engine.begin() as connection:
            row = connection.execute(select(*Stock.__table__.c).where(*wanted)).one_or_none()
        names = ("arrived", "available", "reserved", "packed", "ordered", "awaited")
        return {name: getattr(row, name) if row is not None else 0 for name in names}

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(query), values).all())

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def lapse(self, link: str) -> None:
        """The lease of a link's owner runs out."""
        self.execute("update links set lease_until_at = 1 where name = :link", link=link)
