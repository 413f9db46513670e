"""Sessions in the database. Each function works in the caller's transaction.

Rules: a session is worth something as long as its row is there, so logging out ends it wherever its cookie went; only a
hash of the secret is stored; it ends after two weeks without use, and after a month in any case.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, update

from db.shop.accounts import Profile, User
from db.shop.carts import Cart, CartItem
from db.shop.sessions import Session
from db.shop.staff import Staff
from storefront.accounts.shopper import Shopper

IDLE_SECONDS = 14 * 24 * 3600
LONGEST_SECONDS = 30 * 24 * 3600
# How often the use of a session is noted.
NOTE_USE_SECONDS = 24 * 3600
MAX_TOKEN = 64
MAX_BROWSER = 80
# Older sessions of one user end when there are more.
MAX_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class SessionShown:
    """One of a user's sessions, for the user."""

    browser: str
    began_at: float
    seen_at: float
    is_this: bool


def begin(connection: Connection, user_id: int, browser: str, now: float) -> str:
    """A new session; the secret for its cookie. The user's expired sessions and oldest ones above the limit go."""
    token = secrets.token_urlsafe(32)
    stale = (
        select(Session.token_hash)
        .where(Session.user_id == user_id)
        .order_by(Session.seen_at.desc())
        .offset(MAX_SESSIONS - 1)
    )
    connection.execute(delete(Session).where(Session.token_hash.in_(list(connection.execute(stale).scalars()))))
    connection.execute(
        insert(Session).values(
            token_hash=hash_of(token), user_id=user_id, began_at=now, seen_at=now, browser=browser[:MAX_BROWSER]
        )
    )
    return token


def load_shopper(connection: Connection, token: str, now: float) -> Shopper | None:
    """The shopper whose session this is, with the units in their cart. One query. None: it is over, or never was."""
    if len(token) > MAX_TOKEN:
        return None
    row = connection.execute(
        _SHOPPER,
        {"k_token": hash_of(token), "k_idle": now - IDLE_SECONDS, "k_oldest": now - LONGEST_SECONDS},
    ).one_or_none()
    if row is None:
        return None
    return Shopper(
        user_id=row.id,
        email=row.email,
        display_name=row.display_name,
        is_seller=row.is_seller,
        is_staff=row.is_staff,
        ups_account=row.ups_account,
        cart_id=row.cart_id,
        cart_units=int(row.units or 0),
        seen_at=row.seen_at,
        token=token,
    )


def note_use(connection: Connection, token: str, now: float) -> None:
    """The session is used, and does not end as idle."""
    connection.execute(update(Session).where(Session.token_hash == hash_of(token)).values(seen_at=now))


def end(connection: Connection, token: str) -> None:
    """Ends one session."""
    connection.execute(delete(Session).where(Session.token_hash == hash_of(token)))


def end_all(connection: Connection, user_id: int) -> int:
    """Ends every session of a user; how many there were."""
    return connection.execute(delete(Session).where(Session.user_id == user_id)).rowcount


def sessions_of(connection: Connection, user_id: int, token: str, now: float) -> list[SessionShown]:
    """A user's sessions, last used first; `token` is the one that asks."""
    rows = connection.execute(
        select(Session.token_hash, Session.browser, Session.began_at, Session.seen_at)
        .where(Session.user_id == user_id, _is_good(now - IDLE_SECONDS, now - LONGEST_SECONDS))
        .order_by(Session.seen_at.desc())
        .limit(MAX_SESSIONS)
    )
    mine = hash_of(token)
    return [SessionShown(row.browser, row.began_at, row.seen_at, row.token_hash == mine) for row in rows]


def tidy(connection: Connection, now: float) -> int:
    """Removes what is over; how many sessions that were."""
    over = (Session.seen_at <= now - IDLE_SECONDS) | (Session.began_at <= now - LONGEST_SECONDS)
    return connection.execute(delete(Session).where(over)).rowcount


def hash_of(token: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()


def browser_of(user_agent: str) -> str:
    """What a browser says of itself, in a few words: "Firefox on Linux"."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )
    name = next((words for mark, words in names if mark in user_agent), "A browser")
    system = next((words for mark, words in systems if mark in user_agent), "")
    return f"{name} on {system}" if system else name


def _is_good(idle: Any, oldest: Any) -> ColumnElement[bool]:
    return and_(Session.seen_at > idle, Session.began_at > oldest)


# Built once: every page of a shopper asks it.
_SHOPPER = (
    select(
        User.id,
        User.email,
        Profile.display_name,
        Profile.is_seller,
        Staff.user_id.is_not(None).label("is_staff"),
        Profile.ups_account,
        Cart.id.label("cart_id"),
        select(func.coalesce(func.sum(CartItem.quantity), 0))
        .where(CartItem.cart_id == Cart.id, ~CartItem.is_saved)
        .correlate(Cart)
        .scalar_subquery()
        .label("units"),
        Session.seen_at,
    )
    .join(User, User.id == Session.user_id)
    .join(Profile, Profile.user_id == User.id)
    .outerjoin(Cart, Cart.user_id == User.id)
    .outerjoin(Staff, Staff.user_id == User.id)
    .where(Session.token_hash == bindparam("k_token"), _is_good(bindparam("k_idle"), bindparam("k_oldest")))
)
