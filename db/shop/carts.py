"""Carts: what a shopper means to buy, kept over log-ins and devices."""

from sqlalchemy import CheckConstraint, Double, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.shop.base import ShopBase
from db.shop.catalogue import Offer


class CartItem(ShopBase):
    """So many units of one offer in one shopper's cart."""

    __tablename__ = "cart_items"
    __table_args__ = (CheckConstraint("quantity between 1 and 1000", name="quantity_in_range"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    added_at: Mapped[float] = mapped_column(Double)

    offer: Mapped[Offer] = relationship()
