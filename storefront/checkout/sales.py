"""What an accepted order says of products: who has bought them, and how well they sell.

Written in the transaction that records the yes, so each order counts once. What was sold by other ways than the shop's
pages does not count.
"""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from db.shop.catalogue import Offer, Product
from db.shop.reviews import Purchase


def record_sale(connection: Connection, user_id: int, order_id: int, bought: Sequence[tuple[int, int]]) -> None:
    """Records (offer id, units) pairs of an order. Product rows are locked in the order of their ids."""
    offer_ids = [offer_id for offer_id, _ in bought]
    rows = connection.execute(select(Offer.id, Offer.product_id).where(Offer.id.in_(offer_ids)))
    product_of = {row.id: row.product_id for row in rows}
    units: Counter[int] = Counter()
    for offer_id, quantity in bought:
        units[product_of[offer_id]] += quantity
    connection.execute(
        insert(Purchase), [{"user_id": user_id, "product_id": one, "order_id": order_id} for one in sorted(units)]
    )
    for product_id in sorted(units):
        connection.execute(
            update(Product).where(Product.id == product_id).values(units_sold=Product.units_sold + units[product_id])
        )
