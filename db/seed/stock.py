"""What is bought from the world for a new shop: units of each offer, at three or four warehouses.

A few offers are scarce or out of stock on purpose: a shop has such items too.
"""

from dataclasses import dataclass

from db.seed.products import PRODUCTS
from db.seed.warehouses import WAREHOUSES

LEAST_UNITS = 100
MOST_UNITS = 200

# Offers whose stock is not the usual, by id: (warehouse, units) pairs.
UNUSUAL: dict[int, tuple[tuple[int, int], ...]] = {
    12: ((1, 5),),
    22: ((2, 3), (7, 2)),
    31: ((10, 1),),
    # Made to order: nothing in stock, and backorders are taken.
    37: (),
    # Sold out: nothing in stock, and none are taken.
    46: (),
}


@dataclass(frozen=True, slots=True)
class SeedStock:
    """So many units of an offer at a warehouse."""

    offer_id: int
    warehouse_id: int
    quantity: int


def _initial_stock() -> tuple[SeedStock, ...]:
    rows = []
    for product in PRODUCTS:
        usual = (
            # Steps that share no factor with the number of warehouses spread the offers over all of them.
            (
                (product.id * 3 + place * 7) % len(WAREHOUSES) + 1,
                LEAST_UNITS + (product.id * 37 + place * 53) % (MOST_UNITS - LEAST_UNITS + 1),
            )
            for place in range(3 + product.id % 2)
        )
        for warehouse_id, quantity in UNUSUAL.get(product.id, usual):
            rows.append(SeedStock(product.id, warehouse_id, quantity))
    return tuple(rows)


INITIAL_STOCK: tuple[SeedStock, ...] = _initial_stock()
