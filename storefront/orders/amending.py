"""Cancelling an order, and sending it elsewhere: a page that says what it means, a button, and the truthful answer.

Rules: a page carries a request_id of its own, so pressing twice, going back and asking again after silence are one
request; what was answered is never kept here: the order's page reads it from orders_svc, after any crash too.
"""

import re
import secrets

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import login_required
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, ValidationError

from shop.orders.v1 import orders_pb2
from storefront.addresses.grid import GridMap, draw_grid
from storefront.addresses.queries import book_of
from storefront.catalogue.stock import warehouse_places
from storefront.fields import INT32_MAX, INT32_MIN, WholeNumber
from storefront.orders.view import OrderShown, Tone, show_order
from storefront.orders_client import CallFailed
from storefront.security import the_shopper
from storefront.services import services

bp = Blueprint("amending", __name__, template_folder="templates")

_REFUSED, _NO_ANSWER = 422, 503
_UNSURE = (
    "No answer came in time, so we do not know yet whether it was done. Press the button again: it is the same request"
    " and counts once. The order's page tells what became of it."
)
_STALE = "This page was out of date. Nothing was asked; here is a new one."
_PENDING = "UPS is still being asked about an earlier change of this order. One at a time: nothing more was asked."
_THERE_ALREADY = "It goes there already. Nothing was asked."
_ENDED = {Tone.DONE: "Too late: this order has been delivered.", Tone.ENDED: "This order is cancelled already."}
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class _Request(FlaskForm):
    """The request_id that makes pressing twice one request."""

    request_id = HiddenField()

    def validate_request_id(self, field: HiddenField) -> None:
        """ValidationError: it is none of ours."""
        if not _REQUEST_ID.fullmatch(field.data or ""):
            raise ValidationError(_STALE)


class CancelForm(_Request):
    """Nothing but the button."""


class AddressForm(_Request):
    """Where to instead."""

    x = WholeNumber("New address x", low=INT32_MIN, high=INT32_MAX)
    y = WholeNumber("New address y", low=INT32_MIN, high=INT32_MAX)


@bp.get("/orders/<id64:order_id>/cancel")
@login_required
def cancel(order_id: int) -> Response | tuple[str, int]:
    """What cancelling means now, and the button."""
    return _page("cancel", _order(order_id), CancelForm(formdata=None, data=_new()))


@bp.post("/orders/<id64:order_id>/cancel")
@login_required
def do_cancel(order_id: int) -> Response | tuple[str, int]:
    """Asks for it."""
    form = CancelForm()
    if not form.validate():
        return _page("cancel", _order(order_id), _with_new_id(form), _REFUSED, message=_STALE)
    try:
        services().orders.cancel_order(the_shopper().user_id, order_id, form.request_id.data or "")
    except CallFailed as failed:
        return _not_done("cancel", order_id, form, failed)
    return _to_the_answer(order_id)


@bp.get("/orders/<id64:order_id>/address")
@login_required
def address(order_id: int) -> Response | tuple[str, int]:
    """What a change of address means now, and where to."""
    order = _order(order_id)
    to = order.parcels[0].destination if order.parcels else order.destination
    return _page("address", order, AddressForm(formdata=None, data={**_new(), "x": to[0], "y": to[1]}))


@bp.post("/orders/<id64:order_id>/address")
@login_required
def do_address(order_id: int) -> Response | tuple[str, int]:
    """Asks for it."""
    form = AddressForm()
    if not form.validate():
        message = _STALE if form.request_id.errors else ""
        return _page("address", _order(order_id), _with_new_id(form), _REFUSED, message=message)
    x, y, request_id = form.x.number, form.y.number, form.request_id.data or ""
    try:
        order = _order(order_id)
        # Who has asked for it already, and asks again, is told what was answered.
        if order.goes_to((x, y)) and all(asked.request_id != request_id for asked in order.amendments):
            return _page("address", order, _with_new_id(form), _REFUSED, message=_THERE_ALREADY)
        services().orders.change_address(the_shopper().user_id, order_id, request_id, x, y)
    except CallFailed as failed:
        return _not_done("address", order_id, form, failed)
    return _to_the_answer(order_id)


def _order(order_id: int) -> OrderShown:
    return show_order(services().orders.get_order(the_shopper().user_id, order_id))


def _new() -> dict[str, str]:
    return {"request_id": secrets.token_urlsafe(24)}


def _with_new_id(form: _Request) -> _Request:
    """Nothing was asked under the old one."""
    form.request_id.data = secrets.token_urlsafe(24)
    form.request_id.errors = []
    return form


def _not_done(kind: str, order_id: int, form: _Request, failed: CallFailed) -> Response | tuple[str, int]:
    """The page again with what was typed: a request that was not answered keeps its request_id."""
    told = {"REQUEST_ID_REUSED": _STALE, "CHANGE_PENDING": _PENDING}.get(failed.failure.reason)
    if failed.refused and told is not None:
        return _page(kind, _order(order_id), _with_new_id(form), _REFUSED, message=told)
    if failed.refused:
        raise failed
    try:
        order = _order(order_id)
    except CallFailed:
        order = show_order(orders_pb2.Order(order_id=order_id))
    return _page(kind, order, form, _NO_ANSWER, message=_UNSURE)


def _page(
    kind: str, order: OrderShown, form: _Request, code: int = 200, *, message: str = ""
) -> Response | tuple[str, int]:
    """The page with this code; or, where nothing can be changed any more, the way to the order, and why."""
    if order.has_ended:
        flash(_ENDED[order.status.tone], "warning")
        return redirect(url_for("orders.show", order_id=order.order_id), 303)
    return render_template(f"orders/{kind}.html", order=order, form=form, message=message, map=_map(form)), code


def _map(form: _Request) -> GridMap | None:
    """Where to pick the new address, with the shopper's own ones."""
    if not isinstance(form, AddressForm):
        return None
    with services().reader.connect() as connection:
        places = warehouse_places(connection)
        book = book_of(connection, the_shopper().user_id)
    door = None if form.x.data is None or form.y.data is None else (form.x.data, form.y.data)
    return draw_grid(places, [(one.label, one.x, one.y) for one in book], door)


def _to_the_answer(order_id: int) -> Response:
    return redirect(url_for("orders.show", order_id=order_id, _anchor="asked"), 303)
