"""Pages for what goes wrong: each says what happened in plain words and offers a way on.

Rules: no page shows a traceback or the words of a library; a page about something that is away needs nothing that is
away itself, says so with 503, and tries again by itself where it was only being read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask, abort, flash, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from grpc import StatusCode
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from db.shop.audit import SecurityEvent
from mesh.logs import get_logger
from storefront import kept
from storefront.accounts.shopper import Shopper
from storefront.audit.noting import note_try
from storefront.cart.basket import NOTHING, Basket, current_basket
from storefront.orders_client import CallFailed
from storefront.security import current_shopper, sent_from

RELOAD_SECONDS = 5
_UNREAD = "minimart.unread"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What an error page says."""

    title: str
    words: str
    way_on: tuple[str, str] = ("catalogue.home", "Back to the shop")


_PAGES = {
    400: Words("That did not arrive in one piece", "Something was missing or garbled in what your browser sent."),
    403: Words(
        "This is not yours to see",
        "You do not have what it takes to open this page. If you want to sell, open your shop first.",
        ("seller.index", "Sell with us"),
    ),
    404: Words("There is nothing here", "The address is wrong, or what was here has gone, or it is somebody else's."),
    405: Words("That cannot be done like this", "Go back and use the buttons of the page."),
    413: Words(
        "That was too much at once",
        "What you sent is larger than any of our forms needs. Write less, or send a smaller file.",
    ),
    414: Words(
        "That address is too long",
        "No page of ours has one that long. If you searched for something, use fewer words.",
        ("catalogue.products", "All products"),
    ),
    429: Words("Too many tries", "To keep accounts safe we take a break here. Wait a few minutes, then try again."),
    431: Words(
        "Your browser sent too much with that",
        "It holds more for this shop than we ever gave it. Delete the cookies of this page in it, and try again.",
    ),
    500: Words(
        "Something broke on our side",
        "It is our fault, not yours, and we have a note of it. Nothing that you ordered is lost.",
    ),
    503: Words("Many are sending files just now", "Nothing was changed. Wait a moment, go back, and send it again."),
}
_NOTED = {403: SecurityEvent.ACCESS_DENIED, 429: SecurityEvent.LIMIT_HIT}
_FORM_TOO_OLD = Words(
    "This page was open for too long",
    "To keep you safe we did not use what it sent. Nothing was changed. Open the page anew, and send it again.",
)
_DATABASE_AWAY = Words(
    "The shop is catching its breath", "We cannot reach our shelves right now. Nothing is lost; try again in a moment."
)
_ORDERS_AWAY = Words(
    "We cannot look at orders right now",
    "The part of the shop that keeps orders does not answer. Every order is safe with it and goes on by itself.",
    ("catalogue.products", "Look around meanwhile"),
)


def add_to(app: Flask) -> None:
    """Registers the pages with `app`, and who looks at it with every template."""
    app.register_error_handler(CSRFError, _form_refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CallFailed, _call_failed)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(away, _database_away)
    app.before_request(_refuse_unread)
    app.context_processor(_who_looks)


def answer_unread(app: Flask, code: int) -> Response:
    """The answer to a request whose head could not be taken, so that nothing is known of it."""
    return Response.from_app(app, EnvironBuilder(environ_base={_UNREAD: code}).get_environ(), buffered=True)


def _refuse_unread() -> None:
    if code := request.environ.get(_UNREAD):
        abort(code)


def _who_looks() -> dict[str, Shopper | Basket | None]:
    if not g.get("without_shopper", False):
        try:
            return {"shopper": current_shopper(), "basket": current_basket()}
        except (DBAPIError, PoolTimeout):
            g.without_shopper = True
    return {"shopper": None, "basket": NOTHING}


def _form_refused(_error: CSRFError) -> tuple[str, int]:
    note_try(SecurityEvent.FORM_REFUSED, None, request.endpoint or "")
    page = sent_from()
    return _page(400, _FORM_TOO_OLD, typed=kept.typed(), way_on=(page, "Open the page anew") if page else None)


def _http(error: HTTPException) -> tuple[str, int] | Response | HTTPException:
    code = error.code or 500
    if code in _NOTED:
        shopper = current_shopper()
        note_try(_NOTED[code], shopper.user_id if shopper else None, request.endpoint or "")
    if error.response is not None or code < 400:
        return error
    if code >= 500:
        g.without_shopper = True
    answer = _page(code, _PAGES.get(code, _PAGES[400] if code < 500 else _PAGES[500]))
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return (*answer, headers) if headers else answer  # type: ignore[return-value]


def _database_away(error: Exception) -> tuple[str, int, dict[str, str]]:
    _log.error("database_away", path=request.path, error=" ".join(str(error.__cause__ or error).split()))
    g.without_shopper = True
    return _away(_DATABASE_AWAY)


def _call_failed(error: CallFailed) -> tuple[str, int] | tuple[str, int, dict[str, str]] | Response:
    if error.failure.code is StatusCode.NOT_FOUND:
        return _page(404, _PAGES[404])
    if error.failure.code is StatusCode.INVALID_ARGUMENT and request.method == "GET" and request.args:
        flash("That page of the list does not exist. Here is the first one.", "info")
        return redirect(request.path, 303)
    _log.error("orders_svc_call_failed", path=request.path, error=str(error))
    return _away(_ORDERS_AWAY)


def _away(words: Words) -> tuple[str, int, dict[str, str]]:
    reload_after = RELOAD_SECONDS if request.method == "GET" else 0
    return (*_page(503, words, reload_after), {"Retry-After": str(RELOAD_SECONDS)})


def _page(
    code: int,
    words: Words,
    reload_after: int = 0,
    typed: Sequence[tuple[str, str]] = (),
    way_on: tuple[str, str] | None = None,
) -> tuple[str, int]:
    endpoint, label = words.way_on
    page = render_template(
        "error.html",
        code=code,
        title=words.title,
        words=words.words,
        way_on=way_on or (url_for(endpoint), label),
        reload_after=reload_after,
        typed=typed,
    )
    return page, code
