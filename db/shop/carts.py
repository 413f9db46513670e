"""Carts: what somebody means to buy, kept over log-ins and devices, and for guests in their browser."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Double, ForeignKey, Integer, String
from sqlalchemy import false as sql_false
from sqlalchemy import true as sql_true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.shop.base import ShopBase
from db.shop.catalogue import Offer


class Cart(ShopBase):
    """Somebody's cart: a user's, or a guest's, whose browser knows its key."""

    __tablename__ = "carts"
    __table_args__ = (CheckConstraint("(user_id is null) <> (guest_key is null)", name="has_one_owner"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), unique=True)
    guest_key: Mapped[str | None] = mapped_column(String(43), unique=True)
    # When something was put in last; a guest's cart is kept for a while from then on.
    filled_at: Mapped[float] = mapped_column(Double, index=True)


class CartItem(ShopBase):
    """So many units of one offer in one cart."""

    __tablename__ = "cart_items"
    __table_args__ = (CheckConstraint("quantity between 1 and 1000", name="quantity_in_range"),)

    cart_id: Mapped[int] = mapped_column(ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    added_at: Mapped[float] = mapped_column(Double)
    # Ticked: the next checkout takes it.
    is_chosen: Mapped[bool] = mapped_column(Boolean, default=True, server_default=sql_true())
    # Saved for later: kept beside the cart, not counted in it.
    is_saved: Mapped[bool] = mapped_column(Boolean, default=False, server_default=sql_false())
    # The price that its owner has seen last when they changed something of it.
    seen_price_cents: Mapped[int | None] = mapped_column(BigInteger)

    offer: Mapped[Offer] = relationship()
