"""Reviews, and who may write them: people who got the goods.

`Product.reviews`, `.stars` and `.rating` are kept with each change of a review, in the same transaction. The rating is
the mean of the stars as if PRIOR_REVIEWS more people had given PRIOR_STARS: one enthusiast does not outrank a hundred.
"""

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase

PRIOR_REVIEWS = 5
PRIOR_STARS = 3.5


class Purchase(ShopBase):
    """A product in an order that was accepted in the shop. Whether it came, orders_svc knows."""

    __tablename__ = "purchases"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Review(ShopBase):
    """What one buyer thinks of one product."""

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("stars between 1 and 5", name="stars_in_range"),
        Index("uq_reviews_product_id_user_id", "product_id", "user_id", unique=True),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    stars: Mapped[int] = mapped_column(Integer)
    words: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Double)
    changed_at: Mapped[float] = mapped_column(Double)


def rating_of(stars: int, reviews: int) -> float:
    """What products are sorted by; 0 without any review."""
    return (stars + PRIOR_STARS * PRIOR_REVIEWS) / (reviews + PRIOR_REVIEWS) if reviews else 0.0
