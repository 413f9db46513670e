"""The pages of orders.

An order page is whole without JavaScript (it reloads itself while the order is under way). With it, the page listens to
`/events`, which only says "read again", and reads `/live`, the same part of the page anew. Whose order it is, is
decided by orders_svc on each of these: someone else's is as unknown as one that never was.
"""

from collections.abc import Iterator

from flask import Blueprint, Response, render_template, request
from flask_login import login_required

from shop.orders.v1 import orders_pb2
from storefront.checkout.attempts import confirming
from storefront.orders.fanout import Hint, Subscription, TooManyPages
from storefront.orders.view import show_order
from storefront.security import the_shopper
from storefront.services import services

bp = Blueprint("orders", __name__, template_folder="templates")

PAGE_SIZE = 20
MAX_TOKEN = 500
# Also how soon a page that has gone is noticed.
HEARTBEAT_SECONDS = 5.0
# A browser opens the stream again by itself; nothing holds a thread for ever.
HEARTBEATS_PER_STREAM = 60


@bp.get("/orders")
@login_required
def index() -> str:
    """This shopper's orders, newest first."""
    shopper, parts = the_shopper(), services()
    with parts.reader.connect() as connection:
        unanswered = confirming(connection, shopper.user_id)
    token = request.args.get("page", "")[:MAX_TOKEN]
    found = parts.orders.list_orders(shopper.user_id, PAGE_SIZE, token)
    return render_template(
        "orders/list.html",
        orders=[show_order(order) for order in found.orders],
        next_page=found.next_page_token,
        first_page=not token,
        unanswered=unanswered,
    )


@bp.get("/orders/<id64:order_id>")
@login_required
def show(order_id: int) -> str:
    """One order, as far as it has come."""
    return render_template("orders/order.html", order=show_order(_order(order_id)), now=services().clock.now())


@bp.get("/orders/<id64:order_id>/live")
@login_required
def live(order_id: int) -> str:
    """The part of the order page that changes."""
    return render_template("orders/live.html", order=show_order(_order(order_id)), now=services().clock.now())


@bp.get("/orders/<id64:order_id>/events")
@login_required
def events(order_id: int) -> Response:
    """Server-sent events: `changed` whenever the page should read again. 503: no place left, ask now and then."""
    shopper, parts = the_shopper(), services()
    try:
        subscription = parts.fanout.subscribe(shopper.user_id, order_id)
    except TooManyPages:
        return Response("Too many open pages.\n", 503, {"Retry-After": "5"}, mimetype="text/plain")
    try:
        # After subscribing: a change between the two is told, not lost.
        version = _order(order_id).version
    except BaseException:
        subscription.close()
        raise
    answer = Response(_event_stream(subscription, version), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(subscription.close)
    return answer


def _event_stream(subscription: Subscription, version: int) -> Iterator[str]:
    yield f"retry: 2000\nevent: changed\ndata: {version}\n\n"
    for _ in range(HEARTBEATS_PER_STREAM):
        hint = subscription.wait(HEARTBEAT_SECONDS)
        if hint is Hint.CLOSED:
            return
        yield "event: changed\ndata:\n\n" if hint is Hint.CHANGED else ": still here\n\n"


def _order(order_id: int) -> orders_pb2.Order:
    return services().orders.get_order(the_shopper().user_id, order_id)
