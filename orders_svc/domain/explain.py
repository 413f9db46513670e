"""What people are told: an order's status, and why a shipment waits.

Both are functions of the rows; nothing is stored that could disagree.
The numbers of `Status` are those of shop.orders.v1.OrderStatus.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from orders_svc.domain.lifecycle import Asked, Event, Goods, State, Truck, is_held


class Status(IntEnum):
    """Where an order, or one parcel, stands."""

    AWAITING_STOCK = 1
    PACKING = 2
    AWAITING_TRUCK = 3
    LOADING = 4
    OUT_FOR_DELIVERY = 5
    DELIVERED = 6
    NEEDS_ATTENTION = 7
    CANCELLED = 8


@dataclass(frozen=True, slots=True)
class LinkView:
    """What is known of a link when a person asks. A peer's own words are not in it: shoppers read this."""

    # Whether commands get through to a peer that can act on them.
    usable: bool
    # Since when it is (not) usable; None: never was.
    since: float | None
    # What follows "UPS, which ..." while it is not usable.
    trouble: str = "cannot be reached at the moment"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who is being waited for, since when, and what happens next."""

    # A noun phrase, to follow "waiting for".
    who: str
    since: float
    next: str


def parcel_status(state: State, needs_attention: bool) -> Status:
    """The public status of one parcel."""
    if state.truck is Truck.DELIVERED:
        return Status.DELIVERED
    if state.goods is Goods.CANCELLED:
        return Status.CANCELLED
    if needs_attention:
        return Status.NEEDS_ATTENTION
    if state.truck is Truck.EN_ROUTE:
        return Status.OUT_FOR_DELIVERY
    return {
        Goods.NEW: Status.AWAITING_STOCK,
        Goods.AWAITING_STOCK: Status.AWAITING_STOCK,
        Goods.PACKING: Status.PACKING,
        Goods.PACKED: Status.AWAITING_TRUCK,
        Goods.LOADING: Status.LOADING,
        Goods.LOADED: Status.LOADING,
    }[state.goods]


def order_status(parcels: Iterable[Status]) -> Status:
    """The public status of an order: attention first, else the least advanced of its parcels."""
    found = set(parcels)
    if Status.NEEDS_ATTENTION in found:
        return Status.NEEDS_ATTENTION
    open_or_delivered = found - {Status.CANCELLED}
    return min(open_or_delivered, default=Status.CANCELLED)


def waiting(state: State, since: float, world: LinkView, ups: LinkView) -> Waiting | None:
    """Why a shipment that has been in `state` since `since` does not move at this moment; None once delivered."""
    if state.truck is Truck.DELIVERED or state.goods is Goods.CANCELLED:
        return None
    held = is_held(state)
    on_ups = held or state.goods is Goods.PACKED or state.truck is Truck.EN_ROUTE
    link, name = (ups, "UPS") if on_ups else (world, "the warehouse")
    then = {
        Goods.NEW: "the goods are bought, then packed",
        Goods.AWAITING_STOCK: "the goods arrive at the warehouse and are packed",
        Goods.PACKING: "the parcel is packed, and loaded when the truck is there",
        Goods.PACKED: "the truck comes to the warehouse, then the parcel is loaded",
        Goods.LOADING: "the parcel is loaded, then the truck leaves",
        Goods.LOADED: "the truck delivers the parcel",
    }[state.goods]
    if held:
        then = "UPS answers, and the parcel goes on"
    if not link.usable:
        return Waiting(
            f"{name}, which {link.trouble}",
            link.since if link.since is not None else since,
            f"your order is safe; once that is over, {then}",
        )
    who = {
        Goods.NEW: "the supplier",
        Goods.AWAITING_STOCK: "the supplier",
        Goods.PACKING: "the warehouse's packers",
        Goods.PACKED: "a UPS truck on its way to the warehouse",
        Goods.LOADING: "the warehouse's loaders",
        Goods.LOADED: "the UPS truck on its way to you",
    }[state.goods]
    if held:
        who = "UPS's answer: " + (
            "whether it gives the parcel up" if state.asked is Asked.CANCEL else "whether it can take it elsewhere"
        )
    return Waiting(who, since, then)


def arrival_is_late(waiting: Waiting | None) -> Waiting | None:
    """The same for goods that should have arrived long ago: the world cannot be asked, and says it again by itself."""
    if waiting is None:
        return None
    late = (
        "if word of them was lost on the way, the warehouse sends it again after five minutes; nothing is bought twice"
    )
    return replace(waiting, next=f"{waiting.next}; {late}")


def held_up(state: State, world: LinkView, ups: LinkView) -> str:
    """Why nobody can tell when a shipment in `state` is there; empty: somebody may."""
    if is_held(state):
        return "UPS is being asked about a change, and the parcel waits for the answer"
    needed = [("UPS", ups)]
    if state.goods is not Goods.LOADED:
        needed.append(("the warehouse", world))
    return "; ".join(f"{name} {link.trouble}" for name, link in needed if not link.usable)


BOUGHT_IN_VAIN = "The goods cannot be bought, and are tried again now and then"

# After which a peer's own words follow, which are for staff: what it writes, it writes to us, not to shoppers. (The
# refusal of what a shopper has asked for is not among them: the contract has UPS write that for the shopper.)
FAILURES = frozenset(
    {
        Event.PACK_FAILED,
        Event.PACK_REFUSED,
        Event.LOAD_FAILED,
        Event.LOAD_REFUSED,
        Event.QUERY_FAILED,
        Event.TRUCK_REFUSED,
        Event.DELIVER_REFUSED,
    }
)


def quoting(ours: str, words: str) -> str:
    """What happened, in our words, which have no bracket in them, and then in a peer's."""
    return f"{ours} ({words})" if words else ours


