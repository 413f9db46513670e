"""E-mail on its way out: written with what it tells of, sent by the storefront's sender, never by a request."""

from enum import StrEnum

from sqlalchemy import Double, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class MailState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"
    # Handed to the transport; if that is not heard of again, it is not sent a second time.
    SENDING = "sending"
    SENT = "sent"
    # Refused for good, or too old.
    FAILED = "failed"


class Mail(ShopBase):
    """One message to one person."""

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_state_next_try_at", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    # What it tells: writing the same key again is the same message.
    key: Mapped[str] = mapped_column(String(120), unique=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Double)
    next_try_at: Mapped[float] = mapped_column(Double)
    # What went wrong the last time; empty: nothing.
    trouble: Mapped[str] = mapped_column(String(200), default="")


class LettersOff(ShopBase):
    """Somebody who wants no letters about their orders. What protects an account is sent all the same."""

    __tablename__ = "letters_off"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    since_at: Mapped[float] = mapped_column(Double)
