"""What reviews ask of the database. Each function works in the caller's transaction.

Rules: one review of a product by one buyer, who may change or remove it; the figures of the product are worked out anew
with its row locked, so that two who write at the same moment both count.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from db.shop.accounts import Profile
from db.shop.catalogue import Favourite, Offer, Product
from db.shop.reviews import Purchase, Review, rating_of

PAGE_SIZE = 10
# So many orders of one product are looked at, newest first, for one that came.
ORDERS_LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class ReviewShown:
    """One review."""

    user_id: int
    name: str
    stars: int
    words: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class Opinions:
    """One page of a product's reviews, newest first; `by_stars`: how many gave five stars, four, and so on."""

    reviews: list[ReviewShown]
    by_stars: list[tuple[int, int]]
    page: int

    @property
    def total(self) -> int:
        """How many reviews there are."""
        return sum(count for _, count in self.by_stars)

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


NO_OPINIONS = Opinions([], [(stars, 0) for stars in range(5, 0, -1)], 1)


@dataclass(frozen=True, slots=True)
class Tie:
    """What a shopper has to do with a product."""

    is_favourite: bool
    has_bought: bool
    has_reviewed: bool


NO_TIE = Tie(is_favourite=False, has_bought=False, has_reviewed=False)


def opinions_of(connection: Connection, product_id: int, page: int) -> Opinions:
    """One page of the reviews of a product. Two queries."""
    counted = {row[0]: row[1] for row in connection.execute(_COUNTS, {"k_product": product_id})}
    by_stars = [(stars, counted.get(stars, 0)) for stars in range(5, 0, -1)]
    pages = max(1, -(-sum(counted.values()) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    rows = connection.execute(_REVIEWS, {"k_product": product_id, "k_before": (page - 1) * PAGE_SIZE})
    return Opinions([ReviewShown(*row) for row in rows], by_stars, page)


def tie_of(connection: Connection, user_id: int, product_id: int) -> Tie:
    """What this shopper has to do with this product. One query."""
    counts = connection.execute(_TIE, {"k_user": user_id, "k_product": product_id}).one()
    return Tie(*(bool(count) for count in counts))


def orders_with(connection: Connection, user_id: int, product_id: int) -> tuple[list[int], set[int]]:
    """The newest orders in which this user bought this product, and the ids of the product's offers."""
    orders = connection.execute(
        select(Purchase.order_id)
        .where(Purchase.user_id == user_id, Purchase.product_id == product_id)
        .order_by(Purchase.order_id.desc())
        .limit(ORDERS_LOOKED_AT)
    )
    offers = connection.execute(select(Offer.id).where(Offer.product_id == product_id))
    return list(orders.scalars()), set(offers.scalars())


def own_review(connection: Connection, user_id: int, product_id: int) -> ReviewShown | None:
    """This user's review of this product."""
    row = connection.execute(
        select(Review.stars, Review.words, Review.changed_at).where(
            Review.user_id == user_id, Review.product_id == product_id
        )
    ).one_or_none()
    return ReviewShown(user_id, "", row.stars, row.words, row.changed_at) if row is not None else None


def write(connection: Connection, user_id: int, product_id: int, *, stars: int, words: str, now: float) -> None:
    """Writes a review, or changes the one that is there."""
    _lock(connection, product_id)
    mine = (Review.user_id == user_id, Review.product_id == product_id)
    values = {"stars": stars, "words": words, "changed_at": now}
    if connection.execute(update(Review).where(*mine).values(values)).rowcount == 0:
        connection.execute(insert(Review).values(user_id=user_id, product_id=product_id, created_at=now, **values))
    _work_out(connection, product_id)


def remove(connection: Connection, user_id: int, product_id: int) -> bool:
    """Removes this user's review. False: there was none."""
    _lock(connection, product_id)
    done = connection.execute(delete(Review).where(Review.user_id == user_id, Review.product_id == product_id))
    _work_out(connection, product_id)
    return done.rowcount == 1


def _lock(connection: Connection, product_id: int) -> None:
    connection.execute(select(Product.id).where(Product.id == product_id).with_for_update())


def _work_out(connection: Connection, product_id: int) -> None:
    reviews, stars = connection.execute(
        select(func.count(), func.coalesce(func.sum(Review.stars), 0)).where(Review.product_id == product_id)
    ).one()
    connection.execute(
        update(Product)
        .where(Product.id == product_id)
        .values(reviews=reviews, stars=int(stars), rating=rating_of(int(stars), reviews))
    )


# Built once: every product page asks them.
_COUNTS = select(Review.stars, func.count()).where(Review.product_id == bindparam("k_product")).group_by(Review.stars)
_REVIEWS = (
    select(Review.user_id, Profile.display_name, Review.stars, Review.words, Review.changed_at)
    .join(Profile, Profile.user_id == Review.user_id)
    .where(Review.product_id == bindparam("k_product"))
    .order_by(Review.id.desc())
    .limit(PAGE_SIZE)
    .offset(bindparam("k_before"))
)
_TIE = select(
    *(
        select(func.count())
        .where(table.user_id == bindparam("k_user"), table.product_id == bindparam("k_product"))
        .scalar_subquery()
        for table in (Favourite, Purchase, Review)
    )
)
