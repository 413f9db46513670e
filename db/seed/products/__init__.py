"""The products of a new shop, a file for each two shelves.

Rules: an id is never given to another product, and new products take new ids;
a title has at most 50 characters, all that the world takes for a description.
"""

from db.seed.products import books_toys, garden_workshop, kitchen_home, outdoors_pantry
from db.seed.products.entry import SeedProduct

PRODUCTS: tuple[SeedProduct, ...] = tuple(
    sorted(
        kitchen_home.PRODUCTS + outdoors_pantry.PRODUCTS + books_toys.PRODUCTS + garden_workshop.PRODUCTS,
        key=lambda product: product.id,
    )
)
