"""The use cases that write rows which others write too, and a scene in which each of them has something to do.

Rules: a use case is run as the service runs it, through `App` or a `Dispatcher`, on an engine of its own; all that it
needs to know of the scene are numbers. The scene is made once and copied.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import Engine

from db.clock import Clock
from db.orders.interventions import InterventionKind
from db.orders.requests import Decision
from orders_svc.domain.amendments import ACCOUNT_CHECK, CANCEL, REDIRECT
from orders_svc.domain.explain import Status
from orders_svc.domain.news import News
from orders_svc.domain.patience import Patience
from orders_svc.outbox.dispatch import Dispatcher
from orders_svc.service.amending import Wish
from orders_svc.service.app import App
from orders_svc.service.forgetting import Forgetting
from orders_svc.service.intervening import Order as Intervention
from orders_svc.service.links import Attachment
from orders_svc.service.placing import Item, Placed, PlaceOrder
from orders_svc.service.points import ReorderRequest
from orders_svc.service.reports import Report
from orders_svc.service.restocking import RestockRequest
from shop.bridge.v1.bridge_pb2 import Thing
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.orders_svc.stage import BACKORDER, LAST_ONE, SELLER, SHOPPER, TICK, BridgeDouble, Stage

KEPT_SECONDS = 86_400.0
ATTENTION = int(Status.NEEDS_ATTENTION)
ELSEWHERE = 8
"""The world that UPS announces while we are in 7."""
FEATURES = (REDIRECT, CANCEL, ACCOUNT_CHECK)


@dataclass(frozen=True, slots=True)
class Scene:
    """The numbers of what there is: order and shipment ids by how far they are, and the owners' epochs."""

    orders: dict[str, int]
    shipments: dict[str, int]
    commands: dict[tuple[str, str], int]
    epochs: dict[str, int]
    world_epoch: int
    candidate_epoch: int


def prepare(stage: Stage, *, announced: bool) -> Scene:
    """Orders at each step of their way, with a UPS that speaks the extension.

    `announced`: UPS moved to another world, and it only remains to be opened.
    """
    stage.announce(7, *FEATURES)
    orders: dict[str, int] = {}
    commands: dict[tuple[str, str], int] = {}

    def order(name: str, *items: tuple[int, int]) -> int:
        orders[name] = stage.place(*(items or ((1, 1),)))
        return stage.parcel(orders[name]).row.id if not items else 0

    shipments = {name: order(name) for name in ("packing", "failing", "waiting", "loading", "on the road")}
    # Who is served by what has come is older than who is not, and so is the first in line.
    order("served", (BACKORDER, 3))
    order("short", (BACKORDER, 5))
    name_of = {number: name for name, number in shipments.items()}
    for command in stage.dispatch():
        kind = command.WhichOneof("body") or ""
        number = getattr(getattr(command, kind), "shipment_id", 0)
        if number in name_of:
            commands[name_of[number], kind] = command.command_id
        elif kind == "buy":
            commands["short", kind] = command.command_id
    for name in ("waiting", "loading", "on the road"):
        stage.world_says(stage.packed(shipments[name]))
    for name in ("loading", "on the road"):
        stage.ups_says(stage.truck(shipments[name]))
        stage.dispatch()
    stage.world_says(stage.loaded(shipments["on the road"]))
    stage.dispatch()
    # Three of the eight units that are waited for have come, and nobody was served yet.
    stage.world_says(stage.arrived(1, (BACKORDER, 3)))
    shipments["done"] = order("done")
    stage.drive(shipments["done"])
    _ask_ups(stage, orders, shipments, commands)
    # UPS was told of it, the world was not.
    shipments["half"] = order("half")
    (request,) = stage.dispatch("ups")
    commands["half", "request_truck"] = request.command_id
    shipments["fresh"] = order("fresh")
    for name in ("failing", "waiting"):
        stage.execute("update shipments set check_at = 1 where id = :id", id=shipments[name])
    # What fails has failed so often that a person must look.
    stage.execute("update shipments set attention_reason = 'it fails' where id = :id", id=shipments["failing"])
    stage.execute("update orders set status = :status where id = :id", status=ATTENTION, id=orders["failing"])
    stage.execute("update shipments set ended_at = 1 where id = :id", id=shipments["done"])
    for table, columns in (
        ("outbox", "created_at = 1, closed_at = 1, outcome = 'acked'"),
        ("inbox", "received_at = 1"),
    ):
        stage.execute(f"update {table} set {columns} where shipment_id = :id", id=shipments["done"])
    stage.execute("update order_news set look_at = 1 where order_id = :id", id=orders["on the road"])
    # One more that is sold, or one that comes and is given away, and more are bought.
    for offer_id in (1, BACKORDER):
        (left,) = stage.rows("select sum(available) - sum(awaited) from stock where offer_id = :id", id=offer_id)
        level = max(int(left[0]), 1)
        stage.app.set_reorder_point(ReorderRequest(SELLER, offer_id, 1, level, 25))
    candidate = 0
    if announced:
        stage.announce(ELSEWHERE)
        ask = stage.connected(stage.start(ELSEWHERE).dial).ask
        candidate = ask.world_epoch
        stage.report("world", *stage.yes(ask), acked=[one.command_id for one in ask.commands], epoch=candidate)
    return Scene(orders, shipments, commands, dict(stage.epochs), stage.world_epoch, candidate)


