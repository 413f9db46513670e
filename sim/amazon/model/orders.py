"""The orders of the mock Amazon: what follows from what UPS and the world say.

Rules: a parcel is loaded when it is packed and a truck is there, and let go when it is loaded; nothing goes back; what
nobody speaks of for long is asked for; in a new world every open order begins anew, with a new ship id.
"""

from collections.abc import Callable

from partners.ups import ups_pb2 as pb
from sim.agenda import Agenda
from sim.amazon import script
from sim.amazon.model.parcels import Parcel
from sim.amazon.model.questions import Questions
from sim.amazon.model.settings import Settings
from sim.amazon.model.ups_side import UpsSide
from sim.amazon.model.world_side import WorldSide
from sim.amazon.script import WAREHOUSES

_NOTHING_TO_DO = "there is nothing to load for it"
_LONGEST_PATIENCE = 6


class Orders:
    """All orders; `parcels` by their numbers. `world` is set before anything is said. `begun`: there was a world."""

    def __init__(self, settings: Settings, ups: UpsSide, agenda: Agenda, note: Callable[[str], None]) -> None:
        self.parcels: dict[int, Parcel] = {}
        self.world: WorldSide
        self.now = 0.0
        self.on_first_world: Callable[[], None] = lambda: None
        self.on_refused: Callable[[int], None] = lambda _: None
        self._settings = settings
        self._ups = ups
        self._agenda = agenda
        self._note = note
        self._ships: dict[int, Parcel] = {}
        self._next_ship = settings.first_number
        self._begun = False
        self._questions = Questions(settings, ups, agenda, note, self._ask_for_truck, self._heard_of)

    # What UPS says.

    def truck_is_there(self, load: pb.UALoadRequest) -> None:
        """A truck is at the warehouse for a package."""
        parcel = self._ships.get(load.shipId)
        if parcel is None or not parcel.open:
            self._ups.say(pb.Err(err=_NOTHING_TO_DO, originSeqNum=load.seqNum))
            return
        self._heard_of(parcel)
        if parcel.loaded:
            self._go(parcel, again=True)
        else:
            if parcel.truck != load.truckId:
                parcel.loading = False
            parcel.truck = load.truckId

    def delivered(self, ship: int) -> None:
        """A package is at its address, where it can be."""
        parcel = self._ships.get(ship)
        if parcel is not None and parcel.open and parcel.loaded:
            parcel.delivered = True
            self._heard_of(parcel)

    def refused_by_ups(self, origin: int, text: str) -> None:
        """UPS could not do what was asked for under this number: the job is told again, after a pause."""
        if self._questions.failed(origin, text, self.now):
            return
        parcel = next((one for one in self._ships.values() if origin in (*one.pickups[-1:], *one.goes[-1:])), None)
        if parcel is None or not parcel.open:
            return
        pause = min(self._settings.first_pause * 2**parcel.failures, self._settings.longest_pause) * self._settings.tick
        parcel.failures += 1
        self._note(f"order {parcel.number}: UPS refused; it is asked again in {pause:.1f} s")
        self._agenda.later(self.now + pause, lambda _: self._ask_for_truck(parcel) if parcel.open else None)

    def answered(self, origin: int, accepted: bool, reason: str) -> None:
        """UPS answered a redirect or a cancellation."""
        self._questions.answered(origin, accepted, reason, self.now)

    # What the world says.

    def joined(self, world_id: int, *, fresh: bool) -> None:
        """We are in a world: open orders go on in it, or begin anew."""
        self._note(f"in world {world_id} now")
        if not self._begun:
            self._begun = True
            self.on_first_world()
        elif fresh:
            for parcel in [parcel for parcel in self.parcels.values() if parcel.open]:
                self._withdraw(parcel)
                if parcel.asked is not None and parcel.wanted is None:
                    # It was to be given up: it does not begin anew.
                    parcel.cancelled = True
                    continue
                self._put(parcel.anew(self._ship()))
        else:
            for parcel in self.parcels.values():
                if parcel.open:
                    self.world.query(parcel.ship)

    def refused(self, world_id: int, reason: str) -> None:
        """The world does not let us in."""
        self._note(f"world {world_id} refuses us: {reason}")
        self.on_refused(world_id)

    def packed(self, ship: int) -> None:
        """A package is packed."""
        parcel = self._ships.get(ship)
        if parcel is not None:
            parcel.packed = True
            self._heard_of(parcel)

    def loaded(self, ship: int) -> None:
        """A package is on its truck."""
        parcel = self._ships.get(ship)
        if parcel is not None:
            parcel.packed = parcel.loaded = True
            self._heard_of(parcel)

    def is_now(self, ship: int, status: str) -> None:
        """The answer to a question: what nobody told us is made up for."""
        parcel = self._ships.get(ship)
        if parcel is None or not parcel.open:
            return
        parcel.packed = parcel.packed or status != "PACKING"
        if status in ("LOADED", "DELIVERING", "DELIVERED"):
            parcel.loaded = True
        if status == "DELIVERED":
            parcel.delivered = True
        elif parcel.overdue and parcel.goes and parcel.loaded:
            self._go(parcel, again=True)
        parcel.overdue = False

    def failed(self, what: str, ship: int, text: str) -> None:
        """A command could not be done: it is done once more, for a load with another truck."""
        parcel = self._ships.get(ship)
        if parcel is None or not parcel.open:
            return
        self._note(f"order {parcel.number}: the world does not {what}: {text}")
        if what == "pack" and not parcel.packed:
            self.world.pack(ship, parcel.order.warehouse)
        elif what == "load" and not parcel.loaded:
            parcel.truck, parcel.loading = None, False
            self._ask_for_truck(parcel)

    # What we do.

    def place(self, order: script.Order) -> None:
        """A new order."""
        self._put(Parcel(order.number, order, self._ship(), order.to))

    def _ship(self) -> int:
        self._next_ship += 1
        return self._next_ship

    def _put(self, parcel: Parcel) -> None:
        self.parcels[parcel.number] = self._ships[parcel.ship] = parcel
        self._note(
            f"order {parcel.number} is ship {parcel.ship}, from warehouse {parcel.order.warehouse} to {parcel.to}"
        )
        self.world.pack(parcel.ship, parcel.order.warehouse)
        self._ask_for_truck(parcel)
        self._watch(parcel)

    def change(self, step: script.Redirect | script.Cancel) -> None:
        """Ask UPS for another address, or to give an order up."""
        feature = "redirect" if isinstance(step, script.Redirect) else "cancel"
        parcel = self.parcels.get(step.order)
        if parcel is None or not parcel.open or parcel.asked is not None:
            self._note(f"order {step.order} has ended, has not begun, or is being asked about: no {feature}")
        elif not self._ups.is_on(feature):
            self._note(f"UPS is not asked to {feature} order {step.order}: it does not speak {feature}")
        elif isinstance(step, script.Redirect):
            self._questions.ask(parcel, step.to, self.now)
        elif parcel.loading or parcel.loaded:
            self._note(f"order {step.order} is loaded, or being loaded: it is too late to cancel")
        else:
            self._questions.ask(parcel, None, self.now)

    def _ask_for_truck(self, parcel: Parcel) -> None:
        x, y = WAREHOUSES[parcel.order.warehouse]
        request = pb.AUPickupRequest(
            shipId=parcel.ship,
            warehouseId=parcel.order.warehouse,
            x=x,
            y=y,
            destinationX=parcel.to[0],
            destinationY=parcel.to[1],
            items=parcel.order.items,
        )
        if parcel.order.account:
            request.upsName = parcel.order.account
        parcel.pickups.append(self._ups.say(request))

    def _go(self, parcel: Parcel, *, again: bool = False) -> None:
        if parcel.asked is None and (again or not parcel.goes):
            parcel.goes.append(self._ups.say(pb.AUDeliverRequest(shipId=parcel.ship)))

    def _withdraw(self, parcel: Parcel) -> None:
        for number in (*parcel.pickups, *parcel.goes, *([] if parcel.asked is None else [parcel.asked])):
            self._ups.withdraw(number)
        del self._ships[parcel.ship]

    def _watch(self, parcel: Parcel, waits: int = 0) -> None:
        """Ask after a parcel of which nothing is heard for long."""
        patience = min(50.0 * 2**waits, 300.0) / 50.0 * self._settings.patience * self._settings.tick

        def look(now: float) -> None:
            if not parcel.open or self._ships.get(parcel.ship) is not parcel:
                return
            if parcel.heard_at + patience > now + 1e-6:
                self._watch(parcel)
                return
            if parcel.loaded:
                parcel.overdue = True
                self.world.query(parcel.ship)
            elif parcel.packed and parcel.truck is None:
                self._ask_for_truck(parcel)
            self._watch(parcel, waits + 1)

        self._agenda.later(max(parcel.heard_at, self.now) + patience, look)

    def _heard_of(self, parcel: Parcel) -> None:
        parcel.heard_at, parcel.failures = self.now, 0

    def settle(self) -> None:
        """Everything that can go on goes on."""
        for parcel in self.parcels.values():
            if (
                parcel.open
                and parcel.asked is None
                and parcel.packed
                and parcel.truck is not None
                and not parcel.loading
            ):
                parcel.loading = True
                self.world.load(parcel.ship, parcel.order.warehouse, parcel.truck)
            if parcel.open and parcel.loaded:
                self._go(parcel)
            if parcel.told is not parcel.stage:
                parcel.told = parcel.stage
                self._note(f"order {parcel.number}: {parcel.stage}")
