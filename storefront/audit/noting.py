"""Noting what the present request does to an account, or tries: a log line, and a row that is kept for some weeks.

Rules: what changes an account is noted in the transaction that changes it; what is only tried is noted apart, and a
note that cannot be written stops nobody. Nothing that was typed and no secret is noted, only names of our own. What
somebody can do as often as they like, such as being refused, leaves a line each time, and one row in a while.
"""

from flask import request
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.shop.audit import SecurityEvent
from mesh.logs import get_logger
from storefront.accounts.sessions import browser_of
from storefront.audit.queries import write
from storefront.services import services

_log = get_logger(__name__)


def note(connection: Connection, event: SecurityEvent, user_id: int | None, detail: str = "") -> None:
    """Notes what the present request does to an account, in the transaction that does it."""
    address, browser = (request.remote_addr or "")[:45], browser_of(request.user_agent.string)
    _log.info("security", kind=event.value, user_id=user_id, address=address, browser=browser, detail=detail)
    write(connection, event, user_id, services().clock.now(), address=address, browser=browser, detail=detail)


def note_try(event: SecurityEvent, user_id: int | None, detail: str = "", *, about: str = "") -> None:
    """Notes what the present request only tried, in a transaction of its own, if the database is there.

    `about`: what tells two of a kind apart beside the user, such as an address that nobody may have; it is not noted.
    """
    parts = services()
    address, browser = (request.remote_addr or "")[:45], browser_of(request.user_agent.string)
    _log.warning("security", kind=event.value, user_id=user_id, address=address, browser=browser, detail=detail)
    now = parts.clock.now()
    if not parts.damper.lets_through((event, address, about or user_id), now):
        return
    try:
        with parts.engine.begin() as connection:
            write(connection, event, user_id, now, address=address, browser=browser, detail=detail)
    except (DBAPIError, PoolTimeout) as error:
        _log.warning("security_not_noted", kind=event.value, error=" ".join(str(error.__cause__ or error).split()))
