"""The form of an entry in the list of products."""

from dataclasses import dataclass

from db.seed.categories import SeedCategory


@dataclass(frozen=True, slots=True)
class SeedProduct:
    """A product and the default seller's offer of it, which has the same id. Price in cents."""

    id: int
    category: SeedCategory
    title: str
    description: str
    price_cents: int
    picture: str
    allow_backorder: bool = False
