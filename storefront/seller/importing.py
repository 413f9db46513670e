"""Reads a table of items into the shop: first what it would do, then all of it or nothing.

Rules: what would be done is worked out anew in the transaction that does it; an empty cell leaves an item as it is; a
new item is a line without a number; the words about what another shop sold first stay as they are. A bounded number of
queries reads everything; stock is not in it, since buying is not of this database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, bindparam, case, func, insert, select, update

from db.shop.catalogue import Category, Offer, Product, fold, search_text
from storefront import pictures
from storefront.fields import one_line, read_price
from storefront.photos.queries import PREFIX
from storefront.seller.editing import Terms, Text
from storefront.seller.forms import DESCRIPTION_RULE, TITLE_RULE
from storefront.seller.queries import created_by
from storefront.seller.spreadsheets import Line, Problem

COLUMNS = ("item", "title", "description", "shelf", "price", "backorder", "on_sale")
# Written for people, and not read.
TOLD = ("in_stock", "on_the_way")
_ABOUT_THE_PRODUCT = ("title", "description", "shelf")
_REQUIRED = (*_ABOUT_THE_PRODUCT, "price")
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as it is, or as a line wants it."""

    text: Text
    terms: Terms
    on_sale: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """An own item as it is."""

    product_id: int
    picture: str
    is_creator: bool
    entry: Entry


@dataclass(frozen=True, slots=True)
class Addition:
    """A line that adds an item."""

    line: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Change:
    """A line that changes an item: `columns` are those that differ."""

    line: int
    offer_id: int
    product_id: int
    picture: str
    entry: Entry
    columns: tuple[str, ...]

    @property
    def comes_back(self) -> bool:
        """Whether it puts on sale again what was withdrawn."""
        return "on_sale" in self.columns and self.entry.on_sale


@dataclass(slots=True)
class Plan:
    """What a table would do; with problems it does nothing."""

    additions: list[Addition] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)


_T = TypeVar("_T")
# A column, and why what is in its cell cannot be.
_Wrong = tuple[str, str]


def plan_import(connection: Connection, seller_id: int, lines: Sequence[Line]) -> Plan:
    """What a table would do to a seller's items. Two queries."""
    shelves = {row.id: row for row in connection.execute(select(Category.id, Category.name, Category.slug))}
    by_name = {fold(name): row.id for row in shelves.values() for name in (row.name, row.slug)}
    numbers = {int(line.cells["item"]) for line in lines if _is_number(line.cells.get("item", ""))}
    known = _items(connection, seller_id, numbers)
    plan, seen = Plan(), dict[int, int]()
    for line in lines:
        wrong = _plan_line(plan, line, known, by_name, seen)
        plan.problems += [Problem(line.number, column, reason) for column, reason in wrong]
    return plan


def apply_import(connection: Connection, seller_id: int, plan: Plan, now: float) -> None:
    """Does all that a plan without problems says."""
    names = {row.id: row.name for row in connection.execute(select(Category.id, Category.name))}
    if plan.additions:
        _add(connection, seller_id, plan.additions, names, now)
    of_offer = [change for change in plan.changes if set(change.columns) - set(_ABOUT_THE_PRODUCT)]
    if of_offer:
        connection.execute(
            _CHANGE_OFFER,
            [
                {
                    "k_id": change.offer_id,
                    "k_seller": seller_id,
                    "d_price": change.entry.terms.price_cents,
                    "d_backorder": change.entry.terms.allow_backorder,
                    "d_on_sale": change.entry.on_sale,
                    "d_now": now,
                }
                for change in of_offer
            ],
        )
    of_product = [change for change in plan.changes if set(change.columns) & set(_ABOUT_THE_PRODUCT)]
    if of_product:
        connection.execute(
            _CHANGE_PRODUCT,
            [
                {f"d_{name}": value for name, value in _product(change.entry.text, names).items()}
                | {"k_id": change.product_id, "d_picture": _picture(change)}
                for change in of_product
            ],
        )


def _plan_line(
    plan: Plan, line: Line, known: Mapping[int, _Known], shelves: Mapping[str, int], seen: dict[int, int]
) -> list[_Wrong]:
    """Adds what a line wants to the plan; all that is wrong with the line."""
    number = line.cells.get("item", "")
    if not number:
        entry, wrong = _entry(line, None, shelves)
        plan.additions.append(Addition(line.number, entry))
        return wrong
    if not _is_number(number):
        return [("item", "Write the number of one of your items, or leave it empty for a new one.")]
    offer_id = int(number)
    if offer_id in seen:
        return [("item", f"Line {seen[offer_id]} is about this item already.")]
    seen[offer_id] = line.number
    item = known.get(offer_id)
    if item is None:
        return [("item", f"You have no item {offer_id}.")]
    entry, wrong = _entry(line, item.entry, shelves)
    columns = _differences(item.entry, entry)
    if not item.is_creator and (words := [name for name in columns if name in _ABOUT_THE_PRODUCT]):
        wrong.append((words[0], "The words belong to the shop that first sold this. Leave them as they are, or empty."))
    if columns:
        plan.changes.append(Change(line.number, offer_id, item.product_id, item.picture, entry, columns))
    else:
        plan.unchanged += 1
    return wrong


