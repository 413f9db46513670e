"""Whether this worker lives, and whether it can serve: for whoever watches over it.

Rules: `/healthz` asks nobody; `/readyz` asks what pages need and names what does not answer, in our own words: no
address, no error text and no secret is in it.
"""

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storefront.services import services

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def live() -> Response:
    """Says that this process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def ready() -> Response:
    """200: everything that pages need answers. 503: something does not; each is on a line of its own."""
    found = {"database": _database_answers(), "orders_svc": services().orders.serves()}
    lines = [f"{name}: {'up' if up else 'DOWN'}\n" for name, up in found.items()]
    well = all(found.values())
    return Response(["ready\n" if well else "not ready\n", *lines], 200 if well else 503, mimetype="text/plain")


def _database_answers() -> bool:
    try:
        with services().reader.connect() as connection:
            return bool(connection.execute(select(1)).scalar() == 1)
    except (DBAPIError, PoolTimeout):
        return False