def _ask_ups(
    stage: Stage, orders: dict[str, int], shipments: dict[str, int], commands: dict[tuple[str, str], int]
) -> None:
    """What UPS was asked: another address, to give a parcel up, whether there is an account; and once in vain."""

    def ask(name: str, until: str, x: int | None = None, y: int | None = None) -> None:
        orders[name] = stage.place((1, 1))
        shipments[name] = stage.parcel(orders[name]).row.id
        stage.drive(shipments[name], until)
        (decided,) = stage.app.amend(Wish(SHOPPER, f"asked {name}", orders[name], x, y))
        assert decided.decision is Decision.ASKED, decided
        for command in stage.dispatch("ups"):
            commands[name, command.WhichOneof("body") or ""] = command.command_id

    ask("in vain", "packed", 50, 60)
    # It came back without being able to say.
    stage.announce(7)
    stage.announce(7, *FEATURES)
    ask("elsewhere", "truck", 50, 60)
    stage.world_says(stage.loaded(shipments["elsewhere"]))
    ask("back", "packed")
    # One is to be asked for again; of the other no answer is expected any more.
    for name, asks in (("elsewhere", 1), ("back", stage.patience.max_asks)):
        stage.execute("update shipments set ask_at = 1, asks = :asks where id = :id", asks=asks, id=shipments[name])
    answer = stage.app.check_account("somebody", 0.0)
    assert answer.exists is None, answer
    stage.execute("update outbox set closed_at = null, outcome = null where kind = 'check_account'")
    (question,) = stage.dispatch("ups")
    commands["", "check_account"] = question.command_id


