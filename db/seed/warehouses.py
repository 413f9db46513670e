"""The warehouses, on the world's integer grid; near each other, so that trucks are quick."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeedWarehouse:
    """A place where goods are kept."""

    id: int
    name: str
    x: int
    y: int


WAREHOUSES: tuple[SeedWarehouse, ...] = (
    SeedWarehouse(1, "Market Square", 0, 0),
    SeedWarehouse(2, "Harbour", 42, -8),
    SeedWarehouse(3, "North Gate", 6, 48),
    SeedWarehouse(4, "Old Mill", -38, 14),
    SeedWarehouse(5, "South Fields", -4, -50),
    SeedWarehouse(6, "Airfield", 55, 40),
    SeedWarehouse(7, "Quarry", -52, 46),
    SeedWarehouse(8, "Railway Yard", 36, -46),
    SeedWarehouse(9, "Vineyard", -46, -36),
    SeedWarehouse(10, "Lakeside", 20, 18),
)
