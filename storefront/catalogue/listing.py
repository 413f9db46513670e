"""Which products a search means, and in which order: the SQL, made so that it is quick with a hundred thousand of them.

Rules: a product is found if one of its offers is for sale and fits (seller, price, in stock); counting stops at
MAX_COUNTED; every order but that of the best match walks an index and stops at the page, and the best match is only
worked out among what was counted. On PostgreSQL an index of trigrams finds parts of words, and titles that are nearly
what was typed; on SQLite there is no such index, and nothing but parts of words is found.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import aliased

from db.orders.stock import Stock
from db.shop.catalogue import FOLDED_TITLE, Category, Offer, Product
from storefront.catalogue.search import ESCAPE, Search, Sort

MAX_COUNTED = 1000
# How like a typed word a word of a title must be (less only if nothing is), and how long a word must be for that to
# mean anything.
ALIKE = (0.6, 0.4)
LEAST_LETTERS = 3

Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of one page of products, in order. `total` is at most MAX_COUNTED; `nearly`: typing errors forgiven."""

    product_ids: list[int]
    total: int
    page: int
    more: bool
    nearly: bool


def find(connection: Connection, search: Search, page_size: int) -> Found:
    """One page of what was asked for. At most five queries."""
    matches = _matches(search)
    if search.sort is Sort.BEST and search.words:
        best = _best(connection, search, matches)
        total = len(best)
        if 0 < total <= MAX_COUNTED:
            page = min(search.page, -(-total // page_size))
            return Found(best[(page - 1) * page_size : page * page_size], total, page, more=False, nearly=False)
    else:
        total = _count(connection, matches)
    if not total and search.words and connection.dialect.name == "postgresql":
        return _find_nearly(connection, search, page_size)
    page = min(search.page, max(1, -(-min(total, MAX_COUNTED) // page_size)))
    broad = total > MAX_COUNTED
    ordered = _ordered(search, matches)
    ids = connection.execute(ordered.limit(page_size).offset((page - 1) * page_size)).scalars()
    return Found(list(ids), min(total, MAX_COUNTED), page, broad, nearly=False)


def newest(connection: Connection, count: int) -> list[int]:
    """The ids of the products that came last. One query."""
    return list(connection.execute(_ordered(Search(), _matches(Search())).limit(count)).scalars())


def best_selling(connection: Connection, count: int) -> list[int]:
    """The ids of the products that sell best, without those that were never sold. One query."""
    search = Search(sort=Sort.SELLING)
    query = _ordered(search, [*_matches(search), Product.units_sold > 0])
    return list(connection.execute(query.limit(count)).scalars())


def _best(connection: Connection, search: Search, matches: list[ColumnElement[bool]]) -> list[int]:
    """The ids of what fits, best first; of more than MAX_COUNTED, some of them. Counting and finding are one query.

    The searched text begins with the title: what is found earlier fits better.
    """
    find = func.strpos if connection.dialect.name == "postgresql" else func.instr
    place = find(Product.search_text, search.words[0])
    rows = connection.execute(select(place, Product.title, Product.id).where(*matches).limit(MAX_COUNTED + 1)).all()
    return [row[2] for row in sorted(rows, key=tuple)]


def _count(connection: Connection, matches: list[ColumnElement[bool]]) -> int:
    """How many there are; MAX_COUNTED + 1 stands for more."""
    some = select(literal(1)).select_from(Product).where(*matches).limit(MAX_COUNTED + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _matches(search: Search) -> list[ColumnElement[bool]]:
    return [*_narrowed(search), *(Product.search_text.like(one, escape=ESCAPE) for one in search.patterns)]


def _narrowed(search: Search) -> list[ColumnElement[bool]]:
    """All that was asked for but the words."""
    conditions: list[ColumnElement[bool]] = [
        exists().where(Offer.product_id == Product.id, _fits(Offer, search)).correlate(Product)
    ]
    if search.category:
        category = select(Category.id).where(Category.slug == search.category).scalar_subquery()
        conditions.append(Product.category_id == category)
    return conditions


def _fits(offer: Any, search: Search) -> ColumnElement[bool]:
    conditions = [offer.withdrawn_at.is_(None)]
    if search.seller_id is not None:
        conditions.append(offer.seller_id == search.seller_id)
    if search.low.cents is not None:
        conditions.append(offer.price_cents >= search.low.cents)
    if search.high.cents is not None:
        conditions.append(offer.price_cents <= search.high.cents)
    if search.in_stock:
        epoch = select(func.max(Stock.world_epoch)).scalar_subquery()
        conditions.append(
            exists().where(Stock.world_epoch == epoch, Stock.offer_id == offer.id, Stock.available > 0).correlate(offer)
        )
    return and_(*conditions)


def _ordered(search: Search, matches: list[ColumnElement[bool]]) -> Rows:
    sort = search.sort
    if sort is Sort.BEST:
        # So many fit that the place of a word in the title says little.
        sort = Sort.SELLING
    if sort in (Sort.CHEAPEST, Sort.DEAREST):
        return _by_price(search, matches, descending=sort is Sort.DEAREST)
    query = select(Product.id).where(*matches)
    match sort:
        case Sort.SELLING:
            return query.order_by(Product.units_sold.desc(), Product.id.desc())
        case Sort.RATING:
            return query.order_by(Product.rating.desc(), Product.id.desc())
        case Sort.TITLE:
            return query.order_by(Product.title, Product.id)
        case _:
            return query.order_by(Product.created_at.desc(), Product.id.desc())


def _by_price(search: Search, matches: list[ColumnElement[bool]], *, descending: bool) -> Rows:
    """By the cheapest offer that fits: offers are walked in the order of their prices, but for those undercut."""
    other = aliased(Offer)
    undercut = exists().where(
        other.product_id == Offer.product_id,
        _fits(other, search),
        or_(
            other.price_cents < Offer.price_cents,
            and_(other.price_cents == Offer.price_cents, other.id < Offer.id),
        ),
    )
    query = (
        select(Offer.product_id)
        .join(Product, Product.id == Offer.product_id)
        # That some offer fits is known of this one.
        .where(_fits(Offer, search), ~undercut.correlate(Offer), *matches[1:])
    )
    if descending:
        return query.order_by(Offer.price_cents.desc(), Offer.id.desc())
    return query.order_by(Offer.price_cents, Offer.id)


def _find_nearly(connection: Connection, search: Search, page_size: int) -> Found:
    """Titles with words that are nearly those that were typed, most alike first; among very many, of some of them."""
    words = [word for word in search.words if len(word) >= LEAST_LETTERS]
    title: ColumnElement[str] = literal_column(FOLDED_TITLE)
    for alike in ALIKE if words else ():
        connection.execute(text(f"set local pg_trgm.word_similarity_threshold = {alike}"))
        nearly = (literal(word).op("<%", is_comparison=True)(title) for word in words)
        likeness = sum((func.word_similarity(word, title) for word in words), literal(0.0)).label("likeness")
        some = select(Product.id, likeness).where(*_narrowed(search), *nearly).limit(MAX_COUNTED).subquery()
        ids = list(connection.execute(select(some.c.id).order_by(some.c.likeness.desc(), some.c.id)).scalars())
        if ids:
            page = min(search.page, -(-len(ids) // page_size))
            shown = ids[(page - 1) * page_size : page * page_size]
            return Found(shown, len(ids), page, more=len(ids) == MAX_COUNTED, nearly=True)
    return Found([], 0, 1, more=False, nearly=False)