class Actor:
    """The service on one engine, as it would run beside another one."""

    def __init__(self, engine: Engine, clock: Clock, scene: Scene, number: int) -> None:
        self.scene = scene
        self.app = App(
            engine=engine,
            clock=clock,
            patience=Patience(TICK),
            rng=Random(number),
            announce=lambda _changes: None,
            lease_seconds=10_000.0,
        )
        self.engine = engine
        self.clock = clock
        self.number = number
        # Above whatever the scene has said; the same for both: what both report was said once and came twice.
        self._seqnum = 1_000_000

    def event(self, **body: Any) -> pb.PeerEvent:
        self._seqnum += 1
        return pb.PeerEvent(seqnum=self._seqnum, **body)

    def place(self, *items: tuple[int, int], request_id: str = "") -> Placed:
        request = PlaceOrder(
            SHOPPER, request_id or f"interleaved-{self.number}", tuple(Item(*item) for item in items), 3, 4
        )
        (answer,) = self.app.place_orders([request])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def amend(self, name: str, x: int | None = None, y: int | None = None, request_id: str = "") -> Any:
        wish = Wish(SHOPPER, request_id or f"amended-{self.number}", self.scene.orders[name], x, y)
        return self.app.amend(wish)

    def report(self, link: str, *events: pb.PeerEvent, acked: tuple[str, str] | None = None) -> Any:
        ids = [] if acked is None else [self.scene.commands[acked]]
        epoch = self.scene.world_epoch if link == "world" else 0
        return self.app.report(Report(link, self.scene.epochs[link], epoch, ids, list(events)))

    def intervene(self, kind: InterventionKind, name: str) -> Any:
        return self.app.intervene(Intervention(kind, SELLER, f"staff-{self.number}", self.scene.shipments[name]))

    def answer(self, *, accepted: bool) -> Any:
        """UPS answers all that it was asked; with a yes also what was asked in vain."""
        commands, shipments = self.scene.commands, self.scene.shipments

        def about(name: str, kind: str) -> dict[str, Any]:
            return {"command_id": commands[name, kind], "shipment_id": shipments[name], "accepted": accepted}

        asked = ("elsewhere", "in vain") if accepted else ("elsewhere",)
        redirected = [pb.RedirectAnswered(**about(name, "redirect")) for name in asked]
        given_up = pb.CancelAnswered(**about("back", "cancel_job"))
        known = pb.AccountAnswered(command_id=commands["", "check_account"], known=accepted)
        left = pb.DeliveryStarted(shipment_id=shipments["on the road"], truck_id=3)
        return self.report(
            "ups",
            *(self.event(redirect_answered=one) for one in redirected),
            self.event(cancel_answered=given_up),
            self.event(account_answered=known),
            self.event(delivery_started=left),
        )

    def cannot_say(self) -> Any:
        """The world's bridge can never say a pack, nor a buy."""
        ids = [self.scene.commands["packing", "pack"], self.scene.commands["short", "buy"]]
        reasons = dict.fromkeys(ids, "larger than a frame")
        return self.app.fail_commands("world", self.scene.epochs["world"], reasons)

    def connected(self) -> Any:
        said = pb.Connected(world_epoch=self.scene.world_epoch, world_id=7, result="connected!")
        request = pb.AdvanceWorldRequest(link_epoch=self.scene.epochs["world"], connected=said)
        return self.app.advance_world(request)

    def announced(self, world_id: int) -> Any:
        """UPS says where it is, and that it does not speak the extension."""
        said = pb.WorldAnnounced(world_id=world_id, announcement_no=1)
        return self.report("ups", self.event(world_announced=said))

    def dispatch(self, link: str) -> Any:
        sender = Dispatcher(link, self.engine, self.clock, BridgeDouble(), self.app.fail_commands)
        while sender.step():
            pass

    def forget(self) -> Any:
        forgetting = Forgetting(self.engine, self.clock, KEPT_SECONDS)
        while forgetting.step():
            pass

    def attach(self, link: str) -> Any:
        return self.app.attach(Attachment(link, f"{link}-bridge", f"boot {self.number}", "127.0.0.1:1", seen_epoch=1))

    def switch(self) -> Any:
        answered = pb.Answered(world_epoch=self.scene.candidate_epoch)
        request = pb.AdvanceWorldRequest(link_epoch=self.scene.epochs["world"], answered=answered)
        return self.app.advance_world(request)

    def reconnect(self) -> Any:
        request = pb.AdvanceWorldRequest(link_epoch=self.scene.epochs["world"], start=pb.Start())
        return self.app.advance_world(request)


def _arrived(count: int) -> dict[str, Any]:
    return {"arrived": pb.Arrived(warehouse_id=1, things=[Thing(offer_id=BACKORDER, count=count)])}


def _failed(actor: Actor, name: str, kind: str) -> dict[str, Any]:
    command_id = actor.scene.commands[name, kind]
    return {"command_failed": pb.CommandFailed(command_id=command_id, text="error: product does not exist")}


UseCase = Callable[[Actor], Any]

