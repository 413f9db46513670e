"""The life of a shipment, as a table: three coupled machines, goods, truck, and what UPS is being asked.

Rules: each event goes to all machines; a machine either moves (perhaps to the state it is in) or names the reason why
it ignores the event; then the joint rules run until none applies, but those that HELD names: what UPS is being asked
would come too late after them. Every (state, event) pair is in the table or in IGNORED, and a test says so. A
shipment that was delivered or cancelled moves no more; only what UPS was asked before is still answered.

Elsewhere: what an effect does (service), when a silence is too long and how
often to try (patience), what a peer's words mean as an event (verdicts).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar


class Goods(StrEnum):
    """Where the goods are."""

    NEW = "new"
    AWAITING_STOCK = "awaiting_stock"
    PACKING = "packing"
    PACKED = "packed"
    LOADING = "loading"
    LOADED = "loaded"
    # Back on the shelf; the end.
    CANCELLED = "cancelled"


class Truck(StrEnum):
    """Where the truck is."""

    NONE = "none"
    REQUESTED = "requested"
    AT_WAREHOUSE = "at_warehouse"
    EN_ROUTE = "en_route"
    DELIVERED = "delivered"


class Asked(StrEnum):
    """What UPS is being asked about, one thing at a time."""

    NOTHING = ""
    ADDRESS = "address"
    CANCEL = "cancel"


class Event(StrEnum):
    """What can happen to a shipment."""

    STOCK_AWAITED = "stock_awaited"
    STOCK_RESERVED = "stock_reserved"
    PACKED = "packed"
    LOADED = "loaded"
    TRUCK_ARRIVED = "truck_arrived"
    DELIVERED = "delivered"
    # The world's answer to a query: the package's status, or that there is no such package.
    SEEN_PACKING = "seen_packing"
    SEEN_PACKED = "seen_packed"
    SEEN_LOADING = "seen_loading"
    SEEN_LOADED = "seen_loaded"
    SEEN_DELIVERING = "seen_delivering"
    SEEN_DELIVERED = "seen_delivered"
    SEEN_NOWHERE = "seen_nowhere"
    # The shopper took it back before packing was asked of the world.
    CANCELLED = "cancelled"
    # A person of the shop has it tried again, or gave it up.
    RETRIED = "retried"
    GIVEN_UP = "given_up"
    # A command failed: for now (the same again may work), or in a way that needs a look first.
    PACK_FAILED = "pack_failed"
    PACK_REFUSED = "pack_refused"
    LOAD_FAILED = "load_failed"
    LOAD_REFUSED = "load_refused"
    QUERY_FAILED = "query_failed"
    TRUCK_REFUSED = "truck_refused"
    DELIVER_REFUSED = "deliver_refused"
    # Nothing came from the world, or from UPS, for longer than it should take.
    GOODS_OVERDUE = "goods_overdue"
    TRUCK_OVERDUE = "truck_overdue"
    # UPS says that the truck has left with it.
    DELIVERY_STARTED = "delivery_started"
    # What only UPS can say yes to, and what it says.
    ADDRESS_ASKED = "address_asked"
    ADDRESS_ACCEPTED = "address_accepted"
    ADDRESS_REFUSED = "address_refused"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REFUSED = "cancel_refused"
    # UPS does not know the parcel that it was asked about.
    ASKED_IN_VAIN = "asked_in_vain"
    # No answer for longer than it should take; and: no answer can be expected any more.
    ANSWER_OVERDUE = "answer_overdue"
    NO_ANSWER = "no_answer"


class Effect(StrEnum):
    """What a transition asks the service to do, in the same transaction."""

    SEND_PACK = "send_pack"
    SEND_LOAD = "send_load"
    SEND_QUERY = "send_query"
    SEND_TRUCK_REQUEST = "send_truck_request"
    SEND_DELIVER = "send_deliver"
    SEND_REDIRECT = "send_redirect"
    SEND_CANCEL = "send_cancel"
    # Stock: reserved units are packed now.
    BOOK_PACKED = "book_packed"
    # Stock: reserved units are available again, promised ones promised to nobody.
    RELEASE = "release"
    # Stock: packed units are lost: the world cannot unpack.
    SCRAP = "scrap"
    # Something did not work; counts towards "needs attention".
    COUNT_FAILURE = "count_failure"
    # Nothing left to do, ever.
    END = "end"


@dataclass(frozen=True, slots=True)
class State:
    """Where a shipment is."""

    goods: Goods = Goods.NEW
    truck: Truck = Truck.NONE
    asked: Asked = Asked.NOTHING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event did: the new state and effects, or the reason why it was not obeyed."""

    state: State
    effects: tuple[Effect, ...] = ()
    ignored: str | None = None


