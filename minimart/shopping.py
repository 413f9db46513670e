"""What the command line looks up before it can order: who orders, and which offer is meant."""

from sqlalchemy import Connection, select

from db.shop.accounts import User, email_key
from db.shop.catalogue import Offer, Product, fold
from minimart.failure import Wrong

MAX_NAMED = 5
MAX_ID = 2**63 - 1


def user_id_of(connection: Connection, email: str) -> int:
    """The account with this address, however it is typed. Wrong: there is none."""
    found = connection.execute(select(User.id).where(User.email_key == email_key(email))).scalar()
    if found is None:
        raise Wrong(f"nobody has an account as {email}")
    return int(found)


def offer_id_of(connection: Connection, wanted: str) -> int:
    """The offer that `wanted` names: a product's id, an offer's id, or a part of a title that only one product has.

    Of a product's offers the cheapest is taken. Wrong: none is meant, or several are.
    """
    on_sale = select(Offer.id, Offer.product_id, Product.title).join(Product).where(Offer.withdrawn_at.is_(None))
    cheapest_first = on_sale.order_by(Offer.price_cents, Offer.id)
    if wanted.isascii() and wanted.isdecimal():
        number = min(int(wanted[:20]), MAX_ID)
        for column in (Offer.product_id, Offer.id):
            row = connection.execute(cheapest_first.where(column == number)).first()
            if row is not None:
                return int(row[0])
        raise Wrong(f"no product or offer has the id {wanted}")
    folded = fold(wanted.strip())
    rows = [row for row in connection.execute(cheapest_first) if folded in fold(row[2])]
    exact = [row for row in rows if fold(row[2]) == folded]
    products = {row[1]: row[2] for row in exact or rows}
    if not products or not folded:
        raise Wrong(f"no product is called {wanted!r}, in whole or in part")
    if len(products) > 1:
        named = [f"{product} {title}" for product, title in sorted(products.items())]
        more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
        raise Wrong(f"several products match {wanted!r}: {', '.join(named[:MAX_NAMED])}{more}; name one by its id")
    return int((exact or rows)[0][0])