USE_CASES: dict[str, UseCase] = {
    "place the last one": lambda a: a.place((LAST_ONE, 1), (1, 1)),
    "place what is to be bought": lambda a: a.place((BACKORDER, 2)),
    "place the same again": lambda a: a.place((1, 2), request_id="the-same-request"),
    "restock": lambda a: a.app.restock(RestockRequest(SELLER, f"restocked-{a.number}", BACKORDER, 1, 4)),
    "set a reorder point": lambda a: a.app.set_reorder_point(ReorderRequest(SELLER, LAST_ONE, 1, 2, 5 + a.number)),
    "remove a reorder point": lambda a: a.app.set_reorder_point(ReorderRequest(SELLER, 1, 1, 0, 0)),
    "cancel": lambda a: a.amend("fresh"),
    "cancel what UPS was told of": lambda a: a.amend("half"),
    "report what UPS has heard": lambda a: a.report("ups", acked=("half", "request_truck")),
    "cancel what waits for goods": lambda a: a.amend("served"),
    "send elsewhere": lambda a: a.amend("fresh", 50, 60),
    "report packed": lambda a: a.report(
        "world", a.event(packed=pb.Packed(shipment_id=a.scene.shipments["packing"])), acked=("packing", "pack")
    ),
    "report loaded": lambda a: a.report("world", a.event(loaded=pb.Loaded(shipment_id=a.scene.shipments["loading"]))),
    "report arrived": lambda a: a.report("world", a.event(**_arrived(5)), acked=("short", "buy")),
    "report a failed pack": lambda a: a.report("world", a.event(**_failed(a, "failing", "pack"))),
    "report a truck": lambda a: a.report(
        "ups",
        a.event(truck_arrived=pb.TruckArrived(shipment_id=a.scene.shipments["packing"], truck_id=3)),
        acked=("packing", "request_truck"),
    ),
    "report delivered": lambda a: a.report(
        "ups", a.event(delivered=pb.Delivered(shipment_id=a.scene.shipments["on the road"]))
    ),
    "report another world": lambda a: a.announced(9),
    "report delivered again": lambda a: a.report(
        "ups", a.event(delivered=pb.Delivered(shipment_id=a.scene.shipments["done"]))
    ),
    "send anew what fails": lambda a: a.intervene(InterventionKind.REDRIVE, "failing"),
    "retry what fails": lambda a: a.intervene(InterventionKind.RETRY, "failing"),
    "cancel what fails": lambda a: a.intervene(InterventionKind.CANCEL, "failing"),
    "fail what cannot be said": Actor.cannot_say,
    "ask UPS for another address": lambda a: a.amend("waiting", 50, 60),
    "ask UPS to give up": lambda a: a.amend("waiting"),
    "report what UPS agrees to": lambda a: a.answer(accepted=True),
    "report what UPS refuses": lambda a: a.answer(accepted=False),
    "report a UPS that can be asked nothing": lambda a: a.announced(7),
    "check an account": lambda a: a.app.check_account("nobody", 0.0),
    "report the status of a package": lambda a: a.report(
        "world",
        a.event(package_status=pb.PackageStatus(shipment_id=a.scene.shipments["packing"], status="PACKED")),
    ),
    "serve who waits": lambda a: a.app.serve_waiting(),
    "ask what is overdue": lambda a: a.app.ask_overdue(),
    "dispatch to the world": lambda a: a.dispatch("world"),
    "dispatch to UPS": lambda a: a.dispatch("ups"),
    "attach the world": lambda a: a.attach("world"),
    "attach UPS": lambda a: a.attach("ups"),
    "renew UPS": lambda a: a.app.renew("ups", a.scene.epochs["ups"], True, "open"),
    "renew the world": lambda a: a.app.renew("world", a.scene.epochs["world"], True, "open"),
    "reconnect to the world": Actor.reconnect,
    "find the world connected": Actor.connected,
    "switch worlds": Actor.switch,
    "forget what has ended": Actor.forget,
    "settle news": lambda a: a.app.settle_news(
        {a.scene.orders[name]: News.PLACED | News.SHIPPED for name in ("fresh", "packing", "on the road")}
    ),
    "find who is late": lambda a: a.app.find_late(),
}
# Only where UPS has moved to another world.
IN_ANOTHER_WORLD = {"switch worlds"}