E_, G, T, A, F = Event, Goods, Truck, Asked, Effect  # short, so that the tables read as tables

# machine -> state -> event -> (next state, effects)
GOODS: dict[Goods, dict[Event, tuple[Goods, tuple[Effect, ...]]]] = {
    G.NEW: {
        E_.STOCK_AWAITED: (G.AWAITING_STOCK, ()),
        E_.STOCK_RESERVED: (G.PACKING, (F.SEND_PACK,)),
    },
    G.AWAITING_STOCK: {
        E_.STOCK_RESERVED: (G.PACKING, (F.SEND_PACK,)),
        E_.CANCELLED: (G.CANCELLED, (F.RELEASE, F.END)),
    },
    G.PACKING: {
        E_.CANCELLED: (G.CANCELLED, (F.RELEASE, F.END)),
        E_.RETRIED: (G.PACKING, (F.SEND_QUERY,)),
        E_.GIVEN_UP: (G.CANCELLED, (F.BOOK_PACKED, F.SCRAP, F.END)),
        # The world packs it all the same.
        E_.CANCEL_ACCEPTED: (G.CANCELLED, (F.BOOK_PACKED, F.SCRAP, F.END)),
        E_.PACKED: (G.PACKED, (F.BOOK_PACKED,)),
        E_.SEEN_PACKING: (G.PACKING, ()),
        E_.SEEN_PACKED: (G.PACKED, (F.BOOK_PACKED,)),
        # The world is right where it is ahead of us.
        E_.LOADED: (G.LOADED, (F.BOOK_PACKED,)),
        E_.SEEN_LOADING: (G.LOADING, (F.BOOK_PACKED,)),
        E_.SEEN_LOADED: (G.LOADED, (F.BOOK_PACKED,)),
        E_.SEEN_DELIVERING: (G.LOADED, (F.BOOK_PACKED,)),
        E_.SEEN_DELIVERED: (G.LOADED, (F.BOOK_PACKED,)),
        # The pack was acknowledged and is not there: it failed without a word.
        E_.SEEN_NOWHERE: (G.PACKING, (F.COUNT_FAILURE, F.SEND_PACK)),
        E_.PACK_FAILED: (G.PACKING, (F.COUNT_FAILURE, F.SEND_PACK)),
        # "Exists already" and the like: look before packing twice.
        E_.PACK_REFUSED: (G.PACKING, (F.COUNT_FAILURE, F.SEND_QUERY)),
        E_.QUERY_FAILED: (G.PACKING, (F.SEND_QUERY,)),
        E_.GOODS_OVERDUE: (G.PACKING, (F.SEND_QUERY,)),
    },
    G.PACKED: {
        # A `loaded` that came while we already looked for another truck.
        E_.LOADED: (G.LOADED, ()),
        E_.SEEN_PACKED: (G.PACKED, ()),
        E_.SEEN_LOADING: (G.LOADING, ()),
        E_.SEEN_LOADED: (G.LOADED, ()),
        E_.SEEN_DELIVERING: (G.LOADED, ()),
        E_.SEEN_DELIVERED: (G.LOADED, ()),
        E_.QUERY_FAILED: (G.PACKED, (F.SEND_QUERY,)),
        E_.RETRIED: (G.PACKED, (F.SEND_QUERY,)),
        E_.CANCEL_ACCEPTED: (G.CANCELLED, (F.SCRAP, F.END)),
        E_.GIVEN_UP: (G.CANCELLED, (F.SCRAP, F.END)),
    },
    G.LOADING: {
        E_.LOADED: (G.LOADED, ()),
        # Acknowledged and never begun: the same again, under a new number, frees it.
        E_.SEEN_PACKED: (G.LOADING, (F.COUNT_FAILURE, F.SEND_LOAD)),
        E_.SEEN_LOADING: (G.LOADING, ()),
        E_.SEEN_LOADED: (G.LOADED, ()),
        E_.SEEN_DELIVERING: (G.LOADED, ()),
        E_.SEEN_DELIVERED: (G.LOADED, ()),
        E_.LOAD_FAILED: (G.LOADING, (F.COUNT_FAILURE, F.SEND_LOAD)),
        # No truck there, or loaded already: ask the world which, and UPS for the truck.
        E_.LOAD_REFUSED: (G.PACKED, (F.COUNT_FAILURE, F.SEND_QUERY)),
        E_.QUERY_FAILED: (G.LOADING, (F.SEND_QUERY,)),
        E_.GOODS_OVERDUE: (G.LOADING, (F.SEND_QUERY,)),
        E_.RETRIED: (G.LOADING, (F.SEND_QUERY,)),
        # The world was ahead of what was asked.
        E_.CANCEL_ACCEPTED: (G.CANCELLED, (F.SCRAP, F.END)),
        E_.GIVEN_UP: (G.CANCELLED, (F.SCRAP, F.END)),
    },
    G.LOADED: {
        E_.SEEN_LOADED: (G.LOADED, ()),
        E_.SEEN_DELIVERING: (G.LOADED, ()),
        E_.SEEN_DELIVERED: (G.LOADED, ()),
        E_.QUERY_FAILED: (G.LOADED, (F.SEND_QUERY,)),
        E_.RETRIED: (G.LOADED, (F.SEND_QUERY,)),
        E_.CANCEL_ACCEPTED: (G.CANCELLED, (F.SCRAP, F.END)),
        E_.GIVEN_UP: (G.CANCELLED, (F.SCRAP, F.END)),
    },
    G.CANCELLED: {},
}

