"""What happened to orders, and what of it their owners were told: the notes from which letters are written.

A row is written with its order, by the transactions that move the order. `happened` and `told` are sets
(orders_svc.domain.news: News); where they differ somebody has something to tell, and says so in `told` afterwards.
"""

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from db.orders.base import OrdersBase


class OrderNews(OrdersBase):
    """The news of one order. Orders from before there were news have no row, and nothing to tell."""

    __tablename__ = "order_news"
    __table_args__ = (
        # What is to be told: few rows, however many orders there are.
        Index(
            "ix_order_news_untold",
            "order_id",
            sqlite_where=text("happened <> told"),
            postgresql_where=text("happened <> told"),
        ),
        Index(
            "ix_order_news_look_at",
            "look_at",
            sqlite_where=text("look_at is not null"),
            postgresql_where=text("look_at is not null"),
        ),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    happened: Mapped[int] = mapped_column(Integer)
    told: Mapped[int] = mapped_column(Integer)
    # When to look whether it is late; null: it has ended, or is known to be.
    look_at: Mapped[float | None] = mapped_column(Double)
    # Until when it was expected, as it was first told; null: nobody could tell yet.
    promised_at: Mapped[float | None] = mapped_column(Double)
