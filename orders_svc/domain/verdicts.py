"""What a peer's words mean: error texts and package statuses, as lifecycle events.

Source of the texts: the world simulator's own errors. "serialization" in any
form is transient; the rest is permanent for that command, which is used up
either way: whatever follows has a new number.
"""

from enum import StrEnum

from orders_svc.domain.lifecycle import Event, State, Truck


class Verdict(StrEnum):
    """What an error text says about the command."""

    TRANSIENT = "transient"
    DOES_NOT_EXIST = "does not exist"
    EXISTS_ALREADY = "exists already"
    NOT_ENOUGH_STOCK = "not enough stock"
    OTHER = "other"


def verdict(text: str) -> Verdict:
    """What the world's (or UPS's) error text means."""
    lowered = text.lower()
    if "serializ" in lowered:
        return Verdict.TRANSIENT
    if "does not exist" in lowered:
        return Verdict.DOES_NOT_EXIST
    if "already exists" in lowered:
        return Verdict.EXISTS_ALREADY
    if "not enough number of product" in lowered:
        return Verdict.NOT_ENOUGH_STOCK
    return Verdict.OTHER


SEEN: dict[str, Event] = {
    "PACKING": Event.SEEN_PACKING,
    "PACKED": Event.SEEN_PACKED,
    "LOADING": Event.SEEN_LOADING,
    "LOADED": Event.SEEN_LOADED,
    "DELIVERING": Event.SEEN_DELIVERING,
    "DELIVERED": Event.SEEN_DELIVERED,
}


def failure_event(kind: str, text: str) -> Event:
    """The event that the failure of a command of `kind` (the body's field name) is.

    Raises KeyError for a kind that concerns no shipment.
    """
    found = verdict(text)
    if kind == "pack":
        # Goods that are not there yet (a buy that was lost on the way) will be: the same again.
        again = found in (Verdict.TRANSIENT, Verdict.NOT_ENOUGH_STOCK, Verdict.DOES_NOT_EXIST)
        return Event.PACK_FAILED if again else Event.PACK_REFUSED
    if kind == "load":
        return Event.LOAD_FAILED if found is Verdict.TRANSIENT else Event.LOAD_REFUSED
    if kind == "query_package":
        return Event.SEEN_NOWHERE if found is Verdict.DOES_NOT_EXIST else Event.QUERY_FAILED
    return {
        "request_truck": Event.TRUCK_REFUSED,
        "deliver": Event.DELIVER_REFUSED,
        "redirect": Event.ADDRESS_REFUSED,
        "cancel_job": Event.CANCEL_REFUSED,
    }[kind]


def redirect_event(accepted: bool, reason: str, state: State) -> Event:
    """What UPS's answer to another address is for a shipment in `state`.

    A job that UPS does not know is told again, and the address asked for once more: it forgot, or heard of it too soon.
    Not so on the road: who forgot a truck under way cannot promise where it goes.
    """
    if accepted:
        return Event.ADDRESS_ACCEPTED
    unknown = "unknown" in reason.lower()
    on_the_road = state.truck in (Truck.EN_ROUTE, Truck.DELIVERED)
    return Event.ASKED_IN_VAIN if unknown and not on_the_road else Event.ADDRESS_REFUSED