TRUCK: dict[Truck, dict[Event, tuple[Truck, tuple[Effect, ...]]]] = {
    T.NONE: {
        E_.STOCK_RESERVED: (T.REQUESTED, (F.SEND_TRUCK_REQUEST,)),
    },
    T.REQUESTED: {
        E_.TRUCK_ARRIVED: (T.AT_WAREHOUSE, ()),
        # It is on a truck, so a truck had come.
        E_.LOADED: (T.AT_WAREHOUSE, ()),
        E_.SEEN_LOADING: (T.AT_WAREHOUSE, ()),
        E_.SEEN_LOADED: (T.AT_WAREHOUSE, ()),
        E_.SEEN_DELIVERING: (T.EN_ROUTE, ()),
        E_.SEEN_DELIVERED: (T.DELIVERED, (F.END,)),
        E_.TRUCK_REFUSED: (T.REQUESTED, (F.COUNT_FAILURE, F.SEND_TRUCK_REQUEST)),
        E_.TRUCK_OVERDUE: (T.REQUESTED, (F.SEND_TRUCK_REQUEST,)),
        E_.RETRIED: (T.REQUESTED, (F.SEND_TRUCK_REQUEST,)),
    },
    T.AT_WAREHOUSE: {
        # The truck that came last counts.
        E_.TRUCK_ARRIVED: (T.AT_WAREHOUSE, ()),
        E_.LOAD_REFUSED: (T.REQUESTED, (F.SEND_TRUCK_REQUEST,)),
        E_.SEEN_DELIVERING: (T.EN_ROUTE, ()),
        E_.SEEN_DELIVERED: (T.DELIVERED, (F.END,)),
    },
    T.EN_ROUTE: {
        E_.DELIVERED: (T.DELIVERED, (F.END,)),
        E_.SEEN_DELIVERED: (T.DELIVERED, (F.END,)),
        E_.SEEN_DELIVERING: (T.EN_ROUTE, ()),
        E_.DELIVERY_STARTED: (T.EN_ROUTE, ()),
        # On the truck and not under way: UPS lost the word to go.
        E_.SEEN_LOADED: (T.EN_ROUTE, (F.SEND_DELIVER,)),
        # UPS says again that the truck is there: it lost the word to go, too.
        E_.TRUCK_ARRIVED: (T.EN_ROUTE, (F.SEND_DELIVER,)),
        # UPS does not know the job any more: tell it again, then it will say that the truck is there.
        E_.DELIVER_REFUSED: (T.EN_ROUTE, (F.COUNT_FAILURE, F.SEND_QUERY, F.SEND_TRUCK_REQUEST)),
        E_.TRUCK_REFUSED: (T.EN_ROUTE, (F.COUNT_FAILURE, F.SEND_QUERY)),
        E_.TRUCK_OVERDUE: (T.EN_ROUTE, (F.SEND_QUERY,)),
    },
    T.DELIVERED: {},
}

