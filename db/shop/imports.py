"""What a seller has sent to be read into the shop, until it is."""

from sqlalchemy import Double, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.shop.base import ShopBase


class ItemImport(ShopBase):
    """The file that a seller sent last; applied once, then only its name is kept."""

    __tablename__ = "item_imports"

    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    batch: Mapped[str] = mapped_column(String(32))
    content: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[float] = mapped_column(Double)
    applied_at: Mapped[float | None] = mapped_column(Double)
