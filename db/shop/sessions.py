"""Sessions and password resets: secrets that were given out, kept as hashes only.

A row is what makes its secret worth something: whoever deletes the row has ended the session, wherever its cookie went.
"""

from sqlalchemy import Double, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class Session(ShopBase):
    """One browser in which somebody is logged in."""

    __tablename__ = "sessions"

    # SHA-256 of the token in the cookie, in hex.
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    began_at: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double, index=True)
    # What the browser says of itself, for people who look at their sessions.
    browser: Mapped[str] = mapped_column(String(80))


class PasswordReset(ShopBase):
    """A link that was sent to somebody who forgot their password; good for one use."""

    __tablename__ = "password_resets"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[float] = mapped_column(Double, index=True)
