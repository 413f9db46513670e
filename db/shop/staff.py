"""Staff: who may look behind the counter.

A table of its own, so that nothing a shopper can change about themselves, becoming a seller included, writes to it.
"""

from sqlalchemy import Double, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class Staff(ShopBase):
    """Somebody who was made staff at the command line; whoever deletes the row has ended that."""

    __tablename__ = "staff"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    granted_at: Mapped[float] = mapped_column(Double)
