"""Password resets in the database. Each function works in the caller's transaction.

Rules: a link is good for RESET_SECONDS and one use; only a hash of its secret is stored; a new password ends every
session of the account and every other link.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from db.shop.accounts import User, email_key
from db.shop.sessions import PasswordReset
from storefront.accounts import sessions
from storefront.accounts.sessions import hash_of

RESET_SECONDS = 3600.0
# A new link makes older ones above this number worthless.
MAX_LINKS = 3


@dataclass(frozen=True, slots=True)
class Link:
    """A secret for whoever has an address, as they wrote it."""

    user_id: int
    recipient: str
    token: str


def give_link(connection: Connection, email: str, now: float) -> Link | None:
    """A link for whoever has this address. None: nobody can log in with it."""
    row = connection.execute(
        select(User.id, User.email).where(User.email_key == email_key(email), User.password_hash.is_not(None))
    ).one_or_none()
    if row is None:
        return None
    token = secrets.token_urlsafe(32)
    older = (
        select(PasswordReset.token_hash)
        .where(PasswordReset.user_id == row.id)
        .order_by(PasswordReset.created_at.desc())
        .offset(MAX_LINKS - 1)
    )
    gone = list(connection.execute(older).scalars())
    connection.execute(delete(PasswordReset).where(PasswordReset.token_hash.in_(gone)))
    connection.execute(insert(PasswordReset).values(token_hash=hash_of(token), user_id=row.id, created_at=now))
    return Link(row.id, row.email, token)


def owner_of(connection: Connection, token: str, now: float) -> int | None:
    """The user whose password this link resets. None: it was used, is too old, or never was."""
    return connection.execute(
        select(PasswordReset.user_id).where(
            PasswordReset.token_hash == hash_of(token), PasswordReset.created_at > now - RESET_SECONDS
        )
    ).scalar()


def use_link(connection: Connection, token: str, password_hash: str, now: float) -> int | None:
    """Sets the password; the user's id. None: the link is worth nothing (any more)."""
    user_id = owner_of(connection, token, now)
    if user_id is None:
        return None
    # Of two presses at the same moment one finds it gone.
    if connection.execute(delete(PasswordReset).where(PasswordReset.token_hash == hash_of(token))).rowcount != 1:
        return None
    set_password(connection, user_id, password_hash)
    return user_id


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """A new password: every session and every link of before is worth nothing."""
    connection.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    connection.execute(delete(PasswordReset).where(PasswordReset.user_id == user_id))
    sessions.end_all(connection, user_id)


def tidy(connection: Connection, now: float) -> int:
    """Removes links that are too old; how many."""
    return connection.execute(delete(PasswordReset).where(PasswordReset.created_at <= now - RESET_SECONDS)).rowcount
