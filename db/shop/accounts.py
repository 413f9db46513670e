"""Accounts: who somebody is, and what they are to the shop."""

import unicodedata

from sqlalchemy import Boolean, Double, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.shop.base import ShopBase


class User(ShopBase):
    """Somebody who can log in, or, without a password hash, nobody can log in as."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    # What `email_key` makes of the address: one account each, however it is typed.
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[float] = mapped_column(Double)
    # The account is closed: nothing of a person is left in it. The row stays, since orders refer to it.
    closed_at: Mapped[float | None] = mapped_column(Double)

    profile: Mapped["Profile"] = relationship(back_populates="user", lazy="joined", innerjoin=True)


class Profile(ShopBase):
    """What a user shows of themselves; says who is a seller."""

    __tablename__ = "profiles"
    __table_args__ = (
        # Who sells, by name: few of all the users.
        Index(
            "ix_profiles_sellers",
            "display_name",
            "user_id",
            sqlite_where=text("is_seller = 1"),
            postgresql_where=text("is_seller"),
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(80))
    is_seller: Mapped[bool] = mapped_column(Boolean, default=False)
    # Offered at checkout; empty: none.
    ups_account: Mapped[str] = mapped_column(String(64), default="")

    user: Mapped[User] = relationship(back_populates="profile")


class Address(ShopBase):
    """A place in somebody's address book, on the world's grid."""

    __tablename__ = "addresses"
    __table_args__ = (
        # At most one default each; the database says so itself.
        Index(
            "uq_addresses_default",
            "user_id",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    label: Mapped[str] = mapped_column(String(60))
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[float] = mapped_column(Double)


def email_key(email: str) -> str:
    """The form of an address that is the same however it is typed: without case and compatibility forms.

    Accents stay, as they make another address.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).casefold())
