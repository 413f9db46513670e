"""The pages of staff: links and queues, what needs a person, any order with its messages, and what can be done.

Rules: to everybody else, guests included, these pages do not exist; what is done is confirmed on a page of its own that
carries a request_id, so pressing twice, going back and asking again after silence are one thing done; nothing is kept
here: each page asks orders_svc.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from grpc import StatusCode
from werkzeug.wrappers import Response

from shop.operations.v1 import operations_pb2 as pb
from storefront.operator.forms import RemedyForm
from storefront.operator.view import (
    REMEDIES,
    AttentionShown,
    Remedy,
    show_attention,
    show_interventions,
    show_links,
    show_messages,
    show_world,
)
from storefront.orders.view import show_order
from storefront.orders_client import CallFailed
from storefront.security import current_shopper, the_shopper
from storefront.services import services

bp = Blueprint("operator", __name__, template_folder="templates", url_prefix="/operator")

MAX_TOKEN = 500
MAX_ID = 2**63 - 1
MAX_DIGITS = len(str(MAX_ID))
# Orders are counted from 1, parcels from the second of the installation times 2**20.
PARCELS_FROM = 2**40
_NOT_THERE, _REFUSED, _NO_ANSWER = 404, 422, 503
_STALE = "This page was out of date. Nothing was done; here is a new one."
_UNSURE = (
    "No answer came in time, so we do not know yet whether it was done. Press the button again: it is the same request"
    " and counts once."
)
# By the refusal's reason: the parcel is not any more as the page said.
_TOO_LATE = {
    "SHIPMENT_ENDED": "Nothing was done: it was delivered, cancelled or sent anew meanwhile.",
    "NO_ATTENTION_NEEDED": "Nothing was done: it goes on by itself.",
    "GOODS_AWAITED": "Nothing was done: it waits for goods, which are bought again and again by themselves.",
    "CHANGE_PENDING": "Nothing was done: its shopper wants it cancelled, and UPS is being asked.",
}


class _Unknown(Exception):
    """No order and no parcel has the number that was typed."""

    def __init__(self, typed: str) -> None:
        super().__init__(typed)
        self.typed = typed


def staff_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for staff; to others it is not there."""

    @wraps(view)
    def guarded(*args: Any, **named: Any) -> Any:
        shopper = current_shopper()
        if shopper is None or not shopper.is_staff:
            abort(404)
        return view(*args, **named)

    return guarded


@bp.get("")
@staff_only
def index() -> str:
    """Links, queues, and what needs a person."""
    return _index_page()


@bp.get("/orders")
@staff_only
def find() -> Response | tuple[str, int]:
    """Leads to the order whose number, or whose parcel's number, was typed."""
    user_id, operations = the_shopper().user_id, services().operations
    typed = request.args.get("order", "")
    digits = typed.strip().lstrip("#")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS and 0 < int(digits) <= MAX_ID):
        return _index_page(typed, "Write the number of an order, such as 12, or of a parcel."), _REFUSED
    number = int(digits)
    with _known(typed):
        if number >= PARCELS_FROM:
            number = operations.order_of(user_id, number)
        operations.order(user_id, number)
    return redirect(url_for("operator.order", order_id=number), 303)


@bp.get("/orders/<id64:order_id>")
@staff_only
def order(order_id: int) -> str:
    """Anybody's order: how it stands, what was done about it, and what was said to and by the peers."""
    user_id, operations = the_shopper().user_id, services().operations
    token = request.args.get("page", "")[:MAX_TOKEN]
    seen = _inspect(order_id)
    log = operations.messages(user_id, order_id, token)
    return render_template(
        "operator/order.html",
        order=show_order(seen.order),
        user_id=seen.order.user_id,
        attention={one.shipment_id: one for one in show_attention(seen.attention)},
        interventions=show_interventions(seen.interventions),
        messages=show_messages(log.messages),
        next_page=log.next_page_token,
        first_page=not token,
    )