def _entry(line: Line, before: Entry | None, shelves: Mapping[str, int]) -> tuple[Entry, list[_Wrong]]:
    """What a line wants, where an empty cell is as before and so is one that cannot be; and those that cannot."""
    required = _REQUIRED if before is None else ()
    was = before or Entry(Text("", "", 0), Terms(0, allow_backorder=False), on_sale=True)
    wrong: list[_Wrong] = []

    def read(column: str, reading: Callable[[str], _T], before: _T) -> _T:
        cell = line.cells.get(column, "")
        try:
            if cell:
                return reading(cell)
            if column in required:
                wrong.append((column, "A new item needs one."))
        except ValueError as problem:
            wrong.append((column, str(problem)))
        return before

    text = Text(
        read("title", lambda cell: _visible(TITLE_RULE, one_line(cell)), was.text.title),
        read("description", lambda cell: _visible(DESCRIPTION_RULE, cell), was.text.description),
        read("shelf", lambda cell: _shelf(shelves, cell), was.text.category_id),
    )
    terms = Terms(
        read("price", read_price, was.terms.price_cents),
        allow_backorder=read("backorder", _yes, was.terms.allow_backorder),
    )
    return Entry(text, terms, on_sale=read("on_sale", _yes, was.on_sale)), wrong


def _differences(before: Entry, after: Entry) -> tuple[str, ...]:
    pairs = (
        ("title", before.text.title, after.text.title),
        ("description", _lines(before.text.description), _lines(after.text.description)),
        ("shelf", before.text.category_id, after.text.category_id),
        ("price", before.terms.price_cents, after.terms.price_cents),
        ("backorder", before.terms.allow_backorder, after.terms.allow_backorder),
        ("on_sale", before.on_sale, after.on_sale),
    )
    return tuple(name for name, one, other in pairs if one != other)


def _lines(text: str) -> list[str]:
    """Without how its lines end: a spreadsheet may end them in another way."""
    return text.strip().splitlines()


def _visible(rule: Any, text: str) -> str:
    """ValueError: the form of an item would not take it."""
    rule(None, SimpleNamespace(data=text))
    return text


def _shelf(shelves: Mapping[str, int], cell: str) -> int:
    if (category_id := shelves.get(fold(cell))) is None:
        raise ValueError("There is no such shelf.")
    return category_id


def _yes(cell: str) -> bool:
    if (word := fold(cell)) not in (*_YES, *_NO):
        raise ValueError("Write yes or no.")
    return word in _YES


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.isdecimal() and len(cell) < 10


def _items(connection: Connection, seller_id: int, offer_ids: set[int]) -> dict[int, _Known]:
    rows = connection.execute(
        select(
            Offer.id,
            Offer.product_id,
            Product.picture,
            created_by(seller_id).label("is_creator"),
            Product.title,
            Product.description,
            Product.category_id,
            Offer.price_cents,
            Offer.allow_backorder,
            Offer.withdrawn_at,
        )
        .join(Product, Product.id == Offer.product_id)
        .where(Offer.seller_id == seller_id, Offer.id.in_(offer_ids))
    )
    return {
        row.id: _Known(
            row.product_id,
            row.picture,
            bool(row.is_creator),
            Entry(
                Text(row.title, row.description, row.category_id),
                Terms(row.price_cents, row.allow_backorder),
                on_sale=row.withdrawn_at is None,
            ),
        )
        for row in rows
    }


def _add(
    connection: Connection, seller_id: int, additions: Sequence[Addition], names: Mapping[int, str], now: float
) -> None:
    products = connection.execute(
        insert(Product).returning(Product.id, sort_by_parameter_order=True),
        [
            _product(one.entry.text, names) | {"picture": pictures.picture_for(one.entry.text.title), "created_at": now}
            for one in additions
        ],
    ).scalars()
    connection.execute(
        insert(Offer),
        [
            {
                "product_id": product_id,
                "seller_id": seller_id,
                "price_cents": one.entry.terms.price_cents,
                "allow_backorder": one.entry.terms.allow_backorder,
                "created_at": now,
                "withdrawn_at": None if one.entry.on_sale else now,
            }
            for product_id, one in zip(products, additions, strict=True)
        ],
    )


def _product(text: Text, names: Mapping[int, str]) -> dict[str, object]:
    return {
        "title": text.title,
        "description": text.description,
        "search_text": search_text(text.title, text.description, names[text.category_id]),
        "category_id": text.category_id,
    }


def _picture(change: Change) -> str:
    is_photo = change.picture.startswith(PREFIX)
    return change.picture if is_photo else pictures.picture_for(change.entry.text.title)


_OFFERS, _PRODUCTS = Offer.__table__, Product.__table__
_CHANGE_OFFER = (
    update(_OFFERS)  # type: ignore[arg-type]
    .where(_OFFERS.c.id == bindparam("k_id"), _OFFERS.c.seller_id == bindparam("k_seller"))
    .values(
        price_cents=bindparam("d_price"),
        allow_backorder=bindparam("d_backorder"),
        # What was withdrawn before stays so since then.
        withdrawn_at=case(
            (bindparam("d_on_sale", type_=Boolean), None),
            else_=func.coalesce(_OFFERS.c.withdrawn_at, bindparam("d_now")),
        ),
    )
)
_CHANGE_PRODUCT = (
    update(_PRODUCTS)  # type: ignore[arg-type]
    .where(_PRODUCTS.c.id == bindparam("k_id"))
    .values(
        {name: bindparam(f"d_{name}") for name in ("title", "description", "search_text", "category_id", "picture")}
    )
)