ASKED: dict[Asked, dict[Event, tuple[Asked, tuple[Effect, ...]]]] = {
    A.NOTHING: {
        E_.ADDRESS_ASKED: (A.ADDRESS, (F.SEND_REDIRECT,)),
        E_.CANCEL_ASKED: (A.CANCEL, (F.SEND_CANCEL,)),
        # After all, when nobody waits for it any more: UPS will never bring it.
        E_.CANCEL_ACCEPTED: (A.NOTHING, ()),
    },
    A.ADDRESS: {
        E_.CANCEL_ACCEPTED: (A.NOTHING, ()),
        E_.ADDRESS_ACCEPTED: (A.NOTHING, ()),
        E_.ADDRESS_REFUSED: (A.NOTHING, ()),
        # Who does not know a parcel that may be on the road can promise nothing about it.
        E_.DELIVER_REFUSED: (A.NOTHING, ()),
        # It forgot, or heard of this before the rest: the job, then the question, under new numbers.
        E_.ASKED_IN_VAIN: (A.ADDRESS, (F.SEND_TRUCK_REQUEST, F.SEND_REDIRECT)),
        E_.ANSWER_OVERDUE: (A.ADDRESS, (F.SEND_REDIRECT,)),
        E_.NO_ANSWER: (A.NOTHING, ()),
        E_.GIVEN_UP: (A.NOTHING, ()),
    },
    A.CANCEL: {
        E_.CANCEL_ACCEPTED: (A.NOTHING, ()),
        E_.CANCEL_REFUSED: (A.NOTHING, ()),
        E_.ANSWER_OVERDUE: (A.CANCEL, (F.SEND_CANCEL,)),
        E_.NO_ANSWER: (A.NOTHING, ()),
        E_.GIVEN_UP: (A.NOTHING, ()),
    },
}

# When UPS may be asked: it knows of the parcel; and, to give it up, nobody loads it.
MAY_ASK: dict[Event, tuple[frozenset[Goods], frozenset[Truck]]] = {
    E_.ADDRESS_ASKED: (frozenset(Goods), frozenset({T.REQUESTED, T.AT_WAREHOUSE, T.EN_ROUTE})),
    E_.CANCEL_ASKED: (frozenset({G.PACKING, G.PACKED}), frozenset({T.REQUESTED, T.AT_WAREHOUSE})),
}

# Mean something only where something is, or can be, asked.
ABOUT_ASKING = frozenset(
    {
        E_.ADDRESS_ASKED,
        E_.ADDRESS_ACCEPTED,
        E_.ADDRESS_REFUSED,
        E_.CANCEL_ASKED,
        E_.CANCEL_ACCEPTED,
        E_.CANCEL_REFUSED,
        E_.ASKED_IN_VAIN,
        E_.ANSWER_OVERDUE,
        E_.NO_ANSWER,
    }
)
# Mean nothing where the goods do not obey.
ABOUT_GOODS = frozenset({E_.LOAD_REFUSED, E_.CANCEL_ACCEPTED})
# Of those about asking, what counts after a delivery as well: another address may have been accepted before it.
AFTER_DELIVERY = frozenset({E_.ADDRESS_ACCEPTED, E_.ADDRESS_REFUSED, E_.ANSWER_OVERDUE, E_.NO_ANSWER})

# (goods, truck) -> what follows by itself.
JOINT: dict[tuple[Goods, Truck], tuple[State, tuple[Effect, ...]]] = {
    (G.PACKED, T.AT_WAREHOUSE): (State(G.LOADING, T.AT_WAREHOUSE), (F.SEND_LOAD,)),
    (G.LOADED, T.AT_WAREHOUSE): (State(G.LOADED, T.EN_ROUTE), (F.SEND_DELIVER,)),
}
# ... but not while UPS is being asked this.
HELD: dict[tuple[Goods, Truck], frozenset[Asked]] = {
    (G.PACKED, T.AT_WAREHOUSE): frozenset({A.CANCEL}),
    (G.LOADED, T.AT_WAREHOUSE): frozenset({A.ADDRESS, A.CANCEL}),
}


