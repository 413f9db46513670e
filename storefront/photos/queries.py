"""What photos ask of the database. Each function works in the caller's transaction.

Rules: a product has one photo at the most, and `Product.picture` names it; a name that was never means no photo.
"""

import re

from sqlalchemy import Connection, delete, insert, select, update

from db.shop.catalogue import Product, ProductPhoto
from storefront.photos.developing import Photo

PREFIX = "photo-"
_NAME = re.compile(PREFIX + r"([1-9][0-9]{0,8})-([0-9a-f]{16})", re.ASCII)
_SIZES = {"large": ProductPhoto.large, "small": ProductPhoto.small}


def keep_photo(connection: Connection, product_id: int, photo: Photo) -> None:
    """Makes this the picture of a product, in place of any other."""
    connection.execute(delete(ProductPhoto).where(ProductPhoto.product_id == product_id))
    connection.execute(
        insert(ProductPhoto).values(product_id=product_id, mark=photo.mark, large=photo.large, small=photo.small)
    )
    _name_picture(connection, product_id, f"{PREFIX}{product_id}-{photo.mark}")


def use_drawing(connection: Connection, product_id: int, picture: str) -> None:
    """Makes a drawing of the shop's the picture of a product, in place of any other."""
    connection.execute(delete(ProductPhoto).where(ProductPhoto.product_id == product_id))
    _name_picture(connection, product_id, picture)


def load_photo(connection: Connection, name: str, size: str) -> bytes | None:
    """A photo as WebP; None: no photo has this name, or it comes in no such size."""
    named, column = _NAME.fullmatch(name), _SIZES.get(size)
    if named is None or column is None:
        return None
    where = (ProductPhoto.product_id == int(named[1]), ProductPhoto.mark == named[2])
    return connection.execute(select(column).where(*where)).scalar()


def _name_picture(connection: Connection, product_id: int, picture: str) -> None:
    connection.execute(update(Product).where(Product.id == product_id).values(picture=picture))
