"""A seller's items as the lines of a table, a page at a time by their numbers."""

from sqlalchemy import Connection, and_, func, select

from db.orders.stock import Stock
from db.shop.catalogue import Category, Offer, Product
from storefront.seller.importing import COLUMNS, TOLD

ITEM_COLUMNS = (*COLUMNS, *TOLD)
PAGE_SIZE = 500


def item_rows(connection: Connection, seller_id: int, after: int) -> list[tuple[str, ...]]:
    """At most PAGE_SIZE lines of items whose numbers are greater than `after`, as ITEM_COLUMNS. One query."""
    epoch = select(func.max(Stock.world_epoch)).scalar_subquery()
    rows = connection.execute(
        select(
            Offer.id,
            Product.title,
            Product.description,
            Category.name,
            Offer.price_cents,
            Offer.allow_backorder,
            Offer.withdrawn_at,
            func.coalesce(func.sum(Stock.available), 0).label("in_stock"),
            func.coalesce(func.sum(Stock.ordered), 0).label("on_the_way"),
        )
        .join(Product, Product.id == Offer.product_id)
        .join(Category, Category.id == Product.category_id)
        .outerjoin(Stock, and_(Stock.offer_id == Offer.id, Stock.world_epoch == epoch))
        .where(Offer.seller_id == seller_id, Offer.id > after)
        .group_by(Offer.id, Product.id, Category.id)
        .order_by(Offer.id)
        .limit(PAGE_SIZE)
    )
    return [
        (
            str(row.id),
            row.title,
            row.description,
            row.name,
            dollars(row.price_cents),
            _yes(row.allow_backorder),
            _yes(row.withdrawn_at is None),
            str(row.in_stock),
            str(row.on_the_way),
        )
        for row in rows
    ]


def dollars(cents: int) -> str:
    """Cents as a spreadsheet reads them: "1234.50"."""
    return f"{cents // 100}.{cents % 100:02}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