def is_held(state: State) -> bool:
    """Whether nothing but UPS's answer is waited for."""
    return state.asked in HELD.get((state.goods, state.truck), ())


def milestone(state: State) -> int:
    """How much of the way is behind a shipment for good: packed, loaded, delivered. Never shrinks along the table."""
    if state.truck is Truck.DELIVERED:
        return 3
    return {Goods.PACKED: 1, Goods.LOADING: 1, Goods.LOADED: 2}.get(state.goods, 0)


_LATE = "too late: the shipment is further on"
_EARLY = "too early: nothing of the kind was asked for yet"
_ASKING = "UPS is being asked about something else"
_ELSEWHERE = "concerns another machine"

_S = TypeVar("_S", Goods, Truck, Asked)


def _ignored(table: dict[_S, dict[Event, tuple[_S, tuple[Effect, ...]]]]) -> dict[tuple[_S, Event], str]:
    """A reason for every (state, event) that `table` does not obey: early or late against the states that do."""
    order = list(table)
    first = {event: at for at, state in reversed(list(enumerate(order))) for event in table[state]}
    return {
        (state, event): _ELSEWHERE if event not in first else _EARLY if at < first[event] else _LATE
        for at, state in enumerate(order)
        for event in Event
        if event not in table[state]
    }


IGNORED_BY_GOODS = _ignored(GOODS)
IGNORED_BY_TRUCK = _ignored(TRUCK)
IGNORED_BY_ASKED = _ignored(ASKED)


def apply(state: State, event: Event) -> Outcome:
    """What `event` does to a shipment in `state`. Total: never raises for any pair."""
    asked_move = ASKED[state.asked].get(event)
    ended = _end_of(state)
    if ended is not None:
        if asked_move is None or event not in AFTER_DELIVERY:
            return Outcome(state, ignored=ended)
        return Outcome(replace(state, asked=asked_move[0]), asked_move[1])
    if event in ABOUT_ASKING and asked_move is None:
        return Outcome(state, ignored=IGNORED_BY_ASKED[state.asked, event])
    if event in MAY_ASK:
        goods, truck = MAY_ASK[event]
        if state.goods not in goods or state.truck not in truck:
            return Outcome(state, ignored=_EARLY if state.truck is Truck.NONE else _LATE)
    if event is Event.CANCELLED and state.asked is not Asked.NOTHING:
        return Outcome(state, ignored=_ASKING)
    goods_move = GOODS[state.goods].get(event)
    truck_move = TRUCK[state.truck].get(event)
    if event in ABOUT_GOODS and goods_move is None:
        # A load that nobody waits for any more says nothing of the truck; what was never packed is not with UPS.
        return Outcome(state, ignored=IGNORED_BY_GOODS[state.goods, event])
    if goods_move is None and truck_move is None and asked_move is None:
        reasons = {IGNORED_BY_GOODS[state.goods, event], IGNORED_BY_TRUCK[state.truck, event]} - {_ELSEWHERE}
        return Outcome(state, ignored=min(reasons, default=_ELSEWHERE))
    effects = [effect for move in (goods_move, truck_move, asked_move) if move for effect in move[1]]
    state = State(
        goods_move[0] if goods_move else state.goods,
        truck_move[0] if truck_move else state.truck,
        asked_move[0] if asked_move else state.asked,
    )
    while (joint := JOINT.get((state.goods, state.truck))) is not None and not is_held(state):
        state = replace(joint[0], asked=state.asked)
        effects.extend(joint[1])
    if state.truck is Truck.DELIVERED and state.asked is Asked.CANCEL:
        # That is an answer, too.
        state = replace(state, asked=Asked.NOTHING)
    return Outcome(state, tuple(dict.fromkeys(effects)))


def _end_of(state: State) -> str | None:
    if state.truck is Truck.DELIVERED:
        return "delivered already"
    return "cancelled already" if state.goods is Goods.CANCELLED else None