@bp.get("/orders/<id64:order_id>/parcels/<id64:shipment_id>/<any(retry, redrive, cancel):remedy>")
@staff_only
def confirm(order_id: int, shipment_id: int, remedy: str) -> str | Response:
    """What this would mean for the parcel, and the button."""
    parcel = _parcel(_inspect(order_id), shipment_id)
    chosen = REMEDIES[remedy]
    if chosen not in parcel.remedies:
        flash("That cannot be done about this parcel any more.", "info")
        return redirect(url_for("operator.order", order_id=order_id), 303)
    form = RemedyForm(formdata=None, data={"request_id": secrets.token_urlsafe(24)})
    return _confirm_page(order_id, parcel, chosen, form)


@bp.post("/orders/<id64:order_id>/parcels/<id64:shipment_id>/<any(retry, redrive, cancel):remedy>")
@staff_only
def do(order_id: int, shipment_id: int, remedy: str) -> Response | str | tuple[str, int]:
    """Does it."""
    form, chosen, user_id = RemedyForm(), REMEDIES[remedy], the_shopper().user_id
    operations = services().operations
    # It must be a parcel of this order, also where nothing needs a person any more: another press of the same button.
    seen = _inspect(order_id)
    parcel = _parcel(seen, shipment_id)
    if not form.validate():
        if form.request_id.errors:
            form.request_id.data, form.request_id.errors = secrets.token_urlsafe(24), []
            return _confirm_page(order_id, parcel, chosen, form, _STALE), _REFUSED
        return _confirm_page(order_id, parcel, chosen, form), _REFUSED
    act = {"retry": operations.retry, "redrive": operations.redrive, "cancel": operations.cancel}[remedy]
    try:
        act(user_id, form.request_id.data or "", shipment_id, form.note.data or "")
    except CallFailed as failed:
        if not failed.refused:
            return _confirm_page(order_id, parcel, chosen, form, _UNSURE), _NO_ANSWER
        if failed.failure.reason == "REQUEST_ID_REUSED":
            form.request_id.data = secrets.token_urlsafe(24)
            return _confirm_page(order_id, parcel, chosen, form, _STALE), _REFUSED
        if failed.failure.reason not in _TOO_LATE:
            raise
        flash(_TOO_LATE[failed.failure.reason], "warning")
    else:
        flash(chosen.done, "success")
    return redirect(url_for("operator.order", order_id=order_id), 303)


def _index_page(typed: str = "", problem: str = "") -> str:
    user_id, operations = the_shopper().user_id, services().operations
    token = request.args.get("page", "")[:MAX_TOKEN]
    attention = operations.attention(user_id, token)
    links, now = operations.links(user_id), services().clock.now()
    return render_template(
        "operator/index.html",
        world=show_world(links),
        links=show_links(links, now),
        parcels=show_attention(attention.parcels),
        next_page=attention.next_page_token,
        first_page=not token,
        now=now,
        typed=typed,
        problem=problem,
    )


@bp.errorhandler(_Unknown)
def _unknown(error: _Unknown) -> tuple[str, int]:
    return _index_page(error.typed, "No order and no parcel has this number."), _NOT_THERE


@contextmanager
def _known(typed: str) -> Iterator[None]:
    """Where it turns out that there is nothing of this number, staff see so beside their search."""
    try:
        yield
    except CallFailed as failed:
        if failed.failure.code is not StatusCode.NOT_FOUND:
            raise
        raise _Unknown(typed) from failed


def _inspect(order_id: int) -> pb.InspectOrderResponse:
    """Anybody's order."""
    with _known(str(order_id)):
        return services().operations.order(the_shopper().user_id, order_id)


def _parcel(seen: pb.InspectOrderResponse, shipment_id: int) -> AttentionShown:
    """The parcel of the order with this number; 404: it has none."""
    for one in show_attention(seen.attention):
        if one.shipment_id == shipment_id:
            return one
    for shipment in seen.order.shipments:
        if shipment.shipment_id == shipment_id:
            return AttentionShown(seen.order.order_id, shipment_id, shipment.warehouse_name, "", 0.0, "", ())
    # An attempt that was given up: what was done about it may be asked for again, and is answered as before.
    if all(done.shipment_id != shipment_id for done in seen.interventions):
        abort(404)
    return AttentionShown(seen.order.order_id, shipment_id, "", "", 0.0, "", ())


def _confirm_page(order_id: int, parcel: AttentionShown, remedy: Remedy, form: RemedyForm, message: str = "") -> str:
    return render_template(
        "operator/confirm.html", order_id=order_id, parcel=parcel, remedy=remedy, form=form, message=message
    )
