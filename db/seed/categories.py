"""The shelves of a new shop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeedCategory:
    """A shelf; `slug` is its address and names its picture."""

    id: int
    slug: str
    name: str


KITCHEN = SeedCategory(1, "kitchen", "Kitchen & Table")
HOME = SeedCategory(2, "home", "Home & Light")
OUTDOORS = SeedCategory(3, "outdoors", "Outdoors & Travel")
BOOKS = SeedCategory(4, "books", "Books & Maps")
TOYS = SeedCategory(5, "toys", "Toys & Games")
GARDEN = SeedCategory(6, "garden", "Garden & Plants")
WORKSHOP = SeedCategory(7, "workshop", "Tools & Workshop")
PANTRY = SeedCategory(8, "pantry", "Coffee, Tea & Pantry")

CATEGORIES: tuple[SeedCategory, ...] = (KITCHEN, HOME, OUTDOORS, BOOKS, TOYS, GARDEN, WORKSHOP, PANTRY)
