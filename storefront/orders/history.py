"""The list of a shopper's orders: found again by words or by how they stand, and bought again.

Buying again puts what an order held into the cart, at today's prices, as far as it is still sold.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from shop.orders.v1 import orders_pb2 as pb
from storefront.cart import queries as cart
from storefront.cart.queries import CartRefusal, Owner
from storefront.catalogue.search import read_question, without_sign
from storefront.checkout.attempts import confirming
from storefront.orders.view import show_in_list
from storefront.presentation import told
from storefront.security import limiter, of_shopper_or_address, the_shopper
from storefront.services import services

bp = Blueprint("history", __name__, template_folder="templates")

PAGE_SIZE = 20
MAX_TOKEN = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of orders by how they stand."""

    words: str
    statuses: "tuple[pb.OrderStatus.ValueType, ...]"


FILTERS: Mapping[str, Filter] = {
    "": Filter("All", ()),
    "open": Filter(
        "On the way",
        (
            pb.ORDER_STATUS_AWAITING_STOCK,
            pb.ORDER_STATUS_PACKING,
            pb.ORDER_STATUS_AWAITING_TRUCK,
            pb.ORDER_STATUS_LOADING,
            pb.ORDER_STATUS_OUT_FOR_DELIVERY,
        ),
    ),
    "attention": Filter("Needs attention", (pb.ORDER_STATUS_NEEDS_ATTENTION,)),
    "delivered": Filter("Delivered", (pb.ORDER_STATUS_DELIVERED,)),
    "cancelled": Filter("Cancelled", (pb.ORDER_STATUS_CANCELLED,)),
}


@bp.get("/orders")
@limiter.limit(
    lambda: services().settings.storefront_search_limit,
    key_func=of_shopper_or_address,
    exempt_when=lambda: not request.args.get("q"),
)
@login_required
def index() -> str:
    """This shopper's orders, newest first; or those among them that were asked for."""
    shopper, parts = the_shopper(), services()
    question = read_question(request.args.get("q", ""))
    chosen = request.args.get("status", "")
    chosen = chosen if chosen in FILTERS else ""
    token = request.args.get("page", "")[:MAX_TOKEN]
    with parts.reader.connect() as connection:
        unanswered = confirming(connection, shopper.user_id)
    found = parts.orders.list_orders(
        shopper.user_id, PAGE_SIZE, token, without_sign(question), FILTERS[chosen].statuses
    )
    asked = {name: value for name, value in (("q", question), ("status", chosen)) if value}
    return render_template(
        "orders/list.html",
        orders=[show_in_list(order) for order in found.orders],
        next_page=found.next_page_token,
        first_page=not token,
        unanswered=unanswered,
        question=question,
        chosen=chosen,
        filters=FILTERS,
        asked=asked,
    )


@bp.post("/orders/<id64:order_id>/again")
@login_required
def buy_again(order_id: int) -> Response:
    """Puts what an order held into the cart."""
    parts, shopper = services(), the_shopper()
    order = parts.orders.get_order(shopper.user_id, order_id)
    put, left_out = 0, []
    for line in order.lines:
        try:
            with parts.engine.begin() as connection:
                cart.add(connection, Owner(shopper.user_id), line.offer_id, line.quantity, parts.clock.now())
            put += 1
        except CartRefusal as refusal:
            left_out.append(told("{title}: {why}", title=line.title, why=str(refusal)))
    if put:
        of_all = f"{put} of {len(order.lines)} items" if left_out else "all of it"
        flash(told("In your cart again: {of_all}.", of_all=of_all), "success")
    for words in left_out[:5]:
        flash(words, "warning")
    return redirect(url_for("cart.show") if put else url_for("orders.show", order_id=order_id), 303)
