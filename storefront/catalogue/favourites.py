"""Marking favourites. Each function works in the caller's transaction; doing either twice does no harm."""

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from db.shop.catalogue import Favourite
from storefront.catalogue.queries import MAX_FAVOURITES


def mark(connection: Connection, user_id: int, product_id: int, now: float) -> bool:
    """Marks a product, if it exists. False: this user has as many favourites as can be."""
    count = connection.execute(select(func.count()).where(Favourite.user_id == user_id)).scalar_one()
    if count >= MAX_FAVOURITES:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(Favourite).values(user_id=user_id, product_id=product_id, created_at=now))
    except IntegrityError:
        # It is one already, or there is no such product: the page that is shown next says so.
        pass
    return True


def unmark(connection: Connection, user_id: int, product_id: int) -> None:
    """Takes the mark away."""
    connection.execute(delete(Favourite).where(Favourite.user_id == user_id, Favourite.product_id == product_id))
