"""The pages of orders.

An order page is whole without JavaScript (it reloads itself while the order is under way). With it, the browser listens
once for all its pages to `/orders/events`, which only says which of this shopper's orders changed, and a page reads
`/live`, the same part of it anew. Whose order it is, is decided by orders_svc each time: someone else's is as unknown
as one that never was.
"""

from collections.abc import Iterator

from flask import Blueprint, Response, render_template, request
from flask_login import login_required

from shop.orders.v1 import orders_pb2
from storefront.catalogue.queries import products_of
from storefront.catalogue.stock import warehouse_places
from storefront.orders.fanout import News, Subscription, TooManyListeners
from storefront.orders.map import draw
from storefront.orders.view import Tone, show_order
from storefront.security import the_shopper
from storefront.services import services

bp = Blueprint("orders", __name__, template_folder="templates")

MAX_TOKEN = 500
# Also how soon a page that has gone is noticed.
HEARTBEAT_SECONDS = 5.0
# A browser opens the stream again by itself: nothing holds a thread for ever, and who logged out hears no more.
WAITS_PER_STREAM = 120


@bp.get("/orders/<id64:order_id>")
@login_required
def show(order_id: int) -> str:
    """One order, as far as it has come."""
    order = _order(order_id)
    with services().reader.connect() as connection:
        products = products_of(connection, [line.offer_id for line in order.lines])
    return _page("orders/order.html", order, products=products)


@bp.get("/orders/<id64:order_id>/live")
@login_required
def live(order_id: int) -> str:
    """The part of the order page that changes."""
    return _page("orders/live.html", _order(order_id))


@bp.get("/orders/events")
@login_required
def events() -> Response:
    """Server-sent events: `changed` with an order and its version, `again` to read whatever is on display.

    503: no place left, ask now and then.
    """
    heard_until = request.headers.get("Last-Event-ID", "")[:MAX_TOKEN]
    try:
        subscription = services().fanout.subscribe(the_shopper().user_id, heard_until)
    except TooManyListeners:
        return Response("Too many browsers are listening.\n", 503, {"Retry-After": "5"}, mimetype="text/plain")
    answer = Response(_event_stream(subscription), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(subscription.close)
    return answer


def _event_stream(subscription: Subscription) -> Iterator[str]:
    yield "retry: 2000\n\n"
    for _ in range(WAITS_PER_STREAM):
        news = subscription.take(HEARTBEAT_SECONDS)
        if news.closed:
            return
        yield _told(news)
    # It ends as planned: come back at once.
    yield "retry: 50\n\n"


def _told(news: News) -> str:
    """News as server-sent events; the position comes with the last of them, when all of them have been heard."""
    if news.read_again:
        return f"id: {news.position}\nevent: again\ndata:\n\n"
    if not news.changes:
        return ": still here\n\n"
    events = [
        f'event: changed\ndata: {{"order": {order}, "version": {version}}}\n' for order, version in news.changes.items()
    ]
    return "\n".join([*events[:-1], f"id: {news.position}\n{events[-1]}"]) + "\n"


def _page(template: str, asked: orders_pb2.Order, **more: object) -> str:
    order = show_order(asked)
    with services().reader.connect() as connection:
        warehouses = warehouse_places(connection)
    trips = [parcel.trip for parcel in order.parcels if parcel.status.tone is not Tone.ENDED]
    map = draw(trips, ((name, (x, y)) for name, x, y in warehouses))
    return render_template(template, order=order, map=map, **more)


def _order(order_id: int) -> orders_pb2.Order:
    return services().orders.get_order(the_shopper().user_id, order_id)
