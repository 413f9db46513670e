"""What every answer and every session keeps to, whatever the page.

Rules: nothing inline and nothing from elsewhere runs in a page; the session cookie is out of reach of scripts and of
other sites, and travels over TLS only, but for http on this very machine; a log-in starts a new session, and logging
out ends it in the database (`storefront.accounts.sessions` says how long one lasts); we redirect to our own pages only.
"""

import hashlib
import ipaddress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf

from db.shop.accounts import email_key
from db.shop.audit import SecurityEvent
from storefront import uploads
from storefront.accounts import sessions
from storefront.accounts.shopper import Shopper
from storefront.audit.noting import note
from storefront.kept import typed
from storefront.services import services

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_PARTS = 200

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

COOKIE = "minimart"
GUEST_KEY = "guest"
_USED_AT = "used_at"


class SessionCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, Secure unless the page came by http from this very machine.

    A secure one is named so that browsers take it from this very host by TLS only.
    """

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_name(self, app: Flask) -> str:
        """What the cookie is called."""
        return f"__Host-{COOKIE}" if self.get_cookie_secure(app) else COOKIE

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - the interface is Flask's
        """Whether the cookie may travel over TLS only."""
        return request.is_secure or not _is_loopback(request.host)


def protect(app: Flask, secret_key: str) -> None:
    """Sets sessions, CSRF, headers and size limits up for `app`."""
    app.secret_key = secret_key
    app.session_interface = SessionCookie()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=sessions.IDLE_SECONDS),
        # The cookie holds the whole session: if each answer sent it, one that was asked for earlier and comes later
        # (a picture, say) would undo what a page in between has put in.
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        # A form stays good as long as the session that it was made for.
        WTF_CSRF_TIME_LIMIT=None,
    )
    uploads.add_to(app)
    CSRFProtect(app)
    login = LoginManager()
    # Error pages must not need the database: pages ask for the shopper themselves.
    login.init_app(app, add_context_processor=False)
    login.user_loader(_load_shopper)
    login.unauthorized_handler(_ask_to_log_in)
    limiter.init_app(app)
    app.after_request(_add_headers)


def visitors_network() -> str:
    """The key of limits per address: of IPv6 the first 64 bits, since who has one of those addresses has them all."""
    address = get_remote_address()
    try:
        told = ipaddress.ip_address(address)
    except ValueError:
        return address
    if told.version == 4:
        return address
    return str(told.ipv4_mapped or ipaddress.IPv6Network((int(told) >> 64 << 64, 64)))


limiter = Limiter(visitors_network, storage_uri="memory://", strategy="moving-window")


def account_in_form() -> str:
    """The key of limits per account: the address that was typed."""
    return f"account:{email_key(request.form.get('email', ''))[:254]}"


def account_from_address() -> str:
    """The key of limits per account and address: a stranger elsewhere uses up nothing of the owner's."""
    return f"{account_in_form()}:{visitors_network()}"


def of_shopper_or_address() -> str:
    """The key of limits per shopper; for guests per address."""
    shopper = current_shopper()
    return f"shopper:{shopper.user_id}" if shopper is not None else f"address:{visitors_network()}"


def begin_session(user_id: int, event: SecurityEvent) -> None:
    """Starts a fresh session for somebody who has just proven who they are by `event`; keeps the guest's cart."""
    parts, guest, before = services(), session.get(GUEST_KEY), current_shopper()
    with parts.engine.begin() as connection:
        if before is not None:
            sessions.end(connection, before.token)
        browser = sessions.browser_of(request.user_agent.string)
        token = sessions.begin(connection, user_id, browser, parts.clock.now())
        note(connection, event, user_id)
    session.clear()
    session.permanent = True
    # The token for forms too, now and not with the first form: see SESSION_REFRESH_EACH_REQUEST.
    g.pop("csrf_token", None)
    generate_csrf()
    if guest is not None:
        session[GUEST_KEY] = guest
    with parts.reader.connect() as connection:
        login_user(sessions.load_shopper(connection, token, parts.clock.now()))


def end_session() -> None:
    """Ends the session of whoever is logged in, wherever its cookie went, and forgets everything that it held."""
    shopper = current_shopper()
    if shopper is not None:
        with services().engine.begin() as connection:
            sessions.end(connection, shopper.token)
            note(connection, SecurityEvent.LOGGED_OUT, shopper.user_id)
    forget_session()


def forget_session() -> None:
    """The browser forgets its session, which has ended."""
    logout_user()
    session.clear()


def safe_next(target: str | None) -> str | None:
    """`target` if it is a page of ours, by path alone; None if it leads anywhere else."""
    if not target or len(target) > 2000 or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return None
    # Browsers drop tabs and line breaks, and read a backslash as a slash.
    if "\\" in target or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target


def sent_from() -> str | None:
    """The page of ours that a form was sent from, as the browser says; None: it says nothing, it is none of ours, or
    it is an answer to a form, which nobody can go back to.
    """
    try:
        page = urlsplit(request.referrer or "")
    except ValueError:
        return None
    path = page.path.removeprefix(request.script_root)
    if page.netloc != request.host or not current_app.url_map.bind("").test(path, "GET"):
        return None
    return safe_next(urlunsplit(("", "", page.path, page.query, "")))


def public_url(path: str) -> str:
    """The address of a page of ours, for a letter. Never made of what a browser says that we are called, but on this
    very machine: a letter must not lead to where somebody else wants it to.
    """
    settings = services().settings
    if not settings.storefront_url and _is_loopback(request.host):
        return request.host_url.rstrip("/") + path
    return settings.shop_url + path


def current_shopper() -> Shopper | None:
    """The shopper who is logged in, or None."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def the_shopper() -> Shopper:
    """The shopper who is logged in, where a page is for nobody else (`login_required`)."""
    shopper = current_shopper()
    assert shopper is not None
    return shopper


def _load_shopper(token: str) -> Shopper | None:
    parts = services()
    now = parts.clock.now()
    with parts.reader.connect() as connection:
        shopper = sessions.load_shopper(connection, token, now)
    if shopper is not None and now - shopper.seen_at > sessions.NOTE_USE_SECONDS:
        with parts.engine.begin() as connection:
            sessions.note_use(connection, token, now)
        # The cookie is sent anew too, since the browser counts its days from the last time.
        session[_USED_AT] = now
    return shopper


def _ask_to_log_in() -> Any:
    if request.method == "POST" and (written := typed()):
        # Sent from a page that was opened before the session ended.
        answer = render_template(
            "error.html",
            code=401,
            title="You are logged out by now",
            words="Nothing was changed. Log in, and send it again: this is what you wrote.",
            way_on=(url_for("accounts.login", next=sent_from()), "Log in"),
            typed=written,
        )
        return answer, 401
    flash("Log in to go on.", "info")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.login", next=wanted), 303)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Where browsers are told to come by https, also behind a proxy that speaks it for us.
    if request.is_secure or services().settings.storefront_url.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
