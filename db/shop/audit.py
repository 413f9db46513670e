"""What happened to the security of accounts, kept for some weeks: for their owners, and for who looks into attacks."""

from enum import StrEnum

from sqlalchemy import Double, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class SecurityEvent(StrEnum):
    """Kinds of events."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    SESSIONS_ENDED = "sessions_ended"
    PROOF_FAILED = "proof_failed"
    RESET_ASKED = "reset_asked"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    EMAIL_CHANGED = "email_changed"
    ROLE_CHANGED = "role_changed"
    ACCOUNT_CLOSED = "account_closed"
    ACCESS_DENIED = "access_denied"
    FORM_REFUSED = "form_refused"
    LIMIT_HIT = "limit_hit"


class SecurityNote(ShopBase):
    """One event. No secret is ever in it, and nothing that was typed."""

    __tablename__ = "security_events"
    __table_args__ = (Index("ix_security_events_user_id_id", "user_id", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[float] = mapped_column("at", Double, index=True)
    kind: Mapped[str] = mapped_column(String(24))
    # Whose account it is about; null: nobody's, or nobody knows. Not a foreign key: it outlives the account.
    user_id: Mapped[int | None] = mapped_column(Integer)
    # Where it came from; empty: not from a browser.
    address: Mapped[str] = mapped_column(String(45))
    browser: Mapped[str] = mapped_column(String(80))
    # The route, or the role: a name of ours.
    detail: Mapped[str] = mapped_column(String(80))
