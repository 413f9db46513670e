"""Which products a search means, and in which order: the SQL, made so that it is quick with a hundred thousand of them.

Rules: a product is found if one of its offers is for sale and fits (seller, price, in stock); counting stops at
MAX_COUNTED. Up to there, one query counts what fits and puts it in order; of more, an index is walked in that order
until the page is full, which many that fit make short (the best matches are then those that sell best). On PostgreSQL
an index of trigrams finds parts of words, and titles that are nearly what was typed; on SQLite there is no such index,
and nothing but parts of words is found.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SQLColumnExpression,
    and_,
    case,
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

MAX_COUNTED = 500
# How like a typed word a word of a title must be (less only if nothing is), and how long a word must be for that to
# mean anything.
ALIKE = (0.6, 0.4)
LEAST_LETTERS = 3
# By so many letters the beginning of a word is ahead of the middle of one.
AHEAD = 60

Rows = Select[*tuple[Any, ...]]

# What each order but that by prices walks.
_WALKS: dict[Sort, SQLColumnExpression[Any]] = {
    Sort.BEST: Product.units_sold,
    Sort.SELLING: Product.units_sold,
    Sort.RATING: Product.rating,
    Sort.NEWEST: Product.created_at,
    Sort.TITLE: Product.title,
}


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of one page of products, in order. `total` is at most MAX_COUNTED; `nearly`: typing errors forgiven."""

    product_ids: list[int]
    total: int
    page: int
    more: bool
    nearly: bool


