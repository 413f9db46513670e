"""Asking orders_svc whether an attempt becomes an order, and recording what it says.

One call between two transactions, never inside one. Used by the shopper's own request and by the sweep alike.
"""

from sqlalchemy import Engine

from db.clock import Clock
from db.engine import read_only
from mesh.logs import get_logger
from storefront.checkout.answers import Accepted, Answer, Unanswered, read_failure
from storefront.checkout.attempts import Attempt, settle, titles_in
from storefront.orders_client import CallFailed, OrdersClient

_log = get_logger(__name__)


def ask(engine: Engine, orders: OrdersClient, clock: Clock, attempt: Attempt) -> Answer:
    """Sends the attempt's bytes, records the answer, and returns it."""
    answer: Answer
    try:
        answer = Accepted(orders.place_order(attempt.user_id, attempt.request).order_id)
    except CallFailed as failed:
        with read_only(engine).connect() as connection:
            titles = titles_in(connection, attempt.request)
        answer = read_failure(failed.failure, titles)
        if isinstance(answer, Unanswered):
            _log.warning("order_unanswered", request_id=attempt.request_id, tries=attempt.tries, why=answer.why)
    with engine.begin() as connection:
        settle(connection, attempt, answer, now=clock.now())
    if isinstance(answer, Accepted):
        _log.info("order_accepted", request_id=attempt.request_id, order_id=answer.order_id, tries=attempt.tries)
    return answer
