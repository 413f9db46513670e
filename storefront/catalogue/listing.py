"""Which products a search means, and in which order: the SQL, made so that it is quick with a hundred thousand of them.

Rules: a product is found if one of its offers is for sale and fits (seller, price, in stock); counting stops at
MAX_COUNTED. Up to there, one query counts what fits and puts it in order; of more, an index is walked in that order
until the page is full, which many that fit make short (the best matches are then those that sell best). On PostgreSQL
an index of trigrams finds parts of words, and titles that are nearly what was typed; on SQLite there is no such index,
and nothing but parts of words is found, or what was typed in the plural.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SQLColumnExpression,
    Text,
    and_,
    bindparam,
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
from storefront.catalogue.search import ESCAPE, LEAST_LETTERS, Search, Sort

MAX_COUNTED = 500
# How like a typed word a word of a title must be (less only if nothing is).
ALIKE = (0.6, 0.4)
# By so many letters the beginning of a word is ahead of the middle of one.
AHEAD = 60
# So many forms of questions are remembered, those that were asked last.
MOST_FORMS = 256

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


@dataclass(frozen=True, slots=True)
class _Form:
    """What is asked, without the values: a statement is made for each form once, since making it takes its time."""

    postgresql: bool
    words: int
    category: bool
    seller: bool
    low: bool
    high: bool
    in_stock: bool
    sort: Sort


def find(connection: Connection, search: Search, page_size: int) -> Found:
    """One page of what was asked for. At most six queries, and one where something is on the first page."""
    found = _find_exactly(connection, search, page_size)
    if found.total or not search.words:
        return found
    if connection.dialect.name == "postgresql":
        return _find_nearly(connection, search, page_size)
    if (singular := search.in_the_singular).words != search.words:
        found = _find_exactly(connection, singular, page_size)
    return replace(found, nearly=bool(found.total))


def _find_exactly(connection: Connection, search: Search, page_size: int) -> Found:
    form, values = _form(connection, search), _values(search)
    ids, total = _counted(connection, form, values, search.page, page_size)
    more, total = total > MAX_COUNTED, min(total, MAX_COUNTED)
    page = min(search.page, max(1, -(-total // page_size)))
    if more:
        of_page = {"k_size": page_size, "k_skip": (page - 1) * page_size}
        ids = list(connection.execute(_walk(form), values | of_page).scalars())
    elif total and page < search.page:
        ids, _ = _counted(connection, form, values, page, page_size)
    return Found(ids, total, page, more, nearly=False)


def newest(connection: Connection, count: int) -> list[int]:
    """The ids of the products that came last. One query."""
    walk = _walk(_form(connection, Search()))
    return list(connection.execute(walk, {"k_size": count, "k_skip": 0}).scalars())


def best_selling(connection: Connection, count: int) -> list[int]:
    """The ids of the products that sell best, without those that were never sold. One query."""
    walk = _walk(_form(connection, Search(sort=Sort.SELLING))).where(Product.units_sold > 0)
    return list(connection.execute(walk, {"k_size": count, "k_skip": 0}).scalars())


def _form(connection: Connection, search: Search) -> _Form:
    return _Form(
        postgresql=connection.dialect.name == "postgresql",
        words=len(search.words),
        category=bool(search.category),
        seller=search.seller_id is not None,
        low=search.low.cents is not None,
        high=search.high.cents is not None,
        in_stock=search.in_stock,
        sort=search.sort,
    )


def _values(search: Search) -> dict[str, Any]:
    """What fills the statements in that are made for the form of this search."""
    return {
        "k_category": search.category,
        "k_seller": search.seller_id,
        "k_low": search.low.cents,
        "k_high": search.high.cents,
        "k_first": next(iter(search.words), ""),
        **{f"k_pattern_{number}": pattern for number, pattern in enumerate(search.patterns)},
    }


def _counted(
    connection: Connection, form: _Form, values: dict[str, Any], page: int, page_size: int
) -> tuple[list[int], int]:
    """The ids of a page of what fits, in order, and how many fit; if they are MAX_COUNTED + 1, of some of more.

    One query; one more for a page behind the last, which has no row to say how many there are.
    """
    some, in_order = _count(form)
    values = values | {"k_most": MAX_COUNTED + 1}
    of_page = {"k_size": page_size, "k_skip": (page - 1) * page_size}
    rows = connection.execute(in_order, values | of_page).all()
    if rows or page == 1:
        return [row[0] for row in rows], rows[0][1] if rows else 0
    return [], connection.execute(some, values).scalar_one()


@lru_cache(MOST_FORMS)
def _count(form: _Form) -> tuple[Rows, Rows]:
    """How many fit, and a page of them in order with that number."""
    key: ColumnElement[Any] = _key(form).label("key")
    some = select(Product.id, Product.title, key).where(*_matches(form)).limit(bindparam("k_most")).subquery()
    falls = form.sort in (Sort.SELLING, Sort.RATING, Sort.NEWEST, Sort.DEAREST)
    order = (some.c.key.desc(), some.c.id.desc()) if falls else (some.c.key, some.c.title, some.c.id)
    return select(func.count()).select_from(some), _a_page(select(some.c.id, func.count().over()).order_by(*order))


def _a_page(query: Rows) -> Rows:
    return query.limit(bindparam("k_size")).offset(bindparam("k_skip"))


def _key(form: _Form) -> SQLColumnExpression[Any]:
    """What products that fit are put in order by."""
    match form.sort:
        case Sort.BEST if form.words:
            # The searched text begins with the title: what is found earlier fits better, and best where a word begins.
            find = func.strpos if form.postgresql else func.instr
            first = bindparam("k_first", type_=Text)
            anywhere = find(Product.search_text, first) + AHEAD
            begins = find(literal(" ").concat(Product.search_text), literal(" ").concat(first))
            return case((and_(begins > 0, begins < anywhere), begins), else_=anywhere)
        case Sort.CHEAPEST | Sort.DEAREST:
            of_it = select(func.min(Offer.price_cents)).where(Offer.product_id == Product.id, _fits(Offer, form))
            return of_it.correlate(Product).scalar_subquery()
        case sort:
            return _WALKS[sort]


def _matches(form: _Form) -> list[ColumnElement[bool]]:
    patterns = (bindparam(f"k_pattern_{number}", type_=Text) for number in range(form.words))
    return [*_narrowed(form), *(Product.search_text.like(one, escape=ESCAPE) for one in patterns)]


def _narrowed(form: _Form) -> list[ColumnElement[bool]]:
    """All that was asked for but the words. The first says that an offer of it fits."""
    conditions: list[ColumnElement[bool]] = []
    if form.seller:
        # One seller has few of all the offers: begin with these.
        conditions.append(Product.id.in_(select(Offer.product_id).where(_fits(Offer, form))))
    else:
        conditions.append(exists().where(Offer.product_id == Product.id, _fits(Offer, form)))
    if form.category:
        category = select(Category.id).where(Category.slug == bindparam("k_category")).scalar_subquery()
        conditions.append(Product.category_id == category)
    return conditions


def _one_by_one(rows: Rows, of: Any) -> ColumnElement[bool]:
    """Whether there are such rows, looked up for each row of `of` that is read.

    The offset keeps PostgreSQL from making a join of it, which reads all stock there is before the first offer.
    """
    return exists(rows.correlate(of).offset(0))


def _fits(offer: Any, form: _Form) -> ColumnElement[bool]:
    conditions = [offer.withdrawn_at.is_(None)]
    if form.seller:
        conditions.append(offer.seller_id == bindparam("k_seller"))
    if form.low:
        conditions.append(offer.price_cents >= bindparam("k_low"))
    if form.high:
        conditions.append(offer.price_cents <= bindparam("k_high"))
    if form.in_stock:
        epoch = select(func.max(Stock.world_epoch)).scalar_subquery()
        in_stock = select(Stock.offer_id).where(
            Stock.world_epoch == epoch, Stock.offer_id == offer.id, Stock.available > 0
        )
        conditions.append(_one_by_one(in_stock, offer))
    return and_(*conditions)


@lru_cache(MOST_FORMS)
def _walk(form: _Form) -> Rows:
    """A page of what fits, in order, as an index has it."""
    # So many fit that the place of a word in the title says little.
    sort = Sort.SELLING if form.sort is Sort.BEST else form.sort
    matches = _matches(form)
    if sort in (Sort.CHEAPEST, Sort.DEAREST):
        return _a_page(_by_price(form, matches, descending=sort is Sort.DEAREST))
    query = select(Product.id).where(*matches)
    if sort is Sort.TITLE:
        return _a_page(query.order_by(Product.title, Product.id))
    return _a_page(query.order_by(_WALKS[sort].desc(), Product.id.desc()))


def _by_price(form: _Form, matches: list[ColumnElement[bool]], *, descending: bool) -> Rows:
    """By the cheapest offer that fits: offers are walked in the order of their prices, but for those undercut."""
    other = aliased(Offer)
    cheaper = select(other.id).where(
        other.product_id == Offer.product_id,
        _fits(other, form),
        or_(
            other.price_cents < Offer.price_cents,
            and_(other.price_cents == Offer.price_cents, other.id < Offer.id),
        ),
    )
    query = (
        select(Offer.product_id)
        .join(Product, Product.id == Offer.product_id)
        # That some offer fits is known of this one.
        .where(_fits(Offer, form), ~_one_by_one(cheaper, Offer), *matches[1:])
    )
    if descending:
        return query.order_by(Offer.price_cents.desc(), Offer.id.desc())
    return query.order_by(Offer.price_cents, Offer.id)


def _find_nearly(connection: Connection, search: Search, page_size: int) -> Found:
    """Titles with words that are nearly those that were typed, most alike first; among very many, of some of them."""
    words = [word for word in search.words if len(word) >= LEAST_LETTERS]
    title: ColumnElement[str] = literal_column(FOLDED_TITLE)
    narrowed, values = _narrowed(_form(connection, search)), _values(search)
    for alike in ALIKE if words else ():
        # For this connection, for ever: whoever asks what is alike says first how much.
        connection.execute(text(f"set pg_trgm.word_similarity_threshold = {alike}"))
        nearly = (literal(word).op("<%", is_comparison=True)(title) for word in words)
        likeness = sum((func.word_similarity(word, title) for word in words), literal(0.0)).label("likeness")
        some = select(Product.id, likeness).where(*narrowed, *nearly).limit(MAX_COUNTED).subquery()
        in_order = select(some.c.id).order_by(some.c.likeness.desc(), some.c.id)
        ids = list(connection.execute(in_order, values).scalars())
        if ids:
            page = min(search.page, -(-len(ids) // page_size))
            shown = ids[(page - 1) * page_size : page * page_size]
            return Found(shown, len(ids), page, more=len(ids) == MAX_COUNTED, nearly=True)
    return Found([], 0, 1, more=False, nearly=False)