def find(connection: Connection, search: Search, page_size: int) -> Found:
    """One page of what was asked for. At most four queries."""
    ids, total = _counted(connection, search, search.page, page_size)
    if not total and search.words and connection.dialect.name == "postgresql":
        return _find_nearly(connection, search, page_size)
    more, total = total > MAX_COUNTED, min(total, MAX_COUNTED)
    page = min(search.page, max(1, -(-total // page_size)))
    if more:
        walked = _walked(search).limit(page_size).offset((page - 1) * page_size)
        ids = list(connection.execute(walked).scalars())
    elif page < search.page:
        ids, _ = _counted(connection, search, page, page_size)
    return Found(ids, total, page, more, nearly=False)


def newest(connection: Connection, count: int) -> list[int]:
    """The ids of the products that came last. One query."""
    return list(connection.execute(_walked(Search()).limit(count)).scalars())


def best_selling(connection: Connection, count: int) -> list[int]:
    """The ids of the products that sell best, without those that were never sold. One query."""
    query = _walked(Search(sort=Sort.SELLING)).where(Product.units_sold > 0)
    return list(connection.execute(query.limit(count)).scalars())


def _counted(connection: Connection, search: Search, page: int, page_size: int) -> tuple[list[int], int]:
    """The ids of a page of what fits, in order, and how many fit; if they are MAX_COUNTED + 1, of some of more.

    One query; one more for a page behind the last, which has no row to say how many there are.
    """
    key: ColumnElement[Any] = _key(connection, search).label("key")
    some = select(Product.id, Product.title, key).where(*_matches(search)).limit(MAX_COUNTED + 1).subquery()
    falls = search.sort in (Sort.SELLING, Sort.RATING, Sort.NEWEST, Sort.DEAREST)
    order = (some.c.key.desc(), some.c.id.desc()) if falls else (some.c.key, some.c.title, some.c.id)
    query = select(some.c.id, func.count().over()).order_by(*order)
    rows = connection.execute(query.limit(page_size).offset((page - 1) * page_size)).all()
    if rows or page == 1:
        return [row[0] for row in rows], rows[0][1] if rows else 0
    return [], connection.execute(select(func.count()).select_from(some)).scalar_one()


def _key(connection: Connection, search: Search) -> SQLColumnExpression[Any]:
    """What products that fit are put in order by."""
    match search.sort:
        case Sort.BEST if search.words:
            # The searched text begins with the title: what is found earlier fits better, and best where a word begins.
            find = func.strpos if connection.dialect.name == "postgresql" else func.instr
            anywhere = find(Product.search_text, search.words[0]) + AHEAD
            begins = find(literal(" ").concat(Product.search_text), f" {search.words[0]}")
            return case((and_(begins > 0, begins < anywhere), begins), else_=anywhere)
        case Sort.CHEAPEST | Sort.DEAREST:
            of_it = select(func.min(Offer.price_cents)).where(Offer.product_id == Product.id, _fits(Offer, search))
            return of_it.correlate(Product).scalar_subquery()
        case sort:
            return _WALKS[sort]


def _matches(search: Search) -> list[ColumnElement[bool]]:
    return [*_narrowed(search), *(Product.search_text.like(one, escape=ESCAPE) for one in search.patterns)]


def _narrowed(search: Search) -> list[ColumnElement[bool]]:
    """All that was asked for but the words. The first says that an offer of it fits."""
    conditions: list[ColumnElement[bool]] = []
    if search.seller_id is not None:
        # One seller has few of all the offers: begin with these.
        conditions.append(Product.id.in_(select(Offer.product_id).where(_fits(Offer, search))))
    else:
        conditions.append(exists().where(Offer.product_id == Product.id, _fits(Offer, search)))
    if search.category:
        category = select(Category.id).where(Category.slug == search.category).scalar_subquery()
        conditions.append(Product.category_id == category)
    return conditions


def _one_by_one(rows: Rows, of: Any) -> ColumnElement[bool]:
    """Whether there are such rows, looked up for each row of `of` that is read.

    The offset keeps PostgreSQL from making a join of it, which reads all stock there is before the first offer.
    """
    return exists(rows.correlate(of).offset(0))


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
        in_stock = select(Stock.offer_id).where(
            Stock.world_epoch == epoch, Stock.offer_id == offer.id, Stock.available > 0
        )
        conditions.append(_one_by_one(in_stock, offer))
    return and_(*conditions)


def _walked(search: Search) -> Rows:
    """What fits, in order, as an index has it."""
    # So many fit that the place of a word in the title says little.
    sort = Sort.SELLING if search.sort is Sort.BEST else search.sort
    matches = _matches(search)
    if sort in (Sort.CHEAPEST, Sort.DEAREST):
        return _by_price(search, matches, descending=sort is Sort.DEAREST)
    query = select(Product.id).where(*matches)
    if sort is Sort.TITLE:
        return query.order_by(Product.title, Product.id)
    return query.order_by(_WALKS[sort].desc(), Product.id.desc())


def _by_price(search: Search, matches: list[ColumnElement[bool]], *, descending: bool) -> Rows:
    """By the cheapest offer that fits: offers are walked in the order of their prices, but for those undercut."""
    other = aliased(Offer)
    cheaper = select(other.id).where(
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
        .where(_fits(Offer, search), ~_one_by_one(cheaper, Offer), *matches[1:])
    )
    if descending:
        return query.order_by(Offer.price_cents.desc(), Offer.id.desc())
    return query.order_by(Offer.price_cents, Offer.id)


def _find_nearly(connection: Connection, search: Search, page_size: int) -> Found:
    """Titles with words that are nearly those that were typed, most alike first; among very many, of some of them."""
    words = [word for word in search.words if len(word) >= LEAST_LETTERS]
    title: ColumnElement[str] = literal_column(FOLDED_TITLE)
    for alike in ALIKE if words else ():
        # For this connection, for ever: whoever asks what is alike says first how much.
        connection.execute(text(f"set pg_trgm.word_similarity_threshold = {alike}"))
        nearly = (literal(word).op("<%", is_comparison=True)(title) for word in words)
        likeness = sum((func.word_similarity(word, title) for word in words), literal(0.0)).label("likeness")
        some = select(Product.id, likeness).where(*_narrowed(search), *nearly).limit(MAX_COUNTED).subquery()
        ids = list(connection.execute(select(some.c.id).order_by(some.c.likeness.desc(), some.c.id)).scalars())
        if ids:
            page = min(search.page, -(-len(ids) // page_size))
            shown = ids[(page - 1) * page_size : page * page_size]
            return Found(shown, len(ids), page, more=len(ids) == MAX_COUNTED, nearly=True)
    return Found([], 0, 1, more=False, nearly=False)