def unquoted(text: str) -> str:
    """The same in our words alone."""
    return text.partition(" (")[0]


def step_for_shoppers(event: str, what: str) -> str:
    """What a step of the history, by `event`, says to those who are not staff."""
    return unquoted(what) if event in FAILURES else what


def what_went_wrong(event: Event, words: str) -> str:
    """The same of what counts as a failure, or was asked in vain, in a few words: why a person has to look."""
    # What is done about it afterwards is no longer true once nothing is.
    ours = _FELL_SHORT.get(event, WHAT_HAPPENED[event].partition(";")[0])
    return quoting(ours, words)


# What is a failure only since more was expected.
_FELL_SHORT = {Event.SEEN_PACKED: "The warehouse says that it is packed, and does not load it"}
# What a step of the history says to people.
WHAT_HAPPENED: dict[Event, str] = {
    Event.STOCK_AWAITED: "Order accepted; waiting for the goods to arrive at the warehouse",
    Event.STOCK_RESERVED: "Goods reserved; packing and a truck were asked for",
    Event.PACKED: "Packed",
    Event.LOADED: "Loaded on the truck",
    Event.TRUCK_ARRIVED: "The truck is at the warehouse",
    Event.DELIVERED: "Delivered",
    Event.CANCELLED: "Cancelled; the goods stay on the shelf",
    Event.RETRIED: "The shop has it tried again; the warehouse is asked where it is",
    Event.GIVEN_UP: "Given up by the shop; what was packed is lost",
    Event.SEEN_PACKING: "The warehouse is still packing",
    Event.SEEN_PACKED: "The warehouse confirms that it is packed",
    Event.SEEN_LOADING: "The warehouse is still loading",
    Event.SEEN_LOADED: "The warehouse confirms that it is loaded",
    Event.SEEN_DELIVERING: "The world confirms that it is under way",
    Event.SEEN_DELIVERED: "The world confirms that it was delivered",
    Event.SEEN_NOWHERE: "The warehouse does not know the parcel; packing was asked for again",
    Event.PACK_FAILED: "Packing failed; it is tried again",
    Event.PACK_REFUSED: "Packing was refused; the warehouse is asked why",
    Event.LOAD_FAILED: "Loading failed; it is tried again",
    Event.LOAD_REFUSED: "Loading was refused; the truck is asked for again",
    Event.QUERY_FAILED: "The warehouse could not answer; it is asked again",
    Event.TRUCK_REFUSED: "UPS refused the truck; it is asked again",
    Event.DELIVER_REFUSED: "UPS did not know the parcel; it is told again",
    Event.GOODS_OVERDUE: "No word from the warehouse for long; it is asked",
    Event.TRUCK_OVERDUE: "No word from UPS for long; it is asked",
    Event.DELIVERY_STARTED: "The truck has left with it",
    Event.ADDRESS_ASKED: "UPS is asked to take it to another address",
    Event.ADDRESS_ACCEPTED: "UPS takes it to the new address",
    Event.ADDRESS_REFUSED: "UPS cannot take it to the new address any more",
    Event.CANCEL_ASKED: "UPS is asked to give it up",
    Event.CANCEL_ACCEPTED: "Cancelled; UPS gave it up, and what is packed is lost",
    Event.CANCEL_REFUSED: "UPS does not give it up any more",
    Event.ASKED_IN_VAIN: "UPS did not know the parcel; it is told of it and asked again",
    Event.ANSWER_OVERDUE: "No answer from UPS for long; it is asked again",
    Event.NO_ANSWER: "No answer from UPS; the parcel goes on as it was",
}
